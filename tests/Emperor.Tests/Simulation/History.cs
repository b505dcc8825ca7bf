using Emperor.Core;
using Emperor.Core.Monitoring;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>
/// Overview: one history of an emperor in a world that is made up from a seed. The empire, the machines and the census are the real ones;
/// around them stand a kernel (<see cref="SimulatedKernel"/>), folders (<see cref="SimulatedFolders"/>) and clocks (<see cref="Timeline"/>)
/// that only exist in memory, so that a history of minutes takes a millisecond or two and is the same each time.
///
/// <para>A history has two parts. In the first the world is wild: processes do whatever their <see cref="Character"/> says, spawns fail,
/// files come, change, go and come back, in folders that share names, some on demand; clients connect; the wall clock jumps; signals come; words of the dead arrive late.
/// Then it is either tame (every process does from now on what is expected of it, nothing changes any more, and all must come to what the
/// folders say), or the emperor has been told to leave, and it stays wild to the end.</para>
///
/// <para>The driver is the daemon's loop without the waiting: time is set to the next thing that the world does or that the emperor has
/// asked to be woken for, and never anywhere else, so a deadline that is not armed is missed here too. Within a turn it keeps the daemon's
/// order: words, exits, signals, deadlines, files, connections. After each turn the <see cref="Invariants"/> are checked.</para>
///
/// <para>The emperor is mortal (<see cref="Mortality"/>). It is followed on purpose, at the end of a turn; then nothing may differ. Or it is killed between any
/// two steps, and what it had done since its last word is done and not known: orders sent, sockets bound, processes started, exits and words that
/// nobody will hear a second time. The world goes on without it for up to ten seconds. The next one begins with the last word, ends what it does not
/// know, is told of what is not there any more, and goes on. The same invariants hold, but that what was lost is not held against it:
/// a tolerance is what the last word has of it, and each death counts as an order, after which a vassal may be started once more.</para>
/// </summary>
internal sealed partial class History
{
    // As in the daemon's monitors: a file that cannot be run and was written a moment ago is looked at again a little later.
    private const long WritingTime = 250;
    private const long WritingPause = 100;
    private const long ScanInterval = 3_000;

    private readonly Dice _dice;
    private readonly Trace _trace;
    private readonly Timeline _time = new();
    private readonly EmpirePolicy _policy;
    private readonly Mortality _mortality;
    private readonly Dice _absences;
    private readonly Invariants _invariants;
    private readonly SimulatedKernel _kernel;
    private readonly SimulatedSockets _sockets;
    private readonly FileChurn _churn;
    private readonly Peace _peace;
    private readonly List<Effect> _effects = [];
    private readonly List<SettledChange> _settled = [];
    private readonly Queue<Action> _signals = new();
    private readonly List<string> _conflicts = [];
    private readonly long _wildUntil;
    private Empire _empire;
    private Census _census = new();
    private bool _isTame;
    private bool _isNew;

    /// <summary>One of many.</summary>
    /// <param name="seed">All chance comes from it.</param>
    /// <param name="trace">Where it is told.</param>
    /// <param name="mortality">Whose end it may be; null for an emperor that lives for ever.</param>
    /// <param name="isMortal">Whether that comes by chance.</param>
    public History(int seed, Trace trace, Mortality? mortality = null, bool isMortal = false)
    {
        _dice = new Dice(seed);
        _absences = new Dice(-1 - seed);
        _mortality = mortality ?? new Mortality();
        _trace = trace;
        _policy = Policy(_dice);
        _empire = new Empire(_policy);
        _invariants = new Invariants(_time, _policy);
        _churn = new FileChurn(_dice, _time, trace) { OnDemand = (int)_dice.Of<long>(0, 20, 80, 100) };
        _sockets = new SimulatedSockets(_dice, trace) { Failures = (int)_dice.Of<long>(0, 0, 10, 80) };
        _kernel = new SimulatedKernel(_time, _dice, trace, _invariants, _sockets, name => _churn.Folders.Wanted(name)?.File.Stamp)
        {
            Wildness = (int)_dice.Of<long>(0, 10, 30, 60),
            SpawnFailures = (int)_dice.Of<long>(0, 0, 10, 80),
        };
        _peace = new Peace(() => _empire, _churn, _kernel, _sockets);
        _wildUntil = _time.Now + _dice.Between(2_000, 90_000);
        if (isMortal)
            _mortality.Plan(_absences, _time, _wildUntil);
    }

    /// <summary>How many turns it took.</summary>
    public long Turns => _invariants.Turns;

