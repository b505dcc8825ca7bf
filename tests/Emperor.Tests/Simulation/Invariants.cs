using Emperor.Core.Reign;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>Something that must never be so was so.</summary>
internal sealed class InvariantBrokenException(string invariant, string detail) : Exception($"{invariant}: {detail}")
{
    /// <summary>Its name.</summary>
    public string Invariant { get; } = invariant;
}

/// <summary>
/// What must always be so, whatever processes, files and clocks do. Each is checked when it could first be broken, those about time after
/// every turn.
/// </summary>
internal sealed class Invariants(Timeline time, EmpirePolicy policy)
{
    // Two at once, and then one in a tenth of a second.
    private const int MostSpawnsASecond = 13;
    private const int SpawnsThatAnOrderMayCause = 3;

    private readonly Dictionary<string, Queue<long>> _spawns = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<long>> _orders = new(StringComparer.Ordinal);
    private readonly Dictionary<(string, int), SimulatedProcess> _unburied = [];
    private readonly List<SimulatedProcess> _living = [];
    private readonly List<SimulatedProcess> _reaped = [];
    private readonly List<SimulatedProcess> _lost = [];
    private (long? Ending, bool IsMercyOver) _remembered;

    // How long there was no emperor since the end began.
    private long _absence;
    private long _lastTurn;

    /// <summary>When the end of all was ordered; null before.</summary>
    public long? Ending { get; set; }

    /// <summary>Whether it was ordered a second time.</summary>
    public bool IsMercyOver { get; set; }

    /// <summary>How many checks were made.</summary>
    public long Turns { get; private set; }

    /// <summary>Something that may start a vassal again at once: a changed file, SIGHUP, SIGURG.</summary>
    public void Ordered(string vassal) => Remember(_orders, vassal);

    /// <summary>A spawn is asked for.</summary>
    public void Spawning(string vassal, SimulatedProcess? present)
    {
        Require("AtMostOneLiveIncarnation", present is null, $"{present} is there and {vassal} is spawned");
        Require("NothingIsSpawnedAfterTheEndBegan", Ending is null, vassal);
        var spawns = Remember(_spawns, vassal);
        var orders = _orders.TryGetValue(vassal, out var o) ? Forget(o) : 0;
        Require("NoSpawnStorm", spawns <= MostSpawnsASecond + (SpawnsThatAnOrderMayCause * orders), $"{vassal}: {spawns} in a second");
    }

    /// <summary>There is a new process.</summary>
    public void Spawned(SimulatedProcess process)
    {
        _unburied[(process.Vassal, process.Incarnation)] = process;
        _living.Add(process);
    }

    /// <summary>It was told to stop.</summary>
    public void ToldToStop(SimulatedProcess process) =>
        Limit(process, time.Now + (Ending is null ? policy.Vassal.CurseTolerance : policy.Vassal.Mercy));

    /// <summary>The emperor has been told that it closed its channel; one that was told to stop keeps the time it was given for that.</summary>
    public void HungUp(SimulatedProcess process) => process.MayLiveUntil ??= time.Now + policy.Vassal.CurseTolerance;

    /// <summary>The emperor has been told that it is alive.</summary>
    public void HasBeaten(SimulatedProcess process) => process.HeartbeatDue = time.Now + policy.Vassal.RequiredHeartbeat;

    /// <summary>It is sent SIGKILL.</summary>
    public void Killed(SimulatedProcess process) =>
        Require(
            "NothingIsKilledBeforeItsTime",
            IsMercyOver || process.IsKilled || process.MayLiveUntil <= time.Now || process.HeartbeatDue <= time.Now,
            $"{process} may live until {process.MayLiveUntil}, its heartbeat is due at {process.HeartbeatDue}"
        );

    /// <summary>Its burial is asked for.</summary>
    public void Buried(string vassal, int incarnation)
    {
        var isKnown = _unburied.TryGetValue((vassal, incarnation), out var process);
        Require("OnlyWhatHasEndedIsBuried", isKnown && process!.End is not null, $"{vassal}#{incarnation}");
        process!.Burials++;
    }

    /// <summary>The exit of a process has been handled.</summary>
    public void Reaped(SimulatedProcess process)
    {
        Require("EveryExitIsBuriedOnce", process.Burials == 1, $"{process} was buried {process.Burials} times");
        Forget(process);
        _reaped.Add(process);
    }

    /// <summary>A turn is over and written down.</summary>
    public void Remember()
    {
        _remembered = (Ending, IsMercyOver);
        _lastTurn = time.Now;
        _reaped.Clear();
    }

    /// <summary>
    /// There is a new emperor, with what the last one knew at the end of its last turn. What was asked of it after that, and what it granted, is forgotten; those
    /// that were reaped after that are to be buried once more.
    /// </summary>
    public void Recall(Empire empire)
    {
        (Ending, IsMercyOver) = _remembered;
        _absence += Ending is null ? 0 : time.Now - _lastTurn;
        _lastTurn = time.Now;
        foreach (var process in _reaped)
        {
            _unburied[(process.Vassal, process.Incarnation)] = process;
            _living.Add(process);
        }
        _lost.Clear();
        _lost.AddRange(_reaped);
        foreach (var process in _living)
        {
            process.Burials = 0;
            var state = empire.Vassals.GetValueOrDefault(process.Vassal);
            var waits = state?.Phase is Phase.Cursed or Phase.Stopping or Phase.Killing;
            process.MayLiveUntil = waits ? state!.Deadline : null;
            process.HeartbeatDue = state?.HeartbeatDeadline;
        }
        foreach (var vassal in empire.Vassals.Keys)
            Ordered(vassal);
    }

