using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using Emperor.Hooks;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;
using Emperor.Probes;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Sockets;
using Serilog.Events;

namespace Emperor;

/// <summary>
/// Overview: does in the world what the vassals' machines have decided, and tells them what comes of it. It knows servers, sockets, channels and
/// signals, and decides nothing. On the main thread only.
/// </summary>
internal sealed class EffectRunner : IDisposable
{
    private readonly UwsgiServer _server;
    private readonly ProgramRunner _programs;
    private readonly OnDemandSockets _sockets;
    private readonly VassalLimits _limits;
    private readonly bool _capturesOutput;
    private readonly EmperorLog _log;
    private readonly Func<string, (string Configuration, string Folder)> _locate;
    private readonly ProbeDesk _probes;
    private readonly SafeFd _null = Files.OpenNull();
    private readonly PostponedStarts? _postponed;

    /// <summary>Makes one.</summary>
    /// <param name="processes">Keeps what is started.</param>
    /// <param name="server">How uwsgi vassals are launched.</param>
    /// <param name="sockets">The sockets of those on demand.</param>
    /// <param name="programs">Does what programs need.</param>
    /// <param name="probes">Finds out what is to be known of processes.</param>
    /// <param name="limits">What vassals may use.</param>
    /// <param name="capturesOutput">Whether vassals print into pipes of the emperor's.</param>
    /// <param name="log">Where notes go.</param>
    /// <param name="locate">A vassal's file, as it is named from its working folder, and that folder.</param>
    public EffectRunner(
        ProcessKeeper processes,
        UwsgiServer server,
        OnDemandSockets sockets,
        ProgramRunner programs,
        ProbeDesk probes,
        VassalLimits limits,
        bool capturesOutput,
        EmperorLog log,
        Func<string, (string, string)> locate
    )
    {
        Processes = processes;
        _server = server;
        _sockets = sockets;
        _programs = programs;
        _probes = probes;
        _limits = limits;
        _capturesOutput = capturesOutput;
        _log = log;
        _locate = locate;
    }

    /// <summary>Who owns a vassal's file now, where it runs as that (--emperor-tyrant); null where it does not.</summary>
    public Func<string, VassalOwner?>? OwnerNow { get; set; }

    /// <summary>What runs beside the vassals when they start and end; null for nothing.</summary>
    public HookDesk? Hooks
    {
        get;
        init
        {
            field = value;
            _postponed = value is null ? null : new PostponedStarts(value);
        }
    }

    /// <summary>The vassals' processes.</summary>
    public ProcessKeeper Processes { get; }

    /// <summary>What has come of effects, for the machines; whoever runs effects empties it.</summary>
    public Queue<(string Vassal, VassalEvent Event)> Outcomes => Processes.Outcomes;

    /// <summary>Does one thing.</summary>
    public void Run(Effect effect)
    {
        if (_postponed?.Keep(effect) == true)
            return;
        if (_postponed?.Forget(effect) == true)
        {
            var end = new ProcessEnd(0, false, "it waited for the hook of its last end, and was not started");
            Outcomes.Enqueue((effect.Vassal, new VassalEvent.Exited(effect.Incarnation, end)));
            return;
        }
        switch (effect)
        {
            case Effect.Spawn spawn:
                Launch(spawn);
                break;
            case Effect.Launch launch:
                _programs.Launch(launch);
                break;
            case Effect.Signal signal when Processes.Of(signal.Vassal, signal.Incarnation) is { } process:
                if (signal.Stops)
                    _probes.End(signal.Vassal, signal.Incarnation);
                ProcessKeeper.Signal(process, signal.Number, signal.Stops);
                break;
            case Effect.Signal { Stops: true } or Effect.Kill when Processes.Of(effect.Vassal, effect.Incarnation) is null:
                _programs.Wsgi.Withdraw(effect.Vassal, effect.Incarnation, Environment.TickCount64);
                break;
            case Effect.AwaitReady wait:
                _probes.Begin(wait, Environment.TickCount64);
                break;
            case Effect.CheckHealth check:
                _probes.Begin(check, Environment.TickCount64);
                break;
            case Effect.WatchIdle watch:
                _probes.Begin(watch, Environment.TickCount64);
                break;
            case Effect.Thaw:
                _probes.Thaw(effect.Vassal, Environment.TickCount64);
                break;
            case Effect.Send send when Processes.Of(send.Vassal, send.Incarnation) is { Channel: { } channel }:
                if (channel.Send(send.Message) == Errno.Again)
                    Outcomes.Enqueue((send.Vassal, new VassalEvent.SendFailed(send.Incarnation, send.Message)));
                break;
            case Effect.SendConfiguration send when Processes.Of(send.Vassal, send.Incarnation) is { Configuration: { } channel }:
                Send(send, channel);
                break;
            case Effect.Kill kill when Processes.Of(kill.Vassal, kill.Incarnation) is { } process:
                Processes.Kill(process);
                break;
            case Effect.Bury:
                Processes.SweepDue = true;
                break;
            case Effect.Listen listen:
                Answer(listen.Vassal, _sockets.Listen(listen.Vassal, listen.Socket, listen.Await));
                break;
            case Effect.Hold hold:
                Answer(hold.Vassal, _programs.Sockets.Hold(hold.Vassal, hold.Sockets, hold.Await, hold.Keep));
                break;
            case Effect.Unlisten:
                Unlisten(effect.Vassal, Environment.TickCount64);
                break;
            case Effect.Note note:
                _log.Note(note);
                break;
        }
    }

