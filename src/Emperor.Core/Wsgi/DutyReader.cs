using Emperor.Core.Configuration;

namespace Emperor.Core.Wsgi;

/// <summary>Reads what a vassal wants of its master besides workers (<see cref="WsgiDuties"/>).</summary>
internal static class DutyReader
{
    private const int MostPaths = 32;
    private const int Terminate = 15;
    private const int MostSignals = 64;

    // What uWSGI opens before it goes to the folder of chdir (core/uwsgi.c). All else it opens when it is there.
    private static readonly string[] early = ["pidfile", "safe-pidfile", "logto", "logto2", "daemonize", "logger"];

    /// <summary>Reads it.</summary>
    /// <param name="values">What the file says.</param>
    /// <param name="host">What may be asked of the world.</param>
    /// <param name="folder">The folder of chdir, absolute.</param>
    public static WsgiDuties Read(WsgiValues values, IConfigHost host, string folder)
    {
        string Full(ExportedOption option, string path) =>
            Path.GetFullPath(path, Array.IndexOf(early, option.Key) >= 0 ? Path.GetFullPath(host.WorkingDirectory) : folder);
        var duties = new WsgiDuties
        {
            PidFiles = Paths(values, "pidfile", Full),
            TouchFiles = [.. Paths(values, "touch-reload", Full).Concat(Paths(values, "touch-chain-reload", Full)).Distinct()],
            Fifos = Paths(values, "master-fifo", Full),
            Daemons =
            [
                .. values.All("attach-daemon").Select(d => new AttachedDaemon(d.Value, Terminate, folder)),
                .. Listed(values, folder),
            ],
            Stats = Addresses(values, Full),
            StatsHttp = values.Flag("stats-http"),
            StatsMinified = values.Flag("stats-minified"),
            StatsNoCores = values.Flag("stats-no-cores"),
            Log = Log(values, Full),
        };
        return IsNone(duties) ? WsgiDuties.None : duties;
    }

    /// <summary>The names of the processes as the worker takes them ("{}" is its number); null when they keep theirs.</summary>
    public static string? ProcessName(WsgiValues values)
    {
        var name = values.Text("procname") ?? (values.Flag("auto-procname") ? "uWSGI worker {}" : null);
        if (name is null)
            return null;
        var prefix = values.Text("procname-prefix") ?? (values.Text("procname-prefix-spaced") is { } spaced ? $"{spaced} " : "");
        return prefix + name + values.Text("procname-append");
    }

    private static bool IsNone(WsgiDuties d) =>
        d.PidFiles.Count + d.TouchFiles.Count + d.Fifos.Count + d.Daemons.Count + d.Stats.Count == 0 && d.Log is null;

    // A switch in the place of a file is somebody's slip; uWSGI makes a file of that name.
    private static List<string> Paths(WsgiValues values, string name, Func<ExportedOption, string, string> full)
    {
        var paths = new List<string>();
        foreach (var (option, value) in values.All(name))
        {
            if (value is "" or "true" or "false")
                values.Warn(option, "that is no file, so it has no effect; name one, or remove it");
            else if (paths.Count == MostPaths)
                values.Refuse(option, $"there are more than {MostPaths} of {name}", "remove some");
            else
                paths.Add(full(option, value));
        }
        return paths;
    }

    private static List<ServerAddress> Addresses(WsgiValues values, Func<ExportedOption, string, string> full)
    {
        var addresses = new List<ServerAddress>();
        foreach (var (option, value) in values.All("stats"))
        {
            if (addresses.Count == MostPaths)
                values.Refuse(option, $"there are more than {MostPaths} of stats", "remove some");
            else if (ServerAddress.Parse(value) is not { } address)
                values.Refuse(option, "it is no address", "write a path, @name, host:port or :port");
            else
                addresses.Add(address.IsUnix && !value.StartsWith('@') ? address with { Text = full(option, value) } : address);
        }
        return addresses;
    }

    private static LogRule? Log(WsgiValues values, Func<ExportedOption, string, string> full)
    {
        const string filePlugin = "file:";
        var option = values.Last("logto");
        var path = values.Text("logto");
        foreach (var (logger, value) in values.All("logger"))
        {
            if (!value.StartsWith(filePlugin, StringComparison.Ordinal))
                values.Warn(logger, "only file:PATH is a place for the log here; what the app prints goes where --vassal-output says");
            else if (path is null)
                (option, path) = (logger, value[filePlugin.Length..]);
        }
        if (option is null || path is null)
            return null;
        if (path is "true" or "false" or "1" or "0")
        {
            values.Warn(option, "that is no file, so it has no effect; name one, or remove it");
            return null;
        }
        if (path.Contains(':', StringComparison.Ordinal) && !path.StartsWith('/'))
        {
            values.Refuse(option, "the log cannot be sent to another machine", "name a file");
            return null;
        }
        int? mode = null;
        if (values.Last("logfile-chmod") is { } chmod)
        {
            var text = values.Text("logfile-chmod") ?? "";
            if (text.Length == 3 && text.All(c => c is >= '0' and <= '7'))
                mode = Convert.ToInt32(text, 8);
            else
                values.Refuse(chmod, "it is no mode", "write three octal digits, such as 640");
        }
        return new LogRule(full(option, path), mode, values.Number("log-maxsize") ?? 0);
    }

    // A list of uWSGI: KEY=VALUE with commas between.
    private static List<AttachedDaemon> Listed(WsgiValues values, string folder)
    {
        var daemons = new List<AttachedDaemon>();
        foreach (var (option, value) in values.All("attach-daemon2"))
        {
            string? command = null;
            var signal = Terminate;
            foreach (var pair in value.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                var (key, text) = pair.Split('=', 2) is [var k, var v] ? (k.Trim(), v) : (pair.Trim(), "");
                switch (key)
                {
                    case "cmd" or "command" or "exec":
                        command = text;
                        break;
                    case "stopsignal" or "stop_signal" when CNumber.TryReadPrefix(text, out var number) && number is > 0 and <= MostSignals:
                        signal = (int)number;
                        break;
                    case "freq" or "reloadsignal" or "reload_signal":
                        break;
                    default:
                        values.Refuse(
                            option,
                            $"the built-in server does not know {key} of a daemon",
                            "remove it; cmd and stopsignal are known"
                        );
                        break;
                }
            }
            if (string.IsNullOrWhiteSpace(command))
                values.Refuse(option, "it names no command", "add cmd=COMMAND");
            else
                daemons.Add(new AttachedDaemon(command, signal, folder));
        }
        return daemons;
    }
}
