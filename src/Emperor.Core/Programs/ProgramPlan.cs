namespace Emperor.Core.Programs;

/// <summary>
/// What the section [emperor] of a vassal's file asks for: a program to run (<see cref="Exec"/>), or, when the file has a section [uwsgi], how the
/// uwsgi vassal is supervised. It is complete: placeholders have their values, paths are absolute, what is not written has its default.
/// </summary>
public sealed record ProgramPlan
{
    /// <summary>A time in milliseconds that does not pass: it can be added to any clock.</summary>
    public const long Never = long.MaxValue / 4;

    /// <summary>The program and its arguments; empty when this refines a uwsgi vassal. %(fd) and %(fd:NAME) stand for descriptors.</summary>
    public IReadOnlyList<string> Exec { get; init; } = [];

    /// <summary>Its working folder, absolute.</summary>
    public required string Folder { get; init; }

    /// <summary>The user that it runs as, by name or number; null is the emperor's.</summary>
    public string? User { get; init; }

    /// <summary>Its group, by name or number; null is the user's own, or the emperor's.</summary>
    public string? Group { get; init; }

    /// <summary>Supplementary groups, by name or number; null are the user's.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>Its file mode creation mask; null is the emperor's.</summary>
    public int? Umask { get; init; }

    /// <summary>Variables, as NAME=VALUE, added to the environment or replacing what is in it.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Files of such variables, absolute, read at each start; one whose path begins with - may be missing (as systemd's EnvironmentFile=).</summary>
    public IReadOnlyList<string> EnvironmentFiles { get; init; } = [];

    /// <summary>The sockets that the emperor holds for it, in the order of their descriptors.</summary>
    public IReadOnlyList<ProgramSocket> Sockets { get; init; } = [];

    /// <summary>How many copies run.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>The signal that tells it to stop.</summary>
    public int StopSignal { get; init; } = 15;

    /// <summary>How long it may take to stop, milliseconds; null is the emperor's patience (--emperor-curse-tolerance, --reload-mercy).</summary>
    public long? StopTimeout { get; init; }

    /// <summary>How a changed file or an order to reload is carried out.</summary>
    public ReloadWay Reload { get; init; }

    /// <summary>The signal of <see cref="ReloadWay.Signal"/>.</summary>
    public int ReloadSignal { get; init; } = 1;

    /// <summary>How it is known that it is ready.</summary>
    public ReadyRule Ready { get; init; } = new(ReadyWay.Accept);

    /// <summary>
    /// How long it may take to get ready, milliseconds. Not ready in time is a failed start. <see cref="Never"/> for a uwsgi vassal whose section does not say.
    /// </summary>
    public long ReadyTimeout { get; init; } = 60_000;

    /// <summary>Whether it is started again when it has ended by itself.</summary>
    public RestartRule Restart { get; init; }

    /// <summary>Exit codes that are no failure, besides 0.</summary>
    public IReadOnlyList<int> SuccessExitStatus { get; init; } = [];

    /// <summary>It is started by the first connection to one of its sockets.</summary>
    public bool OnDemand { get; init; }

    /// <summary>On demand, but started at once the first time: only what has fallen idle waits for a connection.</summary>
    public bool StartsAtOnce { get; init; }

    /// <summary>On demand: it is stopped after so long without an open connection or a new one, milliseconds; null is never.</summary>
    public long? Idle { get; init; }

    /// <summary>How it is checked that it is still well; null is not at all.</summary>
    public HealthRule? Health { get; init; }

    /// <summary>How often it must send WATCHDOG=1 at least, milliseconds; null is not at all.</summary>
    public long? Watchdog { get; init; }

    /// <summary>What it may use.</summary>
    public LimitRules Limits { get; init; } = LimitRules.None;

    /// <summary>The vassals that must be ready before it is started, and end after it.</summary>
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>Digest of all that a running process cannot take over without being started anew, as launched; equal plans have equal ones.</summary>
    public required string LaunchDigest { get; init; }

    /// <summary>What the built-in server for WSGI apps does for it; null when it is run by another.</summary>
    public Wsgi.WsgiPlan? Wsgi { get; init; }

    /// <summary>Which server a file's section [uwsgi] shall be run by (server); null when it does not say.</summary>
    public Wsgi.ServerWish? Server { get; init; }

    /// <summary>Why it is run by the server that runs it, for people; null when there was no choice.</summary>
    public string? ServerReason { get; init; }

    /// <summary>Whether it runs a program of its own; false when it refines a uwsgi vassal.</summary>
    public bool IsProgram => Exec.Count > 0;
}

