using System.Text;

namespace Emperor.Linux;

/// <summary>The address of a unix socket (unix(7)): a path or, after "@", a name of the abstract kind.</summary>
internal static class UnixAddress
{
    // sun_path of sockaddr_un, behind two bytes of family.
    private const int PathOffset = 2;
    private const int PathLength = 108;

    /// <summary>The address's bytes; null when the name is too long or empty.</summary>
    public static byte[]? Of(string name)
    {
        var path = Encoding.UTF8.GetBytes(name);
        if (path.Length is 0 or >= PathLength)
            return null;
        var isAbstract = path[0] == '@';
        if (isAbstract)
            path[0] = 0;
        // A path ends with NUL; an abstract name ends where the address does.
        var address = new byte[PathOffset + path.Length + (isAbstract ? 0 : 1)];
        address[0] = Constants.AfUnix;
        path.CopyTo(address, PathOffset);
        return address;
    }
}

/// <summary>A unix stream socket that others connect to. It never blocks.</summary>
public sealed unsafe class UnixListener : IDisposable
{
    private const int Backlog = 1024;

    private readonly SafeFd _fd;
    private bool _isAdopted;

    private UnixListener(SafeFd fd) => _fd = fd;

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Whether it is closed.</summary>
    public bool IsClosed => _fd.IsClosed;

    /// <summary>Uses a unix socket that listens already (handed over by a service manager). At the end it is not closed.</summary>
    /// <param name="fd">The socket, which stays its owner's; it is made non-blocking.</param>
    public static UnixListener Adopt(SafeFd fd)
    {
        ArgumentNullException.ThrowIfNull(fd);
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.ONonBlock);
        return new UnixListener(fd) { _isAdopted = true };
    }

    /// <summary>Binds a name and listens. Nothing that is there is removed; who may connect by a path is decided by that file's mode.</summary>
    /// <param name="name">The path, at most 107 bytes.</param>
    /// <param name="mode">The file's mode, whatever the umask says.</param>
    /// <param name="error">Why not, when null is returned; EADDRINUSE when something of that name is there.</param>
    public static UnixListener? Listen(string name, uint mode, out Errno error)
    {
        error = Errno.NameTooLong;
        if (UnixAddress.Of(name) is not { } address)
            return null;
        var number = Native.Socket(Constants.AfUnix, Constants.SockStream | Constants.SockCloExec | Constants.SockNonBlock, 0);
        if (number < 0)
        {
            error = Errno.Last;
            return null;
        }
        var fd = new SafeFd(number);
        fixed (byte* pointer = address)
            error = Native.Bind(number, pointer, (uint)address.Length) < 0 ? Errno.Last : default;
        if (error.Number == 0 && Native.ChMod(name, mode) < 0)
            error = Errno.Last;
        if (error.Number == 0 && Native.Listen(number, Backlog) < 0)
            error = Errno.Last;
        if (error.Number == 0)
            return new UnixListener(fd);
        fd.Dispose();
        return null;
    }

    /// <summary>Takes the next connection; it does not block.</summary>
    /// <param name="error">EAGAIN when nobody waits.</param>
    public UnixStream? Accept(out Errno error)
    {
        var fd = Native.Accept(_fd.Number, null, null, Constants.SockCloExec | Constants.SockNonBlock);
        error = fd < 0 ? Errno.Last : default;
        return fd < 0 ? null : new UnixStream(new SafeFd(fd));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isAdopted)
            _fd.Dispose();
    }
}

/// <summary>One end of a connection over a unix stream socket. It never raises SIGPIPE.</summary>
public sealed unsafe class UnixStream : IDisposable
{
    // struct ucred (unix(7)): pid, uid, gid.
    private const int CredentialNumbers = 3;

    private readonly SafeFd _fd;

    internal UnixStream(SafeFd fd) => _fd = fd;

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Connects. It blocks in nothing but a full backlog, and then fails with EAGAIN.</summary>
    /// <param name="name">The path.</param>
    /// <param name="error">Why not, when null is returned; ECONNREFUSED when nobody listens there any more.</param>
    public static UnixStream? Connect(string name, out Errno error)
    {
        error = Errno.NameTooLong;
        if (UnixAddress.Of(name) is not { } address)
            return null;
        var number = Native.Socket(Constants.AfUnix, Constants.SockStream | Constants.SockCloExec | Constants.SockNonBlock, 0);
        if (number < 0)
        {
            error = Errno.Last;
            return null;
        }
        var fd = new SafeFd(number);
        fixed (byte* pointer = address)
            error = Native.Connect(number, pointer, (uint)address.Length) < 0 ? Errno.Last : default;
        if (error.Number == 0)
            return new UnixStream(fd);
        fd.Dispose();
        return null;
    }

    /// <summary>Who is at the other end, as it was when it connected (SO_PEERCRED); null when the kernel does not tell.</summary>
    public (int Pid, uint Uid, uint Gid)? Peer()
    {
        var numbers = stackalloc uint[CredentialNumbers];
        var length = (uint)(CredentialNumbers * sizeof(uint));
        return Native.GetSocketOption(_fd.Number, Constants.SolSocket, Constants.SoPeerCred, (byte*)numbers, &length) == 0
            ? ((int)numbers[0], numbers[1], numbers[2])
            : null;
    }

    /// <summary>Reads what is there, at most the buffer's length; it does not block.</summary>
    public ChannelRead Read(Span<byte> buffer, out int count)
    {
        count = 0;
        fixed (byte* pointer = buffer)
        {
            var length = Native.Receive(_fd.Number, pointer, (nuint)buffer.Length, Constants.MsgDontWait);
            if (length == 0)
                return ChannelRead.Closed;
            if (length < 0)
            {
                var error = Errno.Last;
                return error == Errno.Again || error == Errno.Interrupted ? ChannelRead.Nothing : ChannelRead.Closed;
            }
            count = (int)length;
            return ChannelRead.Data;
        }
    }

    /// <summary>Sends what there is room for; it does not block.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="sent">How many were taken.</param>
    /// <returns>No error, EAGAIN when there is no room, EPIPE when the other end is closed.</returns>
    public Errno Send(ReadOnlySpan<byte> data, out int sent)
    {
        fixed (byte* pointer = data)
        {
            var count = Native.Send(_fd.Number, pointer, (nuint)data.Length, Constants.MsgNoSignal | Constants.MsgDontWait);
            sent = count < 0 ? 0 : (int)count;
            return count < 0 ? Errno.Last : default;
        }
    }

    /// <summary>Waits until there is something to read or, for <paramref name="output"/>, room to write.</summary>
    /// <param name="output">What to wait for.</param>
    /// <param name="timeout">Milliseconds; -1 waits for ever.</param>
    /// <returns>False when time is up.</returns>
    public bool Wait(bool output, int timeout)
    {
        // struct pollfd (poll(2)): int fd, short events, short revents; POLLIN is 1, POLLOUT 4.
        var entry = stackalloc int[2] { _fd.Number, output ? 4 : 1 };
        return Native.Poll((byte*)entry, 1, timeout) != 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
