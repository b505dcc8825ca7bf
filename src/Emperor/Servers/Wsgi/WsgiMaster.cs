using System.Diagnostics;
using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Processes;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// Overview: the emperor's side of the built-in server (WORKER.md). It gives each worker its control socket, its slot and the program, hears what it
/// says, and ends one whose request takes too long (harakiri). When a worker starts and stops is decided by the vassal's machine as for every
/// program; its exit is seen as every child's. On the main thread only.
///
/// <para>What a worker says is not trusted: a message is heard only from the worker's own process, and one that floods loses its socket, upon
/// which it leaves.</para>
/// </summary>
internal sealed partial class WsgiMaster(EventLoop loop, ProcessKeeper processes, EmperorLog log) : IDisposable
{
    private const string ProgramName = "worker.py";
    private const int MessagesATurn = 16;
    private const int MessagesASecond = 256;
    private const int SpareSlots = 8;
    private const int MostSlots = 4096;

    // Harakiri comes within a second of its limit.
    private const long HarakiriInterval = 500;
    private const int TracebackSignal = 40;

    // The worker has so long to write its traceback.
    private const long TracebackTime = 250;

    private readonly Dictionary<long, Worker> _byId = [];
    private readonly Dictionary<(string Vassal, int Incarnation), Worker> _byProcess = [];
    private readonly Dictionary<string, WorkerSlots> _slots = new(StringComparer.Ordinal);
    private readonly byte[] _buffer = new byte[WorkerMessages.Longest + 1];
    private SafeFd? _program;
    private long _lastId;
    private long? _nextLook;

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue => _nextLook;

    /// <summary>Makes what a worker needs that is about to be started.</summary>
    /// <param name="launch">Which one.</param>
    /// <param name="failure">When null is returned: why, and what to do.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public WorkerLaunch? Prepare(Effect.Launch launch, out string failure)
    {
        var plan = launch.Plan;
        _program ??= Files.CreateSealedFile("emperor-worker", ReadProgram());
        var slots = SlotsOf(launch.Vassal, plan);
        var (ours, theirs) = MessageSocket.Create();
        if (slots.Take() is not { } slot)
        {
            ours.Dispose();
            theirs.Dispose();
            failure = "too many of its former workers have not ended yet; they are waited for";
            return null;
        }
        var control = DescriptorWords.First + plan.Sockets.Count;
        var configuration = WorkerMessages.Configuration(launch, slot, slots.Count, control + 2);
        if (configuration.Length > WorkerMessages.Longest || ours.Send(configuration.Span).Number != 0)
        {
            ours.Dispose();
            theirs.Dispose();
            slots.Return(slot);
            failure = $"its options are too long for a worker ({configuration.Length} bytes); write fewer";
            return null;
        }
        failure = "";
        return new WorkerLaunch(ours, theirs, slots, slot)
        {
            Descriptors = [theirs, _program, slots.File],
            Command =
            [
                plan.Exec[0],
                string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{control + 1}"),
                control.ToString(CultureInfo.InvariantCulture),
            ],
        };
    }

    /// <summary>The worker has been started.</summary>
    /// <exception cref="LinuxException">No room in epoll is left.</exception>
    public void Started(Effect.Launch launch, WorkerLaunch worker, long now)
    {
        var kept = new Worker(++_lastId, launch, worker);
        loop.Add(worker.Control.Fd, Token.Make(TokenKind.Worker, kept.Id));
        worker.IsTaken = true;
        _byId.Add(kept.Id, kept);
        _byProcess.Add((launch.Vassal, launch.Incarnation), kept);
        if (launch.Plan.Wsgi!.Harakiri is not null)
            _nextLook ??= now + HarakiriInterval;
    }

    /// <summary>A worker has said something, or closed its end.</summary>
    public void Hear(long id, long now)
    {
        if (_byId.TryGetValue(id, out var worker))
            Hear(worker, now);
    }

    /// <summary>Hears the last words of a worker that is about to be reaped.</summary>
    public void HearLast(string vassal, int incarnation, long now)
    {
        if (_byProcess.TryGetValue((vassal, incarnation), out var worker))
            Hear(worker, now);
    }

    /// <summary>A worker has been reaped.</summary>
    public void Ended(string vassal, int incarnation)
    {
        if (!_byProcess.Remove((vassal, incarnation), out var worker))
            return;
        Close(worker);
        worker.Slots.Return(worker.Slot);
        DropUnused(vassal, worker.Slots);
        if (!_byProcess.Values.Any(w => w.Plan.Harakiri is not null))
            _nextLook = null;
    }

    /// <summary>A vassal is gone, or stopped for good.</summary>
    public void Forget(string vassal)
    {
        if (!_slots.TryGetValue(vassal, out var slots) || !slots.IsUnused)
            return;
        _slots.Remove(vassal);
        slots.Dispose();
    }

