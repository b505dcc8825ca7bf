using Emperor.Core.Programs;

namespace Emperor.Core.Succession;

/// <summary>What keeps the vassals' processes.</summary>
public sealed record KeeperLegacy
{
    /// <summary>What the marks of all that came of these emperors begin with; empty for nobody.</summary>
    public string Mark { get; init; } = "";

    /// <summary>The serial number of the last process.</summary>
    public long LastSerial { get; init; }

    /// <summary>What ends all processes when no emperor is left; null when it could not be started.</summary>
    public GuardLegacy? Guard { get; init; }

    /// <summary>Children that the emperor had before it was one, and that it never touches.</summary>
    public IReadOnlyList<int> Strangers { get; init; } = [];
}

/// <summary>What ends all processes when no emperor is left.</summary>
/// <param name="Pid">Its process.</param>
/// <param name="Exit">The name of its pidfd.</param>
/// <param name="Pipe">That of the pipe whose closing it waits for.</param>
/// <param name="List">That of the list of sessions.</param>
/// <param name="Slots">How many places the list has.</param>
/// <param name="FreeSlots">Those of them that are free.</param>
public sealed record GuardLegacy(int Pid, string Exit, string Pipe, string List, int Slots, IReadOnlyList<int> FreeSlots);

/// <summary>A vassal's process that has not been reaped. Descriptors are told by their names; null for none.</summary>
public sealed record ProcessLegacy
{
    /// <summary>Never used twice in the life of an empire.</summary>
    public required long Serial { get; init; }

    /// <summary>Which of the vassal's processes it is; negative for a template of the built-in server's workers.</summary>
    public required int Incarnation { get; init; }

    /// <summary>Its number.</summary>
    public required int Pid { get; init; }

    /// <summary>When it began, in ticks since the machine was booted, by which it is found again should its pidfd be lost; null when nobody has looked.</summary>
    public long? Began { get; init; }

    /// <summary>Its pidfd.</summary>
    public required string Exit { get; init; }

    /// <summary>The number of another process that it has named as its main one; null for none.</summary>
    public int? MainPid { get; init; }

    /// <summary>When that began, as <see cref="Began"/>.</summary>
    public long? MainBegan { get; init; }

    /// <summary>The pidfd of that.</summary>
    public string? Main { get; init; }

    /// <summary>Whether it has taken the place of the one that was started.</summary>
    public bool IsPromoted { get; init; }

    /// <summary>What marks its tree, as NAME=VALUE.</summary>
    public string Mark { get; init; } = "";

    /// <summary>The serial number that the mark tells.</summary>
    public long MarkSerial { get; init; }

    /// <summary>The folder of its cgroup; null when it has none.</summary>
    public string? Group { get; init; }

    /// <summary>The controllers whose limits that has.</summary>
    public IReadOnlyList<string> Controllers { get; init; } = [];

    /// <summary>Its limits.</summary>
    public LimitRules? Limits { get; init; }

    /// <summary>The user that it runs as, when it is another one than the emperor's and that is known.</summary>
    public string? User { get; init; }

    /// <summary>Whether it is the first process of a namespace.</summary>
    public bool IsFirstProcess { get; init; }

    /// <summary>The emperor's end of its channel; null when it has none, or has closed it.</summary>
    public string? Channel { get; init; }

    /// <summary>The emperor's end of the socket for its configuration.</summary>
    public string? Configuration { get; init; }

    /// <summary>Its place in the guard's list.</summary>
    public int GuardSlot { get; init; }

    /// <summary>The pipe that it prints to (<see cref="OutputLegacy.Pipe"/>).</summary>
    public string? Output { get; init; }

    /// <summary>Whether its flood of bytes has been reported.</summary>
    public bool WasFloodReported { get; init; }
}
