using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Processes;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// Overview: the emperor's side of the built-in server (WORKER.md). It gives each worker its control socket, its slot and the program, hears what it
/// says, and ends one whose request takes too long (harakiri). When a worker starts and stops is decided by the vassal's machine as for every
/// program; its exit is seen as every child's. Without lazy-apps a worker is not started but forked from a template, whose life the
/// <see cref="Nursery"/> decides. On the main thread only.
///
/// <para>What a worker says is not trusted: a message is heard only from the worker's own process, and one that floods loses its socket, upon
/// which it leaves.</para>
/// </summary>
internal sealed partial class WsgiMaster(EventLoop loop, ProcessKeeper processes, Heirlooms heirlooms, EmperorLog log) : IDisposable
{
    private const string ProgramName = "worker.py";
    private const int MessagesATurn = 16;
    private const int SpareSlots = 8;
    private const int MostSlots = 4096;

    private readonly Dictionary<long, WorkerPeer> _byId = [];
    private readonly Dictionary<(string Vassal, int Incarnation), WorkerPeer> _byProcess = [];
    private readonly Dictionary<string, List<WorkerPeer>> _byVassal = new(StringComparer.Ordinal);
    private readonly Dictionary<string, WorkerSlots> _slots = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[WorkerMessages.Longest + 1];
    private SafeFd? _program;
    private long _lastId;

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            var next = Math.Min(_nextLook ?? long.MaxValue, _nextGauge ?? long.MaxValue);
            foreach (var nursery in _nurseries.Values)
                next = Math.Min(next, nursery.NextDeadline ?? long.MaxValue);
            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>Makes what a worker, or a template, needs that is about to be started.</summary>
    /// <param name="launch">Which one.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public WorkerLaunch? Prepare(Effect.Launch launch, out string failure)
    {
        var plan = launch.Plan;
        var isTemplate = launch.Incarnation < 0;
        _program ??= Files.CreateSealedFile("emperor-worker", ReadProgram());
        var slots = SlotsOf(launch.Vassal, plan);
        int? slot = null;
        if (!isTemplate && (slot = slots.Take()) is null)
        {
            failure = TooManySlots;
            return null;
        }
        var (ours, theirs) = MessageSocket.Create();
        var control = DescriptorWords.First + plan.Sockets.Count;
        var worker = new WorkerLaunch(ours, theirs, slots, slot)
        {
            Descriptors = [theirs, _program, slots.File],
            Command =
            [
                plan.Exec[0],
                string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{control + 1}"),
                control.ToString(CultureInfo.InvariantCulture),
                launch.Vassal,
            ],
        };
        // What serves now is not to be followed by less.
        var isReload = _byProcess.Values.Any(p => p.Vassal == launch.Vassal && p.Serves && p.Launch.Generation != launch.Generation);
        var configuration = WorkerMessages.Configuration(launch, slot, slots.Count, control + 2, isReload);
        if (configuration.Length > WorkerMessages.Longest || ours.Send(configuration.Span).Number != 0)
        {
            worker.Dispose();
            failure = $"its options are too long for a worker ({configuration.Length} bytes); write fewer";
            return null;
        }
        failure = "";
        return worker;
    }

    /// <summary>The worker, or template, has been started.</summary>
    /// <exception cref="LinuxException">No room in epoll is left.</exception>
    public void Started(Effect.Launch launch, WorkerLaunch worker, long now)
    {
        var peer = new WorkerPeer(++_lastId, launch, worker.Control, worker.Slots, worker.Slot) { IsBorn = true };
        Listen(peer);
        worker.IsTaken = true;
        if (peer.IsTemplate)
            worker.Slots.Templates++;
        else
            Watch(peer, now);
    }

    /// <summary>A worker has said something, or closed its end.</summary>
    public void Hear(long id, long now)
    {
        if (_byId.TryGetValue(id, out var peer))
            Hear(peer, now);
    }

