namespace Emperor.Linux;

/// <summary>Who has sent a datagram, as the kernel vouches for it (SCM_CREDENTIALS, unix(7)), in this process's own numbering.</summary>
/// <param name="Pid">The process; 0 when it is not visible from here (another process-number namespace).</param>
/// <param name="Uid">Its user.</param>
public readonly record struct Sender(int Pid, uint Uid);

/// <summary>How receiving went.</summary>
public enum Reception
{
    /// <summary>A whole message came.</summary>
    Message,

    /// <summary>One came that is longer than the buffer, or without its sender's credentials.</summary>
    Unusable,

    /// <summary>Nothing is there now.</summary>
    Nothing,
}

/// <summary>
/// A datagram socket that programs send to: with an abstract name of 128 random bits for sd_notify(3), or with a given one. It never blocks. Descriptors that are sent
/// along are closed before anything else is done; whoever waits for that (sd_notify_barrier(3)) so learns that what it sent before is read.
/// </summary>
public sealed unsafe class NotifySocket : IDisposable
{
    // struct cmsghdr: cmsg_len at 0, cmsg_level at 8, cmsg_type at 12, data from 16; each begins at a multiple of 8. Room for the credentials and
    // for as many descriptors as the kernel lets pass (SCM_MAX_FD, 253).
    private const int ControlHeaderSize = 16;
    private const int ControlSize = 2048;

    private readonly SafeFd _fd;

    private NotifySocket(SafeFd fd, string name)
    {
        _fd = fd;
        Name = name;
    }

    /// <summary>Its name as NOTIFY_SOCKET spells it: "@" and the abstract name.</summary>
    public string Name { get; }

    /// <summary>The descriptor, for the event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Goes on with one of an earlier emperor's: nothing is bound, and what waits in it is received.</summary>
    /// <param name="fd">Its socket; it is closed with this.</param>
    /// <param name="name">Its <see cref="Name"/>.</param>
    public static NotifySocket Adopt(SafeFd fd, string name)
    {
        ArgumentNullException.ThrowIfNull(fd);
        _ = Native.Fcntl(fd.Number, Constants.FSetFl, Constants.ONonBlock);
        return new NotifySocket(fd, name);
    }

    /// <summary>Makes one.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static NotifySocket Open()
    {
        var name = $"@emperor-notify/{Guid.NewGuid():N}";
        return Bind(name, out var error) ?? throw new LinuxException("bind a notification socket", error);
    }

    /// <summary>Makes one of a given name. Nothing that is there is removed.</summary>
    /// <param name="name">A path of at most 107 bytes, or, after "@", a name of the abstract kind.</param>
    /// <param name="error">Why not, when null is returned; EADDRINUSE when something of that name is there.</param>
    public static NotifySocket? Bind(string name, out Errno error)
    {
        error = Errno.NameTooLong;
        if (SocketName.OfUnix(name)?.Bytes is not { } address)
            return null;
        var number = Native.Socket(Constants.AfUnix, Constants.SockDgram | Constants.SockCloExec | Constants.SockNonBlock, 0);
        error = number < 0 ? Errno.Last : default;
        if (number < 0)
            return null;
        var fd = new SafeFd(number);
        var on = 1;
        error = Native.SetSocketOption(number, Constants.SolSocket, Constants.SoPassCred, &on, sizeof(int)) != 0 ? Errno.Last : default;
        fixed (byte* pointer = address)
        {
            if (error.Number == 0 && Native.Bind(number, pointer, (uint)address.Length) != 0)
                error = Errno.Last;
        }
        if (error.Number == 0)
            return new NotifySocket(fd, name);
        fd.Dispose();
        return null;
    }

    /// <summary>Whether somebody receives at a datagram socket; no error when somebody does, ECONNREFUSED when nobody does any more.</summary>
    /// <param name="name">Its name, as for <see cref="Bind"/>.</param>
    public static Errno Probe(string name)
    {
        if (SocketName.OfUnix(name)?.Bytes is not { } address)
            return Errno.NameTooLong;
        var number = Native.Socket(Constants.AfUnix, Constants.SockDgram | Constants.SockCloExec | Constants.SockNonBlock, 0);
        if (number < 0)
            return Errno.Last;
        using var fd = new SafeFd(number);
        fixed (byte* pointer = address)
            return Native.Connect(number, pointer, (uint)address.Length) != 0 ? Errno.Last : default;
    }

    /// <summary>Takes the next message.</summary>
    /// <param name="buffer">Where to; what does not fit is cut off by the kernel, and the message then unusable.</param>
    /// <param name="length">How long it is.</param>
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
            var count = Native.ReceiveMessage(_fd.Number, &message, Constants.MsgDontWait | Constants.MsgCMsgCloExec);
            if (count < 0)
                return Reception.Nothing;
            length = (int)count;
            var hasSender = ReadControl(new ReadOnlySpan<byte>(control, (int)message.ControlLength), out sender);
            return hasSender && (message.Flags & Constants.MsgTrunc) == 0 ? Reception.Message : Reception.Unusable;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    /// <summary>Finds the sender in what came along with a message, and closes descriptors that did.</summary>
    internal static bool ReadControl(ReadOnlySpan<byte> control, out Sender sender)
    {
        sender = default;
        var found = false;
        while (control.Length >= ControlHeaderSize)
        {
            var size = (int)BitConverter.ToUInt64(control);
            if (size < ControlHeaderSize || size > control.Length)
                break;
            var (level, type) = (BitConverter.ToInt32(control[8..]), BitConverter.ToInt32(control[12..]));
            var data = control[ControlHeaderSize..size];
            if (level == Constants.SolSocket && type == Constants.ScmRights)
            {
                for (; data.Length >= sizeof(int); data = data[sizeof(int)..])
                    _ = Native.Close(BitConverter.ToInt32(data));
            }
            else if (level == Constants.SolSocket && type == Constants.ScmCredentials && data.Length >= 12)
            {
                sender = new Sender(BitConverter.ToInt32(data), BitConverter.ToUInt32(data[4..]));
                found = true;
            }
            control = control[Math.Min(control.Length, (size + 7) & ~7)..];
        }
        return found;
    }
}
