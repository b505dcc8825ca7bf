namespace Emperor.Core.Stats;

/// <summary>What the processes of a vassal use, all of its tree together.</summary>
/// <param name="Pid">The vassal's process that this is about.</param>
/// <param name="Processes">How many there are.</param>
/// <param name="CpuMilliseconds">Processor time, of children that have ended too.</param>
/// <param name="Memory">Bytes.</param>
/// <param name="IsProportional">Whether shared memory counts by its share (PSS); otherwise it counts in full in each process (RSS).</param>
/// <param name="Descriptors">Open descriptors; null when they may not be seen.</param>
/// <param name="Sockets">How many of those are sockets.</param>
public sealed record ProcessFigures(
    int Pid,
    int Processes,
    long CpuMilliseconds,
    long Memory,
    bool IsProportional,
    int? Descriptors,
    int? Sockets
);

/// <summary>What all vassals use.</summary>
/// <param name="At">When it was last looked at, milliseconds since the epoch; 0 for never.</param>
/// <param name="ByVassal">By the vassals' names; an object stays the same as long as nothing in it changes.</param>
public sealed record Usage(long At, IReadOnlyDictionary<string, ProcessFigures> ByVassal)
{
    /// <summary>Nothing is known.</summary>
    public static Usage Unknown { get; } = new(0, new Dictionary<string, ProcessFigures>());

    /// <summary>That of a vassal; null when nothing is known of its present process.</summary>
    public ProcessFigures? Of(VassalSnapshot vassal) =>
        ByVassal.TryGetValue(vassal.Name, out var figures) && figures.Pid == vassal.Pid ? figures : null;
}

/// <summary>What never changes about an emperor.</summary>
/// <param name="Version">Its version.</param>
/// <param name="Pid">Its process.</param>
/// <param name="Uid">Its user.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Folder">Its working folder.</param>
/// <param name="Monitors">Where it looks for vassals, as it was written.</param>
/// <param name="Started">When it started, milliseconds since the epoch.</param>
public sealed record EmperorIdentity(
    string Version,
    int Pid,
    uint Uid,
    uint Gid,
    string Folder,
    IReadOnlyList<string> Monitors,
    long Started
)
{
    /// <summary>Whether vassals run as the owners of their files (--emperor-tyrant).</summary>
    public bool IsTyrant { get; init; }
}
