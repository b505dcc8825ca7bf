using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>A connection at the side that was connected to, as the kernel knows it.</summary>
/// <param name="Inode">The number of its socket, which /proc/PID/fd shows; 0 as long as no process has accepted it, and when it is closed again.</param>
/// <param name="IsOpen">Whether its state is that of a connection that neither side has closed.</param>
public readonly record struct ServerEnd(uint Inode, bool IsOpen);

/// <summary>
/// Asks the kernel about sockets (sock_diag(7)): who is at the other end of a connection, and what connections a listening socket has. The kernel answers
/// within the call, so nothing here waits. One thread at a time.
/// </summary>
public sealed unsafe class SocketDiag : IDisposable
{
    private const int HeaderSize = 16;
    private const int UnixRequestSize = 24;
    private const int UnixAnswerSize = 16;
    private const int InetRequestSize = 56;
    private const int InetAnswerSize = 72;
    private const int AttributeSize = 4;
    private const int BufferSize = 64 * 1024;

    private readonly SafeFd _fd;
    private readonly byte[] _buffer = new byte[BufferSize];
    private uint _sequence;

    private SocketDiag(SafeFd fd) => _fd = fd;

    /// <summary>Opens the way to the kernel; null where there is none (a kernel or a sandbox without sock_diag).</summary>
    public static SocketDiag? Open()
    {
        var type = Constants.SockDgram | Constants.SockCloExec | Constants.SockNonBlock;
        var fd = Native.Socket(Constants.AfNetlink, type, Constants.NetlinkSockDiag);
        return fd < 0 ? null : new SocketDiag(new SafeFd(fd));
    }

    /// <summary>The other end of a connection over a unix socket.</summary>
    /// <param name="client">The number of the socket that connected.</param>
    /// <param name="end">Its other end; its state is not told.</param>
    /// <returns>No error, ENOENT when there is no such socket (or the kernel knows no such question), or another.</returns>
    public Errno UnixPeer(uint client, out ServerEnd end)
    {
        end = default;
        Span<byte> request = stackalloc byte[HeaderSize + UnixRequestSize];
        WriteUnix(request, 0, uint.MaxValue, client, Constants.UDiagShowPeer);
        var error = Ask(request, out var answer);
        if (error.Number != 0)
            return error;
        var peer = 0U;
        if (Attribute(answer[UnixAnswerSize..], Constants.UnixDiagPeer) is { Length: >= 4 } value)
            peer = MemoryMarshal.Read<uint>(value);
        end = new ServerEnd(peer, true);
        return default;
    }

    /// <summary>The queue of a listening unix socket.</summary>
    /// <param name="socket">Its number.</param>
    /// <param name="queue">How many connections wait in it, and may.</param>
    /// <returns>No error, ENOENT when there is no such socket (or the kernel knows no such question), or another.</returns>
    public Errno UnixQueue(uint socket, out ListenQueue queue)
    {
        queue = default;
        Span<byte> request = stackalloc byte[HeaderSize + UnixRequestSize];
        WriteUnix(request, 0, uint.MaxValue, socket, Constants.UDiagShowRqLen);
        var error = Ask(request, out var answer);
        // struct unix_diag_rqlen: of a listening socket how many wait, and may.
        if (error.Number == 0 && Attribute(answer[UnixAnswerSize..], Constants.UnixDiagRqLen) is { Length: >= 8 } value)
            queue = new ListenQueue(MemoryMarshal.Read<int>(value), MemoryMarshal.Read<int>(value[4..]));
        return error;
    }

    /// <summary>The other end of a TCP connection within this machine.</summary>
    /// <param name="client">The address of the side that connected (sockaddr_in or sockaddr_in6).</param>
    /// <param name="server">The address that it connected to.</param>
    /// <param name="end">The other end.</param>
    /// <returns>No error, ENOENT when there is none, or another.</returns>
    public Errno TcpPeer(ReadOnlySpan<byte> client, ReadOnlySpan<byte> server, out ServerEnd end)
    {
        end = default;
        Span<byte> request = stackalloc byte[HeaderSize + InetRequestSize];
        WriteInet(request, 0, BinaryPrimitives.ReadUInt16LittleEndian(server), uint.MaxValue);
        var id = request[(HeaderSize + 8)..];
        server.Slice(2, 2).CopyTo(id);
        client.Slice(2, 2).CopyTo(id[2..]);
        AddressOf(server).CopyTo(id[4..]);
        AddressOf(client).CopyTo(id[20..]);
        id[40..48].Fill(0xFF);
        var error = Ask(request, out var answer);
        if (error.Number != 0)
            return error;
        end = new ServerEnd(MemoryMarshal.Read<uint>(answer[68..]), answer[1] == Constants.TcpEstablished);
        return default;
    }

