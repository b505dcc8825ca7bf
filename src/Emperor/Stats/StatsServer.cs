using Emperor.Core.Stats;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;

namespace Emperor.Stats;

/// <summary>
/// Overview: serves the stats document, metrics and health on a thread of its own. The main loop is asked for a snapshot when somebody
/// waits for one, once for all who wait, and has no other part in it: clients that never read, read slowly or come by the thousand are
/// this thread's affair. Nothing here blocks but the wait for events. At most <see cref="MostClients"/> are served at a time, each for
/// <see cref="ClientTime"/> at most; when more come, the oldest gives way, but not before it has had half a second, which is a hundred
/// times what a client needs that reads.
/// </summary>
internal sealed partial class StatsServer : IDisposable
{
    private const int MostClients = 256;
    private const int AcceptsATurn = 32;
    private const long ClientTime = 5_000;
    private const long LeastTime = 500;
    private const long AnswerTime = 3_000;
    private const long LeavingTime = 1_000;
    private const long ErrorPause = 100;

    // Figures that nobody has asked for lately are waited for a moment, so that one who asks once a minute gets them too.
    private const long FiguresAge = 10_000;
    private const long FiguresTime = 250;

    // Buffers are given back when nobody has asked for so long.
    private const long IdleTime = 10_000;

    private readonly EventLoop _loop = new();
    private readonly IReadOnlyList<Door> _doors;
    private readonly Heirlooms _heirlooms;
    private readonly SnapshotDesk _desk;
    private readonly EmperorLog _log;
    private readonly StatsDocument _stats;
    private readonly MetricsDocument _metrics;
    private readonly ProcessSampler _sampler;
    private readonly Thread _thread;
    private readonly Dictionary<long, StatsClient> _clients = [];
    private readonly DocumentShelf[] _shelves = [.. Enum.GetValues<Wish>().Select(_ => new DocumentShelf())];
    private readonly Document?[] _written = new Document?[Enum.GetValues<Wish>().Length];
    private readonly List<Readiness> _ready = [];
    private readonly List<StatsClient> _due = [];
    private readonly byte[] _discarded = new byte[4096];
    private List<StatsClient> _waiting = [];
    private List<StatsClient> _asked = [];
    private EmpireSnapshot? _answer;
    private EmpireSnapshot? _snapshot;
    private long _figuresDue;
    private bool _isAsked;
    private long? _acceptsAgainAt;
    private bool _isFull;
    private long? _forgetsAt;
    private long _nextId;
    private volatile bool _isStopping;