    /// <summary>Hears the last words of one that is about to be reaped, and before them the first ones of those that were forked from it.</summary>
    public void HearLast(string vassal, int incarnation, long now)
    {
        if (!_byProcess.TryGetValue((vassal, incarnation), out var peer))
            return;
        if (peer.IsTemplate)
            HearNewborn(now);
        Hear(peer, now);
    }

    /// <summary>A worker, or template, has been reaped.</summary>
    public void Ended(string vassal, int incarnation, ProcessEnd? end, long now)
    {
        if (Remove(vassal, incarnation) is not { } peer)
            return;
        if (peer.IsTemplate)
            TemplateEnded(peer, end, now);
    }

    /// <summary>One that was about to be started was not, after all.</summary>
    public void Drop(string vassal, int incarnation) => _ = Remove(vassal, incarnation);

    /// <summary>A vassal is gone, or stopped for good.</summary>
    public void Forget(string vassal, long now)
    {
        if (_nurseries.ContainsKey(vassal))
            Happen(vassal, new NurseryEvent.Closed(), now);
        _gauges.Remove(vassal);
        _harakiri.Remove(vassal);
        if (!_slots.Remove(vassal, out var slots))
            return;
        if (slots.IsUnused)
            slots.Dispose();
        OnAltered(vassal);
    }

