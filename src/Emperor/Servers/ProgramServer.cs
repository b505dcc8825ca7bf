using System.Globalization;
using System.Text;
using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>A process of a program that is to be started.</summary>
internal sealed record ProgramLaunch
{
    /// <summary>How.</summary>
    public required ProgramPlan Plan { get; init; }

    /// <summary>A command that is run in the place of the program, as the program would be (a check of its health); null for the program.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>What its hooks are told; null when it has none, and no namespaces either.</summary>
    public HookContext? Hooks { get; init; }

    /// <summary>The process of the vassal's that a command looks at, in whose namespaces it runs; null for none.</summary>
    public int? Beside { get; init; }

    /// <summary>Whether the command runs beside the vassal's workers (attach-daemon).</summary>
    public bool IsDaemon { get; init; }

    /// <summary>Its sockets, in the order of the plan.</summary>
    public IReadOnlyList<SafeFd> Sockets { get; init; } = [];

    /// <summary>What it inherits behind these, which no variable tells.</summary>
    public IReadOnlyList<SafeFd> Others { get; init; } = [];

    /// <summary>Its end of the channel; null when it gets none.</summary>
    public SafeFd? Channel { get; init; }

    /// <summary>Its standard output and error; null are the emperor's.</summary>
    public SafeFd? Output { get; init; }

    /// <summary>What marks its tree, as NAME=VALUE; null for none.</summary>
    public string? Mark { get; init; }

    /// <summary>Its NOTIFY_SOCKET; null when it gets none.</summary>
    public string? NotifySocket { get; init; }

    /// <summary>The folder of the cgroup that it joins; null for none.</summary>
    public string? CGroup { get; init; }

    /// <summary>The most processes of its user, where that stands for tasks-max; null for no limit.</summary>
    public long? UserTasks { get; init; }
}

/// <summary>A process that can be started; what it holds is wanted until then.</summary>
internal sealed class PreparedLaunch(SpawnRequest request, SafeFd input) : IDisposable
{
    /// <summary>What to start.</summary>
    public SpawnRequest Request { get; } = request;

    /// <inheritdoc/>
    public void Dispose() => input.Dispose();
}