    /// <summary>Ends hooks whose time is up, and starts what has waited for one.</summary>
    public void TendHooks(long now)
    {
        Hooks?.Turn(now);
        foreach (var start in _postponed?.TakeReady() ?? [])
            Run(start);
    }

    /// <summary>What vassals have notified, or a command of a check has said.</summary>
    public ProbeDesk Probes => _probes;

    /// <summary>Takes in what has been found out about processes.</summary>
    public void TakeFindings(long now)
    {
        _probes.Turn(now);
        while (_probes.Outcomes.TryDequeue(out var outcome))
        {
            if (outcome.Event is VassalEvent.Notified { Message.MainPid: { } main } notified)
                _ = Processes.SetMain(outcome.Vassal, notified.Incarnation, main);
            Outcomes.Enqueue(outcome);
        }
    }

    /// <summary>What the built-in server's vassals have besides workers.</summary>
    public Servers.Wsgi.MasterDuties? Duties => _programs.Duties;

    /// <summary>The workers of the built-in server.</summary>
    public Servers.Wsgi.WsgiMaster Workers => _programs.Wsgi;

    /// <summary>A worker of the built-in server has said something, or what it has besides workers.</summary>
    public void HearWorker(Readiness ready, long now)
    {
        if (Token.KindOf(ready.Token) == TokenKind.Worker)
            Workers.Hear(Token.IdOf(ready.Token), now);
        else
            Duties?.Hear(Token.IdOf(ready.Token), ready);
    }

    /// <summary>Does for the built-in server what is due by time.</summary>
    public void TurnWorkers(long now)
    {
        Workers.Turn(now);
        Duties?.Turn(now);
    }

    /// <summary>A vassal's process has ended: its last words are heard, and it is reaped.</summary>
    public void Reap(long serial, Instant now)
    {
        if (Processes.BySerial(serial) is not { } process || !process.Process.HasEnded(out _))
            return;
        var (vassal, incarnation) = (process.Vassal, process.Incarnation);
        _probes.Notify.HearLast(vassal, incarnation, now.Monotonic);
        _programs.Wsgi.HearLast(vassal, incarnation, now.Monotonic);
        _programs.Duties?.Ending(vassal, incarnation);
        TakeFindings(now.Monotonic);
        if (!Processes.Reap(serial, now, out var end))
            return;
        _probes.Ended(vassal, incarnation);
        _programs.Wsgi.Ended(vassal, incarnation, end, now.Monotonic);
    }

    /// <summary>A process that came of a vassal and became the emperor's child has ended; should it be a worker that has said so, it is one of the emperor's own first.</summary>
    public void ReapOrphan(int pid, Instant now)
    {
        _programs.Wsgi.HearNewborn(now.Monotonic);
        Processes.ReapOrphan(pid);
    }

    /// <summary>Ends what is left of vassals that have ended; at the end of the emperor of all.</summary>
    public void Sweep(bool killAll, Instant now)
    {
        _programs.Wsgi.HearNewborn(now.Monotonic);
        Processes.Sweep(killAll);
    }

    /// <summary>A connection waits at an on-demand socket.</summary>
    public void Knock(long socket) => _sockets.Knock(socket);

    /// <summary>A connection waits at a socket of a program.</summary>
    public void KnockAtProgram(long socket) => _programs.Sockets.Knock(socket);

    /// <summary>Tells the machines at whose sockets somebody has knocked.</summary>
    public void TellKnocks()
    {
        foreach (var vassal in _sockets.TakeKnocks().Concat(_programs.Sockets.TakeKnocks()))
            Outcomes.Enqueue((vassal, new VassalEvent.Knocked()));
    }

