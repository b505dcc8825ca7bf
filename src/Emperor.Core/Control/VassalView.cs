using Emperor.Core.Stats;
using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>A vassal as operators see it. Times are milliseconds.</summary>
public sealed record VassalView
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What it is: "uwsgi", or "program" by its section [emperor].</summary>
    public string Kind { get; init; } = "uwsgi";

    /// <summary>Its state in one word (<see cref="VassalState.Word"/>).</summary>
    public required string State { get; init; }

    /// <summary>Whether it is as it should be: it accepts requests, or waits for connections, or starts for the first time, or was stopped by hand.</summary>
    public required bool Well { get; init; }

    /// <summary>Why it is so, as a sentence; empty when there is nothing to say.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Since when it is in that state, milliseconds since the epoch.</summary>
    public long SinceMs { get; init; }

    /// <summary>The address of the socket by which it is started on demand; null when it is started at once.</summary>
    public string? OnDemand { get; init; }

    /// <summary>Its process; null when it has none.</summary>
    public int? Pid { get; init; }

    /// <summary>How many copies of it shall run (processes of [emperor]); a uwsgi is one.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>How many of them are ready.</summary>
    public int CopiesReady { get; init; }

    /// <summary>What its process last said of itself (STATUS= of sd_notify); null when nothing.</summary>
    public string? StatusText { get; init; }

    /// <summary>Why its last reload came to nothing, while the former processes serve on; null when it did not.</summary>
    public string? FailedReload { get; init; }

    /// <summary>How long its process lives.</summary>
    public long? UptimeMs { get; init; }

    /// <summary>How many processes it has had.</summary>
    public int Starts { get; init; }

    /// <summary>Reloads of the current process.</summary>
    public int Reloads { get; init; }

    /// <summary>Processes that ended without being told to.</summary>
    public int Deaths { get; init; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; init; }

    /// <summary>How its last process ended.</summary>
    public string? LastEnd { get; init; }

    /// <summary>Whether the kernel ended it, or a process of it, for want of memory (memory-max).</summary>
    public bool LastEndOom { get; init; }

    /// <summary>When that was, milliseconds since the epoch.</summary>
    public long? LastEndMs { get; init; }

    /// <summary>How long until its next attempt.</summary>
    public long? RetryInMs { get; init; }

    /// <summary>How long until it is killed, when it stops or is cursed.</summary>
    public long? KillInMs { get; init; }

    /// <summary>Why the last change of its file was not taken.</summary>
    public string? RefusedChange { get; init; }

    /// <summary>It was stopped by hand.</summary>
    public bool StoppedByHand { get; init; }

    /// <summary>Whether a process that it has was started by an emperor before this one.</summary>
    public bool Adopted { get; init; }

    /// <summary>Whether its process runs with its file as it is now.</summary>
    public bool Latest { get; init; }

    /// <summary>Memory of its processes in bytes: PSS where that may be read, else what is resident; null when it was not asked for.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Processor time of its processes, milliseconds; null when it was not asked for.</summary>
    public long? CpuMs { get; init; }

    /// <summary>How many processes it has; null when it was not asked for.</summary>
    public int? Processes { get; init; }

    /// <summary>Makes one.</summary>
    public static VassalView Of(VassalSnapshot vassal)
    {
        var raw = vassal.Raw;
        var toDeadline = raw.NextDeadline is { } due ? Math.Max(0, due - vassal.At.Monotonic) : (long?)null;
        return new VassalView
        {
            Name = raw.Name,
            Kind = vassal.Kind,
            State = vassal.State,
            Well = IsWell(vassal),
            Reason = vassal.Reason,
            SinceMs = vassal.Since,
            OnDemand = vassal.OnDemand,
            Pid = raw.Pid,
            Copies = vassal.Copies,
            CopiesReady = vassal.CopiesReady,
            StatusText = vassal.StatusText is { Length: > 0 } status ? status : null,
            FailedReload = raw.FailedReload,
            UptimeMs = vassal.Uptime,
            Starts = raw.Incarnation,
            Reloads = raw.Reloads,
            Deaths = raw.Deaths,
            Failures = raw.Failures,
            LastEnd = raw.LastEnd,
            LastEndOom = vassal.LastExit is { End.OutOfMemory: true },
            LastEndMs = vassal.LastExit?.At,
            RetryInMs = raw.Phase == Phase.Backoff ? toDeadline : null,
            KillInMs = raw.Phase is Phase.Stopping or Phase.Cursed ? toDeadline : null,
            RefusedChange = raw.RefusedChange,
            StoppedByHand = raw.StoppedByHand,
            Adopted = raw.Adopted,
            Latest = vassal.IsLatest,
        };
    }

    /// <summary>The same with what its processes use.</summary>
    public VassalView With(ProcessFigures? figures) =>
        this with
        {
            MemoryBytes = figures?.Memory,
            CpuMs = figures?.CpuMilliseconds,
            Processes = figures?.Processes,
        };

    // What an operator has stopped is as he wants it.
    private static bool IsWell(VassalSnapshot vassal) =>
        vassal.Raw.RefusedChange is null && (vassal.IsWell || (vassal.Raw.StoppedByHand && vassal.Raw.Phase == Phase.Resting));
}
