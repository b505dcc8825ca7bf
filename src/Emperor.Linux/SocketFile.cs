using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>
/// Tells whether somebody has connected to a socket by its file: connect(2) sets the file's time of access, at least when its time of change is not
/// older (relatime, mount(8)). On a file system that keeps no such times it tells nothing.
/// </summary>
public static unsafe class SocketFile
{
    private const int StatusSize = 256;

    /// <summary>The time of the last access, nanoseconds since the epoch; null when there is no such file.</summary>
    public static long? AccessTime(string path)
    {
        var status = stackalloc byte[StatusSize];
        if (Native.Statx(Constants.AtFdCwd, path, Constants.AtSymlinkNoFollow, Constants.StatxBasicStats, status) != 0)
            return null;
        // struct statx: stx_atime at 64, seconds 8 and nanoseconds 4.
        var x = new ReadOnlySpan<byte>(status, StatusSize);
        return (MemoryMarshal.Read<long>(x[64..]) * 1_000_000_000) + MemoryMarshal.Read<uint>(x[72..]);
    }

    /// <summary>Sets the time of change to now, so that the next connection sets the time of access.</summary>
    public static void Arm(string path)
    {
        // Two struct timespec, seconds 8 and nanoseconds 8: of access, of change.
        var times = stackalloc long[4] { 0, Constants.UtimeOmit, 0, Constants.UtimeNow };
        _ = Native.UTimeNsAt(Constants.AtFdCwd, path, times, Constants.AtSymlinkNoFollow);
    }
}
