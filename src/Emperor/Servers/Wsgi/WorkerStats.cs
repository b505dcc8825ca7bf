using System.Net;
using Emperor.Core.Configuration;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Stats;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// Serves a vassal's own stats (stats): who connects is given the document and the connection is closed. On the main thread, which never waits: what a client
/// does not take at once it is given when it can, for <see cref="ClientTime"/> at most.
/// </summary>
internal sealed class WorkerStats : IDisposable
{
    private const int MostClients = 16;
    private const int AcceptsATurn = 8;
    private const long ClientTime = 5_000;

    // Of documents with all threads of all workers; beyond it they are left out, as with stats-no-cores.
    private const int MostCores = 4096;

    // What all clients that come in a moment are given is made once.
    private const long DocumentAge = 50;

    // To the letter what uWSGI answers (uwsgi_send_http_stats in core/utils.c).
    private static readonly byte[] Head =
    [
        .. "HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n"u8,
    ];

    private readonly MasterDuties _duties;
    private readonly MasterDuties.Holder _holder;
    private readonly WsgiDuties _wish;
    private readonly List<(StreamListener Listener, ulong Token, ServantLegacy Left)> _listeners = [];
    private readonly Dictionary<ulong, StatsClient> _clients = [];
    private readonly byte[] _discarded = new byte[4096];
    private Document? _document;
    private long _madeAt;

    private WorkerStats(MasterDuties duties, MasterDuties.Holder holder, WsgiDuties wish) =>
        (_duties, _holder, _wish) = (duties, holder, wish);

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue => _clients.Count == 0 ? null : _clients.Values.Min(c => c.Deadline);

    /// <summary>Begins to listen; what cannot be listened at is told.</summary>
    /// <exception cref="LinuxException">No descriptor, or no room in epoll, is left.</exception>
    public static WorkerStats Open(MasterDuties duties, MasterDuties.Holder holder, WsgiDuties wish)
    {
        var stats = new WorkerStats(duties, holder, wish);
        foreach (var address in wish.Stats)
            stats.Listen(address);
        return stats;
    }

    /// <summary>Goes on with those of a former emperor, and with who waits there to be taken; one that is lost is opened anew.</summary>
    /// <exception cref="LinuxException">No descriptor, or no room in epoll, is left.</exception>
    public static WorkerStats Inherit(MasterDuties duties, MasterDuties.Holder holder, WsgiDuties wish, IReadOnlyList<ServantLegacy> left)
    {
        var stats = new WorkerStats(duties, holder, wish);
        foreach (var servant in left)
        {
            if (duties.World.Heirlooms.Take(servant.Descriptor) is { } fd)
            {
                var file = default(FileStatus) with { Device = servant.Device, Inode = servant.Inode };
                stats.Serve(StreamListener.Inherit(fd, servant.Path, file), servant);
            }
            else if (wish.Stats.FirstOrDefault(a => a.Text == servant.Address) is { } address)
            {
                stats.Listen(address);
            }
        }
        return stats;
    }

    /// <summary>What is left of them to the next emperor.</summary>
    public IReadOnlyList<ServantLegacy> Legacy => [.. _listeners.Select(l => l.Left)];