    /// <summary>Makes one and starts serving.</summary>
    /// <param name="doors">Where, and what; they are closed at the end.</param>
    /// <param name="heirlooms">Where they are kept.</param>
    /// <param name="desk">Where snapshots are asked for.</param>
    /// <param name="identity">Whose stats.</param>
    /// <param name="minified">--stats-minified.</param>
    /// <param name="log">Where faults are told.</param>
    public StatsServer(
        IReadOnlyList<Door> doors,
        Heirlooms heirlooms,
        SnapshotDesk desk,
        EmperorIdentity identity,
        bool minified,
        EmperorLog log
    )
    {
        _log = log;
        _doors = doors;
        _heirlooms = heirlooms;
        _desk = desk;
        _stats = new StatsDocument(identity, minified);
        _metrics = new MetricsDocument(identity);
        _sampler = new ProcessSampler(_loop.Wake, log);
        _nextId = doors.Count;
        for (var i = 0; i < doors.Count; i++)
            _loop.Add(doors[i].Listener.Fd, (ulong)i);
        _thread = new Thread(Run) { IsBackground = true, Name = "emperor-stats" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isStopping = true;
        _lull.End();
        _loop.Wake();
        _thread.Join();
        _sampler.Dispose();
        foreach (var door in _doors)
            door.Close(_heirlooms);
        _loop.Dispose();
    }

    private void Run()
    {
        try
        {
            Serve();
        }
        catch (Exception e)
        {
            // A fault of ours, and stats are worth less than vassals: these run on without.
            _log.Error("stats-fault", $"stats are not served any more, by a fault of the emperor's own, please report it: {e}");
        }
        foreach (var client in _clients.Values)
            client.Close();
        _clients.Clear();
        _lull.Die();
    }

    private void Serve()
    {
        while (!_isStopping)
        {
            _loop.Wait(_ready, Timeout(Environment.TickCount64));
            var now = Environment.TickCount64;
            foreach (var ready in _ready)
                Handle(ready, now);
            TakeAnswer(now);
            DropLate(now);
            AcceptAgain(now);
            Ask();
            FallQuiet(now);
        }
    }

    private void Handle(Readiness ready, long now)
    {
        if (ready.Token < (ulong)_doors.Count)
        {
            Accept(_doors[(int)ready.Token], now);
            return;
        }
        if (!_clients.TryGetValue((long)ready.Token, out var client))
            return;
        switch (client.Stage)
        {
            case Stage.Asking:
                ReadRequest(client);
                break;
            case Stage.Taking when ready.Writable:
                WriteOn(client, now);
                break;
            case Stage.Leaving:
                if (!client.Drain(_discarded))
                    Close(client);
                break;
            default:
                // Only its end is listened to.
                Close(client);
                break;
        }
    }

    private void Accept(Door door, long now)
    {
        for (var i = 0; i < AcceptsATurn; i++)
        {
            if (_clients.Count >= MostClients && !MakeRoom(now))
                return;
            if (door.Listener.Accept(out var error) is not { } connection)
            {
                // No descriptor is left, perhaps: to be told of the same client again at once would be a loop without a pause.
                if (error != Errno.Again)
                    StopAccepting(now + ErrorPause, isFull: false);
                return;
            }
            var client = new StatsClient(_nextId++, connection, door.Service, now) { Deadline = now + ClientTime };
            _clients.Add(client.Id, client);
            _forgetsAt = now + IdleTime;
            if (door.Service == Service.Stats)
                Enqueue(client, Wish.Stats);
            else
                Listen(client, read: true, write: false);
        }
    }

    private bool MakeRoom(long now)
    {
        var oldest = _clients.Values.MinBy(c => c.Stage == Stage.Leaving ? -1 : c.Id)!;
        if (oldest.Stage == Stage.Leaving || now - oldest.Since >= LeastTime)
        {
            Close(oldest);
            return true;
        }
        StopAccepting(oldest.Since + LeastTime, isFull: true);
        return false;
    }

    private void StopAccepting(long until, bool isFull)
    {
        if (_acceptsAgainAt is null)
            Mute(muted: true);
        (_acceptsAgainAt, _isFull) = (until, isFull);
    }

    private void AcceptAgain(long now)
    {
        var hasRoom = _isFull && _clients.Count < MostClients;
        if (_acceptsAgainAt is not { } at || (at > now && !hasRoom))
            return;
        _acceptsAgainAt = null;
        Mute(muted: _lullDue is not null);
    }

    private void Mute(bool muted)
    {
        for (var i = 0; i < _doors.Count; i++)
            _loop.Mute(_doors[i].Listener.Fd, (ulong)i, muted);
    }

    private void ReadRequest(StatsClient client)
    {
        if (!client.ReadRequest())
        {
            Close(client);
            return;
        }
        if (client.Request.IsEmpty)
            return;
        // As uWSGI: whatever comes is a request for the document.
        if (client.Service == Service.StatsOverHttp)
            Enqueue(client, Wish.Stats);
        else
            Route(client);
    }

    private void Enqueue(StatsClient client, Wish wish)
    {
        client.Wish = wish;
        client.Stage = Stage.Waiting;
        if (client.IsListenedTo)
            Listen(client, read: false, write: false);
        _waiting.Add(client);
    }

    private void Ask()
    {
        if (_isAsked || _asked.Count > 0 || _waiting.Count == 0)
            return;
        (_asked, _waiting) = (_waiting, _asked);
        _isAsked = true;
        _desk.Ask(snapshot =>
        {
            Volatile.Write(ref _answer, snapshot);
            _loop.Wake();
        });
    }

    private void TakeAnswer(long now)
    {
        if (Interlocked.Exchange(ref _answer, null) is { } answer)
        {
            _isAsked = false;
            _snapshot = answer;
            var isOld = now - _sampler.SampledAt > FiguresAge;
            _figuresDue = isOld ? now + FiguresTime : now;
            if (_asked.Exists(c => c.Wish is not (Wish.Health or Wish.Readiness)))
                _sampler.Want(answer);
        }
        if (_snapshot is null || _asked.Count == 0)
            return;
        var hasFigures = now >= _figuresDue || now - _sampler.SampledAt <= FiguresAge;
        foreach (var client in _asked)
        {
            if (client.Stage == Stage.Waiting && (hasFigures || client.Wish is Wish.Health or Wish.Readiness))
                Answer(client, _snapshot, now);
        }
        _asked.RemoveAll(c => c.Stage != Stage.Waiting);
        Array.Clear(_written);
        if (_asked.Count == 0)
            _snapshot = null;
    }

    private void WriteOn(StatsClient client, long now)
    {
        if (!client.WriteOn())
        {
            Close(client);
            return;
        }
        if (client.Stage == Stage.Leaving)
            client.Deadline = Math.Min(client.Deadline, now + LeavingTime);
        Listen(client, read: client.Stage == Stage.Leaving, write: client.Stage == Stage.Taking);
    }

    private void Listen(StatsClient client, bool read, bool write)
    {
        try
        {
            if (!client.IsListenedTo)
                _loop.Add(client.Connection.Fd, (ulong)client.Id);
            if (client.IsListenedTo || !read || write)
                _loop.Change(client.Connection.Fd, (ulong)client.Id, read, write);
            client.IsListenedTo = true;
        }
        catch (LinuxException)
        {
            // No room in epoll (max_user_watches): this client goes, the others stay.
            Close(client);
        }
    }

    private void DropLate(long now)
    {
        _due.Clear();
        foreach (var client in _clients.Values)
        {
            if (now >= client.Deadline || (client.Stage == Stage.Waiting && now - client.Since >= AnswerTime))
                _due.Add(client);
        }
        foreach (var client in _due)
        {
            if (now < client.Deadline && client.Service == Service.Metrics)
                Reply(client, "503 Service Unavailable", "the main loop has not answered for 3 s\n", now);
            else if (now >= client.Deadline)
                Close(client);
        }
        if (_due.Count > 0)
        {
            _asked.RemoveAll(c => c.Stage != Stage.Waiting);
            _waiting.RemoveAll(c => c.Stage != Stage.Waiting);
        }
        if (_clients.Count > 0 || _forgetsAt is not { } at || at > now)
            return;
        _forgetsAt = null;
        _stats.Forget();
        foreach (var shelf in _shelves)
            shelf.Forget();
    }

    private void Close(StatsClient client)
    {
        _clients.Remove(client.Id);
        client.Close();
    }

    private int Timeout(long now)
    {
        var next = Math.Min(_acceptsAgainAt ?? long.MaxValue, _lullDue ?? long.MaxValue);
        if (_clients.Count == 0)
            next = Math.Min(next, _forgetsAt ?? long.MaxValue);
        if (_snapshot is not null && _asked.Count > 0)
            next = Math.Min(next, _figuresDue);
        foreach (var client in _clients.Values)
        {
            next = Math.Min(next, client.Deadline);
            if (client.Stage == Stage.Waiting && client.Service == Service.Metrics)
                next = Math.Min(next, client.Since + AnswerTime);
        }
        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - now, 0, 60_000);
    }
}