    /// <summary>Ends workers whose request takes longer than it may.</summary>
    public void Turn(long now)
    {
        if (_nextLook is not { } due || due > now)
            return;
        _nextLook = now + HarakiriInterval;
        foreach (var worker in _byProcess.Values)
        {
            if (worker.Plan.Harakiri is { } limit && processes.Of(worker.Vassal, worker.Incarnation) is { } process)
                Look(worker, process, limit, now);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var worker in _byProcess.Values)
            worker.Control.Dispose();
        foreach (var slots in _slots.Values)
            slots.Dispose();
        _program?.Dispose();
    }

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
        return _slots[vassal] = new WorkerSlots(wanted, plan.Wsgi!.Threads);
    }

    private void DropUnused(string vassal, WorkerSlots slots)
    {
        if (!slots.IsUnused || _slots.GetValueOrDefault(vassal) == slots)
            return;
        slots.Dispose();
    }

    private void Hear(Worker worker, long now)
    {
        for (var i = 0; i < MessagesATurn && !worker.IsDeaf; i++)
        {
            var reception = worker.Control.Receive(_buffer, out var length, out var sender);
            if (reception == Reception.Nothing)
                return;
            if (reception == Reception.Message && length == 0)
            {
                Close(worker);
                return;
            }
            if (worker.TalksTooMuch(now, MessagesASecond))
            {
                log.Vassal(LogEventLevel.Warning, "flood", worker.Vassal, "a worker floods the emperor with messages; it is told to leave");
                Close(worker);
                return;
            }
            // The app's own children may have the socket from it.
            if (
                reception == Reception.Message
                && sender.Pid == processes.Of(worker.Vassal, worker.Incarnation)?.Process.Pid
                && WorkerMessages.Read(_buffer.AsMemory(0, length)) is { } message
            )
                Take(worker, message);
        }
    }

    private void Take(Worker worker, WorkerMessage message)
    {
        switch (message.Kind)
        {
            case "ready":
                processes.Outcomes.Enqueue((worker.Vassal, new VassalEvent.BecameReady(worker.Incarnation)));
                break;
            case "error":
                log.Vassal(LogEventLevel.Error, "worker-error", worker.Vassal, $"a worker cannot start: {message.Text}");
                break;
            case "loaded" when message.Text.Length > 0:
                log.Vassal(LogEventLevel.Error, "app-failed", worker.Vassal, $"its app cannot be loaded: {message.Text}");
                break;
            case "changed":
                OnChanged(worker.Vassal, message.Text);
                break;
            case "leaving" when !message.Text.StartsWith("stop", StringComparison.Ordinal):
                log.Vassal(LogEventLevel.Information, "worker-leaves", worker.Vassal, $"a worker ends by itself: {message.Text}");
                break;
        }
    }

    private void Look(Worker worker, LiveProcess process, long limit, long now)
    {
        if (worker.KillAt is { } due)
        {
            if (due <= now)
                processes.Kill(process);
            return;
        }
        var clock = (ulong)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));
        if (worker.Slots.OldestRequest(worker.Slot) is not { } start || start > clock || (long)((clock - start) / 1_000_000) < limit)
            return;
        log.Vassal(
            LogEventLevel.Warning,
            "harakiri",
            worker.Vassal,
            string.Create(
                CultureInfo.InvariantCulture,
                $"pid {process.Process.Pid} is killed: its request takes longer than {limit / 1000} s (harakiri)"
            )
        );
        if (!worker.Plan.HarakiriVerbose)
        {
            processes.Kill(process);
            return;
        }
        _ = process.Process.Signal(TracebackSignal);
        worker.KillAt = now + TracebackTime;
        _nextLook = now + TracebackTime;
    }

    private void Close(Worker worker)
    {
        if (worker.IsDeaf)
            return;
        worker.IsDeaf = true;
        _byId.Remove(worker.Id);
        loop.Remove(worker.Control.Fd);
        worker.Control.Dispose();
    }

    private sealed class Worker(long id, Effect.Launch launch, WorkerLaunch worker)
    {
        private long _second;
        private int _count;

        internal long Id { get; } = id;
        internal string Vassal { get; } = launch.Vassal;
        internal int Incarnation { get; } = launch.Incarnation;
        internal Core.Wsgi.WsgiPlan Plan { get; } = launch.Plan.Wsgi!;
        internal MessageSocket Control { get; } = worker.Control;
        internal WorkerSlots Slots { get; } = worker.Slots;
        internal int Slot { get; } = worker.Slot;
        internal bool IsDeaf { get; set; }
        internal long? KillAt { get; set; }

        internal bool TalksTooMuch(long now, int most)
        {
            if (now / 1000 != _second)
                (_second, _count) = (now / 1000, 0);
            return ++_count > most;
        }
    }
}

/// <summary>What a worker needs that is about to be started. Disposed, it is given back unless the worker has been started.</summary>
internal sealed class WorkerLaunch(MessageSocket control, SafeFd theirs, WorkerSlots slots, int slot) : IDisposable
{
    /// <summary>The emperor's end of its control socket.</summary>
    public MessageSocket Control { get; } = control;

    /// <summary>The memory of its slot.</summary>
    public WorkerSlots Slots { get; } = slots;

    /// <summary>Its slot.</summary>
    public int Slot { get; } = slot;

    /// <summary>What it inherits behind its sockets.</summary>
    public required IReadOnlyList<SafeFd> Descriptors { get; init; }

    /// <summary>What is run.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Whether the master keeps it.</summary>
    public bool IsTaken { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        theirs.Dispose();
        if (IsTaken)
            return;
        Control.Dispose();
        Slots.Return(Slot);
    }
}
