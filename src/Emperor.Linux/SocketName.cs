using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Emperor.Linux;

/// <summary>
/// The kernel's form of a socket's address: sockaddr_un, sockaddr_in, sockaddr_in6 (unix(7), ip(7), ipv6(7)). All begin with two bytes of
/// family.
/// </summary>
public sealed class SocketName
{
    private const int DataOffset = 2;
    private const int PathLength = 108;
    private const int InternetLength = 16;
    private const int Internet6Length = 28;
    private const int Internet6AddressOffset = 8;

    private SocketName(int family, byte[] bytes, string? path = null)
    {
        Family = family;
        Bytes = bytes;
        Path = path;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)family);
    }

    /// <summary>The path of its file; null when it has none.</summary>
    public string? Path { get; }

    internal int Family { get; }

    internal byte[] Bytes { get; }

    /// <summary>That of a path or, after "@", of an abstract name; null when it is empty or does not fit.</summary>
    public static SocketName? OfUnix(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Encoding.UTF8.GetByteCount(text) is 0 or >= PathLength ? null
            : text[0] == '@' ? OfAbstract(text[1..])
            : OfPath(text);
    }

    /// <summary>That of a socket file; at most 107 bytes fit.</summary>
    public static SocketName OfPath(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(bytes.Length, PathLength, nameof(path));
        return new SocketName(Constants.AfUnix, [0, 0, .. bytes, 0], path);
    }

    /// <summary>That of an abstract name, without "@"; at most 107 bytes fit.</summary>
    public static SocketName OfAbstract(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(bytes.Length, PathLength, nameof(name));
        return new SocketName(Constants.AfUnix, [0, 0, 0, .. bytes]);
    }

    /// <summary>That of an internet address and port.</summary>
    public static SocketName OfInternet(IPAddress address, int port)
    {
        var isSix = address.AddressFamily == AddressFamily.InterNetworkV6;
        var bytes = new byte[isSix ? Internet6Length : InternetLength];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(DataOffset), (ushort)port);
        address.GetAddressBytes().CopyTo(bytes, isSix ? Internet6AddressOffset : DataOffset + 2);
        return new SocketName(isSix ? Constants.AfInet6 : Constants.AfInet, bytes);
    }

    /// <summary>What getsockname(2) has told, as uWSGI spells addresses; null for another family, or a socket without a name.</summary>
    internal static string? Text(ReadOnlySpan<byte> name)
    {
        if (name.Length <= DataOffset)
            return null;
        switch (BinaryPrimitives.ReadUInt16LittleEndian(name))
        {
            case Constants.AfUnix when name[DataOffset] == 0:
                return "@" + Encoding.UTF8.GetString(name[(DataOffset + 1)..]);
            case Constants.AfUnix:
                return Encoding.UTF8.GetString(name[DataOffset..]).TrimEnd('\0');
            case Constants.AfInet when name.Length >= InternetLength:
                return new IPEndPoint(new IPAddress(name.Slice(DataOffset + 2, 4)), Port(name)).ToString();
            case Constants.AfInet6 when name.Length >= Internet6Length:
                return new IPEndPoint(new IPAddress(name.Slice(Internet6AddressOffset, 16)), Port(name)).ToString();
            default:
                return null;
        }
    }

    private static int Port(ReadOnlySpan<byte> name) => BinaryPrimitives.ReadUInt16BigEndian(name[DataOffset..]);
}
