using System.Globalization;
using Emperor.Configuration;
using Emperor.Core;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Programs;
using Emperor.Core.Wsgi;

namespace Emperor.Commands;

/// <summary>
/// emperor serve: one WSGI app with uWSGI's command line, without a folder. It is an empire of one: what it reads here it only looks at, to say what is
/// wrong before anything is started; then the daemon runs with a monitor that has found this one vassal.
/// </summary>
internal static class ServeCommand
{
    /// <summary>Serves until it is told to leave.</summary>
    /// <param name="words">The command line, the verb first.</param>
    /// <param name="host">The system.</param>
    /// <returns>As <see cref="ServeHelp"/> says.</returns>
    public static int Run(string[] words, SystemConfigHost host)
    {
        string[] arguments = [.. words.Skip(1)];
        var read = ConfigurationReader.Read(arguments, host, isVassal: true);
        if (read.HelpRequested)
        {
            Console.Out.Write(ServeHelp.Render(Program.HelpWidth()));
            return ExitCode.Well;
        }
        if (read.VersionRequested)
        {
            Console.Out.WriteLine($"emperor {Program.Version}");
            return ExitCode.Well;
        }
        if (read.Problems.Count == 0 && read.Options.All(o => ServeOptions.IsServers(o.Key)))
        {
            Console.Error.WriteLine("emperor serve: no app; try emperor serve --http :8000 --wsgi-file app.py, or emperor serve --help");
            return ExitCode.Usage;
        }
        foreach (var message in read.Messages)
            Console.Out.WriteLine(message);
        if (read.ExitCode is { } code)
            return code;
        var reading = WsgiReader.ReadCommandLine(arguments, host);
        if (Tell(reading.Problems) is { } wrong)
            return wrong;
        var file = read.Options.FirstOrDefault(o => o.Origin.Kind == OriginKind.File)?.Origin.Name;
        var plan = reading.Plan!;
        var name = Path.GetFileName(file ?? plan.Wsgi!.App.Split('=')[^1]);
        var (settings, problems) = SettingsBuilder.BuildServe(read, host, new ServeRequest(name, arguments, file, Describe(plan)));
        if (settings is null)
            return Tell(problems) ?? ExitCode.Failed;
        return new Startup(settings, problems, words, host.Environment).Run();
    }

    // The exit code when something is wrong; warnings are the log's to tell.
    private static int? Tell(IReadOnlyList<ConfigProblem> problems)
    {
        ConfigProblem[] errors = [.. problems.Where(p => p.Severity != Severity.Warning)];
        foreach (var error in errors)
            Console.Error.WriteLine($"emperor serve: error: {PlainText.OneLine(error.ToString())}");
        if (errors.Length == 0)
            return null;
        return errors[0].Origin is null or { Kind: OriginKind.CommandLine } ? ExitCode.Usage : ExitCode.Failed;
    }

    private static string Describe(ProgramPlan plan)
    {
        var wsgi = plan.Wsgi!;
        var places = plan.Sockets.Zip(wsgi.Protocols, (s, protocol) => $"{protocol} at {Place(s.Address, protocol)}");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{wsgi.App}, {string.Join(", ", places)}, with {Count(plan.Processes, "process", "es")} of {Count(wsgi.Threads, "thread", "s")}"
        );
    }

    // What can be opened in a browser.
    private static string Place(string address, string protocol) =>
        protocol != "http" || address.StartsWith('/') || address.StartsWith('@')
            ? address
            : $"http://{(address.StartsWith("0.0.0.0:", StringComparison.Ordinal) ? $"localhost{address[7..]}" : address)}/";

    private static string Count(int number, string word, string several) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {word}{(number == 1 ? "" : several)}");
}
