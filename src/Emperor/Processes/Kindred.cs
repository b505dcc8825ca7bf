using System.Globalization;
using Emperor.Linux;

namespace Emperor.Processes;

/// <summary>
/// Overview: the processes that came of vassals and are not vassals: workers, attached daemons, grandchildren. The emperor is their
/// reaper: when the parent of one ends, it becomes the emperor's child, wherever it has hidden itself. Whose it is tells its session, when a
/// vassal or another of its kind led that, or else the mark in its environment. One whose vassal's process has ended is killed; one whose
/// vassal lives (a daemon that detached itself) is left alone, and reaped when it ends; one that belongs to nobody, as far as one can see,
/// is left alone until the emperor leaves. What the emperor had for children before it was one, and what shares its session (which no
/// vassal does), is never touched.
///
/// <para>The kernel does not tell when a process becomes ours, so one looks when a vassal has ended or come up, when one of these has ended,
/// when a zombie is found that nobody knows, and now and then.</para>
///
/// <para>What came of an emperor that was killed has become init's, and what comes of those later does, too. So after a crash one looks at all
/// processes of the service's control group besides.</para>
/// </summary>
internal sealed class Kindred : IDisposable
{
    /// <summary>The variable that marks a process as one of an emperor's, and names which vassal's process it came of.</summary>
    public const string MarkVariable = "EMPEROR_INCARNATION";

    // How long the session of an ended vassal is remembered when nothing of it is left: numbers are used again.
    private const long SessionMemory = 60_000;

    private const int MostQuestions = 3;

    private readonly string _mark;
    private readonly EventLoop _loop;
    private readonly Guard _guard;
    private readonly MarkReader _reader;
    private readonly HashSet<int> _strangers = [];
    private readonly int _ownSession = ProcFs.Stat(Self.Pid)?.Session ?? 0;
    private readonly Dictionary<int, Orphan> _orphans = [];
    private readonly Dictionary<int, (long Serial, long Since)> _sessions = [];
    private readonly List<int> _children = [];
    private readonly string? _unit;

    /// <summary>Commands that the emperor runs for itself: they are its own to reap.</summary>
    public HashSet<int> Helpers { get; } = [];

    /// <summary>Makes one, before the emperor has started anything.</summary>
    /// <param name="mark">What the marks of this emperor begin with.</param>
    /// <param name="loop">The loop that listens for their ends, and is woken by answers.</param>
    /// <param name="guard">What must end with the emperor is on its list.</param>
    /// <param name="strangers">The children that the first emperor had before it was one; null when this is the first.</param>
    /// <param name="unit">The folder of the control group in which the children of a killed emperor are; null when none was killed.</param>
    public Kindred(string mark, EventLoop loop, Guard guard, IReadOnlyList<int>? strangers, string? unit)
    {
        _mark = mark;
        _loop = loop;
        _guard = guard;
        _unit = unit;
        _reader = new MarkReader(MarkVariable, loop.Wake);
        if (strangers is not null)
            _strangers.UnionWith(strangers);
        else if (ProcFs.Children(_children))
            _strangers.UnionWith(_children);
    }

    /// <summary>Children that the emperor had before it was one.</summary>
    public IReadOnlyCollection<int> Strangers => _strangers;

    /// <summary>The mark of what comes of the process with this serial number, as NAME=VALUE.</summary>
    public string MarkOf(long serial) => string.Create(CultureInfo.InvariantCulture, $"{MarkVariable}={_mark}.{serial}");

    /// <summary>A vassal's process has ended; what is left in its session belongs to it.</summary>
    public void NoteEnded(LiveProcess process, long now) => _sessions[process.Process.Pid] = (process.Serial, now);

    /// <summary>Looks for new ones, and kills those whose vassal's process is not among the living.</summary>
    /// <param name="living">The vassals' processes that have not been reaped.</param>
    /// <param name="helper">A helper of the emperor's own, left alone; 0 for none.</param>
    /// <param name="killAll">True at the end: only strangers are left alone.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>How many were killed; null when one could not look, and should look again.</returns>
    public int? Sweep(ProcessTable living, int helper, bool killAll, long now)
    {
        TakeAnswers();
        if (!ProcFs.Children(_children))
            return null;
        if (_unit is not null)
            _children.AddRange(CGroup.ProcessesBelow(_unit));
        foreach (var pid in _children)
        {
            if (pid != Self.Pid && pid != helper && !Helpers.Contains(pid) && living.ByPid(pid) is null && !_orphans.ContainsKey(pid))
                Adopt(pid, living, now);
        }
        // A process that is just executing another program has no environment for a moment.
        foreach (var orphan in _orphans.Values.Where(o => o is { Owner: null, IsStranger: false, Asked: < MostQuestions }))
            Ask(orphan);
        var killed = 0;
        foreach (var orphan in _orphans.Values)
        {
            if (orphan.IsStranger || orphan.IsKilled || !(killAll || IsLeftOver(orphan, living)))
                continue;
            orphan.IsKilled = orphan.Process.Signal(Signals.Kill).Number == 0;
            killed++;
        }
        ForgetSessions(now);
        return killed;
    }

