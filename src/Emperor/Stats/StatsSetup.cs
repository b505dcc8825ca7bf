using System.Net;
using System.Net.Sockets;
using Emperor.Core.Configuration;
using Emperor.Core.Stats;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Sockets;
using Emperor.Succession;

namespace Emperor.Stats;

/// <summary>From settings to listening sockets, and to the server behind them.</summary>
internal static class StatsSetup
{
    /// <summary>Starts serving what was asked for; an emperor's before this one is gone on with.</summary>
    /// <param name="settings">What was asked for.</param>
    /// <param name="inherited">What the service manager has handed over; what is called stats or metrics is served whether it was asked for or not.</param>
    /// <param name="servants">What was left, and where it is kept.</param>
    /// <param name="started">When the first of these emperors began, milliseconds since the epoch.</param>
    /// <param name="desk">Where snapshots are asked for.</param>
    /// <param name="log">Where faults are told.</param>
    /// <param name="failure">Why it cannot be done, with the option, when it cannot; else null.</param>
    /// <returns>The server; null when there is nothing to serve, or on failure.</returns>
    public static StatsServer? Start(
        EmperorSettings settings,
        InheritedSockets inherited,
        Servants servants,
        long started,
        SnapshotDesk desk,
        EmperorLog log,
        out string? failure
    )
    {
        failure = null;
        var doors = new List<Door>();
        var service = settings.StatsHttp ? Service.StatsOverHttp : Service.Stats;
        while (inherited.Take("stats") is { } socket)
            doors.Add(new Door(StreamListener.Adopt(socket.Fd), service));
        while (inherited.Take("metrics") is { } socket)
            doors.Add(new Door(StreamListener.Adopt(socket.Fd), Service.Metrics));
        if (doors.Count == 0 && settings.StatsAddress is null && settings.MetricsAddress is null)
            return null;
        failure = SocketOwner.Find(settings.SocketOwner, out var uid, out var gid);
        if (failure is not null)
            return null;
        var rights = new SocketRights((uint?)settings.SocketMode, uid, gid);
        failure =
            Add("emperor-stats", Servants.Stats, settings.StatsAddress, service)
            ?? Add("emperor-metrics", Servants.Metrics, settings.MetricsAddress, Service.Metrics);
        if (failure is null)
            return new StatsServer(doors, servants.Heirlooms, desk, Identity(settings, started), settings.StatsMinified, log);
        foreach (var door in doors)
            door.Close(servants.Heirlooms);
        return null;

        string? Add(string option, string role, ServerAddress? address, Service of)
        {
            if (address is null)
                return null;
            if (servants.TakeListener(role, address.Text, out var legacy) is { } left)
            {
                doors.Add(new Door(left, of, legacy));
                return null;
            }
            if (Open(address, rights, out var why) is not { } listener)
                return $"{option} = {address.Text}: {why}";
            doors.Add(new Door(listener, of, servants.Keep(role, address.Text, listener)));
            return null;
        }
    }

    /// <summary>Listens for readers of stats.</summary>
    /// <param name="name">Where.</param>
    /// <param name="address">The same as it was asked for.</param>
    /// <param name="rights">Who may connect.</param>
    /// <param name="failure">When null is returned: why, and what mends it.</param>
    public static StreamListener? Listen(SocketName name, ServerAddress address, SocketRights rights, out string failure)
    {
        var listener = StreamListener.Listen(name, rights, out var refused);
        var another = address.IsUnix ? "another path" : "another";
        failure = refused.State switch
        {
            SocketFileState.NoSocket => $"there is something that is no socket; remove it, or name {another}",
            SocketFileState.Live => $"another program listens there; end it, or name {another}",
            SocketFileState.Stale => $"the socket that another program has left there cannot be removed; remove it, or name {another}",
            _ => $"{refused.Error}",
        };
        return listener;
    }

    private static StreamListener? Open(ServerAddress address, SocketRights rights, out string failure)
    {
        if (NameOf(address) is { } name)
            return Listen(name, address, rights, out failure);
        failure = $"there is no host {address.Host}; name an address of this machine";
        return null;
    }

    private static SocketName? NameOf(ServerAddress address) =>
        address.IsUnix ? SocketName.OfUnix(address.Text)
        : Find(address.Host!) is { } host ? SocketName.OfInternet(host, address.Port)
        : null;

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

    private static EmperorIdentity Identity(EmperorSettings settings, long started) =>
        new(Program.Version, Self.Pid, Self.Uid, Self.Gid, Environment.CurrentDirectory, settings.Monitors, started)
        {
            IsTyrant = settings.Tyrant is not null,
        };
}
