using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Processes;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>Makes what a command needs to run as a vassal does (<see cref="ProgramServer.Prepare"/>).</summary>
internal delegate PreparedLaunch? Preparation(ProgramLaunch launch, out string failure);

/// <summary>What <see cref="MasterDuties"/> needs of others.</summary>
/// <param name="Loop">Listens to what is opened.</param>
/// <param name="Processes">The vassals' processes.</param>
/// <param name="Workers">The workers.</param>
/// <param name="Monitors">The vassals' files.</param>
/// <param name="Log">Where messages go.</param>
/// <param name="Output">What vassals print; null where they print to where the emperor does.</param>
/// <param name="Prepare">Makes what a command needs.</param>
/// <param name="Sockets">The sockets of a vassal.</param>
/// <param name="IsServe">There is but one vassal, which ends with the emperor ("emperor serve").</param>
internal sealed record DutyWorld(
    EventLoop Loop,
    ProcessKeeper Processes,
    WsgiMaster Workers,
    MonitorHub Monitors,
    EmperorLog Log,
    VassalOutput? Output,
    Preparation Prepare,
    Func<string, IReadOnlyList<(string Address, SafeFd Fd)>> Sockets,
    bool IsServe
)
{
    /// <summary>What hooks are told of a vassal; null where there are no hooks and no namespaces.</summary>
    public Func<string, Core.Hooks.HookContext>? Describe { get; init; }

    /// <summary>By which descriptors pass on to the next emperor.</summary>
    public required Heirlooms Heirlooms { get; init; }
}

/// <summary>
/// Overview: what the emperor does for vassals of the built-in server that uWSGI's master does besides keeping workers (<see cref="WsgiDuties"/>): pidfiles,
/// files to be touched, command pipes, daemons, stats. It begins with a vassal's first process and ends when its sockets are given up; a changed file
/// takes effect with its first new process. Nothing here waits, and a duty that cannot be done is told and costs the vassal nothing else. On the main thread.
/// </summary>
internal sealed partial class MasterDuties : IDisposable
{
    private readonly DutyWorld _world;
    private readonly Dictionary<string, Holder> _holders = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Action<Readiness>> _listeners = [];
    private readonly List<LeavingDaemon> _leaving = [];
    private long _lastId;

    /// <summary>Makes one.</summary>
    public MasterDuties(DutyWorld world)
    {
        _world = world;
        world.Workers.OnChanged = ModuleChanged;
    }

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            var next = _leaving.Count == 0 ? long.MaxValue : _leaving.Min(d => d.Deadline);
            foreach (var holder in _holders.Values)
                next = Math.Min(next, Math.Min(holder.Stats?.NextDue ?? long.MaxValue, holder.Daemons?.NextDue ?? long.MaxValue));
            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>What the others need.</summary>
    public DutyWorld World => _world;

    /// <summary>A module of the app has changed (py-autoreload).</summary>
    private void ModuleChanged(string vassal, string file)
    {
        _world.Log.Vassal(LogEventLevel.Information, "touched", vassal, $"{PlainText.OneLine(file)} has changed, so it reloads");
        _world.Monitors.ReadAnew(vassal);
    }

    /// <summary>A process of a vassal has been started.</summary>
    public void Launched(Effect.Launch launch, long now)
    {
        if (launch.Plan.Wsgi is not { } wsgi)
            return;
        if (!_holders.TryGetValue(launch.Vassal, out var holder))
        {
            if (wsgi.Duties == WsgiDuties.None)
                return;
            _holders[launch.Vassal] = holder = new Holder(launch.Vassal);
        }
        OnAltered(launch.Vassal);
        holder.Count(launch);
        if (holder.Plan is { } former && former.Equals(launch.Plan))
            return;
        var duties = holder.Plan?.Wsgi?.Duties;
        holder.Plan = launch.Plan;
        if (duties is not null && Same(duties, wsgi.Duties))
            return;
        Begin(holder, wsgi.Duties, now);
    }

    /// <summary>A process of a vassal has become ready.</summary>
    public void Ready(string vassal, int incarnation)
    {
        if (!_holders.TryGetValue(vassal, out var holder) || _world.Processes.Of(vassal, incarnation) is not { } process)
            return;
        OnAltered(vassal);
        holder.ReadyOnes.Add(incarnation);
        holder.Pids?.Ready(process.MainPid);
    }

    /// <summary>A process of a vassal has ended, and is about to be reaped.</summary>
    public void Ending(string vassal, int incarnation)
    {
        if (!_holders.TryGetValue(vassal, out var holder) || _world.Processes.Of(vassal, incarnation) is not { } process)
            return;
        OnAltered(vassal);
        holder.Pids?.Ended(process.MainPid);
        holder.Ending(incarnation, _world.Workers);
    }

