using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;

namespace Emperor.Probes;

/// <summary>
/// Overview: finds out what the machines want to know of their processes, and decides nothing: whether one is ready, whether it is well, what it says to its
/// NOTIFY_SOCKET, whether a vassal is idle. What is about sockets is done on the <see cref="ProbeThread"/>; commands, notifications and all that this
/// class knows are the main thread's. What came of it waits in <see cref="Outcomes"/>; what is about a process that has ended, or was told
/// to stop, is dropped.
/// </summary>
internal sealed partial class ProbeDesk : IDisposable
{
    // One try of a check of readiness; the machine bounds them all (ready-timeout).
    private const long AttemptLimit = 10_000;
    private const long FirstPause = 100;
    private const long LongestPause = 1_000;
    private const long IdleInterval = 1_000;

    private readonly ProbeWorld _world;
    private readonly CommandProbes _commands;
    private readonly IdleWatch _idle;
    private readonly Dictionary<long, Check> _byId = [];
    private readonly Dictionary<(string Vassal, int Incarnation), List<Check>> _byProcess = [];
    private readonly Dictionary<string, List<Check>> _healthOf = new(StringComparer.Ordinal);
    private readonly PriorityQueue<Check, long> _due = new();
    private readonly List<CommandResult> _results = [];
    private readonly Lazy<ProbeThread> _thread;
    private long _lastId;

    /// <summary>Makes one.</summary>
    /// <param name="loop">The main thread's loop.</param>
    /// <param name="world">What is known elsewhere.</param>
    /// <param name="log">Where strange messages and floods are told.</param>
    /// <param name="heirlooms">The descriptors that pass on.</param>
    /// <param name="mostConnections">How many connections may be open at once.</param>
    /// <param name="idleInterval">How long after one look for idleness the next comes at least, milliseconds.</param>
    public ProbeDesk(
        EventLoop loop,
        ProbeWorld world,
        EmperorLog log,
        Heirlooms heirlooms,
        int mostConnections = ProbeThread.MostConnections,
        long idleInterval = IdleInterval
    )
    {
        _world = world;
        // No thread for an empire that has no program to look after.
        _thread = new Lazy<ProbeThread>(
            () => new ProbeThread(loop.Wake, mostConnections),
            // One that could not be made is tried again.
            LazyThreadSafetyMode.PublicationOnly
        );
        _commands = new CommandProbes(loop, world);
        _idle = new IdleWatch(world, _thread, loop.Wake, Tell, IsChecked, idleInterval);
        Notify = new NotifySockets(loop, world, log, heirlooms, Tell);
    }

    /// <summary>What has come of it, for the machines; whoever runs effects empties it.</summary>
    public Queue<(string Vassal, VassalEvent Event)> Outcomes { get; } = new();

    /// <summary>The NOTIFY_SOCKETs.</summary>
    public NotifySockets Notify { get; }

    /// <summary>How many connections to vassals' sockets are open now.</summary>
    internal int OpenNow => _thread.IsValueCreated ? _thread.Value.OpenNow : 0;

    /// <summary>How many commands run now.</summary>
    internal int CommandsNow => _commands.RunningNow;

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            if (Outcomes.Count > 0)
                return 0;
            while (_due.TryPeek(out var check, out var due) && (check.IsOver || check.Due != due))
                _ = _due.Dequeue();
            var next = _due.TryPeek(out _, out var first) ? first : long.MaxValue;
            next = Math.Min(next, Notify.NextDue ?? long.MaxValue);
            next = Math.Min(next, _commands.NextDue ?? long.MaxValue);
            next = Math.Min(next, _idle.NextDue ?? long.MaxValue);
            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>Begins to find out when a process is ready.</summary>
    public void Begin(Effect.AwaitReady effect, long now)
    {
        var rule = effect.Plan.Ready;
        if (rule.Way is ReadyWay.Notify or ReadyWay.Protocol or ReadyWay.Worker || _world.Find(effect.Vassal, effect.Incarnation) is null)
            return;
        var check = Add(new Check(++_lastId, effect.Vassal, effect.Incarnation, effect.Plan, isHealth: false));
        if (rule.Way is ReadyWay.Accept or ReadyWay.Http)
            Connect(check, now);
        else
            Schedule(check, rule.Way == ReadyWay.After ? now + rule.Delay : now);
    }

    /// <summary>Begins to check a process's health.</summary>
    public void Begin(Effect.CheckHealth effect, long now)
    {
        if (effect.Plan.Health is not { } rule || _world.Find(effect.Vassal, effect.Incarnation) is null)
            return;
        var check = Add(new Check(++_lastId, effect.Vassal, effect.Incarnation, effect.Plan, isHealth: true));
        Schedule(check, now + rule.Interval);
    }

