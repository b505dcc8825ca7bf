using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Sockets;
using Serilog.Events;

namespace Emperor;

/// <summary>
/// Overview: does in the world what the vassals' machines have decided, and tells them what comes of it. It knows processes, channels and
/// signals, and decides nothing. On the main thread only.
/// </summary>
internal sealed class EffectRunner : IDisposable
{
    // What one vassal may say in one turn of the loop, and after its end.
    private const int ChunkSize = 4096;
    private const int LastWordsLimit = 64 * 1024;

    private readonly EventLoop _loop;
    private readonly UwsgiServer _server;
    private readonly OnDemandSockets _sockets;
    private readonly VassalOutput? _output;
    private readonly EmperorLog _log;
    private readonly Func<string, (string Configuration, string Folder)> _locate;
    private readonly ProcessTable _processes = new();
    private readonly Kindred _kindred;
    private readonly Guard _guard;
    private readonly SafeFd _null = Files.OpenNull();
    private readonly byte[] _chunk = new byte[ChunkSize];
    private readonly List<byte> _messages = [];
    private readonly HashSet<LiveProcess> _muted = [];
    private long _serial;

    /// <summary>Makes one.</summary>
    /// <param name="loop">The loop that listens to what it opens.</param>
    /// <param name="server">How vassals are launched.</param>
    /// <param name="sockets">The sockets of those on demand.</param>
    /// <param name="output">Where vassals print to; null is where the emperor does.</param>
    /// <param name="log">Where it tells of what no machine knows.</param>
    /// <param name="locate">A vassal's file, as it is named from its working folder, and that folder.</param>
    public EffectRunner(
        EventLoop loop,
        UwsgiServer server,
        OnDemandSockets sockets,
        VassalOutput? output,
        EmperorLog log,
        Func<string, (string, string)> locate
    )
    {
        _loop = loop;
        _server = server;
        _sockets = sockets;
        _output = output;
        _log = log;
        _locate = locate;
        // Nobody can guess it (60 bits from the kernel), and OpenSSL need not be there nor be loaded for it.
        var mark = Guid.NewGuid().ToString("N")[..16];
        _guard = new Guard($"{Kindred.MarkVariable}={mark}");
        _kindred = new Kindred(mark, loop, _guard);
        if (Children.BecomeSubreaper() is { Number: not 0 } error)
            log.Warning("no-subreaper", $"orphans of vassals will be lost to init: {error}");
        StartGuard();
    }

    /// <summary>What has come of effects, for the machines; whoever runs effects empties it.</summary>
    public Queue<(string Vassal, VassalEvent Event)> Outcomes { get; } = new();

    /// <summary>Whether a look at the orphans is due.</summary>
    public bool SweepDue { get; set; }

    /// <summary>Whether a look at the orphans is worth it soon: a vassal that has come up may have detached some.</summary>
    public bool SweepSoon { get; set; }

    /// <summary>Whether no process of the emperor's is left but the guard.</summary>
    public bool IsAlone => _processes.All.Count == 0 && !_kindred.HasOwn;

    /// <summary>When the first muted vassal is heard again, monotonic milliseconds; null when none is muted.</summary>
    public long? NextUnmute => _muted.Count == 0 ? null : _muted.Min(p => p.MutedUntil);