    /// <summary>A vassal is gone, or stopped.</summary>
    public void Forget(string vassal, long now)
    {
        if (!_holders.Remove(vassal, out var holder))
            return;
        OnAltered(vassal);
        _world.Monitors.WatchTouch(vassal, [], null);
        holder.End(now);
    }

    /// <summary>The loop has seen something of a descriptor that was opened here.</summary>
    public void Hear(long id, Readiness readiness)
    {
        if (_listeners.TryGetValue(id, out var listener))
            listener(readiness);
    }

    /// <summary>Does what is due by time.</summary>
    public void Turn(long now)
    {
        foreach (var holder in _holders.Values)
        {
            holder.Stats?.Turn(now);
            holder.Daemons?.Turn(now);
        }
        foreach (var daemon in _leaving.Where(d => d.Deadline <= now).ToArray())
            Bury(daemon);
    }

    /// <summary>Tells a daemon to stop, and kills it when its time is up.</summary>
    public void Leave(LeavingDaemon daemon, int signal)
    {
        Unlisten(daemon.Process.Fd, daemon.Token);
        if (daemon.Process.SignalGroup(signal).Number != 0)
        {
            Bury(daemon);
            return;
        }
        Await(daemon);
    }

    /// <summary>The log that a vassal has of its own; null without one.</summary>
    public OwnLog? LogOf(string vassal) => _holders.TryGetValue(vassal, out var holder) && holder.Plan is { } plan ? LogOf(plan) : null;

    /// <summary>The log that a plan asks for; null for none.</summary>
    public static OwnLog? LogOf(ProgramPlan plan) =>
        plan.Wsgi?.Duties.Log is { } rule ? new OwnLog(rule, plan.User is not null && Self.IsRoot) : null;

    /// <summary>What a vassal's workers do, in some lines.</summary>
    public IEnumerable<string> Summary(string vassal)
    {
        if (!_holders.TryGetValue(vassal, out var holder))
            yield break;
        var document = WorkerStats.Make(this, holder, hasCores: true);
        foreach (var socket in document.Sockets)
            yield return $"socket {socket.Name} ({socket.Protocol}): {socket.Waiting} of {socket.Most} connections wait";
        foreach (var worker in document.Workers)
        {
            var requests = worker.Cores.Sum(c => c.Requests);
            var busy = worker.Cores.Count(c => c.RequestStart != 0);
            yield return worker.Pid == 0
                ? $"worker {worker.Id}: no process"
                : $"worker {worker.Id} (pid {worker.Pid}): {requests} requests, {busy} of {worker.Cores.Count} threads busy, {worker.Rss >> 20} MiB";
        }
    }

    /// <summary>Writes a vassal's pidfiles again.</summary>
    public void RewritePidFiles(string vassal)
    {
        if (_holders.TryGetValue(vassal, out var holder))
            holder.Pids?.Rewrite();
    }

    /// <summary>Listens to a descriptor.</summary>
    /// <returns>Its token in the loop.</returns>
    /// <exception cref="LinuxException">No room in epoll is left.</exception>
    public ulong Listen(int fd, Action<Readiness> listener)
    {
        var token = Token.Make(TokenKind.Duty, ++_lastId);
        _world.Loop.Add(fd, token);
        _listeners.Add(_lastId, listener);
        return token;
    }

