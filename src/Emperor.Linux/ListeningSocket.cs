namespace Emperor.Linux;

/// <summary>Who has a socket file, as far as a new listener wants to know.</summary>
public enum SocketFileState
{
    /// <summary>There is nothing of that name.</summary>
    Absent,

    /// <summary>A socket that nobody listens on any more.</summary>
    Stale,

    /// <summary>A socket that somebody listens on, or may listen on.</summary>
    Live,

    /// <summary>Something that is no socket.</summary>
    NoSocket,
}

/// <summary>
/// Stream sockets that listen. The emperor never accepts from them; it hands them on. They block, as those do that uWSGI's emperor hands on:
/// this is a property of the socket that all who have it share.
/// </summary>
public static unsafe class ListeningSocket
{
    private const ushort SocketType = 0xC000;
    private const ushort TypeMask = 0xF000;
    private const int LongestName = 128;

    /// <summary>Makes one and binds it; it does not listen yet, so nobody can connect.</summary>
    /// <returns>Null, and why not.</returns>
    public static SafeFd? Bind(SocketName name, out Errno error) => Bind(name, reusePort: false, out error);

    /// <summary>The same; others may bind the same internet address and port if <paramref name="reusePort"/>, when they want it too.</summary>
    public static SafeFd? Bind(SocketName name, bool reusePort, out Errno error)
    {
        var fd = Open(name, 0, out error);
        if (fd is null)
            return null;
        if (name.Family != Constants.AfUnix)
            error = SetOption(fd, Constants.SolSocket, Constants.SoReuseAddr);
        if (name.Family != Constants.AfUnix && reusePort && error.Number == 0)
            error = SetOption(fd, Constants.SolSocket, Constants.SoReusePort);
        // So that [::]:80 and :80 are two addresses, as their spelling says.
        if (name.Family == Constants.AfInet6 && error.Number == 0)
            error = SetOption(fd, Constants.IpProtoIpV6, Constants.IpV6V6Only);
        if (error.Number == 0)
        {
            // The file is made with the socket's own mode (less the umask): nobody else may connect before it has the mode that is wanted.
            _ = Native.FChMod(fd.Number, 0x180);
            fixed (byte* address = name.Bytes)
                error = Native.Bind(fd.Number, address, (uint)name.Bytes.Length) == 0 ? default : Errno.Last;
        }
        if (error.Number == 0)
            return fd;
        fd.Dispose();
        return null;
    }

    /// <summary>Lets connections come and wait.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="backlog">How many may wait; the kernel bounds it by net.core.somaxconn.</param>
    public static Errno Listen(SafeFd socket, int backlog) => Native.Listen(socket.Number, backlog) == 0 ? default : Errno.Last;

    /// <summary>Looks at a path before something is bound there; a connection is tried, and closed at once.</summary>
    /// <param name="name">The path's.</param>
    /// <param name="file">The file that was found.</param>
    /// <param name="error">What trying to connect said; no error when it worked.</param>
    public static SocketFileState Probe(SocketName name, out FileStatus file, out Errno error)
    {
        error = FileStatus.Get(name.Path!, follow: false, out file);
        if (error == Errno.NoEntry || error == Errno.NotDirectory)
            return SocketFileState.Absent;
        if (error.Number != 0)
            return SocketFileState.Live;
        if (!IsSocket(file))
            return SocketFileState.NoSocket;
        using var fd = Open(name, Constants.SockNonBlock, out error);
        if (fd is null)
            return SocketFileState.Live;
        fixed (byte* address = name.Bytes)
            error = Native.Connect(fd.Number, address, (uint)name.Bytes.Length) == 0 ? default : Errno.Last;
        return error == Errno.ConnectionRefused ? SocketFileState.Stale : SocketFileState.Live;
    }

    /// <summary>Whether a file is a socket's.</summary>
    public static bool IsSocket(FileStatus file) => (file.Mode & TypeMask) == SocketType;

