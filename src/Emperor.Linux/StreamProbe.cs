using System.Buffers.Binary;

namespace Emperor.Linux;

/// <summary>What is known of a listening socket, so that another thread can connect to it without holding it.</summary>
/// <param name="Name">Where to connect to, as the kernel spells it: its address, or this machine's own for one that listens to all.</param>
/// <param name="Inode">Its number.</param>
/// <param name="Device">The minor number of the file system of all sockets.</param>
/// <param name="IsTcp">Whether it is of TCP; else it is a unix socket.</param>
/// <param name="Defers">Whether a connection is only handed out when it has sent something (TCP_DEFER_ACCEPT).</param>
public sealed record ListenerFacts(byte[] Name, uint Inode, uint Device, bool IsTcp, bool Defers)
{
    private const int LongestName = 128;

    /// <summary>Those of a listening socket; null when it is none with an address.</summary>
    public static unsafe ListenerFacts? Of(SafeFd socket)
    {
        var buffer = stackalloc byte[LongestName];
        var length = (uint)LongestName;
        if (
            Native.GetSockName(socket.Number, buffer, &length) != 0
            || length <= 2
            || length > LongestName
            || FileStatus.Get(socket.Number, out var status).Number != 0
        )
            return null;
        var name = new ReadOnlySpan<byte>(buffer, (int)length).ToArray();
        int family = BinaryPrimitives.ReadUInt16LittleEndian(name);
        var isTcp = family is Constants.AfInet or Constants.AfInet6;
        if (!isTcp && family != Constants.AfUnix)
            return null;
        var defers = 0;
        var size = (uint)sizeof(int);
        if (isTcp && Native.GetSocketOption(socket.Number, Constants.IpProtoTcp, Constants.TcpDeferAccept, &defers, &size) != 0)
            defers = 0;
        // 0.0.0.0 becomes 127.0.0.1, :: becomes ::1.
        var address = family == Constants.AfInet6 ? name.AsSpan(8, 16) : name.AsSpan(4, isTcp ? 4 : 0);
        if (isTcp && !address.ContainsAnyExcept((byte)0))
        {
            address[^1] = 1;
            if (family == Constants.AfInet)
                address[0] = 127;
        }
        return new ListenerFacts(name, (uint)status.Inode, (uint)status.Device, isTcp, defers != 0);
    }
}

/// <summary>How far a connection has come.</summary>
public enum ProbeState
{
    /// <summary>It waits: to be connected, or to be accepted.</summary>
    Waiting,

    /// <summary>A process has accepted it.</summary>
    Accepted,

    /// <summary>It has been accepted and closed by the other side.</summary>
    Closed,

    /// <summary>It could not be made.</summary>
    Failed,
}

/// <summary>A connection to a listening socket that is made to see who accepts it. It never blocks.</summary>
public sealed unsafe class StreamProbe : IDisposable
{
    private const short PollOut = 4;
    private const short PollEnd = 8 | 0x10 | 0x2000;

    private readonly SafeFd _fd;
    private readonly ListenerFacts _listener;
    private readonly byte[] _own;
    private readonly uint _inode;

    private StreamProbe(SafeFd fd, ListenerFacts listener, uint inode, byte[] own)
    {
        (_fd, _listener, _inode, _own) = (fd, listener, inode, own);
    }

    /// <summary>The descriptor, for an event loop.</summary>
    public int Fd => _fd.Number;

    /// <summary>Begins to connect.</summary>
    /// <returns>Null and why not; EAGAIN when no more connections may wait there.</returns>
    public static StreamProbe? Connect(ListenerFacts listener, out Errno error)
    {
        ArgumentNullException.ThrowIfNull(listener);
        int family = BinaryPrimitives.ReadUInt16LittleEndian(listener.Name);
        var number = Native.Socket(family, Constants.SockStream | Constants.SockCloExec | Constants.SockNonBlock, 0);
        if (number < 0)
        {
            error = Errno.Last;
            return null;
        }
        var fd = new SafeFd(number);
        error = default;
        fixed (byte* pointer = listener.Name)
        {
            if (Native.Connect(number, pointer, (uint)listener.Name.Length) != 0)
                error = Errno.Last;
        }
        var own = stackalloc byte[128];
        var length = 128U;
        if (error == Errno.InProgress)
            error = default;
        if (error.Number == 0 && Native.GetSockName(number, own, &length) != 0)
            error = Errno.Last;
        FileStatus status = default;
        if (error.Number == 0)
            error = FileStatus.Get(number, out status);
        if (error.Number == 0)
            return new StreamProbe(fd, listener, (uint)status.Inode, new ReadOnlySpan<byte>(own, (int)length).ToArray());
        fd.Dispose();
        return null;
    }

    /// <summary>Looks how far it has come.</summary>
    /// <param name="diag">How the kernel is asked.</param>
    /// <param name="inode">When it is accepted: the number of the accepting process's socket.</param>
    /// <param name="error">Why it could not be made, or could not be looked at.</param>
    public ProbeState Look(SocketDiag diag, out uint inode, out Errno error)
    {
        ArgumentNullException.ThrowIfNull(diag);
        inode = 0;
        var (isConnected, isOver) = Poll();
        error = SocketError();
        if (error.Number != 0)
            return ProbeState.Failed;
        if (!isConnected)
            return ProbeState.Waiting;
        error = _listener.IsTcp ? diag.TcpPeer(_own, _listener.Name, out var end) : diag.UnixPeer(_inode, out end);
        if (error.Number == 0 && end.Inode != 0)
        {
            inode = end.Inode;
            return ProbeState.Accepted;
        }
        // Looked at before the question, it may have been accepted and closed since.
        if (isOver || Poll().IsOver)
            return ProbeState.Closed;
        if (error == Errno.NoEntry && _listener.IsTcp)
            return ProbeState.Closed;
        return error.Number == 0 ? ProbeState.Waiting : ProbeState.Failed;
    }

    /// <summary>Sends what there is room for.</summary>
    /// <returns>How much; 0 when the other side is gone.</returns>
    public int Send(ReadOnlySpan<byte> data)
    {
        fixed (byte* pointer = data)
            return (int)Math.Max(0, Native.Send(_fd.Number, pointer, (nuint)data.Length, Constants.MsgNoSignal | Constants.MsgDontWait));
    }

    /// <summary>Reads what is there.</summary>
    public ChannelRead Read(Span<byte> buffer, out int count)
    {
        count = 0;
        fixed (byte* pointer = buffer)
        {
            var length = Native.Receive(_fd.Number, pointer, (nuint)buffer.Length, Constants.MsgDontWait);
            if (length < 0)
            {
                var error = Errno.Last;
                return error == Errno.Again || error == Errno.Interrupted ? ChannelRead.Nothing : ChannelRead.Closed;
            }
            count = (int)length;
            return length == 0 ? ChannelRead.Closed : ChannelRead.Data;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    // struct pollfd: fd 4, events 2, revents 2.
    private (bool IsConnected, bool IsOver) Poll()
    {
        var poll = stackalloc int[2] { _fd.Number, PollOut | 0x2000 };
        _ = Native.Poll((byte*)poll, 1, 0);
        var seen = (short)(poll[1] >> 16);
        return ((seen & (PollOut | PollEnd)) != 0, (seen & PollEnd) != 0);
    }

    private Errno SocketError()
    {
        int value;
        var length = (uint)sizeof(int);
        return Native.GetSocketOption(_fd.Number, Constants.SolSocket, Constants.SoError, &value, &length) == 0
            ? new Errno(value)
            : Errno.Last;
    }
}
