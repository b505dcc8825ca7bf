using System.Net;
using System.Text;

namespace Emperor.Linux;

/// <summary>Who may connect to a socket that is a file; null leaves it as the umask and the process's user make it.</summary>
/// <param name="Mode">Permission bits.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
public readonly record struct SocketRights(uint? Mode, uint? Uid, uint? Gid);

/// <summary>
/// A listening stream socket: a path's, an abstract one, or TCP. It never blocks. A socket file that nobody listens on any more is replaced; one
/// that somebody does, or that is no socket, is left alone. Its own file is removed at the end, if it is still that.
/// </summary>
public sealed unsafe class StreamListener : IDisposable
{
    private const int Backlog = 128;
    private const int PathLength = 108;
    private const int KindBits = 0xF000;
    private const int SocketKind = 0xC000;

    private readonly SafeFd _fd;
    private readonly string? _path;
    private readonly (ulong Device, ulong Inode) _identity;
    private bool _isAdopted;

    private StreamListener(SafeFd fd, string? path = null, (ulong, ulong) identity = default)
    {
        _fd = fd;
        _path = path;
        _identity = identity;
    }

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Uses a socket that listens already (handed over by a service manager). At the end it is neither closed nor its file removed.</summary>
    /// <param name="fd">The socket, which stays its owner's; it is made non-blocking.</param>
    public static StreamListener Adopt(SafeFd fd)
    {
        ArgumentNullException.ThrowIfNull(fd);
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.ONonBlock);
        return new StreamListener(fd) { _isAdopted = true };
    }

    /// <summary>Listens at a path, or, after "@", at a name of the abstract kind.</summary>
    /// <param name="name">Which; of less than 108 bytes.</param>
    /// <param name="rights">Who may connect to a path's.</param>
    /// <param name="failure">Why not, with the cure, when null is returned.</param>
    public static StreamListener? ListenUnix(string name, SocketRights rights, out string failure)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length is 0 or >= PathLength)
        {
            failure = $"a socket's path must have 1 to {PathLength - 1} bytes; name a shorter one";
            return null;
        }
        var isAbstract = bytes[0] == '@';
        var address = new byte[2 + bytes.Length];
        address[0] = Constants.AfUnix;
        bytes.CopyTo(address, 2);
        if (isAbstract)
            address[2] = 0;
        var fd = Open(Constants.AfUnix);
        var error = Bind(fd, address);
        if (error == Errno.AddressInUse && !isAbstract)
        {
            if (WhyTaken(name, address) is { } taken)
                return Fail(fd, taken, out failure);
            _ = Native.Unlink(name);
            error = Bind(fd, address);
        }
        if (error.Number != 0)
            return Fail(
                fd,
                error == Errno.AddressInUse ? "another program listens there; end it, or name another" : $"{error}",
                out failure
            );
        // Nobody can connect before it listens, so nobody slips in before the rights are as they shall be.
        (ulong, ulong) identity = default;
        error = isAbstract ? default : Dress(name, rights, out identity);
        if (error.Number == 0 && Native.Listen(fd.Number, Backlog) != 0)
            error = Errno.Last;
        if (error.Number != 0)
            return Fail(fd, $"{error}", out failure);
        failure = "";
        return new StreamListener(fd, isAbstract ? null : Path.GetFullPath(name), identity);
    }

    /// <summary>Listens on a TCP port.</summary>
    /// <param name="endPoint">Where.</param>
    /// <param name="failure">Why not, with the cure, when null is returned.</param>
    public static StreamListener? ListenTcp(IPEndPoint endPoint, out string failure)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        var isV6 = endPoint.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        // struct sockaddr_in: family 2, port 2 (big endian), address 4, padding 8; sockaddr_in6: family, port, flow 4, address 16, scope 4.
        var address = new byte[isV6 ? 28 : 16];
        address[0] = (byte)(isV6 ? Constants.AfInet6 : Constants.AfInet);
        address[2] = (byte)(endPoint.Port >> 8);
        address[3] = (byte)endPoint.Port;
        endPoint.Address.GetAddressBytes().CopyTo(address, isV6 ? 8 : 4);
        var fd = Open(isV6 ? Constants.AfInet6 : Constants.AfInet);
        var one = 1;
        _ = Native.SetSocketOption(fd.Number, Constants.SolSocket, Constants.SoReuseAddr, &one, sizeof(int));
        if (isV6)
            _ = Native.SetSocketOption(fd.Number, Constants.IpProtoIpV6, Constants.IpV6V6Only, &one, sizeof(int));
        var error = Bind(fd, address);
        if (error.Number == 0 && Native.Listen(fd.Number, Backlog) != 0)
            error = Errno.Last;
        if (error.Number != 0)
            return Fail(
                fd,
                error == Errno.AddressInUse ? "another program listens there; end it, or name another" : $"{error}",
                out failure
            );
        failure = "";
        return new StreamListener(fd);
    }

    /// <summary>Takes the next client.</summary>
    /// <returns>Null when there is none now, or no descriptor is left; <paramref name="error"/> tells which.</returns>
    public StreamConnection? Accept(out Errno error)
    {
        var fd = Native.Accept(_fd.Number, null, null, Constants.SockCloExec | Constants.SockNonBlock);
        error = fd < 0 ? Errno.Last : default;
        return fd < 0 ? null : new StreamConnection(new SafeFd(fd));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_path is not null && FileStatus.Get(_path, follow: false, out var status).Number == 0)
        {
            if ((status.Device, status.Inode) == _identity)
                _ = Native.Unlink(_path);
        }
        if (!_isAdopted)
            _fd.Dispose();
    }

    private static SafeFd Open(int family)
    {
        var fd = Native.Socket(family, Constants.SockStream | Constants.SockCloExec | Constants.SockNonBlock, 0);
        return fd < 0 ? throw new LinuxException("socket", Errno.Last) : new SafeFd(fd);
    }

    private static Errno Bind(SafeFd fd, byte[] address)
    {
        fixed (byte* pointer = address)
            return Native.Bind(fd.Number, pointer, (uint)address.Length) == 0 ? default : Errno.Last;
    }

    private static StreamListener? Fail(SafeFd fd, string why, out string failure)
    {
        fd.Dispose();
        failure = why;
        return null;
    }

    // Why the file at that path must be left alone; null when it is a socket that nobody listens on.
    private static string? WhyTaken(string path, byte[] address)
    {
        var error = FileStatus.Get(path, follow: false, out var status);
        if (error.Number != 0)
            return error == Errno.NoEntry ? null : $"{error}";
        if ((status.Mode & KindBits) != SocketKind)
            return "there is something that is no socket; remove it, or name another path";
        using var probe = Open(Constants.AfUnix);
        fixed (byte* pointer = address)
        {
            if (Native.Connect(probe.Number, pointer, (uint)address.Length) == 0)
                return "another program listens there; end it, or name another path";
            error = Errno.Last;
        }
        // EAGAIN: it listens, and its queue is full.
        return error == Errno.ConnectionRefused ? null
            : error == Errno.Again ? "another program listens there; end it, or name another path"
            : $"{error}";
    }

    // Through a descriptor of the file itself, so that nobody can put a link in its place between two steps.
    private static Errno Dress(string path, SocketRights rights, out (ulong, ulong) identity)
    {
        identity = default;
        var number = Native.Open(path, Constants.OPath | Constants.ONoFollow | Constants.OCloExec, 0);
        if (number < 0)
            return Errno.Last;
        using var file = new SafeFd(number);
        var error = FileStatus.Get(file.Number, out var status);
        if (error.Number != 0)
            return error;
        identity = (status.Device, status.Inode);
        if ((status.Mode & KindBits) != SocketKind)
            return Errno.Invalid;
        if (rights.Mode is { } mode && Native.ChMod($"/proc/self/fd/{Self.Text(number)}", mode) != 0)
            return Errno.Last;
        if (rights.Uid is null && rights.Gid is null)
            return default;
        var owner = rights.Uid ?? uint.MaxValue;
        return Native.FChOwnAt(number, "", owner, rights.Gid ?? uint.MaxValue, Constants.AtEmptyPath) == 0 ? default : Errno.Last;
    }
}