    /// <summary>
    /// Kills sessions that came of processes which are not among the living: what an emperor that was killed had begun and could not write down.
    /// </summary>
    /// <param name="sessions">Their numbers, which are not another's as long as one of their processes lives in the service's control group.</param>
    /// <param name="living">The vassals' processes.</param>
    /// <returns>How many processes were killed.</returns>
    public int KillSessions(IReadOnlySet<int> sessions, ProcessTable living)
    {
        if (_unit is null || sessions.Count == 0)
            return 0;
        var found = new List<(PidRef Process, int Session, long? Owner)>();
        foreach (var pid in CGroup.ProcessesBelow(_unit).Where(p => p != Self.Pid))
        {
            if (PidRef.Open(pid, out _) is not { } process)
                continue;
            // After it was opened, so that it is still the one that was looked at.
            if (ProcFs.Stat(pid) is { } stat && sessions.Contains(stat.Session))
                found.Add((process, stat.Session, ParseMark(ProcFs.EnvironmentVariable(pid, MarkVariable))));
            else
                process.Dispose();
        }
        var unheardOf = found.Where(f => f.Owner is { } owner && !living.HasMark(owner)).Select(f => f.Session).ToHashSet();
        var killed = found.Count(f => unheardOf.Contains(f.Session) && f.Process.Signal(Signals.Kill).Number == 0);
        found.ForEach(f => f.Process.Dispose());
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

    /// <summary>Takes in what has been found out about whose they are.</summary>
    /// <returns>Whether there was anything new.</returns>
    public bool TakeAnswers()
    {
        var any = false;
        while (_reader.TryTake(out var process, out var value))
        {
            // Only the very process that was asked about: its number may be another's by now.
            if (!_orphans.TryGetValue(process.Pid, out var orphan) || orphan.Process != process || ParseMark(value) is not { } owner)
                continue;
            orphan.Owner = owner;
            if (orphan.Session == process.Pid)
                _sessions[process.Pid] = (owner, Environment.TickCount64);
            any = true;
        }
        return any;
    }

    /// <summary>Whether a child of this number is known.</summary>
    public bool Knows(int pid) => _orphans.ContainsKey(pid) || Helpers.Contains(pid);

    /// <summary>The serial number of the process that an orphan came of; null when it is not known, or no orphan of ours.</summary>
    public long? OwnerOf(int pid) => _orphans.GetValueOrDefault(pid)?.Owner;

    /// <summary>Whether any is left that the emperor must not leave behind.</summary>
    public bool HasOwn => _orphans.Values.Any(o => !o.IsStranger);

    /// <summary>One of them has ended.</summary>
    public void Reap(int pid)
    {
        if (!_orphans.Remove(pid, out var orphan))
            return;
        _strangers.Remove(pid);
        _loop.Remove(orphan.Process.Fd);
        if (orphan.GuardSlot is { } slot)
            _guard.Delist(slot);
        _ = orphan.Process.Reap(out _);
        orphan.Process.Dispose();
    }

    /// <summary>Somebody else sees to one of them from now on.</summary>
    public void Forget(int pid)
    {
        if (!_orphans.Remove(pid, out var orphan))
            return;
        _loop.Remove(orphan.Process.Fd);
        if (orphan.GuardSlot is { } slot)
            _guard.Delist(slot);
        orphan.Process.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private static bool IsLeftOver(Orphan orphan, ProcessTable living) => orphan.Owner is { } owner && !living.HasMark(owner);

    private void Adopt(int pid, ProcessTable living, long now)
    {
        // Between the look at the list and this the number cannot have become another's: nobody but us reaps our children. One whose
        // session cannot be read now is looked at again by the next sweep.
        if (ProcFs.Stat(pid) is not { } stat || PidRef.Open(pid, out _) is not { } process)
            return;
        try
        {
            _loop.Add(process.Fd, Token.Make(TokenKind.Orphan, pid));
        }
        catch (LinuxException)
        {
            // No room in epoll now; the next sweep finds it again.
            process.Dispose();
            return;
        }
        var isStranger = _strangers.Contains(pid) || stat.Session == _ownSession;
        var orphan = new Orphan(process, stat.Session, isStranger);
        _orphans.Add(pid, orphan);
        if (isStranger)
            return;
        if (living.ByPid(stat.Session) is { } leader)
        {
            orphan.Owner = leader.Serial;
            return;
        }
        // The number of a session is not another's as long as one of its processes lives.
        if (stat.Session > 1)
            orphan.GuardSlot = _guard.Enlist(stat.Session);
        if (_sessions.TryGetValue(stat.Session, out var known))
            orphan.Owner = known.Serial;
        else if (stat.State != 'Z')
            Ask(orphan);
        if (orphan.Owner is { } owner && stat.Session == pid)
            _sessions[pid] = (owner, now);
    }

    private void Ask(Orphan orphan)
    {
        orphan.Asked++;
        _reader.Ask(orphan.Process);
    }

    private void ForgetSessions(long now)
    {
        if (_sessions.Count == 0)
            return;
        var inUse = _orphans.Values.Select(o => o.Session).ToHashSet();
        foreach (var (session, known) in _sessions)
        {
            if (now - known.Since > SessionMemory && !inUse.Contains(session))
                _sessions.Remove(session);
        }
    }

    private long? ParseMark(string? value) =>
        value is not null
        && value.StartsWith(_mark + ".", StringComparison.Ordinal)
        && long.TryParse(value.AsSpan(_mark.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var serial)
            ? serial
            : null;

    private sealed class Orphan(PidRef process, int session, bool isStranger)
    {
        internal PidRef Process { get; } = process;
        internal int Session { get; } = session;
        internal bool IsStranger { get; } = isStranger;
        internal long? Owner { get; set; }
        internal int Asked { get; set; }
        internal bool IsKilled { get; set; }
        internal int? GuardSlot { get; set; }
    }
}