    /// <summary>Does one thing.</summary>
    public void Run(Effect effect)
    {
        switch (effect)
        {
            case Effect.Spawn spawn:
                Launch(spawn);
                break;
            case Effect.Send send when _processes.Of(send.Vassal, send.Incarnation) is { } process:
                if (process.Channel.Send(send.Message) == Errno.Again)
                    Outcomes.Enqueue((send.Vassal, new VassalEvent.SendFailed(send.Incarnation, send.Message)));
                break;
            case Effect.Kill kill when _processes.Of(kill.Vassal, kill.Incarnation) is { } process:
                _ = process.Process.SignalGroup(Signals.Kill);
                _ = process.Process.Signal(Signals.Kill);
                _kindred.KillOf(process.Serial);
                break;
            case Effect.Bury:
                SweepDue = true;
                break;
            case Effect.Listen listen:
                VassalEvent outcome = _sockets.Listen(listen.Vassal, listen.Socket, listen.Await) is { } failure
                    ? new VassalEvent.ListenFailed(failure)
                    : new VassalEvent.Listening();
                Outcomes.Enqueue((listen.Vassal, outcome));
                break;
            case Effect.Unlisten:
                _sockets.Unlisten(effect.Vassal);
                break;
            case Effect.Note note:
                _log.Note(note);
                break;
        }
    }

    /// <summary>A vassal has said something, or closed its channel.</summary>
    public void Hear(long serial, Instant now)
    {
        if (_processes.BySerial(serial) is { IsChannelOpen: true } process)
            Hear(process, now, ChunkSize);
    }

    /// <summary>Hears again those who were muted long enough ago.</summary>
    public void Unmute(long now)
    {
        foreach (var process in _muted.Where(p => p.MutedUntil <= now).ToArray())
        {
            _muted.Remove(process);
            process.MutedUntil = null;
            if (process.IsChannelOpen)
                _loop.Mute(process.Channel.Fd, Token.Make(TokenKind.Channel, process.Serial), muted: false);
        }
    }

    /// <summary>
    /// A vassal's process has ended: its last words are heard first, what is left of its process group is killed while its number cannot be
    /// another's, and then it is reaped.
    /// </summary>
    public void Reap(long serial, Instant now)
    {
        if (_processes.BySerial(serial) is not { } process || !process.Process.HasEnded(out _))
            return;
        if (process.IsChannelOpen)
            Hear(process, now, LastWordsLimit);
        _ = process.Process.SignalGroup(Signals.Kill);
        _ = process.Process.Reap(out var status);
        _loop.Remove(process.Process.Fd);
        CloseChannel(process);
        _processes.Remove(process);
        _muted.Remove(process);
        _guard.Delist(process.GuardSlot);
        _kindred.NoteEnded(process, now.Monotonic);
        process.Dispose();
        if (process.Output is { } output)
            _output?.NoteEnd(output);
        Outcomes.Enqueue((process.Vassal, new VassalEvent.Exited(process.Incarnation, EndOf(status))));
    }

    private static ProcessEnd EndOf(ExitStatus status) =>
        new(status.Code, status.Signaled, status.ToString())
        {
            CoreDumped = status.CoreDumped,
            SignalName = status.Signaled ? Signals.NameOf(status.Code) : null,
        };

    /// <summary>A connection waits at an on-demand socket.</summary>
    public void Knock(long socket) => _sockets.Knock(socket);

    /// <summary>Tells the machines at whose sockets somebody has knocked.</summary>
    public void TellKnocks()
    {
        foreach (var vassal in _sockets.TakeKnocks())
            Outcomes.Enqueue((vassal, new VassalEvent.Knocked()));
    }

    /// <summary>Starts a command of the emperor's own, which the caller watches and ends. Should the emperor be killed, the guard ends it.</summary>
    public PidRef? StartHelper(SpawnRequest request, out int guardSlot, out Errno error)
    {
        guardSlot = 0;
        var process = Spawn.Start(request, out error);
        if (process is null)
            return null;
        guardSlot = _guard.Enlist(process.Pid);
        _kindred.Helpers.Add(process.Pid);
        return process;
    }

    /// <summary>Ends such a command with all of its session, whether it has ended by itself or not.</summary>
    public void EndHelper(PidRef process, int guardSlot)
    {
        _ = process.SignalGroup(Signals.Kill);
        _ = process.Signal(Signals.Kill);
        // One that has not ended yet is found and reaped by the sweep.
        SweepDue |= !process.Reap(out _);
        _kindred.Helpers.Remove(process.Pid);
        _guard.Delist(guardSlot);
        process.Dispose();
    }