    /// <summary>Removes a socket file, if it is still this one.</summary>
    /// <returns>Whether it was.</returns>
    public static bool Remove(string path, FileStatus file) =>
        FileStatus.Get(path, follow: false, out var now).Number == 0
        && (now.Device, now.Inode) == (file.Device, file.Inode)
        && IsSocket(now)
        && Native.Unlink(path) == 0;

    /// <summary>
    /// Gives a socket file that has just been made its owner and permission bits. Whoever may write in its folder could have put another file
    /// in its place: only a socket of our own that nobody else may connect to yet is touched, and always that very file.
    /// </summary>
    /// <param name="path">Its path.</param>
    /// <param name="expected">The file that it is known to be; null for one that was made just now.</param>
    /// <param name="mode">The permission bits.</param>
    /// <param name="owner">The owner; null leaves it.</param>
    /// <param name="group">The group; null leaves it.</param>
    /// <param name="file">The file, as it is then.</param>
    public static Errno Grant(string path, FileStatus? expected, uint mode, uint? owner, uint? group, out FileStatus file)
    {
        file = default;
        var number = Native.Open(path, Constants.OPath | Constants.ONoFollow | Constants.OCloExec, 0);
        if (number < 0)
            return Errno.Last;
        using var fd = new SafeFd(number);
        if (FileStatus.Get(fd.Number, out file) is { Number: not 0 } error)
            return error;
        var isIt = expected is { } known
            ? (file.Device, file.Inode) == (known.Device, known.Inode)
            : IsSocket(file) && file.Uid == Native.GetEffectiveUid() && (file.Mode & 0x3F) == 0;
        if (!isIt)
            return Errno.NoEntry;
        const uint same = uint.MaxValue;
        if (
            (owner is not null || group is not null)
            && Native.FChOwnAt(fd.Number, "", owner ?? same, group ?? same, Constants.AtEmptyPath) != 0
        )
            return Errno.Last;
        // fchmod(2) does not take what was opened by its path only; its name in /proc does.
        if (Native.ChMod($"/proc/self/fd/{Self.Text(fd.Number)}", mode) != 0)
            return Errno.Last;
        return FileStatus.Get(fd.Number, out file);
    }

    /// <summary>Whether a descriptor is a stream socket that listens.</summary>
    public static bool Is(SafeFd fd) =>
        Option(fd, Constants.SoType) == Constants.SockStream && Option(fd, Constants.SoAcceptConn) is { } accepts && accepts != 0;

    /// <summary>A socket's address as uWSGI spells it; null when it has none.</summary>
    public static string? AddressOf(SafeFd socket)
    {
        var name = stackalloc byte[LongestName];
        var length = (uint)LongestName;
        return Native.GetSockName(socket.Number, name, &length) == 0
            ? SocketName.Text(new ReadOnlySpan<byte>(name, (int)Math.Min(length, LongestName)))
            : null;
    }

    /// <summary>Whether a connection waits in it.</summary>
    public static bool HasConnection(SafeFd socket)
    {
        // struct pollfd: fd 4, events 2 (POLLIN 1), revents 2.
        var poll = stackalloc int[2] { socket.Number, 1 };
        return Native.Poll((byte*)poll, 1, 0) > 0;
    }

    private static SafeFd? Open(SocketName name, int flags, out Errno error)
    {
        var fd = Native.Socket(name.Family, Constants.SockStream | Constants.SockCloExec | flags, 0);
        error = fd < 0 ? Errno.Last : default;
        return fd < 0 ? null : new SafeFd(fd);
    }

    private static Errno SetOption(SafeFd fd, int level, int option)
    {
        var on = 1;
        return Native.SetSocketOption(fd.Number, level, option, &on, sizeof(int)) == 0 ? default : Errno.Last;
    }

    private static int? Option(SafeFd fd, int option)
    {
        int value;
        var length = (uint)sizeof(int);
        return Native.GetSocketOption(fd.Number, Constants.SolSocket, option, &value, &length) == 0 ? value : null;
    }
}