    /// <summary>Does what is due by time.</summary>
    public void Turn(long now)
    {
        foreach (var vassal in _nurseries.Where(n => n.Value.NextDeadline <= now).Select(n => n.Key).ToArray())
            Happen(vassal, new NurseryEvent.TimePassed(), now);
        LookAtRequests(now);
        LookAtLoad(now);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var peer in _byProcess.Values)
        {
            heirlooms.Drop(peer.Heirloom);
            peer.Control?.Dispose();
            peer.Slots.Dispose();
        }
        foreach (var slots in _slots.Values)
            slots.Dispose();
        _program?.Dispose();
        _diag?.Dispose();
    }

    private const string TooManySlots = "too many of its former workers have not ended yet; they are waited for";

    private static byte[] ReadProgram()
    {
        using var stream =
            typeof(WsgiMaster).Assembly.GetManifestResourceStream(ProgramName)
            ?? throw new InvalidOperationException($"{ProgramName} is not in the program");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    // Room for two generations, and for some that are slow to leave. Those of another shape are left to the workers that have them.
    private WorkerSlots SlotsOf(string vassal, ProgramPlan plan)
    {
        var wanted = Math.Min(MostSlots, (2 * plan.Processes) + SpareSlots);
        if (_slots.TryGetValue(vassal, out var slots))
        {
            if (slots.Count >= wanted && slots.Threads == plan.Wsgi!.Threads)
                return slots;
            _slots.Remove(vassal);
            if (slots.IsUnused)
                slots.Dispose();
        }
        OnAltered(vassal);
        return _slots[vassal] = new WorkerSlots(wanted, plan.Wsgi!.Threads, heirlooms);
    }

    private void Listen(WorkerPeer peer)
    {
        if (peer.Control is { } control)
        {
            loop.Add(control.Fd, Token.Make(TokenKind.Worker, peer.Id));
            peer.Heirloom ??= heirlooms.Keep("worker", control.Fd);
            _byId.Add(peer.Id, peer);
        }
        _byProcess.Add((peer.Vassal, peer.Incarnation), peer);
        if (!_byVassal.TryGetValue(peer.Vassal, out var all))
            _byVassal[peer.Vassal] = all = [];
        all.Add(peer);
        OnAltered(peer.Vassal);
    }

    private WorkerPeer? Remove(string vassal, int incarnation)
    {
        if (!_byProcess.Remove((vassal, incarnation), out var peer))
            return null;
        Close(peer);
        if (_byVassal[vassal] is var all && all.Remove(peer) && all.Count == 0)
            _byVassal.Remove(vassal);
        OnAltered(vassal);
        if (peer.Slot is { } slot)
            peer.Slots.Return(slot);
        else
            peer.Slots.Templates--;
        if (peer.Slots.IsUnused && _slots.GetValueOrDefault(vassal) != peer.Slots)
            peer.Slots.Dispose();
        Unwatch();
        return peer;
    }

    private void Hear(WorkerPeer peer, long now)
    {
        for (var i = 0; i < MessagesATurn && peer.Control is { } control; i++)
        {
            var reception = control.Receive(_buffer, out var length, out var sender);
            if (reception == Reception.Nothing)
                return;
            if (reception == Reception.Message && length == 0)
            {
                HungUp(peer, now);
                return;
            }
            if (peer.TalksTooMuch(now))
            {
                log.Vassal(LogEventLevel.Warning, "flood", peer.Vassal, "a worker floods the emperor with messages; it is told to leave");
                HungUp(peer, now);
                return;
            }
            if (reception != Reception.Message || WorkerMessages.Read(_buffer.AsMemory(0, length)) is not { } message)
                continue;
            if (!peer.IsBorn)
                TakeFirst(peer, message, sender.Pid, now);
            // The app's own children may have the socket from it.
            else if (sender.Pid == processes.Of(peer.Vassal, peer.Incarnation)?.Process.Pid)
                Take(peer, message, now);
        }
    }

    private void HungUp(WorkerPeer peer, long now)
    {
        Close(peer);
        if (!peer.IsBorn)
            Happen(peer.Vassal, new NurseryEvent.Lost(peer.Incarnation, "it has ended before its first word"), now);
        // Nobody could tell it to fork or to leave.
        else if (peer.IsTemplate && processes.Of(peer.Vassal, peer.Incarnation) is { } process)
            processes.Kill(process);
    }

    private void Take(WorkerPeer peer, WorkerMessage message, long now)
    {
        OnAltered(peer.Vassal);
        switch (message.Kind)
        {
            case "ready" when peer.IsTemplate:
                if (peer.Failure is not null)
                    log.Vassal(LogEventLevel.Error, "app-failed", peer.Vassal, $"{peer.Failure}; the others serve");
                Happen(peer.Vassal, new NurseryEvent.Ready(peer.Template), now);
                break;
            case "fork-failed":
                ForkFailed(peer, message, now);
                break;
            case "ready":
                peer.Serves = true;
                Tell(peer, new VassalEvent.BecameReady(peer.Incarnation));
                break;
            case "error":
                peer.Failure = $"it cannot follow its configuration: {message.Text}";
                if (!peer.IsTemplate)
                    log.Vassal(LogEventLevel.Error, "worker-error", peer.Vassal, $"a worker cannot start: {message.Text}");
                break;
            case "loaded" when message.Text.Length > 0:
                AppFailed(peer, message);
                break;
            case "changed":
                OnChanged(peer.Vassal, message.Text);
                break;
            case "due":
                Tell(peer, new VassalEvent.Departing(peer.Incarnation, message.Text, IsDue: true));
                break;
            case "leaving":
                peer.Serves = false;
                Tell(peer, new VassalEvent.Departing(peer.Incarnation, message.Text, IsDue: false));
                break;
        }
    }

    private void AppFailed(WorkerPeer peer, WorkerMessage message)
    {
        peer.Failure = $"its app cannot be loaded: {message.Text}";
        if (!peer.IsTemplate)
        {
            log.Vassal(LogEventLevel.Error, "app-failed", peer.Vassal, peer.Failure);
            Tell(peer, new VassalEvent.AppFailed(peer.Incarnation, message.Detail));
            return;
        }
        foreach (var birth in BirthsOf(peer))
            processes.Outcomes.Enqueue((peer.Vassal, new VassalEvent.AppFailed(birth.Incarnation, message.Detail)));
    }

    private void Tell(WorkerPeer peer, VassalEvent @event) => processes.Outcomes.Enqueue((peer.Vassal, @event));

    private void Close(WorkerPeer peer)
    {
        if (peer.Control is not { } control)
            return;
        heirlooms.Drop(peer.Heirloom);
        (peer.Control, peer.Heirloom) = (null, null);
        _byId.Remove(peer.Id);
        loop.Remove(control.Fd);
        control.Dispose();
        OnAltered(peer.Vassal);
    }
}