    /// <summary>All connections over unix sockets that have a process at the side that was connected to, and the listening sockets.</summary>
    /// <param name="found">Told each: its number, whether it listens, and what names it, equal for a listening socket and its connections.</param>
    public Errno UnixNamed(Action<uint, bool, UnixPlace> found)
    {
        ArgumentNullException.ThrowIfNull(found);
        Span<byte> request = stackalloc byte[HeaderSize + UnixRequestSize];
        var states = (1U << Constants.TcpEstablished) | (1U << Constants.TcpListen);
        WriteUnix(request, Constants.NlmFDump, states, 0, Constants.UDiagShowName | Constants.UDiagShowVfs);
        return Dump(
            request,
            answer =>
            {
                var inode = MemoryMarshal.Read<uint>(answer[4..]);
                var attributes = answer[UnixAnswerSize..];
                var name = Attribute(attributes, Constants.UnixDiagName);
                if (inode == 0 || name.IsEmpty)
                    return;
                // A path may name another file by now; the file that the socket was bound to is the same for ever.
                var file = Attribute(attributes, Constants.UnixDiagVfs);
                var place =
                    file.Length >= 8 ? new UnixPlace(MemoryMarshal.Read<ulong>(file), "") : new UnixPlace(0, Convert.ToHexString(name));
                found(inode, answer[2] == Constants.TcpListen, place);
            }
        );
    }

