using Emperor.Core.Programs;
using Emperor.Core.Sockets;

namespace Emperor.Core.Vassals;

/// <summary>
/// Something that happened to a vassal. Those about a process carry the incarnation that it was; what an earlier incarnation sent late
/// is dropped.
/// </summary>
public abstract record VassalEvent
{
    private VassalEvent() { }

    /// <summary>Its file is there for the first time, or has changed, and can be run.</summary>
    /// <param name="ModifiedUnix">The file's modification time, seconds since the epoch.</param>
    /// <param name="Source">What was read; null when nobody needs to know.</param>
    /// <param name="Socket">The socket by which it is started on demand; null when it is started at once.</param>
    /// <param name="Plan">What its section [emperor] asks for; null when it has none.</param>
    public sealed record FileAccepted(
        long ModifiedUnix,
        VassalSource? Source = null,
        OnDemandSocket? Socket = null,
        ProgramPlan? Plan = null
    ) : VassalEvent;

    /// <summary>Its file is there for the first time, or has changed, and cannot be run.</summary>
    /// <param name="Reason">A sentence: what is wrong and what mends it.</param>
    /// <param name="Source">What was read; null when nobody needs to know.</param>
    public sealed record FileRefused(string Reason, VassalSource? Source = null) : VassalEvent;

    /// <summary>It is made because another vassal has called for reinforcement.</summary>
    /// <param name="Lord">That vassal, as it is now.</param>
    /// <param name="Number">Which zerg it is of all that there ever were, from 1.</param>
    public sealed record Summoned(VassalState Lord, int Number) : VassalEvent;

    /// <summary>It was called for reinforcement, and who called has ended, or begins anew.</summary>
    /// <param name="Why">A sentence.</param>
    public sealed record Dismissed(string Why) : VassalEvent;

    /// <summary>Its file is gone.</summary>
    public sealed record FileGone : VassalEvent;

    /// <summary>The spawn that was asked for has made a process.</summary>
    public sealed record Spawned(int Incarnation, int Pid) : VassalEvent;

    /// <summary>The spawn that was asked for has failed.</summary>
    public sealed record SpawnFailed(int Incarnation, string Reason) : VassalEvent;

    /// <summary>A byte came (<see cref="Protocol.VassalMessage"/>, or anything else).</summary>
    public sealed record Received(int Incarnation, byte Message) : VassalEvent;

    /// <summary>It closed its end of the channel.</summary>
    public sealed record HungUp(int Incarnation) : VassalEvent;

    /// <summary>A byte could not be sent: it does not read, and its buffer is full.</summary>
    public sealed record SendFailed(int Incarnation, byte Message) : VassalEvent;

    /// <summary>Its process has ended.</summary>
    public sealed record Exited(int Incarnation, ProcessEnd End) : VassalEvent;

    /// <summary>Its on-demand socket is bound as it was asked for.</summary>
    public sealed record Listening : VassalEvent;

    /// <summary>Its on-demand socket could not be had so.</summary>
    /// <param name="Reason">A sentence: what is wrong and what mends it.</param>
    public sealed record ListenFailed(string Reason) : VassalEvent;

    /// <summary>The sockets that the former emperor has held for it have not come over to this one.</summary>
    public sealed record SocketsLost : VassalEvent;

    /// <summary>What its processes print is read by nobody any more: the pipe has not come over to this emperor, or this one reads none.</summary>
    public sealed record OutputLost : VassalEvent;

    /// <summary>A connection waits in its on-demand socket.</summary>
    public sealed record Knocked : VassalEvent;

    /// <summary>Its readiness has been found out (<see cref="Effect.AwaitReady"/>).</summary>
    public sealed record BecameReady(int Incarnation) : VassalEvent;

    /// <summary>It is not ready yet, and this was seen last; told when it is another thing than before.</summary>
    /// <param name="Incarnation">The process.</param>
    /// <param name="Problem">A few words, such as "GET /: 503".</param>
    public sealed record NotReady(int Incarnation, string Problem) : VassalEvent;

