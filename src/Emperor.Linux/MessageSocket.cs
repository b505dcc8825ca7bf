namespace Emperor.Linux;

/// <summary>
/// The emperor's end of a pair of SOCK_SEQPACKET sockets (unix(7)): whole messages both ways, each with the number of its sender, for which the
/// kernel vouches. It never blocks and never raises SIGPIPE. Descriptors that are sent to it are closed.
/// </summary>
public sealed unsafe class MessageSocket : IDisposable
{
    private const int ControlSize = 2048;

    private readonly SafeFd _fd;

    private MessageSocket(SafeFd fd) => _fd = fd;

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Makes a pair: the emperor's end, and the other's, which blocks.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static (MessageSocket Ours, SafeFd Theirs) Create()
    {
        var pair = stackalloc int[2];
        if (Native.SocketPair(Constants.AfUnix, Constants.SockSeqPacket | Constants.SockCloExec, 0, pair) < 0)
            throw new LinuxException("socketpair", Errno.Last);
        var (ours, theirs) = (new SafeFd(pair[0]), new SafeFd(pair[1]));
        var on = 1;
        if (Native.SetSocketOption(ours.Number, Constants.SolSocket, Constants.SoPassCred, &on, sizeof(int)) == 0)
            return (new MessageSocket(ours), theirs);
        var error = Errno.Last;
        ours.Dispose();
        theirs.Dispose();
        throw new LinuxException("setsockopt SO_PASSCRED", error);
    }

    /// <summary>Goes on with the end of an earlier emperor's: the other end notices nothing.</summary>
    /// <param name="fd">The descriptor; it is disposed with this.</param>
    public static MessageSocket Adopt(SafeFd fd)
    {
        ArgumentNullException.ThrowIfNull(fd);
        return new MessageSocket(fd);
    }

    /// <summary>Sends a message.</summary>
    /// <returns>No error; EAGAIN when too many wait; EMSGSIZE when it is too long; EPIPE when the other end is closed.</returns>
    public Errno Send(ReadOnlySpan<byte> message)
    {
        fixed (byte* pointer = message)
        {
            var sent = Native.Send(_fd.Number, pointer, (nuint)message.Length, Constants.MsgNoSignal | Constants.MsgDontWait);
            return sent == message.Length ? default : Errno.Last;
        }
    }

    /// <summary>Sends a message, and a descriptor with it (SCM_RIGHTS).</summary>
    /// <returns>As the other.</returns>
    public Errno Send(ReadOnlySpan<byte> message, SafeFd descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        var control = stackalloc byte[MessageHeader.RightsSpace];
        MessageHeader.WriteRights(control, descriptor.Number);
        fixed (byte* data = message)
        {
            var piece = new MessageHeader.Piece { Base = data, Length = (nuint)message.Length };
            var header = new MessageHeader
            {
                Pieces = &piece,
                PieceCount = 1,
                Control = control,
                ControlLength = MessageHeader.RightsLength,
            };
            var sent = Native.SendMessage(_fd.Number, &header, Constants.MsgNoSignal | Constants.MsgDontWait);
            return sent == message.Length ? default : Errno.Last;
        }
    }

    /// <summary>Takes the next message.</summary>
    /// <param name="buffer">Where to; one that does not fit is unusable.</param>
    /// <param name="length">How long it is; 0 with <see cref="Reception.Message"/> when the other end is closed.</param>
    /// <param name="sender">Who has sent it.</param>
    public Reception Receive(Span<byte> buffer, out int length, out Sender sender)
    {
        length = 0;
        sender = default;
        var control = stackalloc byte[ControlSize];
        fixed (byte* data = buffer)
        {
            var piece = new MessageHeader.Piece { Base = data, Length = (nuint)buffer.Length };
            var message = new MessageHeader
            {
                Pieces = &piece,
                PieceCount = 1,
                Control = control,
                ControlLength = ControlSize,
            };
            const int Flags = Constants.MsgDontWait | Constants.MsgCMsgCloExec;
            var count = Native.ReceiveMessage(_fd.Number, &message, Flags);
            // That the other end was closed before it had read all is told once, ahead of what it has said.
            if (count < 0 && Errno.Last == Errno.ConnectionReset)
                count = Native.ReceiveMessage(_fd.Number, &message, Flags);
            if (count < 0)
            {
                var error = Errno.Last;
                return error == Errno.Again || error == Errno.Interrupted ? Reception.Nothing : Reception.Message;
            }
            length = (int)count;
            var hasSender = NotifySocket.ReadControl(new ReadOnlySpan<byte>(control, (int)message.ControlLength), out sender);
            var isWhole = (message.Flags & Constants.MsgTrunc) == 0;
            return length == 0 || (hasSender && isWhole) ? Reception.Message : Reception.Unusable;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
