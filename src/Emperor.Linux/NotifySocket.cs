using System.Text;

namespace Emperor.Linux;

/// <summary>
/// Tells the service manager about this process, as sd_notify(3) does: datagrams of VARIABLE=value lines to the unix socket that
/// NOTIFY_SOCKET names, a path or, after "@", a name of the abstract kind. It never blocks; what cannot be sent is lost.
/// </summary>
public sealed unsafe class NotifySocket : IDisposable
{
    // sun_path of sockaddr_un (unix(7)), behind two bytes of family.
    private const int PathOffset = 2;
    private const int PathLength = 108;

    private readonly SafeFd _fd;
    private readonly byte[] _address;

    private NotifySocket(SafeFd fd, byte[] address)
    {
        _fd = fd;
        _address = address;
    }

    /// <summary>Opens the socket of that address.</summary>
    /// <param name="name">NOTIFY_SOCKET's value; null when there is no service manager.</param>
    /// <returns>Null when there is none, or its address is not one of this kind.</returns>
    public static NotifySocket? Open(string? name)
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
        return fd < 0 ? null : new NotifySocket(new SafeFd(fd), address);
    }

    /// <summary>Sends a message: lines of VARIABLE=value.</summary>
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
