using Emperor.Core.Configuration;
using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>
/// Launches a vassal that is a uwsgi (or anything that takes its place by --emperor-wrapper) exactly as uWSGI's emperor does
/// (core/emperor.c, uwsgi_emperor_spawn_vassal): argv, environment, descriptors, working folder, parent-death signal.
/// </summary>
internal sealed class UwsgiServer(
    LaunchSettings settings,
    IReadOnlyDictionary<string, string> environment,
    ulong softDescriptorLimit,
    Spawner spawner
)
{
    // The channel's place in the vassal. uWSGI's is any number above 2; the vassal reads it from UWSGI_EMPEROR_FD.
    private const int ChannelFd = 3;

    private readonly string? _searchPath = environment.GetValueOrDefault("PATH");
    private readonly string[] _environment = VassalEnvironment(environment, settings.CapturesOutput);
    private readonly string? _deathSignal = settings.DeathSignal
        ? ProgramFinder.Find("setpriv", environment.GetValueOrDefault("PATH"), "/")
        : null;

    /// <summary>True when a parent-death signal is asked for and the program that sets it (setpriv, of util-linux) is not installed.</summary>
    public bool LacksDeathSignal => settings.DeathSignal && _deathSignal is null;

    /// <summary>The names that are tried, in order.</summary>
    public IReadOnlyList<string> Names { get; } = [.. settings.Overrides, settings.Program, .. settings.Fallbacks];

    /// <summary>How a vassal would be started now, for people.</summary>
    public LaunchPlan Describe(string configuration, string folder) =>
        new(
            configuration,
            folder,
            ProgramFinder.Find(Names, _searchPath, folder) is { } program ? Arguments(program, configuration) : null,
            [.. _environment.Where(v => !IsInherited(v))]
        );

    private bool IsInherited(string variable)
    {
        var equals = variable.IndexOf('=', StringComparison.Ordinal);
        return environment.TryGetValue(variable[..equals], out var value) && value == variable[(equals + 1)..];
    }

    /// <summary>All arguments of a vassal, the program's name first.</summary>
    public List<string> Arguments(string program, string configuration)
    {
        List<string> arguments = [program];
        AddPairs(arguments, "--inherit", settings.InheritBefore);
        AddPairs(arguments, "--include", settings.IncludeBefore);
        AddPairs(arguments, "--set", settings.Set);
        arguments.Add(ConfigurationOption(configuration));
        arguments.Add(configuration);
        AddPairs(arguments, "--inherit", settings.Inherit);
        AddPairs(arguments, "--include", settings.Include);
        return arguments;
    }

    /// <summary>Starts a vassal.</summary>
    /// <param name="configuration">Its file, as it is named from its working folder.</param>
    /// <param name="folder">Its working folder.</param>
    /// <param name="mark">What marks its tree, as NAME=VALUE.</param>
    /// <param name="channel">Its end of the channel.</param>
    /// <param name="input">Its standard input: /dev/null, or the socket of a vassal on demand.</param>
    /// <param name="output">Its standard output and error; null are the emperor's.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    public PidRef? Launch(
        string configuration,
        string folder,
        string mark,
        SafeFd channel,
        SafeFd input,
        SafeFd? output,
        out string failure
    )
    {
        failure = "";
        if (ProgramFinder.Find(Names, _searchPath, folder) is not { } program)
        {
            failure =
                $"no program to run it: tried {string.Join(", ", Names)} (PATH={_searchPath}); "
                + "install uwsgi, or name it by --binary-path or --emperor-wrapper";
            return null;
        }
        var arguments = Arguments(program, configuration);
        if (_deathSignal is not null)
            arguments.InsertRange(0, ["setpriv", "--pdeathsig", "KILL", "--"]);
        var request = new SpawnRequest
        {
            Program = _deathSignal ?? program,
            Arguments = arguments,
            Environment = [.. _environment, mark],
            Encode = ConfigText.Encode,
            WorkingDirectory = folder,
            Descriptors = [input.Number, output?.Number ?? 1, output?.Number ?? 2, channel.Number],
            SoftDescriptorLimit = softDescriptorLimit,
        };
        // The signal comes when the thread ends that spawned, so that is the one which outlives even an execve of the emperor.
        var process = _deathSignal is null ? spawner.Start(request, out var error) : Spawn.Start(request, out error);
        if (process is null)
            failure = $"cannot start {program} in {folder}: {error}";
        return process;
    }

    // As uWSGI: --config for an extra extension, else by the extension.
    private string ConfigurationOption(string name)
    {
        if (settings.ExtraExtensions.Any(e => name.EndsWith(e, StringComparison.Ordinal)))
            return "--config";
        return Path.GetExtension(name) switch
        {
            ".ini" => "--ini",
            ".xml" => "--xml",
            ".yml" or ".yaml" => "--yaml",
            ".js" or ".json" => "--json",
            _ => "--inherit",
        };
    }

    private static void AddPairs(List<string> arguments, string option, IReadOnlyList<string> values)
    {
        foreach (var value in values)
        {
            arguments.Add(option);
            arguments.Add(value);
        }
    }

    // NOTIFY_SOCKET and UWSGI_RELOADS are the emperor's own affair; UWSGI_VASSAL_X is the vassal's UWSGI_X. A variable that made this
    // process an emperor would make every vassal one too (in uWSGI it does): it stays here.
    private static string[] VassalEnvironment(IReadOnlyDictionary<string, string> environment, bool capturesOutput)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            var isOurs =
                name
                    is "NOTIFY_SOCKET"
                        or "WATCHDOG_USEC"
                        or "WATCHDOG_PID"
                        or "UWSGI_RELOADS"
                        or "DOTNET_EnableDiagnostics"
                        or Processes.Kindred.MarkVariable
                || name.StartsWith("UWSGI_EMPEROR", StringComparison.Ordinal)
                || name.StartsWith("UWSGI_VASSAL", StringComparison.Ordinal)
                // What it names is then no longer the vassal's standard error.
                || (capturesOutput && name == "JOURNAL_STREAM");
            if (!isOurs)
                result[name] = value;
        }
        foreach (var (name, value) in environment)
        {
            const string prefix = "UWSGI_VASSAL_";
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                result[$"UWSGI_{name[prefix.Length..]}"] = value;
        }
        result["UWSGI_EMPEROR_FD"] = ChannelFd.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return [.. result.Select(v => $"{v.Key}={v.Value}")];
    }
}

/// <summary>How a vassal is started.</summary>
/// <param name="Configuration">Its file, as it is named from its working folder.</param>
/// <param name="Folder">Its working folder.</param>
/// <param name="Command">Its arguments, the program first; null when no program is found.</param>
/// <param name="Additions">What its environment has that the emperor's has not, as NAME=VALUE.</param>
internal sealed record LaunchPlan(string Configuration, string Folder, IReadOnlyList<string>? Command, IReadOnlyList<string> Additions);