    /// <summary>Begins to watch whether a vassal is idle; one that is watched already goes on with the new plan.</summary>
    public void Begin(Effect.WatchIdle effect, long now) => _idle.Begin(effect.Vassal, effect.Plan, now);

    /// <summary>Lets a vassal's processes go on that were frozen because it seemed idle.</summary>
    public void Thaw(string vassal, long now) => _idle.Thaw(vassal, now);

    /// <summary>Looks no more at a process's readiness and health: it has been told to stop.</summary>
    public void End(string vassal, int incarnation)
    {
        if (!_byProcess.Remove((vassal, incarnation), out var checks))
            return;
        foreach (var check in checks)
            Forget(check);
    }

    /// <summary>A process has been reaped, or was not started after all. Its last words are heard before (<see cref="NotifySockets.HearLast"/>).</summary>
    public void Ended(string vassal, int incarnation)
    {
        End(vassal, incarnation);
        Notify.Close(vassal, incarnation);
        if (!_world.All(vassal).Any(t => t.Incarnation != incarnation))
            _idle.End(vassal);
    }

    /// <summary>The loop has seen a notification.</summary>
    public void HearNotification(long id, long now) => Notify.Hear(id, now);

    /// <summary>The loop has seen output, or the end, of a command.</summary>
    public void HearCommand(long id) => _commands.Hear(id);

    /// <summary>Takes in what has been found out, and does what is due.</summary>
    public void Turn(long now)
    {
        Notify.Turn(now);
        while (_thread.IsValueCreated && _thread.Value.TryTake(out var answer))
        {
            if (_byId.TryGetValue(answer.Id, out var check))
                Take(check, answer, now);
        }
        _commands.TakeResults(now, _results);
        foreach (var result in _results)
        {
            if (_byId.TryGetValue(result.Id, out var check))
                Conclude(check, result.Failure, now);
        }
        _results.Clear();
        while (_due.TryPeek(out var next, out var due) && (due <= now || next.IsOver))
        {
            _ = _due.Dequeue();
            if (!next.IsOver && next.Due == due)
                Run(next, now);
        }
        _idle.Turn(now);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _idle.Dispose();
        _commands.Dispose();
        Notify.Dispose();
        if (_thread.IsValueCreated)
            _thread.Value.Dispose();
    }

    private void Tell(string vassal, VassalEvent @event) => Outcomes.Enqueue((vassal, @event));

    private Check Add(Check check)
    {
        if (!_byProcess.TryGetValue((check.Vassal, check.Incarnation), out var checks))
            _byProcess.Add((check.Vassal, check.Incarnation), checks = []);
        // Asked again, the last question counts.
        if (checks.Find(c => c.IsHealth == check.IsHealth) is { } former)
        {
            checks.Remove(former);
            Forget(former);
        }
        checks.Add(check);
        _byId.Add(check.Id, check);
        if (!check.IsHealth)
            return check;
        if (!_healthOf.TryGetValue(check.Vassal, out var health))
            _healthOf.Add(check.Vassal, health = []);
        health.Add(check);
        return check;
    }

    private void Forget(Check check)
    {
        check.IsOver = true;
        _byId.Remove(check.Id);
        if (check.IsHealth && _healthOf.TryGetValue(check.Vassal, out var health) && health.Remove(check) && health.Count == 0)
            _healthOf.Remove(check.Vassal);
        _commands.Cancel(check.Id);
        if (_thread.IsValueCreated)
            _thread.Value.Withdraw(check.Id);
    }

    private void Finish(Check check, VassalEvent outcome)
    {
        Forget(check);
        if (_byProcess.TryGetValue((check.Vassal, check.Incarnation), out var checks) && checks.Remove(check) && checks.Count == 0)
            _byProcess.Remove((check.Vassal, check.Incarnation));
        Tell(check.Vassal, outcome);
    }

    private void TellProblem(Check check, string problem)
    {
        if (check.Problem == problem)
            return;
        check.Problem = problem;
        Tell(check.Vassal, new VassalEvent.NotReady(check.Incarnation, $"{check.Name}: {problem}"));
    }

    private void Schedule(Check check, long due)
    {
        check.Due = due;
        _due.Enqueue(check, due);
    }

    // Health checks of the emperor's own are no use of a vassal's sockets.
    private bool IsChecked(string vassal) => _healthOf.TryGetValue(vassal, out var health) && health.Exists(c => c.IsRunning);

