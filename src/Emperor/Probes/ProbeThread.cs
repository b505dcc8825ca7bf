using System.Collections.Concurrent;
using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>
/// Overview: the one thread on which connections are made to see who accepts them, and on which /proc is looked at; however many vassals wait, it
/// is one. It never blocks: its connections are listened to by a loop of its own, and looked at now and then. At most so many are open at once;
/// what comes beyond waits its turn, and a connection that has waited in vain for some time makes room when another one wants it. It lives on
/// orders and gives answers; both are posted, and whoever asked is woken.
/// </summary>
internal sealed class ProbeThread : IDisposable
{
    /// <summary>How many connections may be open at once.</summary>
    public const int MostConnections = 512;

    // Long enough that a slow start does not fill its socket's queue with connections that were given up.
    private const long LongestTurn = 3_000;
    private const long Idleness = 60_000;

    // In a token: the number is not an order's, but that of a listening socket.
    private const ulong Knock = 1UL << 62;

    private readonly ConcurrentQueue<(long Id, ProbeOrder? Order)> _orders = new();
    private readonly ConcurrentQueue<Action<SocketDiag?, ProcessView>> _questions = new();
    private readonly ConcurrentQueue<ProbeAnswer> _answers = new();
    private readonly Dictionary<long, SocketProbe> _probes = [];
    private readonly LinkedList<SocketProbe> _open = new();
    private readonly Queue<SocketProbe> _turn = new();
    private readonly HashSet<SocketProbe> _waiting = [];
    private readonly ConcurrentQueue<long> _knocks = new();
    private readonly PriorityQueue<SocketProbe, long> _due = new();
    private readonly SocketDiag? _diag;
    private readonly ProcessView _view;
    private readonly EventLoop _loop;
    private readonly List<Readiness> _ready = [];
    private readonly Action _answered;
    private readonly int _most;
    private readonly Thread _thread;
    private volatile bool _isEnding;
    private int _openNow;

    /// <summary>Starts it.</summary>
    /// <param name="answered">Called on this thread when there is an answer.</param>
    /// <param name="most">How many connections may be open at once.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public ProbeThread(Action answered, int most = MostConnections)
    {
        _answered = answered;
        _most = most;
        _loop = new EventLoop();
        _view = new ProcessView();
        _diag = SocketDiag.Open();
        _thread = new Thread(Work) { IsBackground = true, Name = "probes" };
        _thread.Start();
    }

    /// <summary>How many connections are open now; for any thread.</summary>
    public int OpenNow => Volatile.Read(ref _openNow);

    /// <summary>Gives an order.</summary>
    public void Give(ProbeOrder order)
    {
        _orders.Enqueue((order.Id, order));
        _loop.Wake();
    }

    /// <summary>Withdraws an order; an answer may be on its way.</summary>
    public void Withdraw(long id)
    {
        _orders.Enqueue((id, null));
        _loop.Wake();
    }

    /// <summary>Has something found out on this thread, between two looks; whoever asks posts the answer.</summary>
    public void Ask(Action<SocketDiag?, ProcessView> question)
    {
        _questions.Enqueue(question);
        _loop.Wake();
    }

    /// <summary>Watches a listening socket for one connection; <see cref="TryTakeKnock"/> tells its number then.</summary>
    /// <exception cref="LinuxException">There is no room in epoll.</exception>
    public void Watch(SafeFd listener, long id) => _loop.AddOnce(listener.Number, (ulong)id | Knock);

    /// <summary>Watches it for one more.</summary>
    public void WatchAgain(SafeFd listener, long id) => _loop.Rearm(listener.Number, (ulong)id | Knock);

    /// <summary>Watches it no more.</summary>
    public void Unwatch(SafeFd listener) => _loop.Remove(listener.Number);

    /// <summary>The next listening socket at which there was a connection.</summary>
    public bool TryTakeKnock(out long id) => _knocks.TryDequeue(out id);

    /// <summary>Takes the next answer.</summary>
    public bool TryTake(out ProbeAnswer answer) => _answers.TryDequeue(out answer);

    /// <inheritdoc/>
    public void Dispose()
    {
        _isEnding = true;
        _loop.Wake();
        _thread.Join();
        _diag?.Dispose();
        _view.Dispose();
        _loop.Dispose();
    }