    /// <summary>A process that came of a vassal and became the emperor's child has ended.</summary>
    public void ReapOrphan(int pid)
    {
        _kindred.Reap(pid);
        SweepDue = true;
    }

    /// <summary>Ends what is left of vassals that have ended; at the end of the emperor (<paramref name="killAll"/>) of all.</summary>
    public void Sweep(bool killAll)
    {
        SweepDue = false;
        var killed = _kindred.Sweep(_processes, _guard.Process?.Pid ?? 0, killAll, Environment.TickCount64);
        // One could not look: soon again, when there may be a descriptor.
        SweepSoon |= killed is null;
        if (killed > 0)
            _log.Say(LogEventLevel.Information, "orphans", $"{killed} processes that vassals had left behind are killed");
    }

    /// <summary>Takes in what has been found out about whose orphans are.</summary>
    public void TakeAnswers() => SweepDue |= _kindred.TakeAnswers();

    /// <summary>Looks whether a child has ended that became ours unnoticed.</summary>
    public void LookForStrays() =>
        SweepDue |= Children.PeekEnded(out var pid, out _) && _processes.ByPid(pid) is null && !_kindred.Knows(pid);

    /// <summary>The guard has ended, though it should not have.</summary>
    public void ReplaceGuard()
    {
        if (_guard.Process is { } guard)
        {
            _loop.Remove(guard.Fd);
            _ = guard.Reap(out _);
        }
        _log.Warning(
            "guard-lost",
            "the process that ends all vassals when the emperor is killed was ended by somebody; another is started"
        );
        StartGuard();
    }

    /// <summary>Writes what vassals have printed last, when they are all gone.</summary>
    public void FinishOutput() => _output?.Finish();

    /// <summary>The emperor leaves. When it does so with processes left, the guard ends them.</summary>
    public void Dispose()
    {
        if (IsAlone)
            _guard.Farewell();
        _guard.Dispose();
        _kindred.Dispose();
        _null.Dispose();
    }

    private void Launch(Effect.Spawn spawn)
    {
        try
        {
            var failure = TryLaunch(spawn);
            if (failure is not null)
                Outcomes.Enqueue((spawn.Vassal, new VassalEvent.SpawnFailed(spawn.Incarnation, failure)));
        }
        catch (LinuxException e)
        {
            // No descriptor, or no room in epoll, is left: this vassal waits, all others live on.
            Outcomes.Enqueue((spawn.Vassal, new VassalEvent.SpawnFailed(spawn.Incarnation, $"cannot be started: {e.Message}")));
        }
    }

    // Why it was not started; null when it was.
    private string? TryLaunch(Effect.Spawn spawn)
    {
        var (configuration, folder) = _locate(spawn.Vassal);
        var serial = ++_serial;
        var (ours, theirs) = Channel.Create();
        using (theirs)
        using (var pipe = _output is null ? null : new OutputPipe())
        {
            var process = _server.Launch(
                configuration,
                folder,
                _kindred.MarkOf(serial),
                theirs,
                _sockets.Of(spawn.Vassal) ?? _null,
                pipe?.Write,
                out var failure
            );
            if (process is null)
            {
                ours.Dispose();
                return failure;
            }
            var live = new LiveProcess(serial, spawn.Vassal, spawn.Incarnation, process, ours);
            try
            {
                _loop.Add(ours.Fd, Token.Make(TokenKind.Channel, serial));
                _loop.Add(process.Fd, Token.Make(TokenKind.Exit, serial));
                if (pipe is not null)
                    live.Output = _output!.Watch(pipe, spawn.Vassal, spawn.Incarnation, process.Pid);
            }
            catch (LinuxException)
            {
                // A process that cannot be watched must not live. The sweep reaps it.
                _ = process.SignalGroup(Signals.Kill);
                SweepDue = true;
                live.Dispose();
                throw;
            }
            live.GuardSlot = _guard.Enlist(process.Pid);
            _processes.Add(live);
            Outcomes.Enqueue((spawn.Vassal, new VassalEvent.Spawned(spawn.Incarnation, process.Pid)));
            return null;
        }
    }