    /// <summary>Lives through it.</summary>
    /// <exception cref="InvariantBrokenException">Something was so that must never be so.</exception>
    public void Run()
    {
        PlanWildness();
        WriteDown();
        var turnsNow = 0;
        while (NextMoment() is { } next && !_empire.IsBuried)
        {
            turnsNow = next > _time.Now ? 0 : turnsNow + 1;
            _time.Now = _trace.Now = Math.Max(_time.Now, next);
            _time.CatchUp();
            LiveTurn();
            _invariants.Check(_empire, turnsNow);
            _sockets.Check(_empire);
            if (_mortality.TakeUpgrade())
                Upgrade();
        }
        if (_invariants.Ending is null)
        {
            _peace.Check();
        }
        else
        {
            Invariants.Require("TheEndIsReached", _empire.IsBuried, $"{_empire.Vassals.Count} are left");
            Invariants.Require("NoSocketIsLeft", _sockets.IsEmpty, "at the end");
        }
        Invariants.Require("NothingIsArmedWhenNothingIsDue", _empire.NextDeadline is null, $"{_empire.NextDeadline}");
    }

    private static EmpirePolicy Policy(Dice dice) =>
        new()
        {
            ReloadsAtOnce = (int)dice.Between(1, 4),
            Vassal = new VassalPolicy
            {
                Throttle = dice.Of<long>(0, 100, 1_000),
                MaxThrottle = dice.Of<long>(0, 3_000, 180_000),
                Blacklist = !dice.Chance(20),
                RequiredHeartbeat = dice.Of<long>(0, 2_000, 30_000),
                CurseTolerance = dice.Of<long>(1, 500, 30_000),
                Mercy = dice.Of<long>(1, 500, 30_000),
                GracefulStop = dice.Chance(50),
            },
        };

    private long? NextMoment()
    {
        long? next = _sockets.IsKnockedAt ? _time.Now : _time.Next;
        if (_empire.NextDeadline is { } due && !(next <= due))
            next = due;
        if (!_empire.IsEnding && _census.NextDue is { } settled && !(next <= settled))
            next = settled;
        return next;
    }

    private Instant Now => new(_time.Now, _time.Now + _time.WallOffset);

    private void Turn()
    {
        _kernel.Hear();
        Settle();
        foreach (var process in _kernel.TakeEnded())
        {
            _kernel.Reap(process);
            Settle();
            _invariants.Reaped(process);
            PlanLateWords(process);
        }
        while (_signals.TryDequeue(out var signal))
        {
            signal();
            Settle();
        }
        _empire.TimePassed(Now, _effects);
        Settle();
    }

    private void Settle()
    {
        while (true)
        {
            for (var i = 0; i < _effects.Count; i++)
            {
                _mortality.Step(_effects[i]);
                _kernel.Run(_effects[i]);
            }
            _effects.Clear();
            if (!_kernel.Outcomes.TryDequeue(out var outcome))
                return;
            _mortality.Step(outcome.Event);
            Handle(outcome.Vassal, outcome.Event);
        }
    }

    private void Handle(string vassal, VassalEvent @event)
    {
        _trace.Say($"{vassal} {@event}");
        _peace.Heed(vassal, @event);
        _empire.Handle(vassal, @event, Now, _effects);
        _trace.Say($"  is now {(_empire.Vassals.TryGetValue(vassal, out var state) ? state : null)}");
    }

    // What the monitors do: look where something has changed, let the census settle it, and judge what it tells.
    private void Scan()
    {
        if (_empire.IsEnding)
            return;
        foreach (var (monitor, name) in _churn.TakeHints())
        {
            if (name is null)
                _census.Observe(monitor, _churn.Folders.Scan(monitor), _time.Now, settle: true, _conflicts);
            else
                _census.ObserveOne(monitor, name, _churn.Folders.Of(monitor, name)?.Stamp, _time.Now, _conflicts);
        }
        _census.TakeSettled(_time.Now, _settled);
        foreach (var change in _settled)
        {
            if (Judge(change) is not { } @event)
                continue;
            _peace.Tell(change);
            _invariants.Ordered(change.Name);
            Handle(change.Name, @event);
            Settle();
        }
    }

    private VassalEvent? Judge(SettledChange change)
    {
        _trace.Say($"settled {change.Name} of {change.Monitor}, inode {change.Stamp?.Inode}");
        if (change.Stamp is not { } stamp)
            return new VassalEvent.FileGone();
        var modified = stamp.ModifiedNanoseconds / 1_000_000;
        if (_churn.Folders.Of(change.Monitor, change.Name) is { IsGood: true })
            return new VassalEvent.FileAccepted(modified / 1_000, Socket: _churn.Folders.Of(change.Monitor, change.Name)!.Value.Socket);
        if (Math.Abs(Now.Unix - modified) >= WritingTime)
            return new VassalEvent.FileRefused("it cannot be run");
        _census.Postpone(change, _time.Now, WritingPause);
        return null;
    }

