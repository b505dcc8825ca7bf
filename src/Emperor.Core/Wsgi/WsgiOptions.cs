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
        .. Of(WsgiFate.Worker, WsgiValue.Path, "umask"),
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
            "log-big",
            "py-autoreload|python-autoreload|py-auto-reload|python-auto-reload"
        ),
        // Files.
        .. Of(
            WsgiFate.Worker,
            WsgiValue.Paths,
            "static-map",
            "static-map2",
            "check-static|static-check",
            "static-index",
            "static-skip-ext",
            "static-safe"
        ),
        // The log of requests.
        .. Of(WsgiFate.Worker, WsgiValue.Flag, "disable-logging", "log-4xx", "log-5xx", "log-zero", "log-micros", "log-x-forwarded-for"),
        .. Of(WsgiFate.Worker, WsgiValue.Text, "log-format|logformat"),
        // The emperor's.
        .. Of(WsgiFate.Emperor, WsgiValue.Paths, "socket|uwsgi-socket", "http-socket|http11-socket", "http"),
        .. Of(WsgiFate.Emperor, WsgiValue.Path, "protocol|socket-protocol", "chmod-socket", "chown-socket", "uid", "gid"),
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
            "thunder-lock-watchdog",
            "py-call-osafterfork",
            "py-call-uwsgi-fork-hooks",
            "die-on-term",
            "no-orphans",
            "strict",
            "show-config",
            "log-master",
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
            "vassal-sos-backlog",
            "heartbeat|emperor-heartbeat",
            "print",
            "iprint",
            "exit",
            "inherit",
            "procname-master",
            "autoload",
            "master-as-root",
            "exit-on-reload",
            "honour-stdin",
            "http-auto-chunked",
            "log-reopen",
            "touch-logreopen",
            "log-backupname",
            "threaded-logger",
            "wsgi-disable-file-wrapper",
            "stats-no-metrics",
            "post-buffering-bufsize",
            "honour-range",
            "http-chunked-input",
            "http-manage-expect",
            "wsgi-manage-chunked-input",
            "wsgi-env-behaviour|wsgi-env-behavior",
            "max-apps",
            "max-vars"
        ),
        // Beside the workers (WsgiDuties).
        .. Of(
            WsgiFate.Emperor,
            WsgiValue.Paths,
            "pidfile|pidfile2|safe-pidfile|safe-pidfile2",
            "touch-reload|touch-workers-reload|fs-reload",
            "touch-chain-reload",
            "master-fifo",
            "stats|stats-server"
        ),
        .. Of(WsgiFate.Emperor, WsgiValue.Path, "logto|logto2|daemonize|daemonize2", "logfile-chmod"),
        .. Of(WsgiFate.Emperor, WsgiValue.Number, "log-maxsize"),
        .. Of(WsgiFate.Emperor, WsgiValue.List, "attach-daemon", "attach-daemon2", "logger", "hook-master-start"),
        .. Of(WsgiFate.Emperor, WsgiValue.Flag, "stats-http", "stats-minified|stats-min", "stats-no-cores", "auto-procname"),
        .. Of(WsgiFate.Emperor, WsgiValue.Text, "procname", "procname-prefix", "procname-prefix-spaced", "procname-append"),
        // Without effect.
        .. Told(
            WsgiFate.Warned,
            "files are sent as they are, with ETag and Last-Modified",
            "static-expires",
            "static-expires-mtime",
            "static-expires-type",
            "static-expires-type-mtime",
            "static-expires-uri",
            "static-expires-uri-mtime",
            "static-expires-path-info",
            "static-expires-path-info-mtime",
            "static-gzip",
            "static-gzip-all",
            "static-gzip-dir|static-gzip-prefix",
            "static-gzip-ext|static-gzip-suffix",
            "static-cache-paths",
            "static-cache-paths-name"
        ),
        .. Told(
            WsgiFate.Warned,
            "lines have the form that log-format gives them, and those of requests go where all others go",
            "req-logger|logger-req",
            "log-encoder",
            "log-req-encoder",
            "log-route",
            "log-req-route"
        ),
        .. Told(WsgiFate.Warned, "only the log's own lines, and those of the journal, have their time", "logdate|log-date"),
        .. Told(WsgiFate.Warned, "name %(rssM) and %(vszM) in log-format to have them in the lines of requests", "memory-report"),
        .. Told(WsgiFate.Warned, "write \"limit-nofile = NUMBER\" in a section [emperor]", "max-fd"),
        .. Told(WsgiFate.Warned, "name %(ioerr) in log-format to have it in the lines of requests", "log-ioerror"),
        .. Told(WsgiFate.Warned, "an app's answer is made of bytes objects", "wsgi-accept-buffer", "wsgi-accept-buffers"),
        .. Told(WsgiFate.Warned, "a chunked body is decoded, and its CONTENT_LENGTH told", "http-raw-body"),
        .. Told(
            WsgiFate.Warned,
            "it changes nothing but speed",
            "offload-threads|offload-thread",
            "reuse-port",
            "no-defer-accept",
            "so-sndbuf",
            "so-rcvbuf",
            "socket-sndbuf",
            "socket-rcvbuf",
            "tcp-fast-open|tcp-fastopen",
            "tcp-fast-open-client|tcp-fastopen-client",
            "cpu-affinity",
            "never-swap",
            "thread-stacksize|threads-stacksize|thread-stack-size|threads-stack-size",
            "disable-sendfile",
            "http-processes|http-workers",
            "http-events",
            "http-buffer-size",
            "pcre-jit"
        ),
        .. Told(
            WsgiFate.Warned,
            "the number of workers follows how many are busy (cheaper-algo spare) or how many connections wait (backlog)",
            "cheaper-busyness-max",
            "cheaper-busyness-min",
            "cheaper-busyness-multiplier",
            "cheaper-busyness-penalty",
            "cheaper-busyness-verbose",
            "cheaper-busyness-backlog-alert",
            "cheaper-busyness-backlog-multiplier",
            "cheaper-busyness-backlog-step",
            "cheaper-busyness-backlog-nonzero"
        ),
        .. Told(
            WsgiFate.Warned,
            "socket-timeout holds for both ways",
            "so-send-timeout|socket-send-timeout|so-write-timeout|socket-write-timeout"
        ),
        .. Told(WsgiFate.Warned, "http-timeout holds for all of a request", "http-headers-timeout", "http-connect-timeout"),
        .. Told(WsgiFate.Warned, "the owner of the log is who starts the emperor", "logfile-chown"),
        .. Told(WsgiFate.Warned, "memory is shared by forking", "ksm"),
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
            $"use attach-daemon for one that stays in the foreground, or give it a file of its own, with \"exec\" in a section [emperor]; or {Elsewhere}",
            "smart-attach-daemon",
            "smart-attach-daemon2",
            "legion-attach-daemon",
            "attach-control-daemon"
        ),
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
