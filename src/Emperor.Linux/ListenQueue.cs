namespace Emperor.Linux;

/// <summary>The queue of connections that wait at a listening socket to be accepted.</summary>
/// <param name="Waiting">How many wait.</param>
/// <param name="Limit">How many may wait.</param>
public readonly record struct ListenQueue(int Waiting, int Limit)
{
    // struct tcp_info: eight bytes, then u32s; of a listening socket tcpi_unacked is the length of its queue and tcpi_sacked the limit (tcp_get_info).
    private const int UnackedPlace = 24;
    private const int SackedPlace = 28;

    /// <summary>Looks at a socket; null when the kernel does not tell.</summary>
    /// <param name="socket">A listening socket, over TCP or a unix one.</param>
    /// <param name="diag">Who is asked about a unix one; null where nobody can be.</param>
    public static unsafe ListenQueue? Of(SafeFd socket, SocketDiag? diag)
    {
        ArgumentNullException.ThrowIfNull(socket);
        var info = stackalloc byte[SackedPlace + sizeof(uint)];
        var length = (uint)(SackedPlace + sizeof(uint));
        if (Native.GetSocketOption(socket.Number, Constants.IpProtoTcp, Constants.TcpInfo, info, &length) == 0)
            return length < SackedPlace + sizeof(uint) ? null : new ListenQueue(*(int*)(info + UnackedPlace), *(int*)(info + SackedPlace));
        if (diag is null || FileStatus.Get(socket.Number, out var status).Number != 0)
            return null;
        return diag.UnixQueue((uint)status.Inode, out var queue).Number == 0 ? queue : null;
    }
}