    /// <inheritdoc/>
    public void Dispose() => _null.Dispose();

    private void Unlisten(string vassal, long now)
    {
        _sockets.Unlisten(vassal);
        _programs.Sockets.Unlisten(vassal);
        _programs.Wsgi.Forget(vassal, now);
        _programs.Duties?.Forget(vassal, now);
    }

    private void Answer(string vassal, string? failure) =>
        Outcomes.Enqueue((vassal, failure is null ? new VassalEvent.Listening() : new VassalEvent.ListenFailed(failure)));

    private void Send(Effect.SendConfiguration send, Channel channel)
    {
        // It asks again and again and does not read: what it reads then is no packet any more, and that harms itself only.
        if (channel.SendAll(UwsgiPacket.Configuration(send.Configuration)) is { Number: not 0 } notSent)
            _log.Vassal(LogEventLevel.Warning, "configuration", send.Vassal, $"its configuration could not be sent to it: {notSent}");
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

    // Both ends of the socket for its configuration, with that in it already, as uWSGI sends it before it is asked for.
    private static (Channel? Emperor, SafeFd? Vassal) Configuration(Effect.Spawn spawn)
    {
        if (spawn.Source?.Configuration is not { } content)
            return (null, null);
        var (ours, theirs) = Channel.Create();
        _ = ours.SendAll(UwsgiPacket.Configuration(content));
        return (ours, theirs);
    }

    // Why it was not started; null when it was.
    private string? TryLaunch(Effect.Spawn spawn)
    {
        // It opens its file by the path when it runs as the owner of what was read, which must be the owner of what is there now.
        var file = spawn.Lord ?? spawn.Vassal;
        if (OwnerNow is { } ownerNow && (spawn.Owner is null || ownerNow(file) != spawn.Owner))
            return "its file is not the one that was read, or not its owner's any more; it is started when that has been looked at";
        var (name, folder) = _locate(file);
        var (serial, mark) = Processes.Next();
        var (ours, theirs) = Channel.Create();
        var (configuration, theirConfiguration) = Configuration(spawn);
        using (theirs)
        using (theirConfiguration)
        using (var pipe = _capturesOutput ? new OutputPipe() : null)
        {
            var group = _limits.GroupFor(spawn.Vassal, serial, spawn.Plan);
            try
            {
                var from = new UwsgiFile(name, folder, spawn.Source, spawn.ZergNumber);
                var launch = new UwsgiLaunch(from, mark, theirs, _sockets.Of(spawn.Vassal) ?? _null, pipe?.Write)
                {
                    Configuration = theirConfiguration,
                    Hooks = Hooks?.Describe(spawn.Vassal) ?? new(name, folder, null, null),
                    Limits = spawn.Plan?.Limits,
                    CGroup = group?.Folder,
                    UserTasks = _limits.UserTasksFor(spawn.Vassal, spawn.Plan, group),
                };
                if (_server.Launch(launch, out var failure) is not { } process)
                {
                    ours.Dispose();
                    configuration?.Dispose();
                    _limits.Return(group);
                    return failure;
                }
                Processes.Keep(
                    new LiveProcess(serial, spawn.Vassal, spawn.Incarnation, process, ours)
                    {
                        Mark = mark,
                        Group = group,
                        Configuration = configuration,
                    },
                    pipe
                );
                return null;
            }
            catch (LinuxException)
            {
                _limits.Return(group);
                throw;
            }
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

    /// <summary>A socket of a program that waits to be started.</summary>
    Held,

    /// <summary>The output, or the pidfd, of a command that tells a vassal's socket.</summary>
    AddressCommand,

    /// <summary>The NOTIFY_SOCKET of a vassal's process.</summary>
    Notify,

    /// <summary>The output, or the pidfd, of a command that looks after a vassal.</summary>
    ProbeCommand,

    /// <summary>The socket for commands.</summary>
    Command,

    /// <summary>The channel to the emperor whose vassal this one is.</summary>
    Lord,

    /// <summary>The output, or the pidfd, of a hook.</summary>
    Hook,

    /// <summary>The control socket of a worker of the built-in server.</summary>
    Worker,

    /// <summary>Something that the built-in server's vassals have besides workers: a pipe, a daemon, a client of the stats.</summary>
    Duty,

    /// <summary>The output, or the pidfd, of a program that may be the next emperor.</summary>
    UpgradeProbe,

    /// <summary>inotify, for what the kernel kills for want of memory.</summary>
    Memory,
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
