using Emperor.Core.Hooks;
using Emperor.Core.Reign;

namespace Emperor.Core.Configuration;

/// <summary>A user or group, as it was written.</summary>
/// <param name="Text">What stands in the configuration.</param>
/// <param name="Id">The number, when it is one; otherwise the text is a name to look up.</param>
public sealed record AccountReference(string Text, long? Id);

/// <summary>One change of the environment; changes are made in order.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Value">Its new value; null removes it.</param>
public sealed record EnvironmentChange(string Name, string? Value);

/// <summary>The least important messages that are still logged.</summary>
public enum EmperorLogLevel
{
    /// <summary>Everything.</summary>
    Trace,

    /// <summary>What helps to find a fault.</summary>
    Debug,

    /// <summary>The life of vassals.</summary>
    Info,

    /// <summary>What an operator should look at.</summary>
    Warning,

    /// <summary>What failed.</summary>
    Error,
}

/// <summary>Where vassals' standard output and error lead.</summary>
public enum VassalOutputMode
{
    /// <summary>To Emperor, which writes it on with the vassal's name, or to a file of the vassal's own.</summary>
    Capture,

    /// <summary>To where Emperor's own do, as with uWSGI.</summary>
    Inherit,
}

/// <summary>What vassals live on over.</summary>
public enum SurviveMode
{
    /// <summary>Upgrades of the emperor; and its crash, where the service manager keeps descriptors.</summary>
    Auto,

    /// <summary>Upgrades only.</summary>
    Upgrade,

    /// <summary>Nothing.</summary>
    Never,
}

/// <summary>
/// The settings of the daemon. Names, units and defaults are uWSGI's (core/init.c, core/uwsgi.c); paths stand as they were written, and
/// relative ones refer to <see cref="WorkingDirectory"/>. A text that was given without a value is empty, one that was not given is null.
/// </summary>
public sealed record EmperorSettings
{
    internal const int DefaultVassalLogSize = 10 * 1024 * 1024;

    /// <summary>The folder Emperor was started in.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>emperor: where vassals are looked for, in order; at least one.</summary>
    public required IReadOnlyList<string> Monitors { get; init; }

    /// <summary>emperor-freq: the longest time between two scans; may be zero.</summary>
    public TimeSpan ScanInterval { get; init; }

    /// <summary>emperor-nofollow: look at a link itself.</summary>
    public bool NoFollow { get; init; }

    /// <summary>emperor-extra-extension: more endings of vassals' files.</summary>
    public IReadOnlyList<string> ExtraExtensions { get; init; } = [];

    /// <summary>emperor-on-demand-extension: the file of a vassal's name and this holds the address of its socket; null when not given.</summary>
    public string? OnDemandExtension { get; init; }

    /// <summary>emperor-on-demand-directory: every vassal has a socket there; null when not given.</summary>
    public string? OnDemandDirectory { get; init; }

    /// <summary>emperor-on-demand-exec: a command of the shell that prints the address of a vassal's socket; null when not given.</summary>
    public string? OnDemandCommand { get; init; }

    /// <summary>emperor-broodlord: how many zergs there may be in all; 0 for none.</summary>
    public int Broodlord { get; init; }

    /// <summary>heartbeat: how often the emperor above is told that this one is alive, seconds; 0 for never.</summary>
    public int Heartbeat { get; init; }

    /// <summary>emperor-magic-exec: vassals' files that may be executed print their configuration.</summary>
    public bool MagicExec { get; init; }

    /// <summary>emperor-force-config-pipe: vassals are sent their configuration over a socket.</summary>
    public bool SendsConfiguration { get; init; }

    /// <summary>
    /// emperor-collect-attr, and the names in emperor-wrapper-attr and emperor-chdir-attr: the keys of section [emperor] that are attributes.
    /// </summary>
    public IReadOnlyList<string> Attributes { get; init; } = [];

    /// <summary>emperor-wrapper-attr: the attribute that names a vassal's program; null when not given.</summary>
    public string? WrapperAttribute { get; init; }

    /// <summary>emperor-chdir-attr: the attribute that names a vassal's folder; null when not given.</summary>
    public string? FolderAttribute { get; init; }

    /// <summary>emperor-command-socket: where datagrams with commands are taken; null when not given.</summary>
    public string? CommandSocket { get; init; }

