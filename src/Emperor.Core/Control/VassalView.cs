using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>A vassal as operators see it. Times are milliseconds.</summary>
public sealed record VassalView
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its state in one word (<see cref="VassalState.Word"/>).</summary>
    public required string State { get; init; }

    /// <summary>Whether it is as it should be: it accepts requests, or was stopped by hand.</summary>
    public required bool Well { get; init; }

    /// <summary>Why it is so, as a sentence; empty when there is nothing to say.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Its process; null when it has none.</summary>
    public int? Pid { get; init; }

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

    /// <summary>How long until its next attempt.</summary>
    public long? RetryInMs { get; init; }

    /// <summary>How long until it is killed, when it stops or is cursed.</summary>
    public long? KillInMs { get; init; }

    /// <summary>Why the last change of its file was not taken.</summary>
    public string? RefusedChange { get; init; }

    /// <summary>It was stopped by hand.</summary>
    public bool StoppedByHand { get; init; }

    /// <summary>Memory of its processes in bytes: PSS where that may be read, else what is resident; null when it was not asked for.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Processor time of its processes, milliseconds; null when it was not asked for.</summary>
    public long? CpuMs { get; init; }

    /// <summary>How many processes it has; null when it was not asked for.</summary>
    public int? Processes { get; init; }

    /// <summary>Makes one.</summary>
    public static VassalView Of(VassalState state, Instant now)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new VassalView
        {
            Name = state.Name,
            State = state.Word,
            Well = IsWell(state),
            Reason = state.Reason,
            Pid = state.Pid,
            UptimeMs = state.HasProcess ? now.Monotonic - state.SpawnedAt : null,
            Starts = state.Incarnation,
            Reloads = state.Reloads,
            Deaths = state.Deaths,
            Failures = state.Failures,
            LastEnd = state.LastEnd,
            RetryInMs = state.Phase == Phase.Backoff && state.Deadline is { } due ? Math.Max(0, due - now.Monotonic) : null,
            KillInMs = state.Phase is Phase.Stopping or Phase.Cursed && state.Deadline is { } end ? Math.Max(0, end - now.Monotonic) : null,
            RefusedChange = state.RefusedChange,
            StoppedByHand = state.StoppedByHand,
        };
    }

    /// <summary>A vassal that starts is not well yet; one that reloads answers requests all the while.</summary>
    public static bool IsWell(VassalState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.RefusedChange is null
            && (state.Phase is Phase.Running or Phase.Reloading || (state.StoppedByHand && state.Phase == Phase.Resting));
    }
}
