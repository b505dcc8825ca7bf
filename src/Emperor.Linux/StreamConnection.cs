namespace Emperor.Linux;

/// <summary>One end of a connection over a stream socket. It never blocks and never raises SIGPIPE.</summary>
public sealed unsafe class StreamConnection : IDisposable
{
    // struct ucred (unix(7)): pid, uid, gid.
    private const int CredentialNumbers = 3;

    private readonly SafeFd _fd;

    internal StreamConnection(SafeFd fd) => _fd = fd;

    /// <summary>Goes on with a connection of an earlier emperor's.</summary>
    /// <param name="fd">Its descriptor, which is made non-blocking; it is closed with this.</param>
    public static StreamConnection Inherit(SafeFd fd)
    {
        ArgumentNullException.ThrowIfNull(fd);
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.ONonBlock);
        return new StreamConnection(fd);
    }

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Connects to a unix socket, which blocks in nothing but a full backlog, and then fails with EAGAIN.</summary>
    /// <param name="name">Where.</param>
    /// <param name="error">Why not, when null is returned; ECONNREFUSED when nobody listens there any more.</param>
    public static StreamConnection? Connect(SocketName name, out Errno error)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (ListeningSocket.Open(name, Constants.SockNonBlock, out error) is not { } fd)
            return null;
        fixed (byte* address = name.Bytes)
            error = Native.Connect(fd.Number, address, (uint)name.Bytes.Length) == 0 ? default : Errno.Last;
        if (error.Number == 0)
            return new StreamConnection(fd);
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

    /// <summary>Reads what is there, at most the buffer's length.</summary>
    public ChannelRead Read(Span<byte> buffer, out int count) => Receive(_fd, buffer, out count);

    /// <summary>Sends what there is room for.</summary>
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

    /// <summary>Tells the other end that nothing more comes; what it sends can still be read.</summary>
    public void EndWriting() => _ = Native.Shutdown(_fd.Number, Constants.ShutWr);

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    /// <summary>Reads from any stream socket what is there, at most the buffer's length.</summary>
    internal static ChannelRead Receive(SafeFd fd, Span<byte> buffer, out int count)
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
}