    /// <summary>emperor-wait-for-command: new vassals wait for the command spawn.</summary>
    public bool WaitForCommand { get; init; }

    /// <summary>emperor-wait-for-command-ignore: the vassals that do not.</summary>
    public IReadOnlyList<string> WaitForCommandIgnored { get; init; } = [];

    /// <summary>emperor-tyrant and what refines it; null when not given.</summary>
    public TyrantSettings? Tyrant { get; init; }

    /// <summary>emperor-cap: the numbers of the capabilities that a vassal may ever have; null when not given.</summary>
    public IReadOnlyList<int>? VassalCapabilities { get; init; }

    /// <summary>cap: the numbers of the capabilities that Emperor keeps when it becomes another user (uid); null when not given.</summary>
    public IReadOnlyList<int>? Capabilities { get; init; }

    /// <summary>emperor-use-clone: the namespaces that each vassal has of its own.</summary>
    public NamespaceKinds Namespaces { get; init; }

    /// <summary>What is done when vassals, or the emperor, start and end.</summary>
    public HookSettings Hooks { get; init; } = HookSettings.None;

    /// <summary>emperor-server: what runs vassals whose files do not say.</summary>
    public Wsgi.ServerWish Server { get; init; }

    /// <summary>binary-path: the uwsgi binary; null for the one of PATH.</summary>
    public string? BinaryPath { get; init; }

    /// <summary>emperor-wrapper: a program in place of the uwsgi binary.</summary>
    public string? Wrapper { get; init; }

    /// <summary>emperor-wrapper-override: programs to try first.</summary>
    public IReadOnlyList<string> WrapperOverrides { get; init; } = [];

    /// <summary>emperor-wrapper-fallback: programs to try last.</summary>
    public IReadOnlyList<string> WrapperFallbacks { get; init; } = [];

    /// <summary>vassal-set: passed to vassals as --set.</summary>
    public IReadOnlyList<string> VassalSets { get; init; } = [];

    /// <summary>vassals-include: passed to vassals as --include, after their file.</summary>
    public IReadOnlyList<string> VassalIncludes { get; init; } = [];

    /// <summary>vassals-include-before: passed to vassals as --include, before their file.</summary>
    public IReadOnlyList<string> VassalIncludesBefore { get; init; } = [];

    /// <summary>vassals-inherit: passed to vassals as --inherit, after their file.</summary>
    public IReadOnlyList<string> VassalInherits { get; init; } = [];

    /// <summary>vassals-inherit-before: passed to vassals as --inherit, before their file.</summary>
    public IReadOnlyList<string> VassalInheritsBefore { get; init; } = [];

    /// <summary>env and unenv, in their common order; vassals see the result.</summary>
    public IReadOnlyList<EnvironmentChange> EnvironmentChanges { get; init; } = [];

    /// <summary>emperor-throttle: by how much the delay of a vassal that dies early grows.</summary>
    public TimeSpan Throttle { get; init; }

    /// <summary>emperor-max-throttle: the longest such delay.</summary>
    public TimeSpan MaxThrottle { get; init; }

    /// <summary>emperor-no-blacklist: no such delay at all.</summary>
    public bool NoBlacklist { get; init; }

    /// <summary>emperor-required-heartbeat: how long a heart that beat once may pause.</summary>
    public TimeSpan RequiredHeartbeat { get; init; }

    /// <summary>emperor-curse-tolerance: how long a cursed vassal may live.</summary>
    public TimeSpan CurseTolerance { get; init; }

    /// <summary>emperor-graceful-shutdown: vassals finish their requests at the end.</summary>
    public bool GracefulShutdown { get; init; }

    /// <summary>reload-mercy: how long vassals may take at the end.</summary>
    public TimeSpan ReloadMercy { get; init; }

    /// <summary>uid: the user to become.</summary>
    public AccountReference? User { get; init; }

    /// <summary>gid: the group to become.</summary>
    public AccountReference? Group { get; init; }

    /// <summary>umask: the mask for new files.</summary>
    public int? Umask { get; init; }

    /// <summary>chdir: the folder to go to at the start.</summary>
    public string? ChangeDirectory { get; init; }

