using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>struct msghdr of sendmsg(2) and recvmsg(2), 64 bit.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MessageHeader
{
    // CMSG_LEN and CMSG_SPACE of one descriptor: struct cmsghdr (cmsg_len at 0, cmsg_level at 8, cmsg_type at 12), and its number from 16.
    internal const int RightsLength = 20;
    internal const int RightsSpace = 24;

    internal void* Name;
    internal uint NameLength;
    internal Piece* Pieces;
    internal nuint PieceCount;
    internal byte* Control;
    internal nuint ControlLength;
    internal int Flags;

    /// <summary>Writes the control message that sends a descriptor along, <see cref="RightsSpace"/> bytes.</summary>
    internal static void WriteRights(byte* control, int descriptor)
    {
        new Span<byte>(control, RightsSpace).Clear();
        *(nuint*)control = RightsLength;
        *(int*)(control + 8) = Constants.SolSocket;
        *(int*)(control + 12) = Constants.ScmRights;
        *(int*)(control + 16) = descriptor;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Piece
    {
        internal byte* Base;
        internal nuint Length;
    }
}
