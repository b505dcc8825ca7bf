using System.Text;

namespace Emperor.Core.Wsgi;

/// <summary>What "emperor serve --help" prints.</summary>
public static class ServeHelp
{
    private const int NarrowestText = 24;

    private const string Usage = """
        Usage: emperor serve [OPTION...] [FILE.ini...]

        Serves one WSGI app here and now, without a folder of vassals and without uWSGI, with uWSGI's options.

          emperor serve --http :8000 --wsgi-file test.py
          emperor serve --socket mysite.sock --module mysite.wsgi --chmod-socket=664
          emperor serve --ini uwsgi.ini

        Ctrl-C or SIGTERM ends it when the requests in hand are finished, a second one at once; SIGHUP, or a change of the ini file, reloads the app while the
        sockets stay open. Every option can stand in section [uwsgi] of FILE.ini as "name = value", and in the environment as UWSGI_NAME. It runs as
        who starts it; with uid and gid the workers run as these. Options of uWSGI that change nothing here are accepted; one that would be missed is
        an error that names it.

        """;

    private const string ExitCodes = """

        Exit codes:
          0  told to end
          1  the configuration cannot be obeyed
          2  the command line is wrong
          3  the app did not come up: it cannot be imported, or its socket cannot be bound
          4  what is needed is not there now: a log or pidfile cannot be opened
          70 a fault of its own

        """;

    // The title of each group, and in it an option, the name of its value, and what it does.
    private static readonly (string Title, (string Name, string? Value, string Text)[] Options)[] Groups =
    [
        (
            "App",
            [
                ("module", "MODULE[:CALLABLE]", "the module that has the app (also --wsgi)"),
                ("wsgi-file", "FILE", "the file that has the app (also --file)"),
                ("callable", "NAME", "the app's name in it (application)"),
                ("mount", "/PATH=APP", "another app under a path: a file, or MODULE:CALLABLE; repeatable"),
                ("manage-script-name", null, "take the path of a mount off PATH_INFO"),
                ("need-app", "BOOLEAN", "an app that cannot be imported is a failure (true)"),
                ("chdir", "FOLDER", "go there before the app is imported"),
                ("chdir2", "FOLDER", "go there when it is imported"),
                ("home", "FOLDER", "its virtual environment (also --virtualenv, --venv)"),
                ("pythonpath", "FOLDER", "where modules are looked for as well; repeatable (also --pp)"),
                ("env", "NAME=VALUE", "set a variable of the environment; repeatable"),
                ("unenv", "NAME", "remove one; repeatable"),
            ]
        ),
        (
            "Sockets",
            [
                ("http", "ADDRESS", "speak HTTP there: :8000, 127.0.0.1:8000, [::1]:8000, a path or @name; repeatable"),
                ("http-socket", "ADDRESS", "the same"),
                ("socket", "ADDRESS", "speak what protocol says, which nginx does with uwsgi_pass; repeatable (also --uwsgi-socket)"),
                ("protocol", "NAME", "of socket: uwsgi or http (uwsgi)"),
                ("chmod-socket", "[=OCTAL]", "the mode of socket files, three digits (by the umask; 666 without digits)"),
                ("chown-socket", "USER[:GROUP]", "their owner"),
                ("listen", "NUMBER", "how many connections may wait at each (100)"),
            ]
        ),
        (
            "Workers",
            [
                ("processes", "NUMBER", "how many workers run (1; also --workers)"),
                ("threads", "NUMBER", "how many requests each serves at a time (1)"),
                ("cheaper", "NUMBER", "the fewest workers, when there is little to do"),
                ("cheaper-initial", "NUMBER", "how many are started first"),
                ("cheaper-step", "NUMBER", "how many more at once (1)"),
                ("cheaper-algo", "NAME", "what decides: spare or backlog (spare)"),
                ("cheaper-overload", "SECONDS", "how long it must be so (3)"),
                ("cheap", null, "the first connection starts them"),
                ("idle", "SECONDS", "they stop after so long without a request, and start with the next"),
                ("die-on-idle", null, "the same"),
                ("lazy-apps", null, "each worker imports the app for itself"),
                ("uid", "USER", "the user that workers run as, by name or number"),
                ("gid", "GROUP", "their group"),
                ("add-gid", "GROUP", "a further group; repeatable"),
                ("umask", "OCTAL", "the mask for their new files, and for the sockets"),
                ("harakiri", "SECONDS", "a request that takes longer ends its worker"),
                ("harakiri-verbose", null, "with a traceback of where it hangs"),
                ("max-requests", "NUMBER", "a worker is replaced after so many requests"),
                ("max-requests-delta", "NUMBER", "and so many more for each worker's number"),
                ("max-worker-lifetime", "SECONDS", "a worker is replaced after so long"),
                ("max-worker-lifetime-delta", "SECONDS", "and so long more for each worker's number"),
                ("min-worker-lifetime", "SECONDS", "but not before (60)"),
                ("reload-on-rss", "MEGABYTES", "a worker is replaced when it uses so much memory"),
                ("limit-as", "MEGABYTES", "the most address space of a worker"),
                ("reload-mercy", "SECONDS", "how long a worker may take to leave (also --worker-reload-mercy; 30)"),
                ("attach-daemon", "COMMAND", "run a command beside them; repeatable"),
                ("attach-daemon2", "LIST", "the same: cmd=COMMAND, stopsignal=NUMBER"),
                ("touch-reload", "FILE", "reload when that is touched; repeatable (also --touch-workers-reload, --fs-reload)"),
                ("touch-chain-reload", "FILE", "the same"),
                ("py-autoreload", "SECONDS", "look so often whether a module has changed, and reload then"),
                ("procname", "NAME", "their name in ps and top; {} is a worker's number"),
                ("auto-procname", null, "the name \"uWSGI worker N\""),
                ("procname-prefix", "TEXT", "text before that"),
                ("procname-prefix-spaced", "TEXT", "text and a blank before that"),
                ("procname-append", "TEXT", "text behind that"),
                ("hook-master-start", "HOOK", "unix_signal:… alone, which is so anyway"),
                ("plugin", "NAME", "python and http are there, others are refused"),
            ]
        ),
        (
            "Requests",
            [
                ("buffer-size", "BYTES", "the longest head of a request (32768)"),
                ("limit-post", "BYTES", "the longest body of one (any)"),
                ("post-buffering", "BYTES", "bodies are read before the app runs, into a file beyond this size"),
                ("socket-timeout", "SECONDS", "how long a web server may stall (4)"),
                ("http-timeout", "SECONDS", "how long an HTTP client may (60)"),
            ]
        ),
        (
            "Files",
            [
                ("static-map", "/PATH=FOLDER", "serve files under a path; repeatable"),
                ("static-map2", "/PATH=FOLDER", "the same, with the path as a part of the file's"),
                ("check-static", "FOLDER", "serve what is there, and leave all else to the app; repeatable"),
                ("static-index", "NAME", "the file that stands for a folder; repeatable"),
                ("static-skip-ext", "ENDING", "files that are not served; repeatable"),
                ("static-safe", "FOLDER", "where symbolic links may lead to; repeatable"),
            ]
        ),
        (
            "Log",
            [
                ("disable-logging", null, "no line for each request"),
                ("log-format", "FORMAT", "what that line says (also --logformat)"),
                ("log-4xx", null, "with disable-logging: a line for these all the same"),
                ("log-5xx", null, "the same"),
                ("log-slow", "MS", "the same for requests that took so long"),
                ("log-big", "BYTES", "the same for answers of so many bytes"),
                ("log-zero", null, "the same for answers without a body"),
                ("log-micros", null, "times in microseconds"),
                ("log-x-forwarded-for", null, "the client's address by that header"),
                ("daemonize", "FILE", "go to the background, and log to FILE (also --daemonize2)"),
                ("logto", "FILE", "log to FILE (also --logto2)"),
                ("logger", "file:FILE", "in a file of a folder of vassals: as logto"),
                ("log-maxsize", "BYTES", "there: begin a new log at that size"),
                ("logfile-chmod", "OCTAL", "its mode, three digits"),
                ("touch-logreopen", "FILE", "open the log anew when that is touched; repeatable"),
                ("log-date", "[=FORMAT]", "the time of lines, in a format of strftime"),
                ("log-json", null, "lines of Emperor as JSON"),
                ("log-level", "LEVEL", "the least that it says: trace, debug, info, warning or error (info)"),
            ]
        ),
        (
            "Server",
            [
                ("ini", "FILE[:SECTION]", "read options from a file; FILE.ini alone does the same"),
                ("pidfile", "FILE", "write the process id there; SIGHUP to it reloads, SIGINT ends (also --pidfile2, --safe-pidfile)"),
                ("stats", "ADDRESS", "tell what the workers do, as JSON in uWSGI's form (also --stats-server)"),
                ("stats-http", null, "over HTTP"),
                ("stats-minified", null, "without line breaks and tabs"),
                ("stats-no-cores", null, "without the threads of each worker"),
                ("master-fifo", "FILE", "a pipe that takes commands: r reload, R restart, q stop, s stats, l open the log anew"),
                ("max-fd", "NUMBER", "the most files that may be open at once"),
                ("emperor-control", "PATH", "a socket for \"emperor status --socket PATH\" and the other verbs (none)"),
                ("emperor-survive", "WHAT", "never: no upgrade in place by \"emperor upgrade\" or SIGUSR2 (auto)"),
                ("help", null, "show this"),
                ("version", null, "show the version"),
            ]
        ),
    ];

