using Emperor.Core.Stats;

namespace Emperor.Core.Succession;

/// <summary>What concerns all vassals at once (<see cref="Reign.Empire"/>).</summary>
public sealed record ReignLegacy
{
    /// <summary>Whether the end of all has been ordered.</summary>
    public bool IsEnding { get; init; }

    /// <summary>Whether they may finish their requests then.</summary>
    public bool EndsGracefully { get; init; }

    /// <summary>At the end: those that have not been told yet.</summary>
    public IReadOnlyList<string> ToEnd { get; init; } = [];

    /// <summary>Those that SIGHUP has not reached yet, in their order.</summary>
    public IReadOnlyList<string> ReloadsDue { get; init; } = [];

    /// <summary>Those that reload now, and until when they keep their turn, monotonic milliseconds.</summary>
    public IReadOnlyList<DueLegacy> Reloading { get; init; } = [];

    /// <summary>Those that have not answered, and until when that is waited for, monotonic milliseconds.</summary>
    public IReadOnlyList<DueLegacy> Unanswered { get; init; } = [];

    /// <summary>How long reloads took.</summary>
    public DurationCounts ReloadTimes { get; init; } = DurationCounts.None;

    /// <summary>The number of the last zerg.</summary>
    public int LastZerg { get; init; }
}

/// <summary>A vassal and a moment.</summary>
/// <param name="Vassal">Its name.</param>
/// <param name="Due">Monotonic milliseconds.</param>
public sealed record DueLegacy(string Vassal, long Due);