    private void Work()
    {
        var tools = new ProbeTools(_diag, _view, Answer, _loop);
        while (!_isEnding)
        {
            _loop.Wait(_ready, Timeout());
            TakeOrders(tools);
            while (_questions.TryDequeue(out var question))
                question(_diag, _view);
            foreach (var ready in _ready)
            {
                if ((ready.Token & Knock) != 0)
                {
                    _knocks.Enqueue((long)(ready.Token & ~Knock));
                    _answered();
                }
                else if (_probes.TryGetValue((long)ready.Token, out var probe) && probe.IsConnected)
                    Step(probe);
            }
            StepDue();
            MakeRoom();
            Volatile.Write(ref _openNow, _open.Count);
        }
        foreach (var probe in _probes.Values)
            probe.Dispose();
    }

    private void Answer(ProbeAnswer answer)
    {
        _answers.Enqueue(answer);
        _answered();
    }

    private void TakeOrders(ProbeTools tools)
    {
        while (_orders.TryDequeue(out var entry))
        {
            if (entry.Order is { } order)
            {
                var probe = new SocketProbe(order, tools);
                if (_probes.TryAdd(order.Id, probe))
                    Schedule(probe);
            }
            else if (_probes.TryGetValue(entry.Id, out var probe))
            {
                Remove(probe);
            }
        }
    }

    private void StepDue()
    {
        var now = Environment.TickCount64;
        while (_due.TryPeek(out var probe, out var due) && due <= now)
        {
            _ = _due.Dequeue();
            // Its time may have changed since it was put there.
            var isMeant = _probes.GetValueOrDefault(probe.Order.Id) == probe && DueOf(probe) <= now;
            if (isMeant && (!_waiting.Contains(probe) || now >= probe.Order.Deadline))
                Step(probe);
        }
    }

    private void Step(SocketProbe probe)
    {
        var wasConnected = probe.IsConnected;
        var isLate = Environment.TickCount64 >= probe.Order.Deadline;
        if (!wasConnected && !isLate && _open.Count >= _most)
        {
            Line(probe);
            return;
        }
        try
        {
            probe.Step(Environment.TickCount64);
        }
        catch (LinuxException)
        {
            // No descriptor or no room in epoll is left: later.
            probe.Yield(Environment.TickCount64 + 1000);
        }
        Note(probe, wasConnected);
    }

    private void Note(SocketProbe probe, bool wasConnected)
    {
        if (probe.IsConnected && !wasConnected)
            _open.AddLast(probe);
        else if (!probe.IsConnected && wasConnected)
            _open.Remove(probe);
        if (probe.IsOver)
            Remove(probe);
        else
            Schedule(probe);
    }

    private void Line(SocketProbe probe)
    {
        if (_waiting.Add(probe))
            _turn.Enqueue(probe);
        if (probe.Order.Deadline is { } deadline)
            _due.Enqueue(probe, deadline);
    }

    // Those that wait for their turn get the places of those that have waited in vain the longest.
    private void MakeRoom()
    {
        var now = Environment.TickCount64;
        for (var node = _open.First; node is not null && _open.Count + _waiting.Count > _most && _waiting.Count > 0; )
        {
            var probe = node.Value;
            node = node.Next;
            if (probe.PendingSince is not { } since || now - since < LongestTurn)
                continue;
            probe.Yield(now);
            _open.Remove(probe);
            Line(probe);
            StepNext();
        }
        while (_waiting.Count > 0 && _open.Count < _most)
            StepNext();
    }

    private void StepNext()
    {
        // Those that have been withdrawn meanwhile are passed over.
        while (_turn.TryDequeue(out var next))
        {
            if (!_waiting.Remove(next))
                continue;
            Step(next);
            return;
        }
    }

    private void Schedule(SocketProbe probe) => _due.Enqueue(probe, DueOf(probe));

    private static long DueOf(SocketProbe probe) => Math.Min(probe.Due, probe.Order.Deadline ?? long.MaxValue);

    private void Remove(SocketProbe probe)
    {
        probe.Dispose();
        _ = _probes.Remove(probe.Order.Id);
        _ = _open.Remove(probe);
        _ = _waiting.Remove(probe);
    }

    private int Timeout()
    {
        var next = _due.TryPeek(out _, out var due) ? due : long.MaxValue;
        var now = Environment.TickCount64;
        if (_waiting.Count > 0)
            next = Math.Min(next, now + (LongestTurn / 10));
        return (int)Math.Clamp(next - now, 0, Idleness);
    }
}
