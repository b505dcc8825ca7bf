using System.Collections.Frozen;

namespace Emperor.Core.Wsgi;

/// <summary>
/// Every option of uWSGI that the built-in server knows, each with its fate. An option of uWSGI that is not here is refused by name
/// (<see cref="WsgiReader"/>); a word that is none of uWSGI's is what uWSGI takes it for, a placeholder.
/// </summary>
public static class WsgiOptions
{
    private const string ByEmperor = "the emperor is its master";
    private const string Elsewhere = "write \"server = uwsgi\" in a section [emperor] to have uWSGI run it, or remove it";

    private static readonly WsgiOption[] Table =
    [
        // The app.
        .. Of(WsgiFate.Worker, WsgiValue.Path, "module|wsgi", "wsgi-file|file", "callable"),
        .. Of(WsgiFate.Worker, WsgiValue.Paths, "mount", "pythonpath|python-path|pp"),
        .. Of(WsgiFate.Worker, WsgiValue.Flag, "manage-script-name", "need-app"),
        // Its process.
        .. Of(WsgiFate.Worker, WsgiValue.Path, "chdir", "chdir2", "home|virtualenv|venv|pyhome"),
        .. Of(WsgiFate.Worker, WsgiValue.List, "env", "unenv"),
        .. Of(WsgiFate.Worker, WsgiValue.Text, "umask"),
        .. Of(WsgiFate.Worker, WsgiValue.Number, "threads"),
        // Requests.
        .. Of(
            WsgiFate.Worker,
            WsgiValue.Number,
            "buffer-size",
            "limit-post",
            "post-buffering",
            "socket-timeout",
            "http-timeout",
            "max-requests",
            "max-requests-delta",
            "reload-on-rss",
            "max-worker-lifetime",
            "max-worker-lifetime-delta",
            "min-worker-lifetime",
            "log-slow",
            "log-big"
        ),
        // Files.
        .. Of(
            WsgiFate.Worker,
            WsgiValue.Paths,
            "static-map",
            "static-map2",
            "check-static",
            "static-index",
            "static-skip-ext",
            "static-safe"
        ),
        // The log of requests.
        .. Of(WsgiFate.Worker, WsgiValue.Flag, "disable-logging", "log-4xx", "log-5xx", "log-zero", "log-micros", "log-x-forwarded-for"),
        .. Of(WsgiFate.Worker, WsgiValue.Text, "log-format|logformat"),
        // The emperor's.
        .. Of(WsgiFate.Emperor, WsgiValue.Paths, "socket|uwsgi-socket", "http-socket", "http"),
        .. Of(WsgiFate.Emperor, WsgiValue.Path, "protocol", "chmod-socket", "chown-socket", "uid", "gid"),
        .. Of(WsgiFate.Emperor, WsgiValue.Paths, "add-gid"),
        .. Of(
            WsgiFate.Emperor,
            WsgiValue.Number,
            "listen",
            "processes|workers",
            "harakiri",
            "reload-mercy",
            "worker-reload-mercy",
            "limit-as"
        ),
        .. Of(WsgiFate.Emperor, WsgiValue.Flag, "harakiri-verbose", "lazy-apps|lazy", "cheap", "die-on-idle"),
        .. Of(WsgiFate.Emperor, WsgiValue.Number, "cheaper", "cheaper-initial", "cheaper-step", "cheaper-overload", "idle"),
        .. Of(WsgiFate.Emperor, WsgiValue.Path, "cheaper-algo"),
        .. Of(WsgiFate.Emperor, WsgiValue.Paths, "plugin|plugins|need-plugin|need-plugins"),
        // So anyway.
        .. Of(
            WsgiFate.Accepted,
            WsgiValue.Text,
            "master",
            "vacuum",
            "enable-threads",
            "single-interpreter",
            "thunder-lock",
            "py-call-osafterfork",
            "py-call-uwsgi-fork-hooks",
            "die-on-term",
            "no-orphans",
            "strict",
            "auto-procname",
            "show-config",
            "log-master",
            "logdate|log-date",
            "harakiri-no-arh",
            "http-keepalive",
            "so-keepalive",
            "tcp-nodelay",
            "close-on-exec",
            "close-on-exec2",
            "plugins-dir|plugin-dir",
            "ignore-sigpipe",
            "ignore-write-errors",
            "disable-write-exception",
            "wsgi-accept-buffer",
            "wsgi-accept-buffers",
            "offload-threads",
            "memory-report",
            "max-fd",
            "reuse-port",
            "vassal-sos-backlog",
            "heartbeat|emperor-heartbeat",
            "print",
            "iprint",
            "exit"
        ),
        // Without effect.
        .. Told(
            WsgiFate.Warned,
            "no file is written, since there is no master process: use emperor status, reload and stop",
            "pidfile",
            "pidfile2",
            "safe-pidfile",
            "safe-pidfile2"
        ),
        .. Told(
            WsgiFate.Warned,
            "nothing daemonizes under the emperor, and what the app prints goes where --vassal-output says",
            "daemonize",
            "daemonize2",
            "logto",
            "logto2",
            "logger",
            "req-logger",
            "log-reopen",
            "log-maxsize",
            "logfile-chown",
            "logfile-chmod"
        ),
        .. Told(
            WsgiFate.Warned,
            "that is not watched; the vassal's own file is, so touch that to reload",
            "touch-reload",
            "touch-chain-reload",
            "py-autoreload|python-autoreload|py-auto-reload",
            "fs-reload"
        ),
        .. Told(
            WsgiFate.Warned,
            "no such socket is served; emperor status and --emperor-stats tell",
            "stats",
            "stats-http",
            "stats-minified"
        ),
        .. Told(
            WsgiFate.Warned,
            "the processes have other names",
            "procname",
            "procname-prefix",
            "procname-prefix-spaced",
            "procname-master"
        ),
        // Not to be had.
        .. Told(WsgiFate.Refused, $"{ByEmperor}, and it runs no spooler; {Elsewhere}", "spooler", "spooler-processes", "spooler-frequency"),
        .. Told(WsgiFate.Refused, $"{ByEmperor}, and it runs no mules; {Elsewhere}", "mule", "mules", "farm"),
        .. Told(
            WsgiFate.Refused,
            $"{ByEmperor}, and it runs nothing by the clock; use cron, or {Elsewhere}",
            "cron",
            "cron2",
            "unique-cron"
        ),
        .. Told(
            WsgiFate.Refused,
            $"give that daemon a file of its own, with \"exec\" in a section [emperor], or {Elsewhere}",
            "attach-daemon",
            "attach-daemon2",
            "smart-attach-daemon"
        ),
        .. Told(WsgiFate.Refused, $"use emperor reload, stop and start, or {Elsewhere}", "master-fifo"),
        .. Told(
            WsgiFate.Refused,
            $"its threads are those of the system; use threads, or {Elsewhere}",
            "gevent",
            "asyncio",
            "ugreen",
            "greenlet"
        ),
        .. Told(WsgiFate.Refused, $"workers speak no TLS; let nginx do that, or {Elsewhere}", "https", "https-socket", "https2"),
    ];

    private static readonly FrozenDictionary<string, WsgiOption> ByName = Table.ToFrozenDictionary(o => o.Name, StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<WsgiOption> All => Table;

    /// <summary>The option of exactly this name, or null.</summary>
    public static WsgiOption? Find(string name) => ByName.GetValueOrDefault(name);

    // Each name, with those that mean the same behind it.
    private static IEnumerable<WsgiOption> Of(WsgiFate fate, WsgiValue value, params string[] names) =>
        names.Select(n => n.Split('|')).SelectMany(same => same.Select(name => new WsgiOption(name, same[0], fate, value)));

    private static IEnumerable<WsgiOption> Told(WsgiFate fate, string words, params string[] names) =>
        Of(fate, WsgiValue.Text, names).Select(o => o with { Words = words });
}
