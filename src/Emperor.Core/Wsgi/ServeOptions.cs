using System.Collections.Frozen;

namespace Emperor.Core.Wsgi;

/// <summary>The options of "emperor serve" that are the server's own and not the app's: there is one app, so its master is the emperor.</summary>
public static class ServeOptions
{
    private static readonly FrozenSet<string> Servers = new[]
    {
        "daemonize",
        "daemonize2",
        "logto",
        "logto2",
        "logfile-chmod",
        "touch-logreopen",
        "pidfile",
        "pidfile2",
        "safe-pidfile",
        "safe-pidfile2",
        "procname-master",
        "max-fd",
        "log-date",
        "logdate",
        "log-level",
        "log-json",
        "emperor-control",
        "emperor-survive",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public static IEnumerable<string> Names => Servers;

    /// <summary>Whether an option is one of these.</summary>
    public static bool IsServers(string name) => Servers.Contains(name);
}
