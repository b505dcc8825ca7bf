using Emperor.Core.Stats;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>
/// Overview: all vassals, and what happens to all of them at once. It hands each event to the vassal that it is about, remembers which
/// deadline comes next, lets SIGHUP's reloads through a few at a time, and knows when the emperor may leave. It touches nothing outside
/// itself: what is to be done comes out as effects, and time comes in as an argument. It begins with what a former emperor has left, be it nothing.
/// </summary>
public sealed partial class Empire
{
    private static readonly Dictionary<string, WorkCounts> NoWork = [];

    private readonly EmpirePolicy _policy;
    private readonly Dictionary<string, VassalState> _vassals = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, long> _deadlines = new();
    private readonly Dictionary<string, long> _armed = new(StringComparer.Ordinal);
    private readonly Queue<string> _reloadsDue = new();
    private readonly Dictionary<string, long> _reloading = new(StringComparer.Ordinal);
    private readonly StartOrder _order = new();
    private readonly Broodlord _broodlord;

    // At the end: those that have not been told yet, because others need them.
    private readonly HashSet<string> _toEnd = new(StringComparer.Ordinal);

    // Those that the scan under way has found and that have not been taken in yet.
    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);
    private DurationCounts _reloadTimes = DurationCounts.None;
    private bool _endsGracefully;

    // Those that SIGHUP has reached and that have not answered, and until when their answer is waited for. One that has lost its turn
    // is still in it.
    private readonly Dictionary<string, long> _unanswered = new(StringComparer.Ordinal);

    /// <summary>The vassals that are not gone, by name.</summary>
    public IReadOnlyDictionary<string, VassalState> Vassals => _vassals;

    /// <summary>Whether the end of all vassals has been ordered.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>Whether no vassal is left after that order.</summary>
    public bool IsBuried => IsEnding && _vassals.Count == 0;

    /// <summary>How many vassals SIGHUP's reload of all has not brought back yet; those that take too long are not waited for.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public int ReloadsLeft(long now) => _reloadsDue.Count + _unanswered.Values.Count(until => until > now);

    /// <summary>Those that SIGHUP has reached, and whose answer is no longer waited for though it has not come.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public IEnumerable<VassalState> LateReloads(long now) =>
        _unanswered.Where(u => u.Value <= now).Select(u => _vassals.GetValueOrDefault(u.Key)).OfType<VassalState>();

    /// <summary>The next moment at which something is due by time alone, monotonic milliseconds; null when nothing is.</summary>
    public long? NextDeadline
    {
        get
        {
            while (_deadlines.TryPeek(out var name, out var due))
            {
                if (_armed.TryGetValue(name, out var armed) && armed == due)
                    return _reloading.Count > 0 ? Math.Min(due, _reloading.Values.Min()) : due;
                _deadlines.Dequeue();
            }
            return _reloading.Count > 0 ? _reloading.Values.Min() : null;
        }
    }

    /// <summary>How long reloads took, of all vassals that there ever were.</summary>
    public DurationCounts ReloadTimes => _reloadTimes;

    /// <summary>All of it as it is now, for other threads to look at.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="isReady">Whether the emperor has been ready.</param>
    /// <param name="loop">How its loop fares.</param>
    /// <param name="scans">How its scans fare.</param>
    /// <param name="commands">What has come to the command socket; null when there is none.</param>
    /// <param name="work">What the workers of the built-in server have done, by vassal; null for nothing.</param>
    /// <param name="continuity">What they have lived on over, and would.</param>
    public EmpireSnapshot Snapshot(
        Instant now,
        bool isReady,
        LoopHealth loop,
        IReadOnlyList<ScanHealth> scans,
        Control.CommandCounts? commands = null,
        IReadOnlyDictionary<string, WorkCounts>? work = null,
        Continuity continuity = default
    ) =>
        new(_vassals.Values, _policy.Vassal, now)
        {
            Reloads = _reloadTimes,
            IsEnding = IsEnding,
            IsReady = isReady && !IsEnding,
            Loop = loop,
            Scans = scans,
            Commands = commands,
            Work = work ?? NoWork,
            Continuity = continuity,
        };

    /// <summary>One thing has happened to one vassal.</summary>
    public void Handle(string vassal, VassalEvent @event, Instant now, List<Effect> effects)
    {
        if (!_vassals.TryGetValue(vassal, out var state))
        {
            // Only a file makes a vassal, and none is made at the end.
            if (IsEnding || @event is not (VassalEvent.FileAccepted or VassalEvent.FileRefused))
                return;
            state = VassalMachine.Create(vassal);
        }
        else if (IsEnding && @event is VassalEvent.FileAccepted or VassalEvent.FileRefused)
        {
            return;
        }
        if (@event is VassalEvent.FileAccepted or VassalEvent.FileRefused)
            _expected.Remove(vassal);
        Step(state, StartOrder.Judge(vassal, @event, _vassals), now, effects);
        if (!IsEnding && _broodlord.LordOf(state, @event) is { } lord && _vassals.TryGetValue(lord, out var calling))
            Summon(calling, now, effects);
        if (_unanswered.Count > 0 && !IsReloading(vassal))
            _unanswered.Remove(vassal);
        if (_reloading.Count > 0)
            LetReloadsThrough(now, effects);
    }

    /// <summary>
    /// What a scan has found, before any of it is taken in: who is to be started after another of them waits for it, whichever comes first.
    /// </summary>
    public void Expect(IEnumerable<string> vassals) => _expected.UnionWith(vassals.Where(name => !_vassals.ContainsKey(name)));

    /// <summary>All that the scan has found has been taken in; what has not come by now (its address is still being asked for) is not waited for.</summary>
    public void ExpectNoMore(Instant now, List<Effect> effects)
    {
        if (_expected.Count == 0)
            return;
        var missing = _expected.ToArray();
        _expected.Clear();
        foreach (var name in missing.SelectMany(m => _order.Waiting(m, _vassals)).ToArray())
            Handle(name, new VassalEvent.OthersChanged(), now, effects);
    }

    /// <summary>Time has passed: every deadline that is due is acted on.</summary>
    public void TimePassed(Instant now, List<Effect> effects)
    {
        // Only a new emperor finds some here that could have been told before.
        if (_toEnd.Count > 0)
            EndThoseNobodyNeeds(now, effects);
        while (NextDeadline is { } due && due <= now.Monotonic)
        {
            if (_deadlines.TryPeek(out var name, out var first) && first <= now.Monotonic)
            {
                _deadlines.Dequeue();
                _armed.Remove(name);
                Handle(name, new VassalEvent.TimePassed(), now, effects);
            }
            LetReloadsThrough(now, effects);
        }
    }

    /// <summary>All vassals reload (SIGHUP), a few at a time, so that the machine and the applications stay at work.</summary>
    public void ReloadAll(Instant now, List<Effect> effects)
    {
        if (IsEnding)
            return;
        _reloadsDue.Clear();
        foreach (var name in _vassals.Keys.Order(StringComparer.Ordinal))
            _reloadsDue.Enqueue(name);
        LetReloadsThrough(now, effects);
    }

    /// <summary>All failures are forgiven (SIGURG).</summary>
    public void ForgiveAll(Instant now, List<Effect> effects) => ToAll(new VassalEvent.Forgiven(), now, effects);

    /// <summary>All vassals are told to stop, at once (SIGINT, SIGTERM, SIGQUIT); the second time they are killed.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="effects">What is to be done is added here.</param>
    /// <param name="gracefully">They may finish their requests, whatever the options say.</param>
    public void End(Instant now, List<Effect> effects, bool gracefully = false)
    {
        _reloadsDue.Clear();
        _reloading.Clear();
        _unanswered.Clear();
        if (IsEnding)
        {
            _toEnd.Clear();
            ToAll(new VassalEvent.NoMercy(), now, effects);
            return;
        }
        IsEnding = true;
        _endsGracefully = gracefully;
        _toEnd.UnionWith(_vassals.Keys);
        EndThoseNobodyNeeds(now, effects);
    }

    private void Step(VassalState state, VassalEvent @event, Instant now, List<Effect> effects)
    {
        var plan = @event is VassalEvent.FileAccepted file ? file.Plan : state.Plan;
        var isOrdered = plan is { After.Count: > 0 };
        if (isOrdered)
            state = state with { OthersReady = StartOrder.MayStart(plan!, _vassals, _expected) };
        var after = VassalMachine.Step(state, @event, now, _policy.Vassal, effects);
        if (after.History.ReloadsAnswered != state.History.ReloadsAnswered)
            _reloadTimes = _reloadTimes.With(after.History.LastReloadTook);
        if (isOrdered && @event is VassalEvent.FileAccepted)
            StartOrder.Warn(after, _vassals, _expected, effects);
        Store(after);
        foreach (var zerg in _broodlord.Masterless(state, after, out var why))
            Handle(zerg, new VassalEvent.Dismissed(why), now, effects);
        if (after.Phase == state.Phase)
            return;
        if (_order.IsInUse)
        {
            foreach (var name in _order.Waiting(after.Name, _vassals))
                Handle(name, new VassalEvent.OthersChanged(), now, effects);
        }
        if (_toEnd.Count > 0 && after.Phase == Phase.Gone)
            EndThoseNobodyNeeds(now, effects);
    }

    private void Summon(VassalState lord, Instant now, List<Effect> effects)
    {
        var (zerg, number) = _broodlord.Summon(lord.Name, _vassals);
        Step(zerg, new VassalEvent.Summoned(lord, number), now, effects);
    }

    // What others are started after ends after them.
    private void EndThoseNobodyNeeds(Instant now, List<Effect> effects)
    {
        foreach (var name in _order.Needless(_vassals, _toEnd))
        {
            // The end of one may have been that of others already.
            if (_toEnd.Remove(name))
                Handle(name, new VassalEvent.Ragnarok(_endsGracefully), now, effects);
        }
    }

    private void ToAll(VassalEvent @event, Instant now, List<Effect> effects)
    {
        foreach (var name in _vassals.Keys.ToArray())
            Handle(name, @event, now, effects);
    }

    private void Store(VassalState state)
    {
        if (state.Phase == Phase.Gone)
        {
            _vassals.Remove(state.Name);
            _armed.Remove(state.Name);
            _order.Forget(state.Name);
            _broodlord.Forget(state);
            return;
        }
        _vassals[state.Name] = state;
        _order.Note(state);
        if (state.NextDeadline is not { } due)
        {
            _armed.Remove(state.Name);
            return;
        }
        if (_armed.TryGetValue(state.Name, out var armed) && armed == due)
            return;
        _armed[state.Name] = due;
        _deadlines.Enqueue(state.Name, due);
        // Heartbeats move a deadline without ever letting it come due; the queue must not grow with them.
        if (_deadlines.Count > 64 + (4 * _armed.Count))
            RebuildDeadlines();
    }

    private void RebuildDeadlines()
    {
        _deadlines.Clear();
        foreach (var (name, due) in _armed)
            _deadlines.Enqueue(name, due);
    }

    private void LetReloadsThrough(Instant now, List<Effect> effects)
    {
        foreach (var (name, until) in _reloading)
        {
            if (until <= now.Monotonic || !IsReloading(name))
                _reloading.Remove(name);
        }
        while (_reloading.Count < _policy.ReloadsAtOnce && _reloadsDue.TryDequeue(out var name))
        {
            if (!_vassals.TryGetValue(name, out var state))
                continue;
            Step(state, new VassalEvent.ReloadAsked(), now, effects);
            if (!IsReloading(name))
                continue;
            _reloading[name] = now.Monotonic + _policy.ReloadTurn;
            // A program's copies are reloaded one after the other, and each may take that long.
            _unanswered[name] = now.Monotonic + (_policy.ReloadLimit * (_vassals[name].Rolling?.Processes ?? 1));
        }
    }

    private bool IsReloading(string name) => _vassals.TryGetValue(name, out var state) && state.Phase is Phase.Reloading or Phase.Starting;
}

/// <summary>The times and choices that govern the empire.</summary>
public sealed record EmpirePolicy
{
    /// <summary>Those of each vassal.</summary>
    public VassalPolicy Vassal { get; init; } = new();

    /// <summary>How many vassals SIGHUP reloads at the same moment.</summary>
    public int ReloadsAtOnce { get; init; } = 4;

    /// <summary>How many zergs there may be (--emperor-broodlord); 0 for none.</summary>
    public int Broodlord { get; init; }

    /// <summary>How long, in milliseconds, a reload that is not answered holds up the next one.</summary>
    public long ReloadTurn { get; init; } = 5_000;

    /// <summary>How long, in milliseconds, a reload of all counts as under way because of one vassal (--emperor-ready-timeout).</summary>
    public long ReloadLimit { get; init; } = 60_000;
}
