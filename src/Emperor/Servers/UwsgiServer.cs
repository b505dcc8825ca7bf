using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
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
    private const int ConfigurationFd = 4;

    private readonly string? _searchPath = environment.GetValueOrDefault("PATH");
    private readonly string[] _environment =
    [
        .. VassalEnvironment.Of(environment, settings.CapturesOutput).Select(v => $"{v.Key}={v.Value}"),
        string.Create(CultureInfo.InvariantCulture, $"UWSGI_EMPEROR_FD={ChannelFd}"),
    ];
    private readonly VassalJail _jail = new(settings.Namespaces, settings.Hooks, tools);
    private readonly bool _deathSignal = settings.DeathSignal && tools.Find("setpriv") is not null;

    /// <summary>True when a parent-death signal is asked for and the program that sets it (setpriv, of util-linux) is not installed.</summary>
    public bool LacksDeathSignal => settings.DeathSignal && !_deathSignal;

    /// <summary>The names that are tried, in order.</summary>
    public IReadOnlyList<string> Names { get; } = [.. settings.Overrides, settings.Program, .. settings.Fallbacks];

    /// <summary>Whether there is a program to run vassals of a folder.</summary>
    public bool IsInstalled(string folder) => ProgramFinder.Find(Names, _searchPath, folder) is not null;

    /// <summary>How a vassal would be started now, for people.</summary>
    public LaunchPlan Describe(UwsgiFile file)
    {
        var source = file.Source;
        var home = HomeOf(file) ?? file.Folder;
        var program = source?.RunsAs is null ? FindProgram(source, home) : Wrapper(source) ?? FindProgram(null, home);
        return new LaunchPlan(
            file.Name,
            home,
            program is null ? null : Arguments(program, file),
            [.. _environment.Where(v => !IsInherited(v)), .. Additions(file)]
        );
    }

    private bool IsInherited(string variable)
    {
        var equals = variable.IndexOf('=', StringComparison.Ordinal);
        return environment.TryGetValue(variable[..equals], out var value) && value == variable[(equals + 1)..];
    }

    /// <summary>All arguments of a vassal, the program's name first.</summary>
    public List<string> Arguments(string program, UwsgiFile file)
    {
        List<string> arguments = [program];
        AddPairs(arguments, "--inherit", settings.InheritBefore);
        AddPairs(arguments, "--include", settings.IncludeBefore);
        AddPairs(arguments, "--set", settings.Set);
        arguments.Add(ConfigurationOption(file.Name));
        arguments.Add(Configuration(file));
        AddPairs(arguments, "--inherit", settings.Inherit);
        AddPairs(arguments, "--include", settings.Include);
        return arguments;
    }

    /// <summary>The part of the command line that says how a vassal is configured.</summary>
    public IReadOnlyList<string> ConfigurationOf(string configuration) =>
        [.. Arguments("", new UwsgiFile(configuration, "", null)).Skip(1)];

    /// <summary>Starts a vassal.</summary>
    /// <param name="launch">How.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    public PidRef? Launch(UwsgiLaunch launch, out string failure)
    {
        var file = launch.File;
        if (FindProgram(file.Source, HomeOf(file) ?? file.Folder) is not { } program)
        {
            failure =
                $"no program to run it: tried {string.Join(", ", NamesFor(file.Source))} (PATH={_searchPath}); "
                + "install uwsgi, or name it by --binary-path or --emperor-wrapper; without it files are run that name a Python app (module, wsgi-file, mount)";
            return null;
        }
        ProgramIdentity? identity = null;
        if (settings.Tyrant is { } tyrant)
        {
            // Never as the emperor's user for want of knowing better.
            failure = "it is not known who owns its file";
            if (file.Source?.RunsAs is not { } owner || (identity = ProgramIdentity.Of(owner, tyrant.InitGroups, out failure)) is null)
                return null;
        }
        var jail = JailRequest.None;
        if (!_jail.IsEmpty && (jail = _jail.Of(launch.Hooks, identity is not null, out failure)) is null)
            return null;
        if (Words(launch, identity, jail, Arguments(program, file), out failure) is not { } words)
            return null;
        var request = new SpawnRequest
        {
            Program = words[0],
            Arguments = words,
            Environment = [.. _environment, launch.Mark, .. Additions(file)],
            Encode = ConfigText.Encode,
            WorkingDirectory = file.Folder,
            Descriptors =
            [
                .. (int[])[launch.Input.Number, launch.Output?.Number ?? 1, launch.Output?.Number ?? 2, launch.Channel.Number],
                .. launch.Configuration is { } configuration ? [configuration.Number] : Array.Empty<int>(),
            ],
            SoftDescriptorLimit = softDescriptorLimit,
            NewProcessNamespace = jail.IsFirstProcess,
        };
        // The signal comes when the thread ends that spawned, so that is the one which outlives even an execve of the emperor.
        var process = _deathSignal ? Spawn.Start(request, out var error) : spawner.Start(request, out error);
        if (process is null)
            failure = $"cannot start {words[0]} in {file.Folder}: {error}";
        return process;
    }

    private IReadOnlyList<string>? Words(
        UwsgiLaunch launch,
        ProgramIdentity? identity,
        JailRequest jail,
        List<string> arguments,
        out string failure
    )
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
                Jail = jail,
                CGroup = launch.CGroup,
                Identity = identity,
                IsOwned = identity is not null,
                CapabilityBounds = settings.Capabilities,
                HasLentCapabilities = ProgramIdentity.LendsCapabilities,
                Folder = HomeOf(launch.File),
                DeathSignal = _deathSignal,
                Niceness = limits.Nice is null ? 0 : Self.Niceness,
                UserTasks = launch.UserTasks,
            },
            tools.Find,
            out failure
        );
    }

    private string? Wrapper(VassalSource? source) =>
        source?.Attribute(settings.WrapperAttribute) is { Length: > 0 } wrapper ? wrapper : null;

    private IReadOnlyList<string> NamesFor(VassalSource? source) =>
        Wrapper(source) is { } wrapper ? [.. settings.Overrides, wrapper, .. settings.Fallbacks] : Names;

    // What the owner of a file has named is looked for with his rights, by the program that executes it.
    private string? FindProgram(VassalSource? source, string folder) =>
        Wrapper(source) is { } wrapper && source?.RunsAs is not null
            ? ProgramFinder.Find(settings.Overrides, _searchPath, folder) ?? wrapper
            : ProgramFinder.Find(NamesFor(source), _searchPath, folder);

    // Where it is told to go before its program (--emperor-chdir-attr); null when it stays.
    private string? HomeOf(UwsgiFile file) =>
        file.Source?.Attribute(settings.FolderAttribute) is { Length: > 0 } folder ? Path.Combine(file.Folder, folder) : null;

    private static IEnumerable<string> Additions(UwsgiFile file)
    {
        if (file.Source?.Configuration is not null)
            yield return string.Create(CultureInfo.InvariantCulture, $"UWSGI_EMPEROR_FD_CONFIG={ConfigurationFd}");
        if (file.ZergNumber > 0)
            yield return string.Create(CultureInfo.InvariantCulture, $"UWSGI_BROODLORD_NUM={file.ZergNumber}");
    }

    private string Configuration(UwsgiFile file)
    {
        // From another folder its name alone says nothing. In newer uWSGI, which has that attribute, the vassal then does not find its file.
        var name = HomeOf(file) is null ? file.Name : Path.Combine(file.Folder, file.Name);
        var section = file.ZergNumber > 0 ? ":zerg" : "";
        return file.Source switch
        {
            { IsExecuted: true } => $"exec://{Command(name)}{section}",
            { Configuration: not null } => $"emperor://{name}{section}",
            _ => name + section,
        };
    }

    // uwsgi hands it to a shell, which looks for a name without a slash in PATH: in uWSGI no vassal of a folder can be executed.
    private static string Command(string name)
    {
        var path = name.Contains('/') ? name : $"./{name}";
        return path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-' or '+' or '@' or ',')
            ? path
            : ProgramChain.Quote(path);
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

/// <summary>The file that a uwsgi vassal is started with.</summary>
/// <param name="Name">As it is named from its working folder.</param>
/// <param name="Folder">That folder.</param>
/// <param name="Source">What is known of it; null when nothing is.</param>
/// <param name="ZergNumber">Which zerg it is started for, from 1; 0 for the vassal itself.</param>
internal sealed record UwsgiFile(string Name, string Folder, VassalSource? Source, int ZergNumber = 0);

/// <summary>A uwsgi vassal that is to be started.</summary>
/// <param name="File">What it is started with.</param>
/// <param name="Mark">What marks its tree, as NAME=VALUE.</param>
/// <param name="Channel">Its end of the channel.</param>
/// <param name="Input">Its standard input: /dev/null, or the socket of a vassal on demand.</param>
/// <param name="Output">Its standard output and error; null are the emperor's.</param>
internal sealed record UwsgiLaunch(UwsgiFile File, string Mark, SafeFd Channel, SafeFd Input, SafeFd? Output)
{
    /// <summary>What it may use; null when nobody has said.</summary>
    public LimitRules? Limits { get; init; }

    /// <summary>Its end of the socket over which it gets its configuration; null when it reads its file itself.</summary>
    public SafeFd? Configuration { get; init; }

    /// <summary>What its hooks are told.</summary>
    public HookContext Hooks { get; init; } = new(File.Name, File.Folder, null, null);

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

    /// <summary>Which server runs a file with a section [uwsgi], and why; null when that is another's to say.</summary>
    public string? Server { get; init; }
}
