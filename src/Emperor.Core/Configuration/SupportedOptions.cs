namespace Emperor.Core.Configuration;

/// <summary>The parts of --help.</summary>
internal enum OptionGroup
{
    Vassals,
    Launch,
    Hooks,
    Patience,
    Process,
    Stats,
    Log,
    Configuration,
}

/// <summary>An option that Emperor acts on.</summary>
/// <param name="Group">Where --help shows it.</param>
/// <param name="Name">Its name, uWSGI's where uWSGI has it.</param>
/// <param name="Value">What its value is called in --help; null for a switch.</param>
/// <param name="Text">What it does, with unit and default.</param>
internal sealed record SupportedOption(OptionGroup Group, string Name, string? Value, string Text)
{
    /// <summary>Other names for the same.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>uWSGI does not have it.</summary>
    public bool Own { get; init; }

    /// <summary>How it stands on the command line; for Emperor's own options only.</summary>
    public ArgumentKind Argument => Value is null ? ArgumentKind.None : ArgumentKind.Required;
}

/// <summary>All that Emperor acts on: the one place that --help, the settings and the suggestions for misspelt words come from.</summary>
internal static class SupportedOptions
{
    public static readonly SupportedOption[] All =
    [
        new(
            OptionGroup.Vassals,
            "emperor",
            "FOLDER",
            "run a vassal for each configuration file of a folder (dir://) or pattern (glob://); repeatable"
        ),
        new(
            OptionGroup.Vassals,
            "emperor-freq",
            "SECONDS",
            "look at all folders this often where the kernel cannot tell of changes; elsewhere they are seen at once (3)"
        ),
        new(OptionGroup.Vassals, "emperor-nofollow", null, "take the time of a link itself and not that of the file it points to"),
        new(
            OptionGroup.Vassals,
            "emperor-extra-extension",
            "EXT",
            "more endings of vassals' files; these are passed with --config; repeatable"
        )
        {
            Aliases = ["emperor-extra-ext"],
        },
        new(
            OptionGroup.Vassals,
            "emperor-on-demand-extension",
            "EXT",
            "a vassal whose file has a neighbour of the same name and EXT is started by the first connection to the socket whose address that holds"
        )
        {
            Aliases = ["emperor-on-demand-ext"],
        },
        new(
            OptionGroup.Vassals,
            "emperor-on-demand-directory",
            "FOLDER",
            "every vassal NAME.ini is started by the first connection to the socket FOLDER/NAME.socket"
        )
        {
            Aliases = ["emperor-on-demand-dir"],
        },
        new(
            OptionGroup.Vassals,
            "emperor-on-demand-exec",
            "COMMAND",
            "the same with the socket whose address COMMAND prints; it gets the vassal's name, and 10 s; a vassal for which it prints nothing is "
                + "started at once"
        ),
        new(
            OptionGroup.Vassals,
            "emperor-broodlord",
            "NUMBER",
            "vassals may call for reinforcement: at most so many zergs in all, started with section [zerg] of the vassal's file (0)"
        ),
        new(
            OptionGroup.Vassals,
            "emperor-magic-exec",
            null,
            "a vassal's file that may be executed is not read but run: what it prints is its configuration (exec://)"
        ),
        new(
            OptionGroup.Vassals,
            "emperor-force-config-pipe",
            null,
            "hand vassals their files' content over a socket (emperor://), so that they need not be able to read them; 65535 bytes at most"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Launch,
            "emperor-server",
            "SERVER",
            "what runs vassals: uwsgi; wsgi, the built-in server for Python's WSGI; or auto, uwsgi where it is installed (auto)"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Vassals,
            "emperor-collect-attr",
            "NAME",
            "collect this key of section [emperor] of vassals' files as an attribute, shown in the stats; repeatable"
        )
        {
            Aliases = ["emperor-collect-attribute"],
        },
        new(OptionGroup.Vassals, "emperor-command-socket", "PATH", "obey datagrams there: spawn, respawn, stop, log; a path or @name"),
        new(OptionGroup.Vassals, "emperor-wait-for-command", null, "with that socket: a new vassal is suspended until it is told to spawn"),
        new(OptionGroup.Vassals, "emperor-wait-for-command-ignore", "NAME", "but not the vassal of this name; repeatable"),
        new(OptionGroup.Launch, "binary-path", "FILE", "the uwsgi that runs vassals (uwsgi of PATH)"),
        new(OptionGroup.Launch, "emperor-wrapper", "FILE", "a program that runs vassals in place of uwsgi, with its arguments"),
        new(OptionGroup.Launch, "emperor-wrapper-override", "FILE", "a program to try before that; repeatable"),
        new(OptionGroup.Launch, "emperor-wrapper-fallback", "FILE", "a program to try when none of those can be run; repeatable"),
        new(
            OptionGroup.Launch,
            "emperor-wrapper-attr",
            "NAME",
            "the attribute of a vassal that names its program, in the place of emperor-wrapper"
        ),
        new(OptionGroup.Launch, "emperor-chdir-attr", "NAME", "the attribute of a vassal that names the folder it is started in"),
        new(OptionGroup.Launch, "vassal-set", "NAME=VALUE", "set an option or placeholder in every vassal; repeatable")
        {
            Aliases = ["vassals-set"],
        },
        new(OptionGroup.Launch, "vassals-include", "FILE", "a file that every vassal reads after its own, at once; repeatable"),
        new(OptionGroup.Launch, "vassals-include-before", "FILE", "a file that every vassal reads before its own, at once; repeatable"),
        new(OptionGroup.Launch, "vassals-inherit", "FILE", "a template that every vassal applies after its own options; repeatable"),
        new(OptionGroup.Launch, "vassals-inherit-before", "FILE", "a template that every vassal names before its own file; repeatable"),
        new(OptionGroup.Launch, "emperor-tyrant", null, "run each vassal as the owner and group of its file, which must not be root's"),
        new(
            OptionGroup.Launch,
            "emperor-tyrant-nofollow",
            null,
            "then of a link its own owner counts, and not that of the file it leads to"
        ),
        new(
            OptionGroup.Launch,
            "emperor-tyrant-initgroups",
            null,
            "then vassals have the supplementary groups of their users, and not none"
        ),
        new(
            OptionGroup.Launch,
            "emperor-cap",
            "NAMES",
            "the only capabilities that vassals may ever have, with commas between (setpcap stays)"
        )
        {
            Aliases = ["vassal-cap", "vassals-cap"],
        },
        new(
            OptionGroup.Launch,
            "emperor-use-clone",
            "KINDS",
            "give each vassal namespaces of its own: fs, ipc, net, pid, user, uts, with commas between; repeatable"
        ),
        .. HookOptions.All,
        new(OptionGroup.Process, "cap", "NAMES", "keep these capabilities when uid changes, such as setuid,setgid for a tyrant"),
        new(OptionGroup.Launch, "env", "NAME=VALUE", "set a variable of the environment, for Emperor and its vassals; repeatable"),
        new(OptionGroup.Launch, "unenv", "NAME", "remove a variable of the environment; repeatable"),
        new(
            OptionGroup.Launch,
            "emperor-death-signal",
            null,
            "also have the kernel kill each vassal when Emperor dies, as uWSGI does (0.4 ms a start; its guard does it anyway)"
        )
        {
            Own = true,
        },
        new(OptionGroup.Patience, "emperor-throttle", "MS", "a vassal that dies early waits this much longer each time (1000)"),
        new(OptionGroup.Patience, "emperor-max-throttle", "MS", "but never longer than this (180000)"),
        new(OptionGroup.Patience, "emperor-no-blacklist", null, "failures earn no growing delay, only 0.1 s after short lives"),
        new(
            OptionGroup.Patience,
            "emperor-required-heartbeat",
            "SECONDS",
            "restart a vassal that beat its heart once and then not for so long (30)"
        ),
        new(
            OptionGroup.Patience,
            "emperor-curse-tolerance",
            "SECONDS",
            "kill a vassal that was told to stop and has not after so long (30)"
        ),
        new(OptionGroup.Patience, "emperor-graceful-shutdown", null, "let vassals finish their requests when Emperor ends"),
        new(OptionGroup.Patience, "reload-mercy", "SECONDS", "how long vassals may take to stop when Emperor ends (30)"),
        new(OptionGroup.Process, "uid", "USER", "become this user, by name or number"),
        new(OptionGroup.Process, "gid", "GROUP", "become this group, by name or number"),
        new(OptionGroup.Process, "umask", "OCTAL", "the mask for new files, such as 022"),
        new(OptionGroup.Process, "chdir", "FOLDER", "go to this folder at the start"),
        new(OptionGroup.Process, "chdir2", "FOLDER", "go to this folder when all is set up"),
        new(OptionGroup.Process, "max-fd", "NUMBER", "the most files that may be open at once"),
        new(OptionGroup.Process, "emperor-pidfile", "FILE", "write Emperor's process id here"),
        new(OptionGroup.Process, "pidfile", "FILE", "the same, before uid and gid are changed"),
        new(OptionGroup.Process, "pidfile2", "FILE", "the same, after uid and gid are changed"),
        new(OptionGroup.Process, "safe-pidfile", "FILE", "the same, as soon as the configuration is known to be good"),
        new(OptionGroup.Process, "safe-pidfile2", "FILE", "the same, after uid and gid are changed"),
        new(OptionGroup.Process, "emperor-procname", "NAME", "Emperor's name in the list of processes"),
        new(OptionGroup.Process, "procname-master", "NAME", "the same, when emperor-procname is not set"),
        new(OptionGroup.Process, "procname", "NAME", "the same, when neither is set"),
        new(OptionGroup.Process, "procname-prefix", "TEXT", "text before that name"),
        new(OptionGroup.Process, "procname-prefix-spaced", "TEXT", "text and a blank before that name"),
        new(OptionGroup.Process, "procname-append", "TEXT", "text after that name"),
        new(OptionGroup.Process, "daemonize", "FILE", "go to the background and log to FILE"),
        new(OptionGroup.Process, "daemonize2", "FILE", "the same"),
        new(
            OptionGroup.Log,
            "vassal-output",
            "MODE",
            "capture: each line that a vassal prints is written to the log with its name; inherit: it goes to standard output and error as it is "
                + "(capture)"
        )
        {
            Own = true,
        },
        new(OptionGroup.Log, "vassal-log-dir", "FOLDER", "write what each vassal prints to a file of its own in this folder instead")
        {
            Own = true,
        },
        new(
            OptionGroup.Log,
            "vassal-log-max-size",
            "BYTES",
            "begin a new such file at this size and keep four old ones; 0: never (10485760)"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Stats,
            "emperor-stats",
            "ADDRESS",
            "serve the state of all vassals as JSON: a path, @name, host:port, :port or [::1]:port"
        )
        {
            Aliases = ["emperor-stats-server"],
        },
        new(OptionGroup.Stats, "stats-http", null, "answer there as an HTTP server"),
        new(OptionGroup.Stats, "stats-minified", null, "without line breaks and tabs") { Aliases = ["stats-min"] },
        new(
            OptionGroup.Stats,
            "emperor-metrics",
            "ADDRESS",
            "serve OpenMetrics over HTTP at /metrics, and /-/healthy and /-/ready; addresses as for emperor-stats"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Stats,
            "chmod-socket",
            "[=OCTAL]",
            "the mode of those sockets, three digits (666 without; by the umask when not given)"
        )
        {
            Aliases = ["chmod"],
        },
        new(OptionGroup.Stats, "chown-socket", "USER[:GROUP]", "the owner of those sockets"),
        new(OptionGroup.Log, "logto", "FILE", "log to a file, which takes what vassals print too"),
        new(OptionGroup.Log, "logto2", "FILE", "the same"),
        new(OptionGroup.Log, "log-date", "[=FORMAT]", "write the time in a format of strftime (lines always have the time)")
        {
            Aliases = ["logdate"],
        },
        new(OptionGroup.Log, "logfile-chmod", "OCTAL", "the mode of log files, three digits"),
        new(OptionGroup.Log, "touch-logreopen", "FILE", "open the log anew when this file is touched; repeatable"),
        new(
            OptionGroup.Process,
            "emperor-ready",
            "WHEN",
            "when systemd is told READY: settled (each vassal accepts requests or has failed), all (none may fail), scan (all are spawned) or "
                + "immediate (settled)"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Process,
            "emperor-control",
            "PATH",
            "the socket by which \"emperor status\" and all other verbs reach it, or none (/run/emperor/control.sock for root, else "
                + "emperor/control.sock under XDG_RUNTIME_DIR)"
        )
        {
            Own = true,
        },
        new(
            OptionGroup.Process,
            "emperor-survive",
            "WHAT",
            "what vassals live on over: upgrade (\"emperor upgrade\", SIGUSR2); auto, also Emperor's crash where systemd keeps its descriptors "
                + "(FileDescriptorStoreMax=); or never (auto)"
        )
        {
            Own = true,
        },
        new(OptionGroup.Process, "emperor-ready-timeout", "SECONDS", "how long a vassal may take to accept requests for that (60)")
        {
            Own = true,
        },
        new(OptionGroup.Log, "log-json", null, "log one JSON object a line") { Own = true },
        new(OptionGroup.Log, "log-level", "LEVEL", "the least that is logged: trace, debug, info, warning or error (info)") { Own = true },
        new(
            OptionGroup.Configuration,
            "ini",
            "FILE[:SECTION]",
            "read options from section [uwsgi], or another, of a file; FILE.ini alone does the same"
        ),
        new(OptionGroup.Configuration, "include", "FILE", "read another file here"),
        new(OptionGroup.Configuration, "inherit", "FILE", "read another file after all others"),
        new(OptionGroup.Configuration, "set", "NAME=VALUE", "define a placeholder, used as %(NAME), or an option"),
        new(OptionGroup.Configuration, "set-placeholder", "NAME=VALUE", "define a placeholder only") { Aliases = ["set-ph"] },
        new(OptionGroup.Configuration, "strict", null, "refuse to start when an option is unknown"),
        new(OptionGroup.Process, "heartbeat", "SECONDS", "where Emperor is the vassal of another one: tell it this often that it is alive"),
        new(OptionGroup.Configuration, "imperial-monitor-list", null, "show which kinds of --emperor there are")
        {
            Aliases = ["imperial-monitors-list"],
        },
        new(OptionGroup.Configuration, "help", null, "show this") { Aliases = ["usage"] },
        new(OptionGroup.Configuration, "version", null, "show the version"),
    ];

    private static readonly Dictionary<string, string> MainNames = All.SelectMany(option =>
            option.Aliases.Append(option.Name).Select(name => KeyValuePair.Create(name, option.Name))
        )
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>Whether Emperor acts on an option of this name.</summary>
    public static bool ActsOn(string name) => MainNames.ContainsKey(name);

    /// <summary>The name that an option and its aliases are kept under; null for one that Emperor does not act on.</summary>
    public static string? MainName(string name) => MainNames.GetValueOrDefault(name);
}
