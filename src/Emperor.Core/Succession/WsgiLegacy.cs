using Emperor.Core.Wsgi;

namespace Emperor.Core.Succession;

/// <summary>The workers of a vassal of the built-in server, as the emperor's side knows them.</summary>
public sealed record WsgiLegacy
{
    /// <summary>The memories in which workers tell what they do.</summary>
    public IReadOnlyList<SlotsLegacy> Slots { get; init; } = [];

    /// <summary>The workers and templates.</summary>
    public IReadOnlyList<PeerLegacy> Peers { get; init; } = [];

    /// <summary>Where workers come from; null when none is wanted.</summary>
    public Nursery? Nursery { get; init; }

    /// <summary>How much there has been to do.</summary>
    public CheaperGauge Gauge { get; init; }

    /// <summary>How many were killed for a request that took too long.</summary>
    public long Harakiris { get; init; }
}

/// <summary>A memory in which workers tell what they do.</summary>
/// <param name="Descriptor">The name of its descriptor.</param>
/// <param name="Count">How many slots there are.</param>
/// <param name="Threads">The threads that each has room for.</param>
/// <param name="IsCurrent">Whether the next worker gets a slot of it.</param>
public sealed record SlotsLegacy(string Descriptor, int Count, int Threads, bool IsCurrent);

/// <summary>A worker or a template.</summary>
/// <param name="Incarnation">The process; negative for a template.</param>
/// <param name="Plan">The place of its plan.</param>
/// <param name="ProgramSlot">Which of the program's copies it is.</param>
/// <param name="Generation">The start or reload that it belongs to.</param>
/// <param name="Control">The name of the emperor's end of its control socket; null when that is closed.</param>
/// <param name="Slots">The name of the memory that it has.</param>
/// <param name="Slot">Its slot there; null for a template.</param>
public sealed record PeerLegacy(int Incarnation, int Plan, int ProgramSlot, int Generation, string? Control, string Slots, int? Slot)
{
    /// <summary>The template that was told to fork it; null when it was started.</summary>
    public int? Parent { get; init; }

    /// <summary>Whether it is known as a process.</summary>
    public bool IsBorn { get; init; }

    /// <summary>Whether it accepts, and has not said that it leaves.</summary>
    public bool Serves { get; init; }

    /// <summary>When it is killed because of its request, monotonic milliseconds.</summary>
    public long? KillAt { get; init; }

    /// <summary>Why it cannot serve, as it has said.</summary>
    public string? Failure { get; init; }
}

/// <summary>What a vassal of the built-in server has besides workers.</summary>
public sealed record DutyLegacy
{
    /// <summary>The place of the plan of its last process; -1 where only daemons are left that have been told to stop.</summary>
    public required int Plan { get; init; }

    /// <summary>The place of the plan with which all this was begun: a later one asks for the same, but may be for another user.</summary>
    public required int BegunWith { get; init; }

    /// <summary>The workers that have been ready, by their incarnations.</summary>
    public IReadOnlyList<int> Ready { get; init; } = [];

    /// <summary>The same by their numbers, in the order in which the pidfiles are theirs.</summary>
    public IReadOnlyList<int> ReadyPids { get; init; } = [];

    /// <summary>The number that is in the pidfiles; 0 for none.</summary>
    public int WrittenPid { get; init; }

    /// <summary>How often each worker was started and killed, and which processes it is.</summary>
    public IReadOnlyList<WorkerLegacy> Workers { get; init; } = [];

    /// <summary>The files to be touched, as they were last seen.</summary>
    public IReadOnlyList<TouchLegacy> Touched { get; init; } = [];

    /// <summary>The command pipes.</summary>
    public IReadOnlyList<FifoLegacy> Fifos { get; init; } = [];

    /// <summary>The stats sockets.</summary>
    public IReadOnlyList<ServantLegacy> Stats { get; init; } = [];

    /// <summary>The commands that run beside the workers, in the order of the file; those that are told to stop behind them.</summary>
    public IReadOnlyList<DaemonLegacy> Daemons { get; init; } = [];
}

/// <summary>What is known of a worker over all its processes.</summary>
/// <param name="Slot">Which it is, from 0.</param>
/// <param name="Starts">How often it was started.</param>
/// <param name="Harakiris">How often it was killed for a request that took too long.</param>
/// <param name="Incarnations">Its processes.</param>
public sealed record WorkerLegacy(int Slot, int Starts, int Harakiris, IReadOnlyList<int> Incarnations);

/// <summary>A file that means something by being touched, as it was last seen: all zeros for one that was not there.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Kind">What it was, by the number that the one who looked has for it.</param>
/// <param name="Device">Its file system.</param>
/// <param name="Inode">Its number there.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">When it was last written, nanoseconds since the epoch.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Mode">Type and permission bits.</param>
public sealed record TouchLegacy(
    string Path,
    int Kind,
    ulong Device,
    ulong Inode,
    long Size,
    long Modified,
    uint Uid,
    uint Gid,
    ushort Mode
);

/// <summary>A command pipe.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Descriptor">The name of its descriptor.</param>
/// <param name="IsOwned">It is another user's, who may have bent the way to it.</param>
public sealed record FifoLegacy(string Path, string Descriptor, bool IsOwned);

/// <summary>A command that runs beside a vassal's workers.</summary>
/// <param name="Starts">How often it was started.</param>
/// <param name="StartedAt">When last, monotonic milliseconds.</param>
/// <param name="Pause">The last pause before a start, milliseconds.</param>
/// <param name="Due">When it is started again, monotonic milliseconds; null when it is not.</param>
public sealed record DaemonLegacy(int Starts, long StartedAt, long Pause, long? Due)
{
    /// <summary>Its process; 0 when it has none.</summary>
    public int Pid { get; init; }

    /// <summary>The name of its pidfd.</summary>
    public string? Exit { get; init; }

    /// <summary>Its place in the guard's list.</summary>
    public int GuardSlot { get; init; }

    /// <summary>The pipe that it prints to (<see cref="OutputLegacy.Pipe"/>).</summary>
    public string? Output { get; init; }

    /// <summary>It has been told to stop, and is killed at that time, monotonic milliseconds.</summary>
    public long? LeavesBy { get; init; }
}
