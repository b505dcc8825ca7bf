namespace Emperor.Core.Vassals;

/// <summary>When what happened to a vassal, for people: nothing is decided by it. Times are milliseconds since the epoch, 0 for never.</summary>
public sealed record VassalHistory
{
    /// <summary>Since when it is in its phase.</summary>
    public long Since { get; init; }

    /// <summary>When its first process was made.</summary>
    public long FirstStart { get; init; }

    /// <summary>When its current (or last) process was made.</summary>
    public long LastStart { get; init; }

    /// <summary>When it was last started or told to reload.</summary>
    public long LastRun { get; init; }

    /// <summary>When it last said that it was spawned.</summary>
    public long LastReady { get; init; }

    /// <summary>When it last said that it accepts requests.</summary>
    public long LastAccepting { get; init; }

    /// <summary>When it last said that it is loyal.</summary>
    public long LastLoyal { get; init; }

    /// <summary>When its process last beat its heart; 0 also before the first beat of a new process.</summary>
    public long LastHeartbeat { get; init; }

    /// <summary>When its process was told to end, or closed its channel; 0 when neither.</summary>
    public long Cursed { get; init; }

    /// <summary>When the first of its failures in a row happened; of the past row when it is not failing.</summary>
    public long FirstFailure { get; init; }

    /// <summary>When the last of its failures happened.</summary>
    public long LastFailure { get; init; }

    /// <summary>How its last process ended; null before that.</summary>
    public LastExit? LastExit { get; init; }

    /// <summary>When its process was last told to reload, monotonic milliseconds.</summary>
    public long ReloadTold { get; init; }

    /// <summary>Reloads that it has answered by accepting requests again, over all its processes.</summary>
    public int ReloadsAnswered { get; init; }

    /// <summary>How long the last of those took, milliseconds.</summary>
    public long LastReloadTook { get; init; }
}

/// <summary>How a vassal's process ended.</summary>
/// <param name="End">In which way.</param>
/// <param name="At">When, milliseconds since the epoch.</param>
/// <param name="Lived">How long it had lived, milliseconds.</param>
public sealed record LastExit(ProcessEnd End, long At, long Lived);

/// <summary>The file that a vassal is made of, as it was when it was read.</summary>
/// <param name="Path">Its absolute path.</param>
/// <param name="Target">Where that leads by symbolic links, absolute; the path itself when it is none.</param>
/// <param name="Monitor">The --emperor that has found it, as it was written.</param>
/// <param name="Uid">The owner of the file (of the target).</param>
/// <param name="Gid">The group of the file (of the target).</param>
/// <param name="Digest">SHA-256 of its content, in hexadecimal digits; empty when it could not be read. What it includes is not in it.</param>
public sealed record VassalSource(string Path, string Target, string Monitor, uint Uid, uint Gid, string Digest)
{
    /// <summary>
    /// Under --emperor-tyrant: who a process that is started for it runs as, from the file that was last accepted; null when the emperor is no
    /// tyrant, and for a file that was never accepted.
    /// </summary>
    public VassalOwner? RunsAs { get; init; }

    /// <summary>
    /// What it is to be configured with, where that is sent to it (--emperor-force-config-pipe); null where it reads its file itself.
    /// </summary>
    public byte[]? Configuration { get; init; }

    /// <summary>Its file is run, and what that prints is its configuration (--emperor-magic-exec).</summary>
    public bool IsExecuted { get; init; }

    /// <summary>Its attributes (--emperor-collect-attr), in the order of its file.</summary>
    public IReadOnlyList<VassalAttribute> Attributes { get; init; } = [];

    /// <summary>The first value of an attribute; null when it has none of that name.</summary>
    public string? Attribute(string? name) => name is null ? null : Attributes.FirstOrDefault(a => a.Name == name)?.Value;

    /// <summary>This one of a refused file: what processes are started with stays as it was.</summary>
    public static VassalSource? Refused(VassalSource? file, VassalSource? former) =>
        file is null
            ? former
            : file with
            {
                RunsAs = former?.RunsAs,
                Configuration = former?.Configuration,
                IsExecuted = former?.IsExecuted ?? false,
                Attributes = former?.Attributes ?? [],
            };
}

/// <summary>Who a vassal runs as under --emperor-tyrant.</summary>
/// <param name="Uid">The owner of its file, never 0.</param>
/// <param name="Gid">The group of its file, never 0.</param>
public sealed record VassalOwner(uint Uid, uint Gid);

/// <summary>An attribute of a vassal: a key of section [emperor] of its file that an operator collects.</summary>
/// <param name="Name">The key.</param>
/// <param name="Value">What stands behind the '=', as it stands there.</param>
public sealed record VassalAttribute(string Name, string Value);
