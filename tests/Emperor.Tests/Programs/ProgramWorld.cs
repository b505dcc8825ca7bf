using System.Runtime.CompilerServices;
using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Tests.Simulation;

namespace Emperor.Tests.Programs;

/// <summary>
/// One program's machine in a world of chance: processes that get ready or do not, obey or do not, die when they like; files that change; operators
/// that order. Time is virtual, chance is seeded. After each step the invariants of generations are checked. The emperor may be killed between any two
/// steps, or be followed by another on purpose (<see cref="Mortality"/>).
/// </summary>
/// <param name="seed">All chance comes from it.</param>
/// <param name="trace">Where it is told.</param>
/// <param name="mortality">Whose end it may be.</param>
internal sealed partial class ProgramWorld(int seed, Trace trace, Mortality mortality)
{
    private const int MostSteps = 200_000;
    private const long Never = long.MaxValue;

    private readonly Random _dice = new(seed);
    private readonly VassalPolicy _policy = new();
    private readonly List<Effect> _effects = [];
    private readonly Queue<VassalEvent> _outcomes = new();
    private readonly PriorityQueue<Action, long> _future = new();
    private readonly Dictionary<int, SimulatedMember> _living = [];
    private readonly Dictionary<int, Effect.Launch> _unborn = [];
    private VassalState _state = VassalMachine.Create("blog.ini");
    private HashSet<string> _held = [];
    private bool _awaited;
    private bool _isFrozen;
    private bool _hasEnded;
    private long _now = 1_000_000;
    private int _pid = 100;

    /// <summary>Lets some minutes of life go by and then ends it all.</summary>
    /// <returns>What was broken; null when nothing was.</returns>
    public string? Live()
    {
        WriteDown();
        Take(Accepted());
        for (var i = 0; i < 60; i++)
            At(_now + _dice.Next(300_000), () => Take(Happening()));
        var end = _now + 320_000;
        At(
            end,
            () =>
            {
                Take(new VassalEvent.Ragnarok());
            }
        );
        try
        {
            Run(end + 600_000);
        }
        catch (BrokenException e)
        {
            return e.Message;
        }
        return _state.Phase != Phase.Gone ? $"it lives on as {_state.Phase} after the end"
            : _living.Count > 0 ? "processes are left behind"
            : _held.Count > 0 ? "sockets are left behind"
            : null;
    }

    private void Run(long limit)
    {
        for (var steps = 0; steps < MostSteps; steps++)
        {
            var due = _state.NextDeadline ?? Never;
            var next = _future.TryPeek(out _, out var at) ? at : Never;
            if (Math.Min(due, next) is var soonest && (soonest == Never || soonest > limit))
                return;
            _now = trace.Now = Math.Max(_now, soonest);
            if (due <= next)
            {
                Take(new VassalEvent.TimePassed());
                Check(_state.NextDeadline is not { } later || later > due, $"a deadline that stays due spins the loop ({_state.Phase})");
            }
            else
            {
                _future.Dequeue()();
            }
        }
        throw new BrokenException("it never comes to rest");
    }

    private void At(long when, Action action) => _future.Enqueue(action, when);

    private void Take(VassalEvent @event)
    {
        if (_isAway)
            HearLater(@event);
        else
            Turn(() => Step(@event));
    }

    private void Settle()
    {
        while (_outcomes.TryDequeue(out var outcome))
        {
            mortality.Step(outcome);
            Step(outcome);
        }
    }

    private void Step(VassalEvent @event)
    {
        Heed(@event);
        if (_state.Phase == Phase.Gone && @event is not (VassalEvent.FileAccepted or VassalEvent.FileRefused))
        {
            // There is nothing that could be frozen.
            _isFrozen = false;
            return;
        }
        if (_hasEnded && @event is VassalEvent.FileAccepted or VassalEvent.FileRefused)
            return;
        var servedBefore = Serving();
        var before = _state;
        _effects.Clear();
        _state = VassalMachine.Step(_state, @event, new Instant(_now, 1_700_000_000_000 + _now), _policy, _effects);
        trace.Say($"{Named(@event)} -> {_state.Phase} [{string.Join(", ", _effects.Where(e => e is not Effect.Note).Select(Short))}]");
        foreach (var effect in _effects.ToArray())
        {
            mortality.Step(effect);
            Do(effect);
        }
        // Where two can live side by side, a reload takes nothing down before the next is ready, whatever comes of it.
        var isAboutFiles = @event is VassalEvent.FileAccepted or VassalEvent.FileRefused or VassalEvent.ReloadAsked;
        var isAboutNext = @event is VassalEvent.BecameReady or VassalEvent.SpawnFailed or VassalEvent.Listening or VassalEvent.ListenFailed;
        if (
            (isAboutFiles || isAboutNext)
            && before.Phase is Phase.Running or Phase.Reloading
            && _state.Phase != Phase.Stopping
            && (_state.Rolling ?? before.Rolling) is { Reload: ReloadWay.Overlap }
        )
            Check(Serving() >= Math.Min(servedBefore, 1), "a reload has taken down the last that served");
    }