    private void PlanWildness()
    {
        _churn.Begin(_wildUntil);
        PlanScan();
        PlanConnections(_dice.Of<long>(500, 3_000, 30_000));
        for (var i = _dice.Between(0, 4); i > 0; i--)
            _time.In(_dice.Between(0, _wildUntil - _time.Now), () => _signals.Enqueue(_dice.Chance(60) ? HangUp : Urge));
        for (var i = _dice.Of<long>(0, 0, 4, 20); i > 0; i--)
            _time.In(_dice.Between(0, _wildUntil - _time.Now), () => _signals.Enqueue(Order));
        for (var i = _dice.Between(0, 3); i > 0; i--)
            _time.In(_dice.Between(0, _wildUntil - _time.Now), () => _time.WallOffset += _dice.Between(-90_000_000, 90_000_000));
        if (_dice.Chance(40))
        {
            _time.In(_dice.Between(0, _wildUntil - _time.Now), () => _signals.Enqueue(Terminate));
            if (_dice.Chance(30))
                _time.In(_dice.Between(0, _wildUntil - _time.Now), () => _signals.Enqueue(Terminate));
        }
        _time.In(_wildUntil - _time.Now, MakePeace);
    }

    // Connections that wait start processes; as the daemon, after the files.
    private void Knock()
    {
        foreach (var vassal in _sockets.TakeKnocks())
        {
            Handle(vassal, new VassalEvent.Knocked());
            Settle();
        }
    }

    private void PlanConnections(long gap) =>
        _time.In(
            _dice.Between(1, gap * 2),
            () =>
            {
                _kernel.Connect(_dice.Of([.. _empire.Vassals.Keys, ""]));
                if (!_isTame && _time.Now < _wildUntil)
                    PlanConnections(gap);
            }
        );

    // The scan that is made in any case finds what no hint has told.
    private void PlanScan() =>
        _time.In(
            ScanInterval,
            () =>
            {
                _churn.HintAll();
                if (!_isTame)
                    PlanScan();
            }
        );

    private void MakePeace()
    {
        if (_empire.IsEnding)
            return;
        _trace.Say($"peace");
        _isTame = true;
        _mortality.End();
        _kernel.Tame();
        foreach (var name in _empire.Vassals.Keys)
            _kernel.Connect(name);
        PlanScan();
    }

    private void HangUp()
    {
        _trace.Say($"SIGHUP");
        foreach (var name in _empire.Vassals.Keys)
            _invariants.Ordered(name);
        _empire.ReloadAll(Now, _effects);
    }

    private void Urge()
    {
        _trace.Say($"SIGURG");
        foreach (var name in _empire.Vassals.Keys)
            _invariants.Ordered(name);
        _empire.ForgiveAll(Now, _effects);
    }

    private void Order()
    {
        if (_empire.Vassals.Count == 0)
            return;
        var names = _empire.Vassals.Keys.Order(StringComparer.Ordinal).ToArray();
        var name = names[(int)_dice.Between(0, names.Length - 1)];
        _invariants.Ordered(name);
        Handle(name, new VassalEvent.Ordered((OrderKind)_dice.Between(0, (long)OrderKind.Retry)));
    }

    private void Terminate()
    {
        // After peace was made, the history is about what the vassals come to.
        if (_isTame)
            return;
        _trace.Say($"SIGTERM");
        _invariants.EndOrdered();
        _empire.End(Now, _effects);
    }

    // A word of a process that is gone, which the loop had already taken from the kernel.
    private void PlanLateWords(SimulatedProcess dead)
    {
        if (!_dice.Chance(20))
            return;
        VassalEvent late = _dice.Of<VassalEvent>(
            new VassalEvent.Received(dead.Incarnation, (byte)_dice.Of<long>(1, 5, 17, 22, 26, 99)),
            new VassalEvent.HungUp(dead.Incarnation),
            new VassalEvent.SendFailed(dead.Incarnation, 1),
            new VassalEvent.Exited(dead.Incarnation, dead.End!)
        );
        _time.In(_dice.Duration(100), () => _signals.Enqueue(() => HearLate(dead, late)));
    }

    private void HearLate(SimulatedProcess dead, VassalEvent late)
    {
        var before = _empire.Vassals.GetValueOrDefault(dead.Vassal);
        // A vassal that was forgotten and has come back counts its processes anew: the daemon tells them apart by their serial numbers.
        if (before?.Incarnation <= dead.Incarnation && before.HasProcess)
            return;
        _empire.Handle(dead.Vassal, late, Now, _effects);
        var isSame = before == _empire.Vassals.GetValueOrDefault(dead.Vassal);
        Invariants.Require("AWordOfTheDeadChangesNothing", isSame && _effects.Count == 0, $"{dead} {late}");
    }
}