    /// <summary>The options that it explains, by the names that they stand under.</summary>
    public static IEnumerable<string> Explained => Groups.SelectMany(g => g.Options).Select(o => o.Name);

    /// <summary>Renders it for a terminal of so many columns.</summary>
    public static string Render(int width)
    {
        var text = new StringBuilder(Usage).Append("\nOptions:\n");
        var left = Groups.SelectMany(g => g.Options).Max(o => Left(o).Length) + 2;
        foreach (var (title, options) in Groups)
        {
            text.Append('\n').Append(' ').Append(title).Append('\n');
            foreach (var option in options)
                Append(text, Left(option).PadRight(left), option.Text, width);
        }
        text.Append('\n');
        var accepted = WsgiOptions.All.Where(o => o.Fate == WsgiFate.Accepted && o.Name == o.Canonical).Select(o => o.Name);
        Append(text, " Accepted, and so anyway: ", string.Join(", ", accepted.Order(StringComparer.Ordinal)), width);
        return text.Append(ExitCodes).ToString();
    }

    private static string Left((string Name, string? Value, string Text) option) =>
        option.Value switch
        {
            null => $"  --{option.Name}",
            ['[', '=', ..] => $"  --{option.Name}{option.Value}",
            _ => $"  --{option.Name} <{option.Value}>",
        };

    // Long texts go on below, in their column; where that would be too narrow, at the margin.
    private static void Append(StringBuilder text, string left, string words, int width)
    {
        var margin = left.Length;
        var room = Math.Max(width - margin, NarrowestText);
        text.Append(left);
        var used = 0;
        foreach (var word in words.Split(' '))
        {
            if (used > 0 && used + 1 + word.Length > room)
            {
                text.Append('\n').Append(' ', margin);
                used = 0;
            }
            text.Append(used > 0 ? " " : "").Append(word);
            used += word.Length + (used > 0 ? 1 : 0);
        }
        text.Append('\n');
    }
}
