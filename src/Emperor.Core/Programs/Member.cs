namespace Emperor.Core.Programs;

/// <summary>What a process is to its program.</summary>
public enum MemberRole
{
    /// <summary>It serves, or is about to: the one of its slot.</summary>
    Current,

    /// <summary>It shall take the place of the current one of its slot as soon as it is ready.</summary>
    Next,

    /// <summary>It has been told to stop, or killed.</summary>
    Leaving,
}

/// <summary>One process of a program. All times are monotonic milliseconds.</summary>
public sealed record Member
{
    /// <summary>Its number, which no other process of the vassal ever has.</summary>
    public required int Incarnation { get; init; }

    /// <summary>Which of the program's copies it is, from 0.</summary>
    public required int Slot { get; init; }

    /// <summary>What it is started with.</summary>
    public required ProgramPlan Plan { get; init; }

    /// <summary>The digest of the vassal's file when it was started.</summary>
    public string? Digest { get; init; }

    /// <summary>What it is to the program.</summary>
    public MemberRole Role { get; init; }

    /// <summary>Its process; null before that is known.</summary>
    public int? Pid { get; init; }

    /// <summary>When it was asked for: before it was there, where its app is loaded first by another process.</summary>
    public long AskedAt { get; init; }

    /// <summary>When it was started.</summary>
    public long SpawnedAt { get; init; }

    /// <summary>When it became ready; null before that.</summary>
    public long? ReadyAt { get; init; }

    /// <summary>Until when it must be ready, or, when it leaves, have ended; null when it may take as long as it likes.</summary>
    public long? Deadline { get; init; }

    /// <summary>When its next WATCHDOG=1 is overdue; null when none is asked for.</summary>
    public long? WatchdogDue { get; init; }

    /// <summary>The interval that it has asked for itself (WATCHDOG_USEC=), milliseconds; null when it has not.</summary>
    public long? WatchdogInterval { get; init; }

    /// <summary>It has said RELOADING=1, and no READY=1 since.</summary>
    public bool IsReloading { get; init; }

    /// <summary>The start or reload of the vassal that it belongs to.</summary>
    public int Generation { get; init; }

    /// <summary>One of its own limits is reached: another takes its place as soon as that is ready.</summary>
    public bool IsDue { get; init; }

    /// <summary>It has been sent SIGKILL.</summary>
    public bool IsKilled { get; init; }

    /// <summary>Its end is a failure though it was told to stop: it did not get ready, was not well, or sent no WATCHDOG=1. The reason.</summary>
    public string? Failure { get; init; }

    /// <summary>What was last seen of it while it is not ready, such as "GET /: 503"; empty when nothing, and once it is ready.</summary>
    public string Problem { get; init; } = "";

    /// <summary>What it last said of itself (STATUS=); empty when nothing.</summary>
    public string Status { get; init; } = "";

    /// <summary>Whether it is ready and has not been told to stop.</summary>
    public bool Serves => ReadyAt is not null && Role != MemberRole.Leaving;
}

/// <summary>One of a program's copies, whether it has a process or not.</summary>
/// <param name="Plan">What its last process was started with, and what the next one is when that dies.</param>
/// <param name="Failures">Failures in a row.</param>
/// <param name="ShortLives">Short lives in a row.</param>
/// <param name="RetryAt">When its next process is started, monotonic milliseconds; null when that is not planned.</param>
/// <param name="IsDone">It has ended and is not to be started again (restart).</param>
public sealed record ProgramSlot(ProgramPlan Plan, int Failures = 0, int ShortLives = 0, long? RetryAt = null, bool IsDone = false)
{
    /// <summary>The start or reload that its last process belonged to, and the next one belongs to when that dies.</summary>
    public int Generation { get; init; }

    /// <summary>It has no process because there is not enough to do for it (cheaper).</summary>
    public bool IsCheap { get; init; }

    /// <summary>Whether it is right that it has no process.</summary>
    public bool Rests => IsDone || IsCheap;
}
