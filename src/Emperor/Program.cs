using Emperor.Commands;
using Emperor.Configuration;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor;

/// <summary>The command line.</summary>
internal static class Program
{
    private const int UsageError = 2;

    /// <summary>Runs the emperor until it is told to leave; or, when the first word is a verb, what that says.</summary>
    /// <returns>Of a verb what <see cref="ExitCode"/> says. Else 0 when it left in order, 1 when it could not start, 2 when the command line is wrong.</returns>
    public static int Main(string[] args)
    {
        // The daemon's way never touches what the command is made of.
        if (args.Length > 0 && VerbList.Contains(args[0]))
            return CommandTree.Run(args);
        var lord = new LordConfiguration(Environment.GetEnvironmentVariable);
        var host = Host(lord);
        // Started with 0, 1 or 2 closed, it would hand the runtime's own pipes to vassals as their output.
        if (Self.FillStandardStreams())
            return StartAnew(args, host);
        if (args is [Probe.Argument, ..])
            return Probe.Run(empire => WhyNotObeyed(args[1..], host, empire));
        if (args is [VerbList.Serve, ..])
            return ServeCommand.Run(args, host);
        var read = ConfigurationReader.Read(args, host);
        foreach (var message in read.Messages)
            Console.Out.WriteLine(message);
        if (read.HelpRequested)
        {
            Console.Out.Write(HelpText.Render(HelpWidth()));
            return 0;
        }
        if (read.Options.Any(o => o.Key is "imperial-monitor-list" or "imperial-monitors-list"))
        {
            // As uWSGI prints it; there it then goes on to start.
            Console.Out.Write("\n*** uWSGI loaded imperial monitors ***\ndir\nglob\n--- end of imperial monitors list ---\n\n");
            return 0;
        }
        if (read.VersionRequested)
        {
            Console.Out.WriteLine($"emperor {Version}");
            return 0;
        }
        if (read.ExitCode is { } code)
            return code;
        if (args.Length == 0 && read.Options.Count == 0)
        {
            Console.Error.WriteLine("emperor: no folder of vassals; try emperor --emperor /etc/uwsgi/vassals, or emperor --help");
            return ExitCode.Usage;
        }
        var (settings, problems) = SettingsBuilder.Build(read, host);
        if (GoesOnByFormerRules(settings, problems, host) is { } former)
            (settings, problems, read) = former;
        if (settings is null)
        {
            foreach (var problem in problems)
                Console.Error.WriteLine($"emperor: {problem.Severity.ToString().ToLowerInvariant()}: {problem}");
            return TellFailure(host, problems);
        }
        return new Startup(settings, problems, args, host.Environment)
        {
            Options = read.Options,
            Reread = () =>
            {
                lord.Renew();
                return ConfigurationReader.Read(args, Host(lord));
            },
            Bequeath = lord.Bequeath,
        }.Run();
    }

    // What an emperor that is there already would not start with; null for nothing. What its own emperor hands to it comes to one process only.
    private static string? WhyNotObeyed(string[] args, SystemConfigHost host, EmpireLegacy empire)
    {
        if (args.Any(a => a.Contains("emperor://", StringComparison.Ordinal)))
            return null;
        var isServe = args is [VerbList.Serve, ..];
        var read = isServe ? ConfigurationReader.Read(args[1..], host, isVassal: true) : ConfigurationReader.Read(args, host);
        var (problems, settings) = (read.Problems, (EmperorSettings?)null);
        if (!isServe && read.ExitCode is null)
            (settings, problems) = SettingsBuilder.Build(read, host);
        return problems.FirstOrDefault(p => p.Severity == Severity.Fatal)?.ToString()
            ?? (read.ExitCode is null ? null : "its command line is not understood")
            ?? (settings is null ? null : Startup.WhyNot(settings, empire));
    }

    // Where an emperor was killed and has left vassals that run, a configuration that cannot be obeyed is no reason to end them. Null when it can be.
    private static (EmperorSettings?, IReadOnlyList<ConfigProblem>, ReadResult)? GoesOnByFormerRules(
        EmperorSettings? settings,
        IReadOnlyList<ConfigProblem> problems,
        SystemConfigHost host
    )
    {
        if (FormerRules.Find(host.Environment.DistinctBy(v => v.Key).ToDictionary(StringComparer.Ordinal)) is not { } options)
            return null;
        var wrong =
            settings is null ? problems.FirstOrDefault(p => p.Severity == Severity.Fatal)
            : Startup.WhyNot(settings) is { } reason ? new ConfigProblem(Severity.Fatal, null, reason)
            : null;
        if (wrong is null)
            return null;
        var read = new ReadResult
        {
            Options = options,
            Problems = [],
            Messages = [],
            ReferencedNames = options.Select(o => o.Key).ToHashSet(StringComparer.Ordinal),
        };
        var (former, _) = SettingsBuilder.Build(read, host);
        var told = new ConfigProblem(
            Severity.Error,
            wrong.Origin,
            $"{wrong.Message}; the emperor before this one was killed, and for the sake of its vassals this one governs by the options of that one until "
                + "the configuration is mended and an upgrade or a restart takes it"
        );
        return former is null ? null : (former, [told], read);
    }

    private static SystemConfigHost Host(LordConfiguration lord) =>
        new(path => FileStatus.Get(path, follow: false, out var status).Number == 0 ? status.Inode : null, lord.Read);

    /// <summary>The program's version.</summary>
    internal static string Version => typeof(Program).Assembly.GetName().Version!.ToString(3);

    private static int TellFailure(SystemConfigHost host, IReadOnlyList<ConfigProblem> problems)
    {
        var code = ConfigProblem.ExitCode(problems);
        var reason = problems.FirstOrDefault(problem => problem.Severity == Severity.Fatal)?.ToString() ?? "";
        var environment = host.Environment.DistinctBy(v => v.Key).ToDictionary(StringComparer.Ordinal);
        Systemd.Herald.TellFailure(environment, reason, Errno.Invalid, code);
        return code;
    }

    private static int StartAnew(string[] args, SystemConfigHost host)
    {
        _ = Spawn.Replace(
            new SpawnRequest
            {
                Program = Self.ProgramPath,
                Arguments = [Self.ProgramPath, .. args],
                Environment = [.. host.Environment.Select(v => $"{v.Key}={v.Value}")],
                Encode = ConfigText.Encode,
                Descriptors = [],
            }
        );
        return 1;
    }

    /// <summary>The columns that help may take.</summary>
    internal static int HelpWidth() => Console.IsOutputRedirected ? 100 : Math.Clamp(Console.WindowWidth, 60, 140);
}