    /// <summary>All TCP sockets of a family that are connected or about to be closed; those also that only wait out their time (TIME_WAIT).</summary>
    /// <param name="six">IPv6.</param>
    /// <param name="found">Told each: its number (0 when no process has it), its local and its remote address and port.</param>
    public Errno Tcp(bool six, TcpFound found)
    {
        Span<byte> request = stackalloc byte[HeaderSize + InetRequestSize];
        WriteInet(request, Constants.NlmFDump, six ? Constants.AfInet6 : Constants.AfInet, ~(1U << Constants.TcpListen));
        return Dump(
            request,
            answer =>
            {
                if (answer.Length < InetAnswerSize)
                    return;
                var id = answer[4..];
                var length = six ? 16 : 4;
                found(
                    MemoryMarshal.Read<uint>(answer[68..]),
                    id.Slice(4, length),
                    BinaryPrimitives.ReadUInt16BigEndian(id),
                    id.Slice(20, length),
                    BinaryPrimitives.ReadUInt16BigEndian(id[2..])
                );
            }
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    private static ReadOnlySpan<byte> AddressOf(ReadOnlySpan<byte> name) => name.Length >= 28 ? name.Slice(8, 16) : name.Slice(4, 4);

    private void WriteUnix(Span<byte> request, int flags, uint states, uint inode, uint show)
    {
        WriteHeader(request, flags);
        var body = request[HeaderSize..];
        body[0] = Constants.AfUnix;
        MemoryMarshal.Write(body[4..], states);
        MemoryMarshal.Write(body[8..], inode);
        MemoryMarshal.Write(body[12..], show);
        body[16..24].Fill(0xFF);
    }

    private void WriteInet(Span<byte> request, int flags, int family, uint states)
    {
        WriteHeader(request, flags);
        var body = request[HeaderSize..];
        body[0] = (byte)family;
        body[1] = Constants.IpProtoTcp;
        MemoryMarshal.Write(body[4..], states);
    }

    private void WriteHeader(Span<byte> request, int flags)
    {
        request.Clear();
        MemoryMarshal.Write(request, (uint)request.Length);
        MemoryMarshal.Write(request[4..], (ushort)Constants.SockDiagByFamily);
        MemoryMarshal.Write(request[6..], (ushort)(Constants.NlmFRequest | flags));
        MemoryMarshal.Write(request[8..], ++_sequence);
    }

    private Errno Ask(ReadOnlySpan<byte> request, out ReadOnlySpan<byte> answer)
    {
        answer = default;
        var error = Send(request);
        while (error.Number == 0)
        {
            error = Receive(out var count);
            if (error.Number != 0)
                break;
            ReadOnlySpan<byte> messages = _buffer.AsSpan(0, count);
            if (Next(messages, out var type, out var sequence, out var body) == 0 || sequence != _sequence)
                continue;
            if (type == Constants.NlmsgError)
                return new Errno(-MemoryMarshal.Read<int>(body));
            answer = body;
            return default;
        }
        return error;
    }

    private Errno Dump(ReadOnlySpan<byte> request, Found found)
    {
        var error = Send(request);
        while (error.Number == 0)
        {
            error = Receive(out var count);
            if (error.Number != 0)
                break;
            for (var at = 0; ; )
            {
                var length = Next(_buffer.AsSpan(at, count - at), out var type, out var sequence, out var body);
                if (length == 0)
                    break;
                at += length;
                if (sequence != _sequence)
                    continue;
                if (type == Constants.NlmsgDone)
                    return default;
                if (type == Constants.NlmsgError)
                    return new Errno(-MemoryMarshal.Read<int>(body));
                found(body);
            }
        }
        return error;
    }

    private Errno Send(ReadOnlySpan<byte> request)
    {
        fixed (byte* pointer = request)
            return Native.Send(_fd.Number, pointer, (nuint)request.Length, Constants.MsgDontWait) < 0 ? Errno.Last : default;
    }

    private Errno Receive(out int count)
    {
        count = 0;
        fixed (byte* pointer = _buffer)
        {
            var length = Native.Receive(_fd.Number, pointer, BufferSize, Constants.MsgDontWait);
            if (length < 0)
                return Errno.Last;
            count = (int)length;
            return default;
        }
    }

    // struct nlmsghdr: nlmsg_len 4, nlmsg_type 2, nlmsg_flags 2, nlmsg_seq 4, nlmsg_pid 4; each begins at a multiple of 4.
    private static int Next(ReadOnlySpan<byte> messages, out int type, out uint sequence, out ReadOnlySpan<byte> body)
    {
        (type, sequence) = (0, 0);
        body = default;
        if (messages.Length < HeaderSize)
            return 0;
        var length = (int)MemoryMarshal.Read<uint>(messages);
        if (length < HeaderSize || length > messages.Length)
            return 0;
        type = MemoryMarshal.Read<ushort>(messages[4..]);
        sequence = MemoryMarshal.Read<uint>(messages[8..]);
        body = messages[HeaderSize..length];
        return Math.Min(messages.Length, (length + 3) & ~3);
    }

    // struct rtattr: rta_len 2, rta_type 2; each begins at a multiple of 4.
    private static ReadOnlySpan<byte> Attribute(ReadOnlySpan<byte> attributes, int wanted)
    {
        while (attributes.Length >= AttributeSize)
        {
            int length = MemoryMarshal.Read<ushort>(attributes);
            if (length < AttributeSize || length > attributes.Length)
                break;
            if (MemoryMarshal.Read<ushort>(attributes[2..]) == wanted)
                return attributes[AttributeSize..length];
            attributes = attributes[Math.Min(attributes.Length, (length + 3) & ~3)..];
        }
        return default;
    }

    private delegate void Found(ReadOnlySpan<byte> answer);
}

/// <summary>What a unix socket is bound to.</summary>
/// <param name="File">The file's number and file system, as one number; 0 for an abstract name.</param>
/// <param name="Name">The abstract name, in hexadecimal; empty for a file.</param>
public readonly record struct UnixPlace(ulong File, string Name);

/// <summary>A TCP socket.</summary>
/// <param name="inode">Its number; 0 when no process has it.</param>
/// <param name="local">Its own address.</param>
/// <param name="localPort">Its own port.</param>
/// <param name="remote">The address of the other side.</param>
/// <param name="remotePort">The port of the other side.</param>
public delegate void TcpFound(uint inode, ReadOnlySpan<byte> local, int localPort, ReadOnlySpan<byte> remote, int remotePort);
