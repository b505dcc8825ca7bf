using System.Collections.Immutable;
using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Sockets;

namespace Emperor.Core.Vassals;

/// <summary>All that the emperor knows of a vassal, at one moment. It changes only by <see cref="VassalMachine.Step"/>.</summary>
public sealed record VassalState
{
    private static readonly VassalHistory Unknown = new();

    /// <summary>Its name: the file's name, or its path for a glob's.</summary>
    public required string Name { get; init; }

    /// <summary>Where it stands.</summary>
    public required Phase Phase { get; init; }

    /// <summary>Counts its processes; the current (or last) one's number, from 1.</summary>
    public int Incarnation { get; init; }

    /// <summary>The last of its processes that an emperor before this one has started; 0 when none has.</summary>
    public int AdoptedUpTo { get; init; }

    /// <summary>Whether a process that it has was started by an emperor before this one.</summary>
    public bool Adopted
    {
        get
        {
            if (Members.Length == 0)
                return HasProcess && Incarnation <= AdoptedUpTo;
            foreach (var member in Members)
            {
                if (member.Incarnation <= AdoptedUpTo)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Its process; null when it has none.</summary>
    public int? Pid { get; init; }

    /// <summary>Why it stands there, as a sentence.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Since when it stands there, monotonic milliseconds; a new process and an answered reload begin anew.</summary>
    public long PhaseSince { get; init; }

    /// <summary>When the phase is over by itself, monotonic milliseconds; null when it is not.</summary>
    public long? Deadline { get; init; }

    /// <summary>When the next heartbeat is overdue, monotonic milliseconds; null before the first.</summary>
    public long? HeartbeatDeadline { get; init; }

    /// <summary>What follows the end of its process, when it has been told or made to end.</summary>
    public Aftermath Aftermath { get; init; }

    /// <summary>Why the next process is started, when <see cref="Aftermath"/> is <see cref="Aftermath.StartAnew"/>.</summary>
    public string AnewReason { get; init; } = "";

    /// <summary>The vassal that has called it for reinforcement (--emperor-broodlord); null for every vassal with a file of its own.</summary>
    public string? Lord { get; init; }

    /// <summary>Which zerg it is of all that there ever were, from 1 (UWSGI_BROODLORD_NUM); 0 for every other vassal.</summary>
    public int ZergNumber { get; init; }

    /// <summary>It waits for the command spawn (--emperor-wait-for-command), whatever becomes of its file.</summary>
    public bool Suspended { get; init; }

    /// <summary>An operator has stopped it, and neither an operator nor a change of its file has started it since.</summary>
    public bool StoppedByHand { get; init; }

    /// <summary>One of its processes has once said that it accepts requests, or is loyal: that word can be waited for.</summary>
    public bool TellsWhenReady { get; init; }

    /// <summary>A further change came while it was reloading; it is told when it accepts requests again.</summary>
    public bool ReloadPending { get; init; }

    /// <summary>Why the last change of its file was not taken; null when it was.</summary>
    public string? RefusedChange { get; init; }

    /// <summary>It has said that it was spawned, since its last start or reload.</summary>
    public bool Ready { get; init; }

    /// <summary>It has said that it accepts requests, since its last start or reload.</summary>
    public bool Accepting { get; init; }

    /// <summary>Its process has said that it is loyal.</summary>
    public bool Loyal { get; init; }

    /// <summary>It was loyal before it was told to reload: its next loyalty is the reloaded program's.</summary>
    public bool WasLoyal { get; init; }

    /// <summary>It has sent a byte that has no meaning.</summary>
    public bool Babbled { get; init; }

    /// <summary>It did not read the last reload that it was told; the next one waits for its time, whatever it says meanwhile.</summary>
    public bool Deaf { get; init; }

    /// <summary>Failures in a row; 0 when it is not blacklisted.</summary>
    public int Failures { get; init; }

    /// <summary>The socket by which it is started on demand; null when it is started at once.</summary>
    public OnDemandSocket? Socket { get; init; }

    /// <summary>The socket that the emperor has bound for it, or has been asked to; null when there is none.</summary>
    public OnDemandSocket? Bound { get; init; }

    /// <summary>How often in a row its socket could not be bound.</summary>
    public int ListenFailures { get; init; }

    /// <summary>Short lives in a row.</summary>
    public int ShortLives { get; init; }

    /// <summary>Reloads of its current process.</summary>
    public int Reloads { get; init; }

    /// <summary>Its processes that ended without being told to.</summary>
    public int Deaths { get; init; }

    /// <summary>When its process was spawned, monotonic milliseconds.</summary>
    public long SpawnedAt { get; init; }

    /// <summary>Since when it accepts requests, monotonic milliseconds; null when it does not.</summary>
    public long? AcceptingSince { get; init; }

    /// <summary>When it first accepted requests since its last start or reload, monotonic milliseconds; null when it has not yet.</summary>
    public long? AnsweredAt { get; init; }

    /// <summary>Its file's modification time when it came, and now; seconds since the epoch.</summary>
    public (long Born, long LastModified) File { get; init; }

    /// <summary>How its last process ended, or why it could not be started; null before that.</summary>
    public string? LastEnd { get; init; }

    /// <summary>When what happened to it.</summary>
    public VassalHistory History { get; init; } = Unknown;

    /// <summary>Its file as it was last read; null when nobody has told.</summary>
    public VassalSource? Source { get; init; }

    /// <summary>The digest of its file when its process was started or last told to reload; null before that.</summary>
    public string? LaunchedDigest { get; init; }

    /// <summary>What its section [emperor] asks for, as it was last accepted; null when its file has none.</summary>
    public ProgramPlan? Plan { get; init; }

    /// <summary>The processes of a program, in the order of their start; empty for a uwsgi vassal.</summary>
    public ImmutableArray<Member> Members { get; init; } = [];

    /// <summary>The copies of a program; empty for a uwsgi vassal, and for a program that shall have no process.</summary>
    public ImmutableArray<ProgramSlot> Slots { get; init; } = [];

    /// <summary>The plan that a program's reload brings in, one slot after the other; null when none is under way.</summary>
    public ProgramPlan? Rolling { get; init; }

    /// <summary>The slot that the reload is at.</summary>
    public int RollSlot { get; init; }

    /// <summary>Counts the program's starts and reloads; each new process belongs to one of them.</summary>
    public int Generation { get; init; }

    /// <summary>Why the app could not be loaded the last time, in Python's lines; null when it could.</summary>
    public string? Traceback { get; init; }

    /// <summary>Why the last reload came to nothing and the former processes serve on; null when it did not.</summary>
    public string? FailedReload { get; init; }

    /// <summary>The emperor holds sockets for its program.</summary>
    public bool HoldsSockets { get; init; }

    /// <summary>A program's start or reload waits for its sockets.</summary>
    public bool AwaitsSockets { get; init; }

    /// <summary>The vassals that it is to be started after are ready, or not to be waited for; whoever steps the machine says so.</summary>
    public bool OthersReady { get; init; }

    /// <summary>Whether it is a program and no uwsgi: what it runs now, or, without a process, what it will.</summary>
    public bool IsProgram => Slots.Length > 0 || Members.Length > 0 || (!HasProcess && Plan is { IsProgram: true });

    /// <summary>Whether it has a process that has not been seen to end.</summary>
    public bool HasProcess =>
        Members.Length > 0
        || Phase is Phase.Starting or Phase.Running or Phase.Reloading or Phase.Cursed or Phase.Stopping or Phase.Killing;

    /// <summary>The nearest of its deadlines, monotonic milliseconds; null when nothing is due by time.</summary>
    public long? NextDeadline
    {
        get
        {
            var next = Nearer(Deadline, HeartbeatDeadline);
            foreach (var member in Members)
                next = Nearer(Nearer(next, member.Deadline), member.WatchdogDue);
            foreach (var slot in Slots)
                next = Nearer(next, slot.RetryAt);
            return next;
        }
    }

    /// <summary>Its state in one word, for people.</summary>
    public string Word =>
        Phase switch
        {
            Phase.Waiting => "on-demand",
            Phase.Held => "waiting",
            Phase.Starting => "starting",
            Phase.Running when Slots.Length > 0 => "ready",
            Phase.Running => Loyal ? "loyal" : "accepting",
            Phase.Reloading => "reloading",
            Phase.Cursed => "cursed",
            Phase.Stopping => "stopping",
            Phase.Killing => "killing",
            Phase.Backoff => "backoff",
            Phase.Resting => Suspended ? "suspended" : "stopped",
            Phase.Refused => "config-error",
            _ => "gone",
        };

    /// <summary>One line about it, as SIGUSR1 logs it.</summary>
    public string Summary =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Word}{(Pid is { } pid ? $", pid {pid}" : "")}{(HasProcess && Socket is { } s ? $", on demand ({s})" : "")}, failures {Failures}, deaths {Deaths}, reloads {Reloads}"
                + $"{(Reason.Length > 0 ? $": {Reason}" : "")}{(HasProcess && RefusedChange is { } r ? $"; its last change was not taken: {r}" : "")}"
        );

    /// <summary>The same for an emperor who takes it over: the processes that it has are another's.</summary>
    public VassalState Taken() => this with { AdoptedUpTo = Incarnation };

    private static long? Nearer(long? a, long? b) => a is { } x && b is { } y ? Math.Min(x, y) : a ?? b;
}
