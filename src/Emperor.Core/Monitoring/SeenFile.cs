namespace Emperor.Core.Monitoring;

/// <summary>
/// What tells one state of a file from another: any difference is a change, in whichever direction. The link's own inode and time are
/// there unless links are not followed or there is none, so that touching or re-pointing a link counts (uWSGI issue 332).
/// </summary>
/// <param name="Device">The file system.</param>
/// <param name="Inode">The file's number there.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedNanoseconds">Modification time, nanoseconds since the epoch.</param>
/// <param name="LinkInode">The link's own number; 0 when there is no link.</param>
/// <param name="LinkModifiedNanoseconds">The link's own modification time; 0 when there is no link.</param>
public readonly record struct FileStamp(
    ulong Device,
    ulong Inode,
    long Size,
    long ModifiedNanoseconds,
    ulong LinkInode,
    long LinkModifiedNanoseconds
)
{
    /// <summary>Stands for the state of the file beside it that belongs to it (the address of its on-demand socket); 0 for none.</summary>
    public long Companion { get; init; }

    /// <summary>Where it matters (--emperor-magic-exec): somebody may execute it.</summary>
    public bool IsExecutable { get; init; }

    /// <summary>Where owners matter (--emperor-tyrant): the user and group as one number; 0 elsewhere, so that a new owner is no change.</summary>
    public ulong Owner { get; init; }
}

/// <summary>A file that a scan has found to be a vassal's.</summary>
/// <param name="Name">The vassal's name.</param>
/// <param name="Stamp">Its state.</param>
public readonly record struct SeenFile(string Name, FileStamp Stamp);

/// <summary>A file whose state has been quiet for long enough to act on.</summary>
/// <param name="Name">The vassal's name.</param>
/// <param name="Monitor">The monitor that it belongs to.</param>
/// <param name="Stamp">Its state; null when it is gone.</param>
public readonly record struct SettledChange(string Name, int Monitor, FileStamp? Stamp);
