using Emperor.Core.Configuration;
using Emperor.Core.Programs;
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
    ChainTools tools,
    Spawner spawner
)
{
    // The channel's place in the vassal. uWSGI's is any number above 2; the vassal reads it from UWSGI_EMPEROR_FD.
    private const int ChannelFd = 3;

    private readonly string? _searchPath = environment.GetValueOrDefault("PATH");
    private readonly string[] _environment =
    [
        .. VassalEnvironment.Of(environment, settings.CapturesOutput).Select(v => $"{v.Key}={v.Value}"),
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"UWSGI_EMPEROR_FD={ChannelFd}"),
    ];
    private readonly bool _deathSignal = settings.DeathSignal && tools.Find("setpriv") is not null;

    /// <summary>True when a parent-death signal is asked for and the program that sets it (setpriv, of util-linux) is not installed.</summary>
    public bool LacksDeathSignal => settings.DeathSignal && !_deathSignal;

    /// <summary>The names that are tried, in order.</summary>
    public IReadOnlyList<string> Names { get; } = [.. settings.Overrides, settings.Program, .. settings.Fallbacks];

    /// <summary>Whether there is a program to run vassals of a folder.</summary>
    public bool IsInstalled(string folder) => ProgramFinder.Find(Names, _searchPath, folder) is not null;

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

    /// <summary>The part of the command line that says how a vassal is configured.</summary>
    public IReadOnlyList<string> Configuration(string configuration) => [.. Arguments("", configuration).Skip(1)];

    /// <summary>Starts a vassal.</summary>
    /// <param name="launch">How.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    public PidRef? Launch(UwsgiLaunch launch, out string failure)
    {
        var folder = launch.Folder;
        if (ProgramFinder.Find(Names, _searchPath, folder) is not { } program)
        {
            failure =
                $"no program to run it: tried {string.Join(", ", Names)} (PATH={_searchPath}); "
                + "install uwsgi, or name it by --binary-path or --emperor-wrapper";
            return null;
        }
        if (Words(launch, Arguments(program, launch.Configuration), out failure) is not { } words)
            return null;
        var request = new SpawnRequest
        {
            Program = words[0],
            Arguments = words,
            Environment = [.. _environment, launch.Mark],
            Encode = ConfigText.Encode,
            WorkingDirectory = folder,
            Descriptors = [launch.Input.Number, launch.Output?.Number ?? 1, launch.Output?.Number ?? 2, launch.Channel.Number],
            SoftDescriptorLimit = softDescriptorLimit,
        };
        // The signal comes when the thread ends that spawned, so that is the one which outlives even an execve of the emperor.
        var process = _deathSignal ? Spawn.Start(request, out var error) : spawner.Start(request, out error);
        if (process is null)
            failure = $"cannot start {words[0]} in {folder}: {error}";
        return process;
    }

    private IReadOnlyList<string>? Words(UwsgiLaunch launch, List<string> arguments, out string failure)
    {
        var limits = launch.Limits ?? LimitRules.None;
        if (ChainTools.FailureOf(limits) is { } refused)
        {
            failure = refused;
            return null;
        }
        return ProgramChain.Words(
            new ChainRequest
            {
                Command = arguments,
                Limits = ChainTools.WithRealPaths(limits),
                CGroup = launch.CGroup,
                DeathSignal = _deathSignal,
                Niceness = limits.Nice is null ? 0 : Self.Niceness,
                UserTasks = launch.UserTasks,
            },
            tools.Find,
            out failure
        );
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
}

/// <summary>A uwsgi vassal that is to be started.</summary>
/// <param name="Configuration">Its file, as it is named from its working folder.</param>
/// <param name="Folder">Its working folder.</param>
/// <param name="Mark">What marks its tree, as NAME=VALUE.</param>
/// <param name="Channel">Its end of the channel.</param>
/// <param name="Input">Its standard input: /dev/null, or the socket of a vassal on demand.</param>
/// <param name="Output">Its standard output and error; null are the emperor's.</param>
internal sealed record UwsgiLaunch(string Configuration, string Folder, string Mark, SafeFd Channel, SafeFd Input, SafeFd? Output)
{
    /// <summary>What it may use; null when nobody has said.</summary>
    public LimitRules? Limits { get; init; }

    /// <summary>The folder of the cgroup that it joins; null for none.</summary>
    public string? CGroup { get; init; }

    /// <summary>The most processes of its user, where that stands for tasks-max; null for no limit.</summary>
    public long? UserTasks { get; init; }
}

/// <summary>How a vassal is started.</summary>
/// <param name="Configuration">Its file, as it is named from its working folder.</param>
/// <param name="Folder">Its working folder.</param>
/// <param name="Command">Its arguments, the program first; null when no program is found.</param>
/// <param name="Additions">What its environment has that the emperor's has not, as NAME=VALUE.</param>
internal sealed record LaunchPlan(string Configuration, string Folder, IReadOnlyList<string>? Command, IReadOnlyList<string> Additions)
{
    /// <summary>What it cannot have of its limits, and why.</summary>
    public IReadOnlyList<string> Unenforced { get; init; } = [];
}
