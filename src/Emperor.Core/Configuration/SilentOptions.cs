using System.Collections.Frozen;

namespace Emperor.Core.Configuration;

/// <summary>Options of uWSGI that Emperor takes without a word, because its behaviour is right with and without them.</summary>
internal static class SilentOptions
{
    /// <summary>They have done their work while the configuration was read.</summary>
    private static readonly string[] OfReading =
    [
        "config",
        "print",
        "iprint",
        "exit",
        "blacklist",
        "end-blacklist",
        "whitelist",
        "end-whitelist",
        "for",
        "for-glob",
        "for-times",
        "for-readline",
        "endfor",
        "end-for",
        "endif",
        "end-if",
    ];

    private static readonly string[] WithoutEffect =
    [
        // Emperor is one process that is master, emperor and its own guard.
        "master",
        "no-orphans",
        "early-emperor",
        // It always is one.
        "emperor-subreaper",
        "auto-procname",
        // There is no app, worker or interpreter in Emperor.
        "processes",
        "workers",
        "threads",
        "enable-threads",
        "single-interpreter",
        "thunder-lock",
        "lazy",
        "lazy-apps",
        "need-app",
        "no-default-app",
        "cheap",
        "cheaper",
        "idle",
        "listen",
        "buffer-size",
        "socket-timeout",
        "max-requests",
        "harakiri",
        "disable-logging",
        "log-reopen",
        // Nothing has to be loaded, and no server has to be kept from starting.
        "autoload",
        "plugin",
        "plugins",
        "need-plugin",
        "need-plugins",
        "plugin-dir",
        "plugins-dir",
        "no-server",
        // Emperor always does what these ask for: it ends on SIGTERM, removes its pidfiles, takes its input from /dev/null ...
        "die-on-term",
        "vacuum",
        "skip-zero",
        "close-on-exec",
        "close-on-exec2",
        // ... and its start-up report says what this would print.
        "show-config",
    ];

    private static readonly FrozenSet<string> Names = OfReading.Concat(WithoutEffect).ToFrozenSet(StringComparer.Ordinal);

    public static bool Contains(string name) =>
        Names.Contains(name) || name is "ifenv" or "ifexists" or "ifplugin" or "ifdir" || name.StartsWith("if-", StringComparison.Ordinal);
}