/// <summary>A socket that the emperor holds for a program.</summary>
/// <param name="Address">Where it is, in its one spelling (<see cref="Sockets.SocketAddress.ToString"/>).</param>
/// <param name="Name">Its name in LISTEN_FDNAMES and for %(fd:NAME).</param>
public sealed record ProgramSocket(string Address, string Name)
{
    /// <summary>The permission bits of its file (chmod-socket).</summary>
    public int Mode { get; init; } = Sockets.OnDemandSocket.EveryoneMode;

    /// <summary>Who its file shall belong to (chown-socket, USER[:GROUP]); null for the emperor's user.</summary>
    public string? Owner { get; init; }

    /// <summary>How many connections may wait (listen); the kernel bounds it by net.core.somaxconn.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>Whether others may bind the same port (reuse-port).</summary>
    public bool ReusePort { get; init; }
}

/// <summary>How a program is reloaded.</summary>
public enum ReloadWay
{
    /// <summary>The new one is ready before the old one is told to stop.</summary>
    Overlap,

    /// <summary>The old one stops, then the new one starts.</summary>
    Restart,

    /// <summary>It is sent a signal; started anew (as by overlap, or restart without sockets) when its launch has changed.</summary>
    Signal,
}

/// <summary>Whether a program that has ended by itself is started again.</summary>
public enum RestartRule
{
    /// <summary>Always.</summary>
    Always,

    /// <summary>When it has ended by a signal or with a code that is not one of success.</summary>
    OnFailure,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>How readiness is known.</summary>
public enum ReadyWay
{
    /// <summary>Something of it accepts a connection on its first socket.</summary>
    Accept,

    /// <summary>It sends READY=1 to its NOTIFY_SOCKET (sd_notify(3)).</summary>
    Notify,

    /// <summary>A GET of a path over its first socket is answered by it with 2xx or 3xx.</summary>
    Http,

    /// <summary>A command exits with 0.</summary>
    Exec,

    /// <summary>It sends the byte of uWSGI's protocol for "accepting" or "loyal" over UWSGI_EMPEROR_FD.</summary>
    Protocol,

    /// <summary>It has lived for some time.</summary>
    After,

    /// <summary>A worker of the built-in server says so over its control socket.</summary>
    Worker,
}

/// <summary>How it is known that a program is ready.</summary>
/// <param name="Way">In which way.</param>
public sealed record ReadyRule(ReadyWay Way)
{
    /// <summary>The path of <see cref="ReadyWay.Http"/>.</summary>
    public string Path { get; init; } = "/";

    /// <summary>The words of <see cref="ReadyWay.Exec"/>.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The time of <see cref="ReadyWay.After"/>, milliseconds.</summary>
    public long Delay { get; init; }
}

/// <summary>A check that is repeated as long as a program runs: an HTTP path, or a command.</summary>
public sealed record HealthRule
{
    /// <summary>The path that must be answered with 2xx or 3xx; null when a command is run.</summary>
    public string? Path { get; init; }

    /// <summary>The words of the command that must exit with 0.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>How long after the last check the next begins, milliseconds.</summary>
    public long Interval { get; init; } = 10_000;

    /// <summary>How long one check may take, milliseconds.</summary>
    public long Timeout { get; init; } = 5_000;

    /// <summary>How many failed checks in a row end the process.</summary>
    public int Failures { get; init; } = 3;
}

/// <summary>What a vassal may use. Null is as the emperor itself.</summary>
public sealed record LimitRules
{
    /// <summary>No limits.</summary>
    public static LimitRules None { get; } = new();

    /// <summary>memory-max, bytes (cgroup memory.max).</summary>
    public long? MemoryMax { get; init; }

    /// <summary>memory-high, bytes (cgroup memory.high).</summary>
    public long? MemoryHigh { get; init; }

    /// <summary>cpu-max, in thousandths of one processor (cgroup cpu.max).</summary>
    public int? CpuMax { get; init; }

    /// <summary>tasks-max (cgroup pids.max).</summary>
    public long? TasksMax { get; init; }

    /// <summary>io-weight, 1 to 10,000 (cgroup io.weight).</summary>
    public int? IoWeight { get; init; }

    /// <summary>limit-nofile.</summary>
    public long? OpenFiles { get; init; }

    /// <summary>limit-as, bytes.</summary>
    public long? AddressSpace { get; init; }

    /// <summary>nice, -20 to 19.</summary>
    public int? Nice { get; init; }

    /// <summary>oom-score-adj, -1000 to 1000.</summary>
    public int? OomScoreAdjust { get; init; }

    /// <summary>cpu-affinity, as taskset reads a list, such as 0,2-3.</summary>
    public string? CpuAffinity { get; init; }

    /// <summary>no-new-privs.</summary>
    public bool NoNewPrivileges { get; init; }

    /// <summary>private-tmp.</summary>
    public bool PrivateTmp { get; init; }

    /// <summary>read-only: absolute paths that it cannot write to.</summary>
    public IReadOnlyList<string> ReadOnlyPaths { get; init; } = [];
}
