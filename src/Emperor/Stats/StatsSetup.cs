using System.Net;
using System.Net.Sockets;
using Emperor.Core.Configuration;
using Emperor.Core.Stats;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Sockets;

namespace Emperor.Stats;

/// <summary>From settings to listening sockets, and to the server behind them.</summary>
internal static class StatsSetup
{
    /// <summary>Starts serving what was asked for.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="inherited">What the service manager has handed over; what is called stats or metrics is served whether it was asked for or not.</param>
    /// <param name="desk">Where snapshots are asked for.</param>
    /// <param name="log">Where faults are told.</param>
    /// <param name="failure">Why it cannot be done, with the option, when it cannot; else null.</param>
    /// <returns>The server; null when there is nothing to serve, or on failure.</returns>
    public static StatsServer? Start(
        EmperorSettings settings,
        InheritedSockets inherited,
        SnapshotDesk desk,
        EmperorLog log,
        out string? failure
    )
    {
        failure = null;
        var listeners = new List<(StreamListener, Service)>();
        var service = settings.StatsHttp ? Service.StatsOverHttp : Service.Stats;
        while (inherited.Take("stats") is { } socket)
            listeners.Add((StreamListener.Adopt(socket.Fd), service));
        while (inherited.Take("metrics") is { } socket)
            listeners.Add((StreamListener.Adopt(socket.Fd), Service.Metrics));
        if (listeners.Count == 0 && settings.StatsAddress is null && settings.MetricsAddress is null)
            return null;
        if (!TryRights(settings, out var rights, out failure))
            return null;
        failure = Add("emperor-stats", settings.StatsAddress, service) ?? Add("emperor-metrics", settings.MetricsAddress, Service.Metrics);
        if (failure is null)
            return new StatsServer(listeners, desk, Identity(settings), settings.StatsMinified, log);
        foreach (var (listener, _) in listeners)
            listener.Dispose();
        return null;

        string? Add(string option, ServerAddress? address, Service of)
        {
            if (address is null)
                return null;
            if (Open(address, rights, out var why) is not { } listener)
                return $"{option} = {address.Text}: {why}";
            listeners.Add((listener, of));
            return null;
        }
    }

    private static StreamListener? Open(ServerAddress address, SocketRights rights, out string failure)
    {
        try
        {
            if (address.IsUnix)
                return StreamListener.ListenUnix(address.Text, rights, out failure);
            if (Find(address.Host!) is { } host)
                return StreamListener.ListenTcp(new IPEndPoint(host, address.Port), out failure);
            failure = $"there is no host {address.Host}; name an address of this machine";
            return null;
        }
        catch (LinuxException e)
        {
            failure = e.Message;
            return null;
        }
    }

    // As uWSGI: without a host it is every IPv4 address, and of a name's addresses IPv4 comes first.
    private static IPAddress? Find(string host)
    {
        if (host.Length == 0)
            return IPAddress.Any;
        if (IPAddress.TryParse(host, out var literal))
            return literal;
        try
        {
            var found = Dns.GetHostAddresses(host);
            return Array.Find(found, a => a.AddressFamily == AddressFamily.InterNetwork) ?? found.FirstOrDefault();
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return null;
        }
    }

    private static bool TryRights(EmperorSettings settings, out SocketRights rights, out string? failure)
    {
        rights = new SocketRights((uint?)settings.SocketMode, null, null);
        failure = null;
        if (settings.SocketOwner is not { Length: > 0 } owner)
            return true;
        var words = owner.Split(':', 2);
        uint? uid = uint.TryParse(words[0], out var u) ? u : Accounts.UserByName(words[0], out _)?.Uid;
        if (words[0].Length > 0 && uid is null)
        {
            failure = $"chown-socket = {owner}: there is no user {words[0]}; make it, or name another";
            return false;
        }
        uint? gid = null;
        if (words is [_, { Length: > 0 } group])
        {
            gid = uint.TryParse(group, out var g) ? g : Accounts.GroupByName(group, out _);
            if (gid is null)
            {
                failure = $"chown-socket = {owner}: there is no group {group}; make it, or name another";
                return false;
            }
        }
        rights = rights with { Uid = uid, Gid = gid };
        return true;
    }

    private static EmperorIdentity Identity(EmperorSettings settings) =>
        new(Program.Version, Self.Pid, Self.Uid, Self.Gid, Environment.CurrentDirectory, settings.Monitors, Clock.Now.Unix)
        {
            IsTyrant = settings.Tyrant is not null,
        };
}
