using System.Diagnostics;
using Emperor.Control;
using Emperor.Core;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Sockets;
using Emperor.Stats;
using Emperor.Succession;
using Emperor.Systemd;
using Serilog.Events;

namespace Emperor;

/// <summary>
/// Overview: the one thread that owns everything. Each turn it waits for the kernel, a signal or a deadline, and then works in a fixed order:
/// <list type="number">
/// <item>what vassals say, because a last word counts;</item>
/// <item>what has ended, before an order could be given to it;</item>
/// <item>signals, before anything new is started;</item>
/// <item>changed files, before deadlines, so that a new file is not preceded by a start with the old one;</item>
/// <item>connections to vassals on demand, which start with the files as they are then;</item>
/// <item>deadlines;</item>
/// <item>what operators want over the control socket, of a state that is up to date;</item>
/// <item>what vassals have left behind, last, because it can wait.</item>
/// </list>
/// Everything that happens to a vassal goes through the <see cref="Empire"/>; what it decides is done by the <see cref="EffectRunner"/>, and
/// what comes of that goes through the empire again, until nothing is left to be done.
/// </summary>
internal sealed partial class Daemon(
    EventLoop loop,
    Empire empire,
    MonitorHub monitors,
    OnDemandResolver onDemand,
    EffectRunner runner,
    SignalInbox signals,
    Herald herald,
    SnapshotDesk snapshots,
    EmperorLog log
)
{
    // Orphans are looked for when something has ended; and now and then, for those that ended while nothing else did.
    private const long SweepInterval = 60_000;
    private const long SoonSweep = 1_000;

    // A zombie that nobody knows takes a process number until it is found.
    private const long StrayInterval = 2_000;
    private const long BurialLimit = 5_000;

    // The runtime would let garbage grow to the size of the processor's cache before it collects, some 25 MB, and its setting for that
    // (GCgen0size) is one of the environment only. So the young generation is collected after so many bytes (under 1 ms), and what a burst
    // of work leaves is given back to the system when it has been quiet for a second: an emperor is idle most of its life.
    private const long YoungBytes = 2 * 1024 * 1024;
    private const long TrimAfter = 1_000;

    private readonly List<Readiness> _ready = [];
    private readonly List<Effect> _effects = [];
    private readonly List<(string Vassal, VassalEvent Event)> _fileEvents = [];
    private readonly List<long> _ended = [];
    private long _nextSweep = SweepInterval + Environment.TickCount64;
    private long _nextStrayLook;
    private long _collectedAt;
    private bool _hasFailed;
    private bool _hasCommands;
    private long? _trimDue;
    private LoopHealth _health;
    private long _turnStarted;

    /// <summary>What to do when the log is to be opened anew.</summary>
    public required Action ReopenLog { get; init; }

    /// <summary>What vassals have lived on over, and would; null for nothing.</summary>
    public Func<Continuity>? Continuity { get; init; }

    /// <summary>What operators want over the control socket; null when there is none.</summary>
    public ControlDesk? Control { get; init; }

    /// <summary>What programs want by datagrams; null when nobody listens.</summary>
    public CommandSocket? Commands { get; init; }

    /// <summary>The emperor whose vassal this one is; null when it is none's.</summary>
    public LordChannel? Lord { get; init; }

    /// <summary>
    /// Looks whether the configuration of this emperor is another one than it was started with; what is wrong with it is told there.
    /// </summary>
    public Func<bool>? HasChanged { get; init; }

    /// <summary>What came of restoring what an emperor has left; null for the first one.</summary>
    public Restoration? Restoration { get; init; }

    /// <summary>Where it is written down what has happened; null where nobody could read it when this emperor is killed.</summary>
    public Chronicle? Chronicle { get; init; }

    /// <summary>The descriptors that pass on.</summary>
    public required Heirlooms Heirlooms { get; init; }

    /// <summary>The way to the next program.</summary>
    public required Leap Leap { get; init; }

    /// <summary>Runs the hooks of what the emperor above wants; null when there are none.</summary>
    public Action<LordOrder>? OfLord { get; init; }

    /// <summary>Whether it has ended to begin anew, with another configuration.</summary>
    public bool BeginsAnew { get; private set; }

    /// <summary>What to do once, when all vassals of the first scan have been spawned.</summary>
    public required Action OnFirstScan { get; init; }

    /// <summary>Governs until the empire is buried.</summary>
    /// <returns>False when the start has failed, as --emperor-ready understands it.</returns>
    public bool Run()
    {
        var isFirst = true;
        Control?.Serve(TakeSnapshot, Order);
        Lord?.Begin(loop);
        runner.Hooks?.Open();
        // Before there is anything to write down: the journal shall find room where descriptors are kept.
        WriteDown();
        Accede();
        _ = herald.Turn(Environment.TickCount64);
        while (!empire.IsBuried || runner.Hooks is { IsBusy: true })
        {
            var now = Clock.Now;
            if (!empire.IsEnding && IsOpen)
                Govern(now);
            runner.TellKnocks();
            Settle(Clock.Now);
            // Not while there are words unread: a heartbeat among them may be what a deadline waits for.
            if (!loop.HasMore)
            {
                empire.TimePassed(Clock.Now, _effects);
                Settle(Clock.Now);
            }
            // Vassals whose sockets are still being asked for are there too, though the empire does not know them yet.
            if (isFirst && IsOpen && !onDemand.IsBusy)
            {
                isFirst = false;
                // Not the turn's beginning: no vassal shall have had less than its time.
                herald.NoteFirstScan(Clock.Now.Monotonic);
                OnFirstScan();
            }
            Control?.Turn(Clock.Now);
            while (Control?.TakeUpgrade() is { } asker)
                Leap.Begin(Environment.TickCount64, asker);
            Announce();
            // First, so that the next program finds with the service manager what this one says is there.
            WriteDown();
            Leap.Turn(Environment.TickCount64);
            EndTurn(now);
            loop.Wait(_ready, Timeout());
            _turnStarted = Stopwatch.GetTimestamp();
            Turn();
            CollectGarbage();
        }
        Bury();
        return !_hasFailed;
    }

    // Whether the hooks of the start are done, without which there are no vassals.
    private bool IsOpen => runner.Hooks is not { IsOpen: false };

    private EmpireSnapshot TakeSnapshot() =>
        empire.Snapshot(
            Clock.Now,
            herald.IsReady,
            _health,
            monitors.Health,
            Commands?.Counts,
            runner.Workers.Work(),
            Continuity?.Invoke() ?? default
        );

    // The first turn makes the first scan and starts all vassals: it says nothing about those to come.
    private void EndTurn(Instant now)
    {
        if (_turnStarted == 0)
            return;
        var took = Stopwatch.GetElapsedTime(_turnStarted).TotalMilliseconds;
        var longer = took > _health.Longest;
        _health = new LoopHealth(
            _health.Turns + 1,
            longer ? took : _health.Longest,
            longer ? now.Unix : _health.LongestAt,
            took,
            _health.Total + took
        );
    }

    private void Announce()
    {
        var now = Environment.TickCount64;
        var goesOn = herald.Turn(now);
        Lord?.Turn(herald.IsReady && empire.ReloadsLeft(now) == 0, empire.IsEnding, now);
        if (goesOn && runner.Hooks is not { HasFailed: true })
            return;
        if (_hasFailed)
            return;
        if (runner.Hooks is { HasFailed: true })
            log.Error("start-failed", "a hook of the start has failed (hook-emperor-start), so the emperor leaves");
        _hasFailed = true;
        empire.End(Clock.Now, _effects);
        Settle(Clock.Now);
        _ = herald.Turn(Environment.TickCount64);
    }

    private void Turn()
    {
        var now = Clock.Now;
        _ended.Clear();
        foreach (var ready in _ready)
            Take(ready, now);
        runner.TakeFindings(now.Monotonic);
        runner.TendHooks(now.Monotonic);
        runner.TurnWorkers(now.Monotonic);
        Settle(now);
        foreach (var serial in _ended)
        {
            runner.Reap(serial, now);
            Settle(now);
        }
        while (signals.TryTake(out var signal))
            Obey(signal, Clock.Now);
        while (Lord is { } lord && lord.TryTake(out var order))
            Obey(order, Clock.Now);
        if (_hasCommands && !empire.IsEnding)
            Commands!.Turn(empire, Order, log);
        _hasCommands = false;
        // After all that changes vassals in this half of the turn, so that who asks because of a change sees it.
        snapshots.Serve(TakeSnapshot);
        runner.Processes.Unmute(now.Monotonic);
        runner.Processes.TakeAnswers();
        if (now.Monotonic >= _nextStrayLook)
        {
            _nextStrayLook = now.Monotonic + StrayInterval;
            runner.Processes.LookForStrays();
        }
        if (runner.Processes.SweepSoon)
            _nextSweep = Math.Min(_nextSweep, now.Monotonic + SoonSweep);
        runner.Processes.SweepSoon = false;
        if (runner.Processes.SweepDue || now.Monotonic >= _nextSweep)
        {
            _nextSweep = now.Monotonic + SweepInterval;
            runner.Sweep(killAll: false, now);
            Settle(now);
        }
    }

    private void Take(Readiness ready, Instant now)
    {
        switch (Token.KindOf(ready.Token))
        {
            case TokenKind.Channel:
                runner.Processes.Hear(Token.IdOf(ready.Token), now);
                break;
            case TokenKind.Exit:
                _ended.Add(Token.IdOf(ready.Token));
                break;
            case TokenKind.Orphan:
                runner.ReapOrphan((int)Token.IdOf(ready.Token), now);
                break;
            case TokenKind.Guard:
                runner.Processes.ReplaceGuard();
                Chronicle?.NoteOwn();
                break;
            case TokenKind.Listener:
                runner.Knock(Token.IdOf(ready.Token));
                break;
            case TokenKind.Held:
                runner.KnockAtProgram(Token.IdOf(ready.Token));
                break;
            case TokenKind.AddressCommand:
                onDemand.Hear(Token.IdOf(ready.Token));
                break;
            case TokenKind.Notify:
                runner.Probes.HearNotification(Token.IdOf(ready.Token), now.Monotonic);
                break;
            case TokenKind.ProbeCommand:
                runner.Probes.HearCommand(Token.IdOf(ready.Token));
                break;
            case TokenKind.Command:
                _hasCommands = true;
                break;
            case TokenKind.Lord:
                Lord!.Hear();
                break;
            case TokenKind.Hook:
                runner.Hooks?.Hear(Token.IdOf(ready.Token));
                break;
            case TokenKind.Worker:
            case TokenKind.Duty:
                runner.HearWorker(ready, now.Monotonic);
                break;
            case TokenKind.UpgradeProbe:
                Leap.Hear();
                break;
            case TokenKind.Hints:
                monitors.ReadHints(now.Monotonic);
                break;
            case TokenKind.Memory:
                runner.Processes.Memory?.Hear(now.Monotonic);
                break;
        }
    }

    private void Govern(Instant now)
    {
        _fileEvents.Clear();
        monitors.Run(now, _fileEvents);
        onDemand.Resolve(_fileEvents, now.Monotonic);
        empire.Expect(_fileEvents.Where(e => e.Event is VassalEvent.FileAccepted).Select(e => e.Vassal));
        foreach (var (vassal, @event) in _fileEvents)
        {
            empire.Handle(vassal, @event, Clock.Now, _effects);
            Chronicle?.Note(vassal);
            herald.NoteChange(now.Monotonic);
            Settle(now);
            CollectGarbage();
        }
        empire.ExpectNoMore(now, _effects);
        Settle(now);
    }

    private void Order(string vassal, VassalEvent @event)
    {
        var now = Clock.Now;
        empire.Handle(vassal, @event, now, _effects);
        Chronicle?.Note(vassal);
        herald.NoteChange(now.Monotonic);
        Settle(now);
    }

    // Until nothing is left to be done: an effect may have an outcome, and an outcome an effect.
    private void Settle(Instant now)
    {
        while (true)
        {
            for (var i = 0; i < _effects.Count; i++)
            {
                runner.Run(_effects[i]);
                Chronicle?.Note(_effects[i].Vassal);
            }
            _effects.Clear();
            if (!runner.Outcomes.TryDequeue(out var outcome))
                return;
            Chronicle?.Note(outcome.Vassal);
            if (outcome.Event is VassalEvent.BecameReady ready)
                runner.Duties?.Ready(outcome.Vassal, ready.Incarnation);
            empire.Handle(outcome.Vassal, outcome.Event, now, _effects);
            herald.NoteChange(now.Monotonic);
        }
    }

    private void Obey(int signal, Instant now)
    {
        switch (signal)
        {
            case Signals.Interrupt:
            case Signals.Terminate:
            case Signals.Quit:
                BeginsAnew = false;
                // Nobody waits for those of a start that is broken off, nor for any when there is no mercy.
                if (empire.IsEnding || !IsOpen)
                    runner.Hooks?.Abandon();
                log.Information("ragnarok", empire.IsEnding ? "told again to leave: no mercy" : Farewell(signal));
                empire.End(now, _effects);
                break;
            case Signals.Hangup:
                log.Information("reload-all", $"all {empire.Vassals.Count} vassals reload (SIGHUP)");
                empire.ReloadAll(now, _effects);
                herald.NoteReload(now.Monotonic);
                break;
            case Signals.Urgent:
                log.Information("forgiven", "all failures are forgiven (SIGURG)");
                empire.ForgiveAll(now, _effects);
                break;
            case Signals.User2:
                Leap.Begin(now.Monotonic, asker: null);
                break;
            case Signals.User1:
                ReopenLog();
                LogState();
                break;
        }
        Settle(now);
    }

    private void Obey(LordOrder order, Instant now)
    {
        if (!empire.IsEnding)
            OfLord?.Invoke(order);
        switch (order)
        {
            case LordOrder.Reload when empire.IsEnding:
                break;
            case LordOrder.Reload when HasChanged?.Invoke() == true:
                log.Information("lord", "its configuration has changed: all vassals are told to stop, and it begins anew");
                BeginsAnew = true;
                empire.End(now, _effects);
                break;
            case LordOrder.Reload:
                log.Information("lord", $"all {empire.Vassals.Count} vassals reload (told by the emperor above)");
                empire.ReloadAll(now, _effects);
                Lord!.BeginReload();
                herald.NoteReload(now.Monotonic);
                break;
            default:
                // It does not want this one back.
                BeginsAnew = false;
                var isLost = order == LordOrder.Lost;
                var why = isLost ? "the emperor above is gone" : "told to leave by the emperor above";
                if (empire.IsEnding)
                    break;
                log.Say(
                    isLost ? LogEventLevel.Warning : LogEventLevel.Information,
                    "ragnarok",
                    $"{why}: all {empire.Vassals.Count} vassals are told to stop"
                );
                empire.End(now, _effects, gracefully: order == LordOrder.StopGracefully);
                break;
        }
        Settle(now);
    }

    private string Farewell(int signal) =>
        $"told to leave (SIG{Signals.NameOf(signal)}): all {empire.Vassals.Count} vassals are told to stop";

    private void LogState()
    {
        log.Information("state", $"the emperor is governing {empire.Vassals.Count} vassals");
        foreach (var vassal in empire.Vassals.Values.OrderBy(v => v.Name, StringComparer.Ordinal))
            log.Vassal(LogEventLevel.Information, "state", vassal.Name, vassal.Summary);
    }

    private void CollectGarbage()
    {
        var now = Environment.TickCount64;
        if (_ready.Count == 0 && _trimDue <= now)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _collectedAt = GC.GetTotalAllocatedBytes();
            _trimDue = null;
        }
        if (GC.GetTotalAllocatedBytes() - _collectedAt <= YoungBytes)
            return;
        GC.Collect(0, GCCollectionMode.Forced, blocking: true);
        _collectedAt = GC.GetTotalAllocatedBytes();
        _trimDue = now + TrimAfter;
    }

    private int Timeout()
    {
        if (empire.IsBuried && runner.Hooks is not { IsBusy: true })
            return 0;
        var next = Math.Min(_nextSweep, _nextStrayLook);
        next = Math.Min(next, empire.NextDeadline ?? long.MaxValue);
        next = Math.Min(next, _trimDue ?? long.MaxValue);
        next = Math.Min(next, runner.Processes.NextUnmute ?? long.MaxValue);
        next = Math.Min(next, runner.Probes.NextDue ?? long.MaxValue);
        next = Math.Min(next, runner.Hooks?.NextDue ?? long.MaxValue);
        next = Math.Min(next, runner.Workers.NextDue ?? long.MaxValue);
        next = Math.Min(next, runner.Duties?.NextDue ?? long.MaxValue);
        next = Math.Min(next, herald.NextDue ?? long.MaxValue);
        next = Math.Min(next, Lord?.NextDue ?? long.MaxValue);
        next = Math.Min(next, Control?.NextDue ?? long.MaxValue);
        next = Math.Min(next, Math.Min(Leap.NextDue ?? long.MaxValue, NextWriting));
        if (!empire.IsEnding)
            next = Math.Min(next, Math.Min(monitors.NextDue ?? long.MaxValue, onDemand.NextDue ?? long.MaxValue));
        return (int)Math.Clamp(next - Environment.TickCount64, 0, 60_000);
    }

    // The vassals are gone; what they have left behind goes too, and is waited for, but not for ever.
    private void Bury()
    {
        var deadline = Environment.TickCount64 + BurialLimit;
        onDemand.Dispose();
        runner.Duties?.Dispose();
        runner.Sweep(killAll: true, Clock.Now);
        while (!runner.Processes.IsAlone && Environment.TickCount64 < deadline)
        {
            loop.Wait(_ready, 100);
            foreach (var ready in _ready)
            {
                if (Token.KindOf(ready.Token) == TokenKind.Orphan)
                    runner.ReapOrphan((int)Token.IdOf(ready.Token), Clock.Now);
                // A template that was killed with its vassal.
                else if (Token.KindOf(ready.Token) == TokenKind.Exit)
                    runner.Reap(Token.IdOf(ready.Token), Clock.Now);
            }
            runner.Sweep(killAll: true, Clock.Now);
            snapshots.Serve(TakeSnapshot);
        }
        runner.Processes.FinishOutput();
        ForgetHeirlooms();
        log.Information("buried", "the emperor is buried");
    }
}
