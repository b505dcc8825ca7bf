using System.Collections.Concurrent;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>
/// Overview: finds out that nobody uses a vassal, without a request being lost. Whether there are connections is asked of the kernel on the
/// <see cref="ProbeThread"/>, at most once a second for all vassals together, and only while one of them has an idle time and a process; that a new one
/// came is told by a watch on its listening sockets, which the emperor holds, and by the traces that it leaves.
///
/// <para>A vassal that has been idle long enough is frozen: its processes are stopped (SIGSTOP), and once they all stand still, it is looked at again. If a connection
/// has been accepted, or waits to be, they go on at once; the whole took some milliseconds. If not, nobody can have accepted one, and what comes
/// from now on waits in the socket. So the machine can tell it to stop, or let it go on, in the same turn; whoever is not told within a second goes on by himself.</para>
///
/// <para>On the main thread.</para>
/// </summary>
internal sealed class IdleWatch(
    ProbeWorld world,
    Lazy<ProbeThread> thread,
    Action wake,
    Action<string, VassalEvent> tell,
    Func<string, bool> isChecked,
    long shortestInterval
) : IDisposable
{
    private const long LongestInterval = 5_000;
    private const int LooksInIdleTime = 10;
    private const long LongestFreeze = 1_000;

    // Some threads cannot be stopped at once (they wait for a disk): then it is tried again later.
    private const int MostLooksFrozen = 50;

    private readonly Dictionary<string, Watched> _watched = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Watched> _bySocket = [];
    private readonly ConcurrentQueue<Action<long>> _seen = new();
    private readonly TrafficLook _traffic = new();
    private long _nextLook;
    private bool _isLooking;
    private long _lastId;

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            if (_watched.Count == 0)
                return null;
            var next = _isLooking ? long.MaxValue : _nextLook;
            foreach (var watched in _watched.Values)
                next = Math.Min(next, watched.FrozenUntil ?? long.MaxValue);
            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>Begins to watch a vassal, or goes on with another plan.</summary>
    public void Begin(string vassal, ProgramPlan plan, long now)
    {
        if (plan.Idle is not { } idle)
        {
            End(vassal);
            return;
        }
        if (!_watched.TryGetValue(vassal, out var watched))
        {
            watched = new Watched(vassal) { UsedAt = now };
            _watched.Add(vassal, watched);
            if (_watched.Count == 1 && !_isLooking)
                _nextLook = now + shortestInterval;
        }
        watched.Idle = idle;
    }

    /// <summary>When a vassal was last used, monotonic milliseconds; null when it is not watched.</summary>
    public long? UsedAt(string vassal) => _watched.GetValueOrDefault(vassal)?.UsedAt;

    /// <summary>Lets all go on that are frozen.</summary>
    public void ThawAll(long now)
    {
        foreach (var watched in _watched.Values)
            Thaw(watched, now);
    }

    /// <summary>Lets it go on.</summary>
    public void Thaw(string vassal, long now)
    {
        if (_watched.TryGetValue(vassal, out var watched))
            Thaw(watched, now);
    }

    /// <summary>Watches a vassal no more; what is frozen of it goes on.</summary>
    public void End(string vassal)
    {
        if (!_watched.Remove(vassal, out var watched))
            return;
        Release(watched);
        foreach (var (id, fd, path) in watched.Sockets)
            Drop(id, fd, path);
    }

    /// <summary>Takes in what was seen, and looks again when it is time.</summary>
    public void Turn(long now)
    {
        while (thread.IsValueCreated && thread.Value.TryTakeKnock(out var id))
        {
            // A check of the emperor's own is no use.
            if (_bySocket.TryGetValue(id, out var knocked) && !knocked.WasChecked && !isChecked(knocked.Vassal))
                knocked.UsedAt = now;
        }
        while (_seen.TryDequeue(out var seen))
            seen(now);
        foreach (var watched in _watched.Values)
        {
            watched.WasChecked |= isChecked(watched.Vassal);
            if (watched.FrozenUntil <= now)
                Thaw(watched, now);
        }
        if (_watched.Count > 0 && !_isLooking && now >= _nextLook)
            Look(now);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var vassal in _watched.Keys.ToArray())
            End(vassal);
    }

    private void Look(long now)
    {
        try
        {
            foreach (var watched in _watched.Values)
                TakeSockets(watched);
            var sockets = _watched.Values.SelectMany(w => w.Facts).ToArray();
            Ask((diag, _) => _traffic.Look(diag, sockets), Saw);
            _isLooking = true;
        }
        catch (LinuxException)
        {
            // No descriptor is left for the thread that looks: nobody is idle, and it is tried again.
            _nextLook = now + LongestInterval;
        }
    }

    private void Saw(Dictionary<long, Traffic>? traffic, long now)
    {
        _isLooking = false;
        if (_watched.Count == 0)
            return;
        _nextLook = now + Math.Clamp(_watched.Values.Min(w => w.Idle) / LooksInIdleTime, shortestInterval, LongestInterval);
        // Where the kernel does not tell, nobody is idle.
        if (traffic is null)
            return;
        foreach (var watched in _watched.Values)
        {
            var isOpen = watched.Facts.Any(f => !traffic.TryGetValue(f.Id, out var seen) || seen.Open > 0);
            var hasTraces = !watched.WasChecked && watched.Facts.Any(f => traffic.TryGetValue(f.Id, out var seen) && seen.HasTraces);
            if (watched.FrozenUntil is null && (isOpen || hasTraces) && !isChecked(watched.Vassal))
                watched.UsedAt = now;
            watched.WasChecked = false;
            Rearm(watched);
            if (
                watched.FrozenUntil is null
                && now - watched.UsedAt >= watched.Idle
                && !isChecked(watched.Vassal)
                && watched.Sockets.Count > 0
            )
                BeginFreeze(watched);
        }
    }

    // First who there is to be frozen.
    private void BeginFreeze(Watched watched)
    {
        if (watched.IsAsked)
            return;
        watched.IsAsked = true;
        int[] mains = [.. world.All(watched.Vassal).Select(t => t.Pid)];
        Ask((_, view) => KinOf(view, mains), (kin, now) => Freeze(watched, mains, kin, now));
    }

    private static List<int> KinOf(ProcessView view, int[] mains)
    {
        view.Look(Environment.TickCount64);
        return [.. mains.SelectMany(view.Of).Distinct()];
    }

    private void Freeze(Watched watched, int[] mains, List<int> kin, long now)
    {
        watched.IsAsked = false;
        var isMeant =
            IsCurrent(watched)
            && now - watched.UsedAt >= watched.Idle
            && !isChecked(watched.Vassal)
            && mains.ToHashSet().SetEquals(world.All(watched.Vassal).Select(t => t.Pid))
            && !HasPending(watched);
        if (!isMeant)
            return;
        watched.FrozenUntil = now + LongestFreeze;
        watched.LooksFrozen = 0;
        Stop(watched, mains, kin);
        LookFrozen(watched, mains);
    }

    private static void Stop(Watched watched, int[] mains, IEnumerable<int> pids)
    {
        foreach (var pid in pids)
        {
            if (watched.Frozen.Any(f => f.Pid == pid) || PidRef.Open(pid, out _) is not { } process)
                continue;
            // Its number may have become another's since it was seen: then it is not of these any more.
            if (!mains.Contains(pid) && !mains.Any(m => Kin.Judge(pid, new ProbeTarget(0, m, -1, "", null), _ => null) == Kinship.Own))
            {
                process.Dispose();
                continue;
            }
            watched.Frozen.Add(process);
            if (mains.Contains(pid))
                _ = process.SignalGroup(Signals.Stop);
            _ = process.Signal(Signals.Stop);
        }
    }

    private void LookFrozen(Watched watched, int[] mains)
    {
        watched.IsAsked = true;
        WatchedSocket[] sockets = [.. watched.Facts];
        Ask(
            (diag, view) =>
            {
                var kin = KinOf(view, mains);
                // The connections last: whoever stands still accepts none.
                var stands = kin.TrueForAll(ProcessSockets.IsStopped);
                var open = stands ? TrafficLook.Open(diag, sockets) : null;
                return (Kin: kin, Stands: stands, Open: open);
            },
            (seen, now) => SawFrozen(watched, mains, seen.Kin, seen.Stands, seen.Open, now)
        );
    }

    private void SawFrozen(Watched watched, int[] mains, List<int> kin, bool stands, int? open, long now)
    {
        watched.IsAsked = false;
        if (!IsCurrent(watched) || watched.FrozenUntil is null)
            return;
        var isWhole = stands && kin.TrueForAll(p => watched.Frozen.Any(f => f.Pid == p));
        var hasPending = HasPending(watched);
        if (!isWhole && !hasPending && ++watched.LooksFrozen < MostLooksFrozen)
        {
            Stop(watched, mains, kin);
            LookFrozen(watched, mains);
        }
        else if (!isWhole || hasPending || open != 0)
        {
            Thaw(watched, now);
        }
        else
        {
            tell(watched.Vassal, new VassalEvent.FellIdle());
        }
    }

    private void Thaw(Watched watched, long now)
    {
        if (watched.FrozenUntil is null)
            return;
        // As one, while the numbers are theirs.
        var living = world.All(watched.Vassal).Select(t => t.Pid).ToHashSet();
        foreach (var process in watched.Frozen.Where(f => living.Contains(f.Pid)))
            _ = process.SignalGroup(Signals.Continue);
        Release(watched);
        watched.UsedAt = now;
    }

    private static void Release(Watched watched)
    {
        watched.FrozenUntil = null;
        foreach (var process in watched.Frozen)
        {
            _ = process.Signal(Signals.Continue);
            process.Dispose();
        }
        watched.Frozen.Clear();
    }

    private bool IsCurrent(Watched watched) => _watched.GetValueOrDefault(watched.Vassal) == watched;

    private static bool HasPending(Watched watched) => watched.Sockets.Any(s => !s.Fd.IsClosed && ListeningSocket.HasConnection(s.Fd));

    private void TakeSockets(Watched watched)
    {
        var held = world.Sockets(watched.Vassal);
        for (var i = watched.Sockets.Count - 1; i >= 0; i--)
        {
            var (id, fd, path) = watched.Sockets[i];
            if (held.Any(h => h.Fd == fd))
                continue;
            watched.Sockets.RemoveAt(i);
            watched.Facts.RemoveAll(f => f.Id == id);
            Drop(id, fd, path);
        }
        foreach (var (address, fd) in held)
        {
            if (watched.Sockets.Any(s => s.Fd == fd) || ListenerFacts.Of(fd) is not { } facts)
                continue;
            var id = ++_lastId;
            var path = address.StartsWith('/') ? address : null;
            watched.Sockets.Add((id, fd, path));
            watched.Facts.Add(new WatchedSocket(id, facts, path));
            _bySocket.Add(id, watched);
            try
            {
                thread.Value.Watch(fd, id);
            }
            catch (LinuxException)
            {
                // No room in epoll: the looks and the traces must do.
            }
        }
    }

    private void Drop(long id, SafeFd fd, string? path)
    {
        _bySocket.Remove(id);
        if (!fd.IsClosed && thread.IsValueCreated)
            thread.Value.Unwatch(fd);
        if (path is not null)
            Ask((_, _) => _traffic.Forget(path));
    }

    private void Rearm(Watched watched)
    {
        foreach (var (id, fd, _) in watched.Sockets)
        {
            if (fd.IsClosed)
                continue;
            try
            {
                thread.Value.WatchAgain(fd, id);
            }
            catch (LinuxException)
            {
                // It was not watched.
            }
        }
    }

    private void Ask<T>(Func<SocketDiag?, ProcessView, T> question, Action<T, long> answer) =>
        thread.Value.Ask(
            (diag, view) =>
            {
                var found = question(diag, view);
                _seen.Enqueue(now => answer(found, now));
                wake();
            }
        );

    private void Ask(Action<SocketDiag?, ProcessView> question) => thread.Value.Ask(question);

    private sealed class Watched(string vassal)
    {
        internal string Vassal { get; } = vassal;
        internal long Idle { get; set; }
        internal long UsedAt { get; set; }
        internal List<(long Id, SafeFd Fd, string? Path)> Sockets { get; } = [];
        internal List<WatchedSocket> Facts { get; } = [];
        internal List<PidRef> Frozen { get; } = [];
        internal long? FrozenUntil { get; set; }
        internal int LooksFrozen { get; set; }
        internal bool IsAsked { get; set; }
        internal bool WasChecked { get; set; }
    }
}