    private void Run(Check check, long now)
    {
        if (_world.Find(check.Vassal, check.Incarnation) is not { } target)
            return;
        if (check.Command is { Count: > 0 } words)
        {
            check.IsRunning = true;
            var limit = check.IsHealth ? check.Plan.Health!.Timeout : AttemptLimit;
            _commands.Ask(check.Id, check.Vassal, target.Pid, check.Plan, words, limit, now);
        }
        else if (check.IsHealth || check.Plan.Ready.Way is ReadyWay.Accept or ReadyWay.Http)
            Connect(check, now);
        else
            Finish(check, new VassalEvent.BecameReady(check.Incarnation));
    }

    private void Connect(Check check, long now)
    {
        var sockets = _world.Sockets(check.Vassal);
        // The first of the plan; the vassal may hold more, which are going or came later.
        var wanted = check.Plan.Sockets.Count > 0 ? check.Plan.Sockets[0].Address : null;
        var socket = sockets.FirstOrDefault(s => wanted is null || s.Address == wanted);
        if (
            _world.Find(check.Vassal, check.Incarnation) is not { } target
            || socket.Fd is null
            || ListenerFacts.Of(socket.Fd) is not { } facts
        )
        {
            Conclude(check, "there is no socket to connect to; name one (socket), or choose another way to know (ready)", now);
            return;
        }
        var limit = check.IsHealth ? check.Plan.Health!.Timeout : AttemptLimit;
        long? deadline = check.IsHealth ? now + limit : null;
        try
        {
            _thread.Value.Give(new ProbeOrder(check.Id, target.Pid, facts, check.Path, limit, deadline, Once: check.IsHealth));
            check.IsRunning = true;
        }
        catch (LinuxException e)
        {
            Conclude(check, e.Message, now);
        }
    }

    private void Take(Check check, ProbeAnswer answer, long now)
    {
        switch (answer.Verdict)
        {
            case ProbeVerdict.Good:
            case ProbeVerdict.GoodOfSomebody when _world.All(check.Vassal).Count <= 1:
                if (check.IsHealth)
                    _thread.Value.Withdraw(check.Id);
                Conclude(check, null, now);
                break;
            case ProbeVerdict.Bad when check.IsHealth:
                Conclude(check, answer.Reason, now);
                break;
            case ProbeVerdict.Bad:
                TellProblem(check, answer.Reason);
                break;
            case ProbeVerdict.TakenByOthers:
                // Other copies have answered: it says nothing about this one.
                check.IsRunning = false;
                Schedule(check, now + check.Plan.Health!.Interval);
                break;
        }
    }

    private void Conclude(Check check, string? failure, long now)
    {
        check.IsRunning = false;
        if (!check.IsHealth)
        {
            if (failure is null)
            {
                Finish(check, new VassalEvent.BecameReady(check.Incarnation));
                return;
            }
            TellProblem(check, failure);
            check.Pause = Math.Clamp(check.Pause * 3 / 2, FirstPause, LongestPause);
            Schedule(check, now + check.Pause);
            return;
        }
        var rule = check.Plan.Health!;
        check.Failed = failure is null ? 0 : check.Failed + 1;
        if (check.Failed < rule.Failures)
            Schedule(check, now + rule.Interval);
        else
            Finish(check, new VassalEvent.Unwell(check.Incarnation, $"{Count(check.Failed)} failed: {check.Name}: {failure}"));
    }

    private static string Count(int failed) =>
        failed == 1 ? "a check" : string.Create(CultureInfo.InvariantCulture, $"the last {failed} checks");

    private sealed class Check(long id, string vassal, int incarnation, ProgramPlan plan, bool isHealth)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal int Incarnation { get; } = incarnation;
        internal ProgramPlan Plan { get; } = plan;
        internal bool IsHealth { get; } = isHealth;

        internal IReadOnlyList<string> Command { get; } =
            isHealth ? (plan.Health!.Path is null ? plan.Health.Command : [])
            : plan.Ready.Way == ReadyWay.Exec ? plan.Ready.Command
            : [];

        internal string? Path { get; } =
            isHealth ? plan.Health!.Path
            : plan.Ready.Way == ReadyWay.Http ? plan.Ready.Path
            : null;

        internal string Name =>
            Command.Count > 0 ? Command[0]
            : Path is not null ? $"GET {Path}"
            : "accept";

        internal long Due { get; set; }
        internal bool IsOver { get; set; }
        internal bool IsRunning { get; set; }
        internal int Failed { get; set; }
        internal long Pause { get; set; }
        internal string Problem { get; set; } = "";
    }
}
