using System.Text;

namespace Emperor.Linux;

/// <summary>
/// Sends datagrams to a unix socket that others listen on: the service manager's (sd_notify(3)), the journal's. It never blocks; what cannot
/// be sent is lost, and the sender is told.
/// </summary>
public sealed unsafe class UnixDatagram : IDisposable
{
    // sun_path of sockaddr_un (unix(7)), behind two bytes of family.
    private const int PathOffset = 2;
    private const int PathLength = 108;

    private readonly SafeFd _fd;
    private readonly byte[] _address;

    private UnixDatagram(SafeFd fd, byte[] address)
    {
        _fd = fd;
        _address = address;
    }

    /// <summary>Opens the socket of that address.</summary>
    /// <param name="name">A path or, after "@", a name of the abstract kind, as in NOTIFY_SOCKET; null when there is none.</param>
    /// <returns>Null when there is no name, or it is not one of this kind.</returns>
    public static UnixDatagram? Open(string? name)
    {
        if (string.IsNullOrEmpty(name) || name[0] is not ('/' or '@'))
            return null;
        var path = Encoding.UTF8.GetBytes(name);
        if (path.Length >= PathLength)
            return null;
        if (path[0] == '@')
            path[0] = 0;
        var address = new byte[PathOffset + path.Length];
        address[0] = Constants.AfUnix;
        path.CopyTo(address, PathOffset);
        var fd = Native.Socket(Constants.AfUnix, Constants.SockDgram | Constants.SockCloExec, 0);
        return fd < 0 ? null : new UnixDatagram(new SafeFd(fd), address);
    }

    /// <summary>Sends a message.</summary>
    public Errno Send(string message)
    {
        var bytes = Encoding.UTF8.GetBytes(message);
        fixed (
            byte* data = bytes,
                address = _address
        )
        {
            var flags = Constants.MsgNoSignal | Constants.MsgDontWait;
            return Native.SendTo(_fd.Number, data, (nuint)bytes.Length, flags, address, (uint)_address.Length) < 0 ? Errno.Last : default;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();
}