    /// <summary>A process is gone in the absence of an emperor, and the next one cannot see how.</summary>
    /// <param name="process">The process, and whether the last word knows of it.</param>
    public void Lost((SimulatedProcess Process, bool IsKnown) process)
    {
        if (process.IsKnown)
            _lost.Add(process.Process);
        else
            Forget(process.Process);
    }

    /// <summary>The new emperor has been told of all that it has lost.</summary>
    public void Acceded()
    {
        foreach (var process in _lost)
            Reaped(process);
        _lost.Clear();
    }

    /// <summary>The end of all was ordered: whoever lives has no longer than this.</summary>
    public void EndOrdered()
    {
        IsMercyOver = Ending is not null;
        Ending ??= time.Now;
        foreach (var process in _living)
            Limit(process, time.Now + policy.Vassal.Mercy);
    }

    /// <summary>Checks all that is about time and states; after every turn.</summary>
    public void Check(Empire empire, int turnsNow)
    {
        Turns++;
        Require("TheLoopDoesNotSpin", turnsNow < 1_000, "a thousand turns without time passing");
        foreach (var process in _living)
        {
            var isOverdue = process.MayLiveUntil <= time.Now && process.End is null;
            Require("EveryToleranceEndsInAnExitOrAKill", !isOverdue || process.IsKilled, $"{process} is alive and was not killed");
        }
        long? first = null;
        foreach (var vassal in empire.Vassals.Values)
        {
            CheckDeadlines(vassal);
            if (vassal.NextDeadline is { } due && (first is null || due < first))
                first = due;
        }
        // While all reload, one vassal's turn may end before any vassal's own deadline.
        var isTurn = empire.ReloadsLeft(time.Now) > 0 && empire.NextDeadline is { } next && !(first < next);
        Require("NoDeadlineIsMissedNorInvented", isTurn || empire.NextDeadline == first, $"{empire.NextDeadline} instead of {first}");
        var patience = policy.Vassal.Mercy + Character.SlowestKill + 1_000;
        Require(
            "TheEndIsReached",
            Ending is not { } began || empire.IsBuried || time.Now <= began + _absence + patience,
            $"it began at {Ending} and {empire.Vassals.Count} are left"
        );
    }

    /// <summary>Breaks the history when something is not so.</summary>
    public static void Require(string invariant, bool isSo, string detail)
    {
        if (!isSo)
            throw new InvariantBrokenException(invariant, detail);
    }

    /// <summary>The same, with a detail that is not put together when all is well: that would take most of a history's time.</summary>
    public static void Require(
        string invariant,
        bool isSo,
        [System.Runtime.CompilerServices.InterpolatedStringHandlerArgument(nameof(isSo))] Detail detail
    )
    {
        if (!isSo)
            throw new InvariantBrokenException(invariant, detail.ToString());
    }

    private void CheckDeadlines(VassalState vassal)
    {
        Require("NoDeadlineIsPast", vassal.NextDeadline is not { } due || due > time.Now, $"{vassal}");
        var waits =
            vassal.Phase is Phase.Cursed or Phase.Stopping or Phase.Killing or Phase.Backoff
            || (vassal.Phase == Phase.Reloading && vassal.ReloadPending);
        Require("WhoWaitsHasADeadlineAndNobodyElse", vassal.Deadline is not null == waits, $"{vassal}");
        var beats = vassal.Phase is Phase.Starting or Phase.Running or Phase.Reloading;
        Require("OnlyTheLivingHaveHeartbeats", beats || vassal.HeartbeatDeadline is null, $"{vassal}");
        Require("WhoHasNoProcessHasNoNumber", vassal.HasProcess || vassal.Pid is null, $"{vassal}");
        Require("TheGoneAreForgotten", vassal.Phase != Phase.Gone, $"{vassal}");
    }

    private void Forget(SimulatedProcess process)
    {
        if (_unburied.GetValueOrDefault((process.Vassal, process.Incarnation)) == process)
            _unburied.Remove((process.Vassal, process.Incarnation));
        _living.Remove(process);
    }

    private static void Limit(SimulatedProcess process, long until) =>
        process.MayLiveUntil = Math.Min(process.MayLiveUntil ?? long.MaxValue, until);

    private int Remember(Dictionary<string, Queue<long>> moments, string vassal)
    {
        if (!moments.TryGetValue(vassal, out var queue))
            moments[vassal] = queue = new Queue<long>();
        queue.Enqueue(time.Now);
        return Forget(queue);
    }

    // Keeps the last second.
    private int Forget(Queue<long> moments)
    {
        while (moments.TryPeek(out var moment) && moment <= time.Now - 1_000)
            moments.Dequeue();
        return moments.Count;
    }

    /// <summary>A detail that is put together only when it is needed.</summary>
    [System.Runtime.CompilerServices.InterpolatedStringHandler]
    internal ref struct Detail
    {
        private System.Runtime.CompilerServices.DefaultInterpolatedStringHandler _text;

        public Detail(int literals, int holes, bool isSo, out bool isWanted)
        {
            isWanted = !isSo;
            _text = isWanted ? new(literals, holes, System.Globalization.CultureInfo.InvariantCulture) : default;
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public override string ToString() => _text.ToStringAndClear();
    }
}
