using System.Text;

namespace Emperor.Linux;

/// <summary>
/// Sends datagrams to a unix socket that others listen on: the service manager's (sd_notify(3)), the journal's. It never blocks, unless
/// it was opened to wait a little; what cannot be sent is lost, and the sender is told.
/// </summary>
public sealed unsafe class UnixDatagram : IDisposable
{
    private readonly SafeFd _fd;
    private readonly SocketName _address;
    private readonly bool _waits;

    private UnixDatagram(SafeFd fd, SocketName address, bool waits)
    {
        _fd = fd;
        _address = address;
        _waits = waits;
    }

    private int Flags => Constants.MsgNoSignal | (_waits ? 0 : Constants.MsgDontWait);

    /// <summary>Opens the socket of that address.</summary>
    /// <param name="name">A path or, after "@", a name of the abstract kind, as in NOTIFY_SOCKET; null when there is none.</param>
    /// <param name="wait">How long a message may wait for its receiver, milliseconds; for a thread that has nothing else to do.</param>
    /// <returns>Null when there is no name, or it is not one of this kind.</returns>
    public static UnixDatagram? Open(string? name, int wait = 0)
    {
        if (name is not ['/' or '@', ..] || SocketName.OfUnix(name) is not { } address)
            return null;
        var fd = Native.Socket(Constants.AfUnix, Constants.SockDgram | Constants.SockCloExec, 0);
        if (fd < 0)
            return null;
        // struct timeval: seconds 8, microseconds 8.
        var limit = stackalloc long[2] { wait / 1000, wait % 1000 * 1000 };
        if (wait > 0)
            _ = Native.SetSocketOption(fd, Constants.SolSocket, Constants.SoSndTimeo, (byte*)limit, 16);
        return new UnixDatagram(new SafeFd(fd), address, wait > 0);
    }

    /// <summary>Sends a message.</summary>
    public Errno Send(string message) => Send(Encoding.UTF8.GetBytes(message));

    /// <summary>Sends a message.</summary>
    public Errno Send(ReadOnlySpan<byte> message)
    {
        fixed (
            byte* data = message,
                address = _address.Bytes
        )
        {
            var length = (uint)_address.Bytes.Length;
            return Native.SendTo(_fd.Number, data, (nuint)message.Length, Flags, address, length) < 0 ? Errno.Last : default;
        }
    }

    /// <summary>Sends a message, and a descriptor with it (SCM_RIGHTS), as FDSTORE=1 of sd_notify(3) asks for. The descriptor stays ours.</summary>
    public Errno Send(string message, int fd)
    {
        var control = stackalloc byte[MessageHeader.RightsSpace];
        MessageHeader.WriteRights(control, fd);
        var bytes = Encoding.UTF8.GetBytes(message);
        fixed (
            byte* data = bytes,
                address = _address.Bytes
        )
        {
            var piece = new MessageHeader.Piece { Base = data, Length = (nuint)bytes.Length };
            var header = new MessageHeader
            {
                Name = address,
                NameLength = (uint)_address.Bytes.Length,
                Pieces = &piece,
                PieceCount = 1,
                Control = control,
                ControlLength = MessageHeader.RightsLength,
            };
            return Native.SendMessage(_fd.Number, &header, Flags) < 0 ? Errno.Last : default;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
