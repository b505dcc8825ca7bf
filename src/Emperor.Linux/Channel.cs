namespace Emperor.Linux;

/// <summary>How reading a channel ended.</summary>
public enum ChannelRead
{
    /// <summary>Bytes came.</summary>
    Data,

    /// <summary>Nothing now.</summary>
    Nothing,

    /// <summary>The other end is closed, or the channel is broken.</summary>
    Closed,
}

/// <summary>
/// The emperor's end of a vassal's socketpair (a stream, one byte each way a message; uWSGI's documentation, "Emperor protocol").
/// It never blocks and never raises SIGPIPE.
/// </summary>
public sealed unsafe class Channel : IDisposable
{
    private readonly SafeFd _fd;

    private Channel(SafeFd fd) => _fd = fd;

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Makes a pair: the emperor's end, which does not block, and the vassal's, which does, as uWSGI's.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static (Channel Emperor, SafeFd Vassal) Create()
    {
        var pair = stackalloc int[2];
        if (Native.SocketPair(Constants.AfUnix, Constants.SockStream | Constants.SockCloExec, 0, pair) < 0)
            throw new LinuxException("socketpair", Errno.Last);
        return (new Channel(new SafeFd(pair[0])), new SafeFd(pair[1]));
    }

    /// <summary>Takes over the vassal's end, which a lord has handed to this process.</summary>
    /// <param name="fd">The socket; it is disposed with this.</param>
    public static Channel Adopt(SafeFd fd) => new(fd);

    /// <summary>Reads what is there, at most the buffer's length.</summary>
    public ChannelRead Read(Span<byte> buffer, out int count) => StreamConnection.Receive(_fd, buffer, out count);

    /// <summary>Sends one byte.</summary>
    /// <returns>No error, EAGAIN when the vassal does not read and its buffer is full, EPIPE when it has closed its end.</returns>
    public Errno Send(byte message)
    {
        var sent = Native.Send(_fd.Number, &message, 1, Constants.MsgNoSignal | Constants.MsgDontWait);
        return sent == 1 ? default : Errno.Last;
    }

    /// <summary>Sends bytes that belong together.</summary>
    /// <returns>No error when all of them were taken; else why not, and the other end can read no further than what was.</returns>
    public Errno SendAll(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* pointer = bytes)
        {
            var sent = Native.Send(_fd.Number, pointer, (nuint)bytes.Length, Constants.MsgNoSignal | Constants.MsgDontWait);
            return sent == bytes.Length ? default
                : sent < 0 ? Errno.Last
                : Errno.Again;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
