using System.Globalization;
using Emperor.Linux;

namespace Emperor.Processes;

/// <summary>
/// Overview: the processes that came of vassals and are not vassals: workers, attached daemons, grandchildren. The emperor is their
/// reaper: when the parent of one ends, it becomes the emperor's child, wherever it has hidden itself. Whose it is tells the mark in its
/// environment, or else its session. One whose vassal's process has ended is killed; one whose vassal lives (a daemon that detached
/// itself) is left alone, and reaped when it ends. The kernel does not tell when a process becomes ours, so one looks when a vassal
/// has ended, when one of these has ended, soon after a vassal has begun to accept requests, and now and then.
///
/// <para>The sessions of those that are known are on the <see cref="Guard"/>'s list: of one that has wiped its environment, nothing else would
/// tell whose it was when the emperor is killed.</para>
/// </summary>
internal sealed class Kindred(string mark, EventLoop loop, Guard guard, Func<long, ulong> token)
{
    /// <summary>The variable that marks a process as one of an emperor's, and names which vassal's process it came of.</summary>
    public const string MarkVariable = "EMPEROR_INCARNATION";

    // Sessions of vassals, and of what came of them, that have ended; so many of the last. A session's number is not another's as long as
    // one of its processes lives, and what is left in one is looked at right after its end.
    private const int EndedSessions = 1024;

    private readonly Dictionary<int, Orphan> _orphans = [];
    private readonly HashSet<int> _endedSessions = [];
    private readonly Queue<int> _endedInOrder = new();
    private readonly List<int> _children = [];

    /// <summary>How many are known that have not been reaped.</summary>
    public int Count => _orphans.Count;

    /// <summary>The mark of what comes of the process with this serial number, as NAME=VALUE.</summary>
    public string MarkOf(long serial) => string.Create(CultureInfo.InvariantCulture, $"{MarkVariable}={mark}.{serial}");

    /// <summary>Looks for new ones, and kills those whose vassal's process is not among the living.</summary>
    /// <param name="living">The vassals' processes that have not been reaped.</param>
    /// <param name="helper">A helper of the emperor's own, left alone; 0 for none.</param>
    /// <param name="killAll">True at the end: none is left alone.</param>
    /// <returns>How many were killed.</returns>
    public int Sweep(ProcessTable living, int helper, bool killAll)
    {
        ProcFs.Children(_children);
        foreach (var pid in _children)
        {
            if (pid != helper && living.ByPid(pid) is null && !_orphans.ContainsKey(pid))
                Adopt(pid, living);
        }
        var killed = 0;
        foreach (var orphan in _orphans.Values)
        {
            if (orphan.IsKilled || !(killAll || (orphan.Owner is { } owner && living.BySerial(owner) is null)))
                continue;
            orphan.IsKilled = orphan.Process.Signal(Signals.Kill).Number == 0;
            killed++;
        }
        return killed;
    }

    /// <summary>Kills those that came of one process; for a kill of the whole tree while the process itself may live on for a moment.</summary>
    public void KillOf(long serial)
    {
        foreach (var orphan in _orphans.Values)
        {
            if (orphan.Owner == serial)
                orphan.IsKilled = orphan.Process.Signal(Signals.Kill).Number == 0;
        }
    }

    /// <summary>A vassal's process, which led a session, has ended: what is left in that session is its.</summary>
    public void NoteEnd(int session)
    {
        if (!_endedSessions.Add(session))
            return;
        _endedInOrder.Enqueue(session);
        if (_endedInOrder.Count > EndedSessions)
            _endedSessions.Remove(_endedInOrder.Dequeue());
    }

    /// <summary>One of them has ended.</summary>
    public void Reap(int pid)
    {
        if (!_orphans.Remove(pid, out var orphan))
            return;
        loop.Remove(orphan.Process.Fd);
        if (orphan.GuardSlot is { } slot)
            guard.Delist(slot);
        if (orphan is { IsKilled: true, Session: > 1 })
            NoteEnd(orphan.Session);
        _ = orphan.Process.Reap(out _);
        orphan.Process.Dispose();
    }

    private void Adopt(int pid, ProcessTable living)
    {
        // Between the look at the list and this the number cannot have become another's: nobody but us reaps our children.
        if (PidRef.Open(pid, out _) is not { } process)
            return;
        var orphan = new Orphan(process, OwnerOf(pid, living));
        if (ProcFs.Stat(pid) is { Session: > 1 } stat && living.ByPid(stat.Session) is null)
        {
            orphan.Session = stat.Session;
            orphan.GuardSlot = guard.Enlist(stat.Session);
        }
        _orphans.Add(pid, orphan);
        loop.Add(process.Fd, token(pid));
    }

    // Null: nobody's, as far as one can see. It is left alone until the end of the emperor.
    private long? OwnerOf(int pid, ProcessTable living)
    {
        if (ProcFs.EnvironmentVariable(pid, MarkVariable) is { } value && value.StartsWith(mark + ".", StringComparison.Ordinal))
        {
            if (long.TryParse(value.AsSpan(mark.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var serial))
                return serial;
        }
        if (ProcFs.Stat(pid) is not { } stat)
            return null;
        if (living.ByPid(stat.Session) is { } leader)
            return leader.Serial;
        // One in a session of its own that has wiped its environment (a daemon) may be any vassal's, also a living one's.
        return _endedSessions.Contains(stat.Session) ? -1 : null;
    }

    private sealed class Orphan(PidRef process, long? owner)
    {
        internal PidRef Process { get; } = process;
        internal long? Owner { get; } = owner;
        internal bool IsKilled { get; set; }
        internal int? GuardSlot { get; set; }
        internal int Session { get; set; }
    }
}