    private int Serving() => _state.Members.Count(m => m.Serves);

    private void Do(Effect effect)
    {
        switch (effect)
        {
            case Effect.Hold hold:
                if (_dice.Next(20) == 0 && hold.Sockets.Any(s => !_held.Contains(s.Address)))
                {
                    _outcomes.Enqueue(new VassalEvent.ListenFailed("somebody listens there"));
                    return;
                }
                _held = hold.Keep ? [.. _held, .. hold.Sockets.Select(s => s.Address)] : [.. hold.Sockets.Select(s => s.Address)];
                _awaited = hold.Await;
                _outcomes.Enqueue(new VassalEvent.Listening());
                if (hold.Await && _dice.Next(2) == 0)
                    At(_now + _dice.Next(2_000), Knock);
                break;
            case Effect.Unlisten:
                _held = [];
                _awaited = false;
                break;
            case Effect.Launch launch:
                Launch(launch);
                break;
            case Effect.AwaitReady wait when _living.TryGetValue(wait.Incarnation, out var member):
                Probe(wait.Incarnation, member);
                break;
            case Effect.Signal signal when _living.TryGetValue(signal.Incarnation, out var member):
                if (signal.Stops && member.StopsIn is { } stopsIn)
                    At(_now + stopsIn, () => End(member, new ProcessEnd(0, false, "exit 0")));
                break;
            case Effect.Signal { Stops: true } or Effect.Kill when _unborn.Remove(effect.Incarnation):
                _outcomes.Enqueue(new VassalEvent.SpawnFailed(effect.Incarnation, "it was told to stop"));
                break;
            case Effect.Kill kill:
                var killed = _living.GetValueOrDefault(kill.Incarnation);
                At(_now + _dice.Next(20), () => End(killed, new ProcessEnd(9, true, "signal 9 (KILL)")));
                break;
            case Effect.Thaw:
                _isFrozen = false;
                break;
            // Its file may make it a uwsgi vassal, and a program again.
            case Effect.Spawn spawn:
                Check(_state.Members.Length == 0, "a uwsgi is started beside the processes of a program");
                var uwsgi = new SimulatedMember(spawn.Incarnation, null, null);
                _living.Add(spawn.Incarnation, uwsgi);
                _outcomes.Enqueue(new VassalEvent.Spawned(spawn.Incarnation, ++_pid));
                At(_now + _dice.Next(2_000), () => Say(new VassalEvent.Received(spawn.Incarnation, VassalMessage.Accepting), uwsgi));
                break;
            case Effect.Send { Message: EmperorMessage.Stop } stop:
                var told = _living.GetValueOrDefault(stop.Incarnation);
                At(_now + _dice.Next(2_000), () => End(told, new ProcessEnd(0, false, "exit 0")));
                break;
        }
    }

    private void Launch(Effect.Launch launch)
    {
        Check(!_hasEnded, "something is started after the end");
        Check(launch.Plan.Sockets.All(s => _held.Contains(s.Address)), "it is started without its sockets");
        Check(!_awaited || _state.Phase != Phase.Waiting, "it waits and is started");
        // A worker of the built-in server is there only when its app has been loaded.
        if (launch.Plan.Wsgi is { LazyApps: false })
        {
            _unborn.Add(launch.Incarnation, launch);
            At(_now + _dice.Next(2_000), () => Bear(launch));
            return;
        }
        Spawn(launch);
    }

    private void Bear(Effect.Launch launch)
    {
        if (!ReferenceEquals(_unborn.GetValueOrDefault(launch.Incarnation), launch))
            return;
        _unborn.Remove(launch.Incarnation);
        Turn(() => Spawn(launch));
    }