/// <summary>
/// Overview: launches the processes of programs (section [emperor] with exec). Sockets are the descriptors from 3 on, told as systemd does
/// (sd_listen_fds(3)); behind them is uWSGI's channel for a program that speaks its protocol. The environment is that of uwsgi vassals, then the
/// user's HOME and so on, then env, then env-file (in this order, as systemd), then what the emperor tells.
///
/// <para>When root starts a program for another user, nothing that he could have written may reach a program that still runs as root: those
/// between get a bare environment, and the program's own comes from a memory file that is read after the user has changed.</para>
/// </summary>
internal sealed class ProgramServer(
    IReadOnlyDictionary<string, string> environment,
    bool capturesOutput,
    bool deathSignal,
    ulong softDescriptorLimit,
    ChainTools tools,
    Spawner spawner
)
{
    /// <summary>Takes the rights of who owns a vassal's file (--emperor-tyrant); null where the emperor's are used.</summary>
    public Func<VassalOwner, IDisposable>? Act { get; init; }

    /// <summary>The numbers of the capabilities that programs may ever have (--emperor-cap); null for all.</summary>
    public IReadOnlyList<int>? Capabilities { get; init; }

    /// <summary>The namespaces and hooks of programs; null for none.</summary>
    public VassalJail? Jail { get; init; }

    private const int LongestEnvironmentFile = 256 * 1024;

    private readonly Dictionary<string, string> _environment = VassalEnvironment.Of(environment, capturesOutput);

    /// <summary>Starts a process.</summary>
    /// <param name="launch">How.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    public PidRef? Launch(ProgramLaunch launch, out string failure)
    {
        using var prepared = Prepare(launch, out failure);
        if (prepared is null)
            return null;
        var request = prepared.Request;
        // The signal comes when the thread ends that spawned, so that is the one which outlives even an execve of the emperor.
        var process = deathSignal ? Spawn.Start(request, out var error) : spawner.Start(request, out error);
        if (process is null)
            failure = $"cannot start {request.Program} in {launch.Plan.Folder}: {error}";
        return process;
    }

    /// <summary>Makes all that a start needs.</summary>
    /// <param name="launch">How.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    public PreparedLaunch? Prepare(ProgramLaunch launch, out string failure)
    {
        var plan = launch.Plan;
        using var rights = plan.Owner is { } owner ? Act?.Invoke(owner) : null;
        if (!Directory.Exists(plan.Folder))
        {
            failure = $"chdir = {plan.Folder}: there is no such folder; make it, or name another";
            return null;
        }
        if (!ProgramIdentity.TryFind(plan, out var identity, out failure))
            return null;
        var isGuarded = ProgramIdentity.MayBecomeAnother && identity is { IsLesser: true };
        if (
            Variables(launch, identity, out failure) is not { } variables
            || Command(launch, variables, isGuarded, out failure) is not { } command
        )
            return null;
        if (ChainTools.FailureOf(plan.Limits) is { } refused)
        {
            failure = refused;
            return null;
        }
        var jail = JailRequest.None;
        if (
            launch.Hooks is { } hooks
            && Jail is { IsEmpty: false } maker
            && (
                jail =
                    launch.Beside is { } beside ? maker.Beside(beside, hooks, plan.Owner is not null, out failure)
                    : launch.IsDaemon ? maker.OfDaemon(hooks, plan.Owner is not null, out failure)
                    : maker.Of(hooks, plan.Owner is not null, out failure)
            )
                is null
        )
            return null;
        var words = ProgramChain.Words(
            new ChainRequest
            {
                Command = command,
                Jail = jail,
                Limits = ChainTools.WithRealPaths(plan.Limits),
                CGroup = launch.CGroup,
                Identity = identity,
                IsOwned = plan.Owner is not null,
                Folder = plan.Owner is null ? null : plan.Folder,
                CapabilityBounds = Capabilities,
                HasLentCapabilities = ProgramIdentity.LendsCapabilities,
                Umask = plan.Umask,
                PidVariables = PidVariables(launch),
                TakesEnvironment = isGuarded,
                DeathSignal = deathSignal,
                Niceness = plan.Limits.Nice is null ? 0 : Self.Niceness,
                UserTasks = launch.UserTasks,
            },
            tools.Find,
            out failure
        );
        return words is null ? null : Make(launch, words, variables, isGuarded, jail.IsFirstProcess);
    }

    private PreparedLaunch Make(
        ProgramLaunch launch,
        IReadOnlyList<string> words,
        Dictionary<string, string> variables,
        bool isGuarded,
        bool isFirstProcess
    )
    {
        var input = isGuarded ? Script(variables) : Files.OpenNull();
        string[] bare = [$"PATH={ChainTools.SystemPath}", "LC_ALL=C", .. launch.Mark is { } mark ? new[] { mark } : []];
        var output = launch.Output?.Number;
        return new PreparedLaunch(
            new SpawnRequest
            {
                Program = words[0],
                Arguments = words,
                Environment = isGuarded ? bare : [.. variables.Select(v => $"{v.Key}={v.Value}")],
                Encode = ConfigText.Encode,
                // Its owner may not be allowed to go where the emperor is, and goes there himself.
                WorkingDirectory = launch.Plan.Owner is null ? launch.Plan.Folder : "/",
                Descriptors =
                [
                    input.Number,
                    output ?? 1,
                    output ?? 2,
                    .. launch.Sockets.Select(s => s.Number),
                    .. launch.Others.Select(s => s.Number),
                    .. launch.Channel is { } channel ? new[] { channel.Number } : [],
                ],
                SoftDescriptorLimit = softDescriptorLimit,
                NewProcessNamespace = isFirstProcess,
            },
            input
        );
    }

    private Dictionary<string, string>? Variables(ProgramLaunch launch, ProgramIdentity? identity, out string failure)
    {
        failure = "";
        var result = new Dictionary<string, string>(_environment, StringComparer.Ordinal);
        if (identity?.User is { } user && launch.Plan.User is not null && identity.IsKnown)
        {
            (result["USER"], result["LOGNAME"]) = (user.Name, user.Name);
            result["HOME"] = user.Home;
            result["SHELL"] = user.Shell;
        }
        var systemPath = result.GetValueOrDefault("PATH");
        Set(result, launch.Plan.Environment);
        // A worker's PATH is its app's affair, which it sets itself; where python3 is found, it is not.
        if (launch.Plan.Wsgi is not null && systemPath is not null)
            result["PATH"] = systemPath;
        foreach (var path in launch.Plan.EnvironmentFiles)
        {
            if (ReadFile(path, identity, launch.Plan.Owner is not null, out failure) is not { } variables)
                return null;
            Set(result, variables);
        }
        if (TellsSockets(launch))
        {
            result["LISTEN_FDS"] = Text(launch.Sockets.Count);
            result["LISTEN_FDNAMES"] = string.Join(':', launch.Plan.Sockets.Select(s => s.Name));
        }
        if (launch.NotifySocket is { } notify)
            result["NOTIFY_SOCKET"] = notify;
        if (launch.Plan.Watchdog is { } watchdog)
            result["WATCHDOG_USEC"] = Text(watchdog * 1000);
        if (launch.Channel is not null)
            result["UWSGI_EMPEROR_FD"] = Text(DescriptorWords.First + launch.Sockets.Count);
        if (launch.Mark is { } mark)
            Set(result, [mark]);
        return result;
    }

    // A worker of the built-in server is told by its control socket.
    private static bool TellsSockets(ProgramLaunch launch) => launch.Sockets.Count > 0 && launch.Plan.Wsgi is null;

    private static string[] PidVariables(ProgramLaunch launch) =>
        [
            .. TellsSockets(launch) ? new[] { "LISTEN_PID" } : [],
            .. launch.Plan.Watchdog is not null && launch.NotifySocket is not null ? new[] { "WATCHDOG_PID" } : [],
        ];

    private static void Set(Dictionary<string, string> variables, IEnumerable<string> pairs)
    {
        foreach (var pair in pairs)
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                variables[pair[..equals]] = pair[(equals + 1)..];
        }
    }

    // A path that begins with "-" may lead nowhere, as with systemd.
    private static IReadOnlyList<string>? ReadFile(string path, ProgramIdentity? identity, bool isOwned, out string failure)
    {
        failure = "";
        var mayMiss = path.StartsWith('-');
        var file = mayMiss ? path[1..] : path;
        Errno error;
        var bytes =
            !isOwned && Self.IsRoot && identity is { IsLesser: true, User: { } user }
                ? GuardedFile.Read(file, LongestEnvironmentFile, user.Uid, identity.Group ?? user.Gid, out error)
                : Files.ReadBounded(file, LongestEnvironmentFile, out error);
        if (bytes is null)
        {
            if (mayMiss && error == Errno.NoEntry)
                return [];
            failure =
                error == Errno.NotPermitted
                    ? $"env-file = {file}: it is another user's, and reached by a symbolic link or by a second name; name it by its own path, or give it to the program's user"
                    : $"env-file = {file}: it cannot be read: {error}";
            return null;
        }
        if (bytes.Length > LongestEnvironmentFile)
        {
            failure = $"env-file = {file}: it is longer than {LongestEnvironmentFile / 1024} KiB; name a file of variables";
            return null;
        }
        var variables = EnvironmentFileText.Read(ConfigText.Decode(bytes), out var refused);
        if (refused.Count > 0)
            failure =
                $"env-file = {file}: \"{Core.PlainText.OneLine(refused[0])}\" is no variable's name; use letters, digits and underscores";
        return refused.Count > 0 ? null : variables;
    }

    private static List<string>? Command(ProgramLaunch launch, Dictionary<string, string> variables, bool isGuarded, out string failure)
    {
        var words = new List<string>();
        foreach (var word in launch.Command ?? launch.Plan.Exec)
        {
            if (DescriptorWords.Replace(word, launch.Plan.Sockets, out failure) is not { } replaced)
                return null;
            words.Add(replaced);
        }
        failure = "";
        var path = variables.GetValueOrDefault("PATH");
        if (ProgramFinder.Find(words[0], path, launch.Plan.Folder) is { } program)
        {
            // Another user may not be allowed what root found first; the shell in front looks for it with his rights.
            if (!isGuarded)
                words[0] = program;
            return words;
        }
        var where = words[0].Contains('/') ? $"from {launch.Plan.Folder}" : $"in PATH={path}";
        failure =
            $"{(launch.Command is null ? "exec: " : "")}there is no program {words[0]} {where} that may be executed; install it, or name it by its path";
        return null;
    }

    // "command" keeps a shell from ending when a name is one that it does not let go (bash: UID).
    private static SafeFd Script(Dictionary<string, string> variables)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in variables)
        {
            // Others a shell cannot set.
            if (EnvironmentFileText.IsName(name))
                text.Append(CultureInfo.InvariantCulture, $"command export {name}={ProgramChain.Quote(value)} 2>/dev/null\n");
        }
        var file = Files.CreateMemoryFile("emperor-environment");
        var error = Files.WriteAll(file.Number, ConfigText.Encode(text.Append(":\n").ToString()));
        return error.Number == 0 ? file : throw new LinuxException("write to a memory file", error);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