    /// <summary>chdir2: the folder to go to when all is set up.</summary>
    public string? ChangeDirectoryLater { get; init; }

    /// <summary>max-fd: the most open files.</summary>
    public int? MaxOpenFiles { get; init; }

    /// <summary>emperor-pidfile: written by Emperor.</summary>
    public string? EmperorPidFile { get; init; }

    /// <summary>pidfile: written before uid and gid are changed.</summary>
    public string? PidFile { get; init; }

    /// <summary>pidfile2: written after uid and gid are changed.</summary>
    public string? PidFileLater { get; init; }

    /// <summary>safe-pidfile: written when the configuration is known to be good.</summary>
    public string? SafePidFile { get; init; }

    /// <summary>safe-pidfile2: the same, after uid and gid are changed.</summary>
    public string? SafePidFileLater { get; init; }

    /// <summary>
    /// The name in the list of processes: emperor-procname, else procname-master, else procname, with procname-prefix and procname-append
    /// around it; null when none of the three is set.
    /// </summary>
    public string? ProcessName { get; init; }

    /// <summary>daemonize: go to the background and log there.</summary>
    public string? Daemonize { get; init; }

    /// <summary>daemonize2: the same, later.</summary>
    public string? DaemonizeLater { get; init; }

    /// <summary>logto: a file or UDP address.</summary>
    public string? LogTo { get; init; }

    /// <summary>logto2: the same, after uid and gid are changed.</summary>
    public string? LogToLater { get; init; }

    /// <summary>log-date: null for lines without time, empty for uWSGI's own form, else a format of strftime.</summary>
    public string? LogDate { get; init; }

    /// <summary>logfile-chmod: the mode of log files.</summary>
    public int? LogFileMode { get; init; }

    /// <summary>touch-logreopen: files whose change opens the log anew.</summary>
    public IReadOnlyList<string> TouchLogReopen { get; init; } = [];

    /// <summary>log-json: one JSON object a line.</summary>
    public bool LogJson { get; init; }

    /// <summary>log-level: the least that is logged.</summary>
    public EmperorLogLevel LogLevel { get; init; } = EmperorLogLevel.Info;

    /// <summary>vassal-output: where vassals' standard output and error lead.</summary>
    public VassalOutputMode VassalOutput { get; init; }

    /// <summary>vassal-log-dir: a folder with a file for each vassal's output; null for Emperor's own output.</summary>
    public string? VassalLogDirectory { get; init; }

    /// <summary>vassal-log-max-size: bytes after which such a file is rotated; 0 is never.</summary>
    public long VassalLogMaxSize { get; init; } = DefaultVassalLogSize;

    /// <summary>emperor-death-signal: vassals have SIGKILL for a parent-death signal.</summary>
    public bool DeathSignal { get; init; }

    /// <summary>emperor-survive: what vassals live on over.</summary>
    public SurviveMode Survive { get; init; }

    /// <summary>emperor-control: the path of the control socket; "none" for none, null for the usual one.</summary>
    public string? Control { get; init; }

    /// <summary>emperor-stats: where the stats document is served; null when it is not.</summary>
    public ServerAddress? StatsAddress { get; init; }

    /// <summary>stats-http: it is served over HTTP.</summary>
    public bool StatsHttp { get; init; }

    /// <summary>stats-minified: it has no line breaks and tabs.</summary>
    public bool StatsMinified { get; init; }

    /// <summary>emperor-metrics: where metrics are served; null when they are not.</summary>
    public ServerAddress? MetricsAddress { get; init; }

    /// <summary>chmod-socket: the mode of sockets that are files; null for what the umask makes it.</summary>
    public int? SocketMode { get; init; }

    /// <summary>chown-socket: user and group, as it was written.</summary>
    public string? SocketOwner { get; init; }

    /// <summary>emperor-ready: when the service manager is told that the emperor is ready.</summary>
    public ReadyPolicy Ready { get; init; }

    /// <summary>emperor-ready-timeout: how long a vassal may take to accept requests, for that.</summary>
    public TimeSpan ReadyTimeout { get; init; }

    /// <summary>The app of "emperor serve", which is all that is governed; null for an emperor over folders.</summary>
    public ServeRequest? Serve { get; init; }

    /// <summary>strict: unknown options are refused.</summary>
    public bool Strict { get; init; }
}