    private void Spawn(Effect.Launch launch)
    {
        if (_dice.Next(25) == 0)
        {
            if (launch.Plan.Wsgi is not null)
                _outcomes.Enqueue(new VassalEvent.AppFailed(launch.Incarnation, "Traceback"));
            _outcomes.Enqueue(new VassalEvent.SpawnFailed(launch.Incarnation, "no program"));
            return;
        }
        var member = new SimulatedMember(
            launch.Incarnation,
            ReadyIn: _dice.Next(6) == 0 ? null : _dice.Next(3_000),
            StopsIn: _dice.Next(8) == 0 ? null : _dice.Next(2_000)
        );
        _living.Add(launch.Incarnation, member);
        _outcomes.Enqueue(new VassalEvent.Spawned(launch.Incarnation, ++_pid));
        var chance = _dice.Next(10);
        if (chance < 2)
            At(_now + _dice.Next(2_000), () => End(member, new ProcessEnd(1, false, "exit 1")));
        else if (chance == 2)
            At(_now + _dice.Next(200_000), () => End(member, new ProcessEnd(0, false, "exit 0")));
        else if (chance < 6 && launch.Plan.Wsgi is not null)
            At(_now + _dice.Next(50_000), () => Depart(member, isDue: chance < 5));
        else if (chance == 4)
            At(
                _now + _dice.Next(100_000),
                () =>
                {
                    Say(new VassalEvent.Notified(launch.Incarnation, new Notification { Stopping = true }), member);
                    if (_dice.Next(4) > 0)
                        At(_now + _dice.Next(2_000), () => End(member, new ProcessEnd(0, false, "exit 0")));
                }
            );
        else if (chance == 3)
            At(_now + _dice.Next(100_000), () => Say(new VassalEvent.Unwell(launch.Incarnation, "GET /: 500"), member));
    }

    private void Depart(SimulatedMember member, bool isDue)
    {
        Say(new VassalEvent.Departing(member.Incarnation, "a limit", isDue), member);
        if (!isDue)
            At(_now + _dice.Next(2_000), () => End(member, new ProcessEnd(17, false, "exit 17")));
    }

    // A later emperor may give its number to another process: it is this very one that is meant.
    private bool IsLiving(SimulatedMember member) => ReferenceEquals(_living.GetValueOrDefault(member.Incarnation), member);

    private void Say(VassalEvent @event, SimulatedMember member)
    {
        if (IsLiving(member))
            Take(@event);
    }

    private void End(SimulatedMember? member, ProcessEnd end)
    {
        if (member is null || !IsLiving(member))
            return;
        _living.Remove(member.Incarnation);
        Take(new VassalEvent.Exited(member.Incarnation, end));
    }

    private void Knock()
    {
        if (!_awaited || _state.Phase != Phase.Waiting)
            return;
        _awaited = false;
        Take(new VassalEvent.Knocked());
    }

    private VassalEvent Happening() =>
        _dice.Next(18) switch
        {
            16 or 17 => new VassalEvent.Scaled(_dice.Next(6) - 3, "there is so much to do"),
            < 5 => Accepted(),
            5 => new VassalEvent.FileRefused("line 3: what is that?"),
            6 => new VassalEvent.FileGone(),
            7 => new VassalEvent.ReloadAsked(),
            8 => new VassalEvent.Forgiven(),
            9 => Idle(),
            _ => new VassalEvent.Ordered((OrderKind)_dice.Next(5)),
        };

    private VassalEvent.FellIdle Idle()
    {
        _isFrozen = true;
        return new VassalEvent.FellIdle();
    }

    private VassalEvent.FileAccepted Accepted()
    {
        if (_dice.Next(12) == 0)
            return new VassalEvent.FileAccepted(1);
        var onDemand = _dice.Next(4) == 0;
        var isWorker = _dice.Next(3) == 0;
        var processes = 1 + _dice.Next(3);
        var sockets = Enumerable
            .Range(0, onDemand ? 1 + _dice.Next(2) : _dice.Next(3))
            .Select(i => new ProgramSocket($"/run/{_dice.Next(3)}{i}", ""));
        return new VassalEvent.FileAccepted(
            1,
            Plan: new ProgramPlan
            {
                Exec = ["/bin/app"],
                Folder = "/",
                // A worker and another program are never launched alike.
                LaunchDigest = $"{(isWorker ? "worker" : "program")} {_dice.Next(3)}",
                Processes = processes,
                Sockets = [.. sockets],
                Reload = isWorker ? ReloadWay.Overlap : (ReloadWay)_dice.Next(3),
                Restart = _dice.Next(3) == 0 ? (RestartRule)_dice.Next(3) : RestartRule.Always,
                ReadyTimeout = 5_000,
                StopTimeout = _dice.Next(2) == 0 ? 3_000 : null,
                OnDemand = onDemand,
                Idle = onDemand ? 10_000 : null,
                Health = _dice.Next(2) == 0 ? new HealthRule() : null,
                Ready = new ReadyRule(ReadyWay.Accept),
                SuccessExitStatus = [17],
                StartsAtOnce = onDemand && _dice.Next(2) == 0,
                Wsgi = isWorker ? Wsgi(processes) : null,
            }
        );
    }