    /// <summary>Ends that.</summary>
    public void Unlisten(int fd, ulong token)
    {
        if (_listeners.Remove(Token.IdOf(token)))
            _world.Loop.Remove(fd);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var holder in _holders.Values)
            holder.End(Environment.TickCount64);
        _holders.Clear();
        // The emperor has waited for its vassals already; what is still there goes with it.
        foreach (var daemon in _leaving.ToArray())
            Bury(daemon);
    }

    private void Await(LeavingDaemon daemon)
    {
        try
        {
            LeavingDaemon? kept = null;
            var token = Listen(daemon.Process.Fd, _ => BuryEnded(kept!));
            kept = daemon with { Token = token };
            _leaving.Add(kept);
        }
        catch (LinuxException)
        {
            Bury(daemon);
        }
    }

    private void BuryEnded(LeavingDaemon daemon)
    {
        if (daemon.Process.HasEnded(out _))
            Bury(daemon);
    }

    private void Bury(LeavingDaemon daemon)
    {
        _leaving.Remove(daemon);
        OnAltered(daemon.Vassal);
        Unlisten(daemon.Process.Fd, daemon.Token);
        _world.Heirlooms.Drop(daemon.Exit);
        _world.Processes.EndHelper(daemon.Process, daemon.GuardSlot);
        if (daemon.Output is { } output)
            _world.Output?.NoteEnd(output);
    }

    private static bool Same(WsgiDuties a, WsgiDuties b) =>
        a.PidFiles.SequenceEqual(b.PidFiles)
        && a.TouchFiles.SequenceEqual(b.TouchFiles)
        && a.Fifos.SequenceEqual(b.Fifos)
        && a.Daemons.SequenceEqual(b.Daemons)
        && a.Stats.SequenceEqual(b.Stats)
        && (a.StatsHttp, a.StatsMinified, a.StatsNoCores) == (b.StatsHttp, b.StatsMinified, b.StatsNoCores);

    private void Begin(Holder holder, WsgiDuties duties, long now)
    {
        holder.End(now);
        var plan = holder.Plan!;
        holder.BegunWith = plan;
        holder.Pids = PidFilesOf(holder.Vassal, plan);
        foreach (var process in _world.Processes.All.Where(p => p.Vassal == holder.Vassal))
        {
            if (holder.ReadyOnes.Contains(process.Incarnation))
                holder.Pids?.Ready(process.MainPid);
        }
        _world.Monitors.WatchTouch(holder.Vassal, duties.TouchFiles, plan.Owner);
        try
        {
            holder.Fifos = [.. duties.Fifos.Select(path => CommandFifo.Open(this, holder.Vassal, plan, path)).OfType<CommandFifo>()];
            holder.Stats = duties.Stats.Count > 0 ? WorkerStats.Open(this, holder, duties) : null;
        }
        catch (LinuxException e)
        {
            TellNotAll(holder.Vassal, e);
        }
        if (duties.Daemons.Count > 0)
        {
            holder.Daemons = new AttachedDaemons(this, holder.Vassal, plan);
            holder.Daemons.Turn(now);
        }
    }

    private void TellNotAll(string vassal, LinuxException e) =>
        _world.Log.Vassal(LogEventLevel.Error, "duties", vassal, $"not all that its file asks of a master can be done: {e.Message}");

    private WorkerPidFiles? PidFilesOf(string vassal, ProgramPlan plan) =>
        plan.Wsgi!.Duties.PidFiles is { Count: > 0 } paths
            ? new WorkerPidFiles(vassal, paths, plan.User is not null && Self.IsRoot, _world.Log)
            : null;

    /// <summary>One vassal's.</summary>
    internal sealed partial class Holder(string vassal)
    {
        private readonly Dictionary<int, int> _starts = [];
        private readonly Dictionary<int, int> _harakiris = [];
        private readonly Dictionary<int, int> _slotOf = [];

        internal string Vassal { get; } = vassal;
        internal ProgramPlan? Plan { get; set; }
        internal ProgramPlan? BegunWith { get; set; }
        internal HashSet<int> ReadyOnes { get; } = [];
        internal WorkerPidFiles? Pids { get; set; }
        internal IReadOnlyList<CommandFifo> Fifos { get; set; } = [];
        internal WorkerStats? Stats { get; set; }
        internal AttachedDaemons? Daemons { get; set; }

        /// <summary>Which worker, from 0, a process is; null when it is none.</summary>
        internal int? SlotOf(int incarnation) => _slotOf.TryGetValue(incarnation, out var slot) ? slot : null;

        /// <summary>How often a worker was started, and killed for a request that took too long.</summary>
        internal (int Starts, int Harakiris) CountsOf(int slot) => (_starts.GetValueOrDefault(slot), _harakiris.GetValueOrDefault(slot));

        internal void Count(Effect.Launch launch)
        {
            _slotOf[launch.Incarnation] = launch.Slot;
            _starts[launch.Slot] = _starts.GetValueOrDefault(launch.Slot) + 1;
        }

        internal void Ending(int incarnation, WsgiMaster workers)
        {
            if (_slotOf.Remove(incarnation, out var slot) && workers.IsOverdue(Vassal, incarnation))
                _harakiris[slot] = _harakiris.GetValueOrDefault(slot) + 1;
            ReadyOnes.Remove(incarnation);
        }

        internal void End(long now)
        {
            Pids?.Dispose();
            foreach (var fifo in Fifos)
                fifo.Dispose();
            Stats?.Dispose();
            Daemons?.End(now);
            (Pids, Fifos, Stats, Daemons) = (null, [], null, null);
        }
    }
}
