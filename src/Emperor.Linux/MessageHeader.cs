using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>struct msghdr of sendmsg(2) and recvmsg(2), 64 bit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    internal void* Name;
    internal uint NameLength;
    internal Piece* Pieces;
    internal nuint PieceCount;
    internal byte* Control;
    internal nuint ControlLength;
    internal int Flags;

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Piece
    {
        internal byte* Base;
        internal nuint Length;
    }
}