/// <summary>A client's end of a stream socket. It never blocks and never raises SIGPIPE.</summary>
public sealed unsafe class StreamConnection(SafeFd fd) : IDisposable
{
    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => fd.Number;

    /// <summary>Reads what is there, at most the buffer's length.</summary>
    public ChannelRead Read(Span<byte> buffer, out int count)
    {
        count = 0;
        fixed (byte* pointer = buffer)
        {
            var length = Native.Receive(fd.Number, pointer, (nuint)buffer.Length, Constants.MsgDontWait);
            if (length > 0)
            {
                count = (int)length;
                return ChannelRead.Data;
            }
            if (length == 0)
                return ChannelRead.Closed;
            var error = Errno.Last;
            return error == Errno.Again || error == Errno.Interrupted ? ChannelRead.Nothing : ChannelRead.Closed;
        }
    }

    /// <summary>Writes as much as there is room for.</summary>
    /// <param name="data">What.</param>
    /// <param name="count">How much of it was written; 0 when there is no room now.</param>
    /// <returns>False when the client is gone.</returns>
    public bool Write(ReadOnlySpan<byte> data, out int count)
    {
        fixed (byte* pointer = data)
        {
            var length = Native.Send(fd.Number, pointer, (nuint)data.Length, Constants.MsgNoSignal | Constants.MsgDontWait);
            count = (int)Math.Max(0, length);
            if (length >= 0)
                return true;
            var error = Errno.Last;
            return error == Errno.Again || error == Errno.Interrupted;
        }
    }

    /// <summary>Tells the client that nothing more comes; what it sends can still be read.</summary>
    public void EndWriting() => _ = Native.Shutdown(fd.Number, Constants.ShutWr);

    /// <inheritdoc/>
    public void Dispose() => fd.Dispose();
}