    /// <summary>So many checks of its health in a row have failed (<see cref="Effect.CheckHealth"/>).</summary>
    /// <param name="Incarnation">The process.</param>
    /// <param name="Reason">What was seen, as a sentence.</param>
    public sealed record Unwell(int Incarnation, string Reason) : VassalEvent;

    /// <summary>It has said something to its NOTIFY_SOCKET, and was believed.</summary>
    public sealed record Notified(int Incarnation, Notification Message) : VassalEvent;

    /// <summary>
    /// Nobody has used its sockets for as long as its file allows, and its processes are frozen (SIGSTOP), so that nobody can begin to:
    /// it is told to stop, or let go on, in the same turn.
    /// </summary>
    public sealed record FellIdle : VassalEvent;

    /// <summary>A worker of the built-in server leaves, or should, and not because it was told to.</summary>
    /// <param name="Incarnation">The process.</param>
    /// <param name="Reason">Why, as the end of a sentence.</param>
    /// <param name="IsDue">Whether it serves on until its successor is ready and it is told to stop; otherwise it takes no more connections.</param>
    public sealed record Departing(int Incarnation, string Reason, bool IsDue) : VassalEvent;

    /// <summary>The app of a worker of the built-in server could not be loaded. The end of the process, or of its start, follows.</summary>
    /// <param name="Incarnation">The process.</param>
    /// <param name="Traceback">What Python says of it, in lines.</param>
    public sealed record AppFailed(int Incarnation, string Traceback) : VassalEvent;

    /// <summary>So many processes more, or fewer, suit what there is to do (cheaper).</summary>
    /// <param name="Delta">How many more; fewer when negative.</param>
    /// <param name="Reason">Why, as the end of a sentence.</param>
    public sealed record Scaled(int Delta, string Reason) : VassalEvent;

    /// <summary>Something has changed with the vassals that it is to be started after (<see cref="VassalState.OthersReady"/>).</summary>
    public sealed record OthersChanged : VassalEvent;

    /// <summary>Time has passed; a deadline may be due.</summary>
    public sealed record TimePassed : VassalEvent;

    /// <summary>It shall reload, though its file has not changed (SIGHUP to the emperor).</summary>
    public sealed record ReloadAsked : VassalEvent;

    /// <summary>Its failures are forgiven (SIGURG to the emperor).</summary>
    public sealed record Forgiven : VassalEvent;

    /// <summary>An operator wants something of it.</summary>
    public sealed record Ordered(OrderKind Order) : VassalEvent;

    /// <summary>The emperor leaves: it shall stop for good.</summary>
    /// <param name="Gracefully">It may finish its requests, whatever the options say.</param>
    public sealed record Ragnarok(bool Gracefully = false) : VassalEvent;

    /// <summary>The emperor waits no longer.</summary>
    public sealed record NoMercy : VassalEvent;
}

/// <summary>How a process ended.</summary>
/// <param name="Code">Its exit code, or the signal that killed it.</param>
/// <param name="Signaled">A signal killed it.</param>
/// <param name="Words">Such as "exit 1" or "signal 9 (KILL)".</param>
public sealed record ProcessEnd(int Code, bool Signaled, string Words)
{
    /// <summary>The exit code by which a vassal says that it must not be respawned (UWSGI_EXILE_CODE in uwsgi.h).</summary>
    public const int ExileCode = 26;

    /// <summary>Whether the system has left a core of it.</summary>
    public bool CoreDumped { get; init; }

    /// <summary>Whether the kernel has killed processes of it because they used more memory than the vassal may (memory-max).</summary>
    public bool OutOfMemory { get; init; }

    /// <summary>The name of the signal that killed it, such as KILL; null when none did.</summary>
    public string? SignalName { get; init; }

    /// <summary>Whether it asked not to be respawned.</summary>
    public bool IsExile => !Signaled && Code == ExileCode;
}
