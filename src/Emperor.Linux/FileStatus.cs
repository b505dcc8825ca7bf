using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>What kind of thing a path leads to.</summary>
public enum FileKind
{
    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Directory,

    /// <summary>A symbolic link (only when it is not followed).</summary>
    Link,

    /// <summary>A socket, a pipe, a device.</summary>
    Other,
}

/// <summary>What statx(2) tells of a file.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Device">Major and minor number of its file system.</param>
/// <param name="Inode">Its number there.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedNanoseconds">Time of the last change of its content, nanoseconds since the epoch.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="Mode">Type and permission bits.</param>
public readonly record struct FileStatus(
    FileKind Kind,
    ulong Device,
    ulong Inode,
    long Size,
    long ModifiedNanoseconds,
    uint Uid,
    uint Gid,
    ushort Mode
)
{
    /// <summary>Looks at a path (relative ones start in the folder of <paramref name="directory"/>, when given).</summary>
    public static unsafe Errno Get(string path, bool follow, out FileStatus status, SafeFd? directory = null)
    {
        var buffer = stackalloc byte[256];
        status = default;
        var flags = follow ? 0 : Constants.AtSymlinkNoFollow;
        if (Native.Statx(directory?.Number ?? Constants.AtFdCwd, path, flags, Constants.StatxBasicStats, buffer) != 0)
            return Errno.Last;
        status = Read(new ReadOnlySpan<byte>(buffer, 256));
        return default;
    }

    /// <summary>Looks at an open descriptor.</summary>
    public static Errno Get(int fd, out FileStatus status) => Get(fd, out status, out _);

    /// <summary>Looks at an open descriptor.</summary>
    /// <param name="fd">The descriptor.</param>
    /// <param name="status">What it leads to.</param>
    /// <param name="links">How many names that has.</param>
    public static unsafe Errno Get(int fd, out FileStatus status, out uint links)
    {
        var buffer = stackalloc byte[256];
        status = default;
        links = 0;
        if (Native.Statx(fd, "", Constants.AtEmptyPath, Constants.StatxBasicStats, buffer) != 0)
            return Errno.Last;
        links = *(uint*)(buffer + 16);
        status = Read(new ReadOnlySpan<byte>(buffer, 256));
        return default;
    }

    // struct statx, whose layout is the same on every architecture (statx(2)).
    private static FileStatus Read(ReadOnlySpan<byte> x)
    {
        var mode = MemoryMarshal.Read<ushort>(x[28..]);
        var kind = (mode & 0xF000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Directory,
            0xA000 => FileKind.Link,
            _ => FileKind.Other,
        };
        var device = ((ulong)MemoryMarshal.Read<uint>(x[136..]) << 32) | MemoryMarshal.Read<uint>(x[140..]);
        var modified = (MemoryMarshal.Read<long>(x[112..]) * 1_000_000_000) + MemoryMarshal.Read<uint>(x[120..]);
        return new FileStatus(
            kind,
            device,
            MemoryMarshal.Read<ulong>(x[32..]),
            MemoryMarshal.Read<long>(x[40..]),
            modified,
            MemoryMarshal.Read<uint>(x[20..]),
            MemoryMarshal.Read<uint>(x[24..]),
            mode
        );
    }
}