    private WsgiPlan Wsgi(int processes) =>
        new()
        {
            App = "a",
            Options = "{}",
            Protocols = [],
            LazyApps = _dice.Next(3) == 0,
            Cheaper = processes > 1 && _dice.Next(2) == 0 ? new CheaperRule(1, 1 + _dice.Next(processes)) : null,
        };

    private void CheckGenerations()
    {
        Check(!_isFrozen, "an idle program is left frozen");
        if (!_state.IsProgram)
            return;
        foreach (var group in _state.Members.GroupBy(m => m.Slot))
        {
            Check(group.Count(m => m.Role == MemberRole.Current) <= 1, $"copy {group.Key} has two processes that serve");
            Check(group.Count(m => m.Role == MemberRole.Next) <= 1, $"copy {group.Key} has two processes that are to serve");
        }
        Check(
            _state.Rolling is not null || _state.Members.All(m => m.Role != MemberRole.Next || m.Plan.Wsgi is not null),
            "a process waits for a reload that is over"
        );
        Check(_state.Members.All(m => m.Role != MemberRole.Leaving || m.Deadline is not null), "one that leaves may take for ever");
        Check(_state.Members.All(m => m.ReadyAt is not null || m.Deadline is not null), "one that does not get ready may take for ever");
        Check(_state.Members.All(m => !m.IsStopping || m.Deadline is not null), "one that stops of itself may take for ever");
        Check(
            _state.Phase != Phase.Starting || Serving() == 0 || _state.Members.Any(m => !m.Serves) || _state.NextDeadline is not null,
            "it is starting for ever, and all of it serves"
        );
        Check(
            _state.Members.Select(m => m.Incarnation).ToHashSet().SetEquals(_living.Keys.Concat(_unborn.Keys)),
            "the machine and the kernel know different processes"
        );
        Check(
            _state.Phase is not (Phase.Running or Phase.Starting) || _state.Members.Length > 0 || _state.NextDeadline is not null,
            $"{_state.Phase} without a process, for ever"
        );
        Check(_state.Phase != Phase.Running || Serving() > 0, "it runs, and nothing of it serves");
        Check(
            _state.Phase != Phase.Running
                || Enumerable
                    .Range(0, _state.Slots.Length)
                    .All(i => _state.Slots[i].Rests || _state.Slots[i].RetryAt is not null || _state.Members.Any(m => m.Slot == i)),
            "a copy is forgotten"
        );
        Check(
            _state.Phase != Phase.Running
                || !_state
                    .Slots.Select((s, i) => s.IsCheap && _state.Members.Any(m => m.Slot == i && m.Role != MemberRole.Leaving))
                    .Contains(true),
            "a copy that is not needed has a process"
        );
        Check(_state.Phase != Phase.Reloading || _state.Rolling is not null, "it reloads, and nothing is brought in");
        Check(_state.Rolling is null || _state.Phase == Phase.Reloading, $"it is {_state.Phase}, and a reload is under way");
        var isAtRest = _state.Phase is Phase.Waiting or Phase.Resting or Phase.Refused or Phase.Gone;
        Check(!isAtRest || _state.Members.Length > 0 || _state.NextDeadline is null, $"{_state.Phase} has a timer");
        Check(_state.Phase is not (Phase.Resting or Phase.Gone) || _held.Count == 0, $"{_state.Phase} keeps sockets");
        Check(_state.Phase != Phase.Waiting || _held.Count > 0, "it waits without a socket");
    }

    private static void Check(bool isSo, string what)
    {
        if (!isSo)
            throw new BrokenException(what);
    }

    private static void Check(bool isSo, [InterpolatedStringHandlerArgument(nameof(isSo))] Invariants.Detail what)
    {
        if (!isSo)
            throw new BrokenException(what.ToString());
    }

    private static string Named(VassalEvent @event) =>
        @event switch
        {
            VassalEvent.FileAccepted { Plan: { } p } =>
                $"FileAccepted {p.Reload} x{p.Processes} {string.Join('+', p.Sockets.Select(s => s.Address))} {(p.OnDemand ? "on demand" : "")} {p.Restart}",
            VassalEvent.Exited e => $"Exited {e.Incarnation} {e.End.Words}",
            _ => @event.ToString(),
        };

    private static string Short(Effect effect) => $"{effect.GetType().Name} {effect.Incarnation}";

    private sealed record SimulatedMember(int Incarnation, int? ReadyIn, int? StopsIn);

    private sealed class BrokenException(string message) : Exception(message);
}