    private void Hear(LiveProcess process, Instant now, int limit)
    {
        while (limit > 0)
        {
            var result = process.Channel.Read(_chunk, out var count);
            if (result == ChannelRead.Nothing)
                return;
            if (result == ChannelRead.Closed)
            {
                CloseChannel(process);
                Outcomes.Enqueue((process.Vassal, new VassalEvent.HungUp(process.Incarnation)));
                return;
            }
            limit -= count;
            ProtocolDecoder.Decode(_chunk.AsSpan(0, count), _messages);
            SweepSoon |= _messages.Contains(VassalMessage.Accepting) || _messages.Contains(VassalMessage.Loyal);
            foreach (var message in _messages)
                Outcomes.Enqueue((process.Vassal, new VassalEvent.Received(process.Incarnation, message)));
            if (process.TalksTooMuch(count, now.Monotonic))
            {
                MuteUntilNextSecond(process, now.Monotonic);
                return;
            }
        }
    }

    private void MuteUntilNextSecond(LiveProcess process, long now)
    {
        if (!_muted.Add(process))
            return;
        process.MutedUntil = ((now / 1000) + 1) * 1000;
        _loop.Mute(process.Channel.Fd, Token.Make(TokenKind.Channel, process.Serial), muted: true);
        if (!process.WasFloodReported)
            _log.Vassal(
                LogEventLevel.Warning,
                "flood",
                process.Vassal,
                "it floods the emperor with bytes; it is heard a little of each second"
            );
        process.WasFloodReported = true;
    }

    private void CloseChannel(LiveProcess process)
    {
        if (!process.IsChannelOpen)
            return;
        process.IsChannelOpen = false;
        _loop.Remove(process.Channel.Fd);
    }

    private void StartGuard()
    {
        if (TryStartGuard() is { Number: not 0 } error)
            _log.Warning(
                "no-guard",
                $"/bin/sh cannot be started ({error}): should the emperor be killed, workers of vassals may survive it"
            );
        else
            _loop.Add(_guard.Process!.Fd, Token.Make(TokenKind.Guard, 0));
    }

    private Errno TryStartGuard()
    {
        try
        {
            return _guard.Start();
        }
        catch (LinuxException e)
        {
            return e.Error;
        }
    }
}

/// <summary>What a descriptor in the loop is.</summary>
internal enum TokenKind
{
    /// <summary>A vassal's channel.</summary>
    Channel,

    /// <summary>A vassal's pidfd.</summary>
    Exit,

    /// <summary>The pidfd of a process that came of a vassal.</summary>
    Orphan,

    /// <summary>The guard's pidfd.</summary>
    Guard,

    /// <summary>inotify.</summary>
    Hints,

    /// <summary>The socket of a vassal on demand.</summary>
    Listener,

    /// <summary>The output, or the pidfd, of a command that tells a vassal's socket.</summary>
    AddressCommand,

    /// <summary>The NOTIFY_SOCKET of a vassal's process.</summary>
    Notify,

    /// <summary>The output, or the pidfd, of a command that looks after a vassal.</summary>
    ProbeCommand,
}

/// <summary>The number by which the loop names a descriptor: its kind, and which one.</summary>
internal static class Token
{
    private const int KindShift = 56;

    /// <summary>Makes one.</summary>
    public static ulong Make(TokenKind kind, long id) => ((ulong)kind << KindShift) | (ulong)id;

    /// <summary>What it is.</summary>
    public static TokenKind KindOf(ulong token) => (TokenKind)(token >> KindShift);

    /// <summary>Which one.</summary>
    public static long IdOf(ulong token) => (long)(token & ((1UL << KindShift) - 1));
}