    /// <summary>Drops clients whose time is up.</summary>
    public void Turn(long now)
    {
        foreach (var (token, client) in _clients.Where(c => c.Value.Deadline <= now).ToArray())
            Close(token, client);
        if (_clients.Count == 0 && now - _madeAt > DocumentAge)
            _document = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (token, client) in _clients.ToArray())
            Close(token, client);
        foreach (var (listener, token, left) in _listeners)
        {
            _duties.Unlisten(listener.Fd, token);
            _duties.World.Heirlooms.Drop(left.Descriptor);
            listener.Dispose();
        }
        _listeners.Clear();
    }

    private static StreamListener? Listen(ServerAddress address, SocketRights rights, out string failure)
    {
        if (address.IsUnix)
        {
            failure = "the path is longer than the 107 bytes that a socket's may have";
            return SocketName.OfUnix(address.Text) is { } path ? StatsSetup.Listen(path, address, rights, out failure) : null;
        }
        var host =
            address.Host is "" ? IPAddress.Any
            : address.Host == "localhost" ? IPAddress.Loopback
            : null;
        // A look-up of a name could take its time, and all vassals would wait.
        if (host is null && !IPAddress.TryParse(address.Host, out host))
        {
            failure = "host names are not looked up; write the address";
            return null;
        }
        return StatsSetup.Listen(SocketName.OfInternet(host, address.Port), address, rights, out failure);
    }

    private void Listen(ServerAddress address)
    {
        var owner = ProgramIdentity.TryFind(_holder.Plan!, out var identity, out _) ? identity : null;
        if (Listen(address, new SocketRights(null, owner?.User?.Uid, owner?.Group), out var failure) is not { } listener)
        {
            _duties.World.Log.Vassal(LogEventLevel.Error, "stats", _holder.Vassal, $"stats = {address.Text}: {failure}");
            return;
        }
        var name = _duties.World.Heirlooms.Keep("stats", listener.Fd);
        Serve(
            listener,
            new ServantLegacy("stats", address.Text, name)
            {
                Path = listener.Path,
                Device = listener.File.Device,
                Inode = listener.File.Inode,
            }
        );
    }

    private void Serve(StreamListener listener, ServantLegacy left) =>
        _listeners.Add((listener, _duties.Listen(listener.Fd, _ => Accept(listener)), left));

    private void Accept(StreamListener listener)
    {
        for (var i = 0; i < AcceptsATurn; i++)
        {
            if (listener.Accept(out _) is not { } connection)
                return;
            var now = Environment.TickCount64;
            if (_clients.Count >= MostClients)
            {
                var (oldest, late) = _clients.MinBy(c => c.Value.Since);
                Close(oldest, late);
            }
            var service = _wish.StatsHttp ? Service.StatsOverHttp : Service.Stats;
            var client = new StatsClient(0, connection, service, now) { Deadline = now + ClientTime };
            try
            {
                ulong token = 0;
                token = _duties.Listen(connection.Fd, ready => Handle(token, client, ready));
                _clients.Add(token, client);
                if (!_wish.StatsHttp)
                    Give(token, client, now);
            }
            catch (LinuxException)
            {
                client.Close();
            }
        }
    }

    private void Handle(ulong token, StatsClient client, Readiness ready)
    {
        var isThere = client.Stage switch
        {
            // As uWSGI: whatever comes is a request for the document.
            Stage.Asking => client.ReadRequest(),
            Stage.Leaving => client.Drain(_discarded),
            _ => ready.Writable,
        };
        if (!isThere)
            Close(token, client);
        else if (client.Stage == Stage.Asking && !client.Request.IsEmpty)
            Give(token, client, Environment.TickCount64);
        else if (client.Stage == Stage.Taking)
            WriteOn(token, client);
    }

    private void Give(ulong token, StatsClient client, long now)
    {
        if (_document is null || now - _madeAt > DocumentAge)
        {
            _document = new Document();
            _madeAt = now;
            Make().Write(_document, _wish.StatsMinified);
        }
        _document.Users++;
        client.Give(_wish.StatsHttp ? Head : [], _document);
        WriteOn(token, client);
    }

    private void WriteOn(ulong token, StatsClient client)
    {
        if (!client.WriteOn())
            Close(token, client);
        else
            _duties.World.Loop.Change(client.Connection.Fd, token, client.Stage == Stage.Leaving, client.Stage == Stage.Taking);
    }

    private void Close(ulong token, StatsClient client)
    {
        _clients.Remove(token);
        _duties.Unlisten(client.Connection.Fd, token);
        client.Close();
    }

    /// <summary>The document as it is now.</summary>
    public WorkerDocument Make() => Make(_duties, _holder, !_wish.StatsNoCores);

    /// <summary>The document of a vassal as it is now.</summary>
    public static WorkerDocument Make(MasterDuties duties, MasterDuties.Holder holder, bool hasCores)
    {
        var world = duties.World;
        var plan = holder.Plan!;
        using var diag = SocketDiag.Open();
        var protocols = plan.Sockets.Zip(plan.Wsgi!.Protocols).ToDictionary(p => p.First.Address, p => p.Second, StringComparer.Ordinal);
        hasCores &= plan.Processes * plan.Wsgi.Threads <= MostCores;
        return new WorkerDocument
        {
            Master = new EmperorIdentity(Program.Version, Self.Pid, Self.Uid, Self.Gid, plan.Folder, [], 0),
            Folder = plan.Folder,
            Now = (Clock.Now.Unix / 1000, WsgiMaster.SlotClock),
            Sockets =
            [
                .. world
                    .Sockets(holder.Vassal)
                    .Select(s =>
                    {
                        var queue = ListenQueue.Of(s.Fd, diag) ?? default;
                        return new SocketFigures(s.Address, protocols.GetValueOrDefault(s.Address, "uwsgi"), queue.Waiting, queue.Limit);
                    }),
            ],
            Daemons = holder.Daemons?.Figures,
            Mountpoints = plan.Wsgi.Mountpoints,
            Workers = Workers(world, holder, hasCores),
        };
    }

    // One line a worker: of two that overlap in a reload, the newer.
    private static List<WorkerFigures> Workers(DutyWorld world, MasterDuties.Holder holder, bool hasCores)
    {
        var bySlot = new SortedDictionary<int, (int Incarnation, WorkerFigures Figures)>();
        foreach (var incarnation in world.Workers.WorkersOf(holder.Vassal))
        {
            if (holder.SlotOf(incarnation) is not { } slot || (bySlot.TryGetValue(slot, out var other) && other.Incarnation > incarnation))
                continue;
            var place = world.Workers.PlaceOf(holder.Vassal, incarnation);
            var figures = place is var (slots, at) ? slots.Read(at, hasCores) : null;
            var (starts, harakiris) = holder.CountsOf(slot);
            bySlot[slot] = (
                incarnation,
                (figures ?? new WorkerFigures()) with
                {
                    Id = slot + 1,
                    Pid = world.Processes.Of(holder.Vassal, incarnation)?.MainPid ?? 0,
                    Starts = starts,
                    Harakiris = harakiris,
                }
            );
        }
        for (var slot = 0; slot < holder.Plan!.Processes; slot++)
        {
            var (starts, harakiris) = holder.CountsOf(slot);
            bySlot.TryAdd(
                slot,
                (
                    0,
                    new WorkerFigures
                    {
                        Id = slot + 1,
                        Starts = starts,
                        Harakiris = harakiris,
                    }
                )
            );
        }
        return [.. bySlot.Values.Select(w => w.Figures)];
    }
}
