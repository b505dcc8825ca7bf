using System.Runtime.InteropServices;

namespace Emperor.Linux;

/// <summary>
/// Numbers of the kernel's and the C library's interface. The tests ask a C compiler for each of them, so a wrong one cannot stay.
/// </summary>
internal static class Constants
{
    internal const int AtFdCwd = -100;
    internal const int AtSymlinkNoFollow = 0x100;
    internal const int AtEmptyPath = 0x1000;
    internal const int AtEAccess = 0x200;
    internal const int XOk = 1;
    internal const int WOk = 2;

    internal const int ORdOnly = 0;
    internal const int OWrOnly = 1;
    internal const int ORdWr = 2;
    internal const int OCreat = 0x40;
    internal const int ONoCtty = 0x100;
    internal const int OTrunc = 0x200;
    internal const int OAppend = 0x400;
    internal const int ONonBlock = 0x800;
    internal const int OCloExec = 0x80000;
    internal const int ClockThreadCpuTimeId = 3;
    internal const int OPath = 0x200000;

    // One of the few that differ: what this is on x86-64 is O_DIRECT on arm64.
    internal static readonly int ONoFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
    internal static readonly int ODirectory = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;

    internal const int FDupFd = 0;
    internal const int FDupFdCloExec = 1030;
    internal const int FGetFd = 1;
    internal const int FSetFd = 2;
    internal const int FdCloExec = 1;
    internal const int FGetFl = 3;
    internal const int FSetFl = 4;

    internal const int AfUnix = 1;
    internal const int AfInet = 2;
    internal const int AfInet6 = 10;
    internal const int AfNetlink = 16;
    internal const int NetlinkSockDiag = 4;
    internal const int SockDiagByFamily = 20;
    internal const int NlmFRequest = 1;
    internal const int NlmFDump = 0x300;
    internal const int NlmsgError = 2;
    internal const int NlmsgDone = 3;
    internal const uint UDiagShowName = 1;
    internal const uint UDiagShowVfs = 2;
    internal const uint UDiagShowPeer = 4;
    internal const uint UDiagShowRqLen = 16;
    internal const int UnixDiagName = 0;
    internal const int UnixDiagVfs = 1;
    internal const int UnixDiagPeer = 2;
    internal const int UnixDiagRqLen = 4;
    internal const int TcpInfo = 11;
    internal const int IpProtoTcp = 6;
    internal const int TcpDeferAccept = 9;
    internal const int TcpEstablished = 1;
    internal const int TcpListen = 10;
    internal const int SoError = 4;
    internal const int SoPassCred = 16;
    internal const int ScmCredentials = 2;
    internal const int MsgTrunc = 0x20;
    internal const uint EpollOneShot = 0x40000000;
    internal const long UtimeNow = 0x3fffffff;
    internal const long UtimeOmit = 0x3ffffffe;
    internal const int SockStream = 1;
    internal const int SockDgram = 2;
    internal const int SockNonBlock = 0x800;
    internal const int SockCloExec = 0x80000;
    internal const int SolSocket = 1;
    internal const int SoReuseAddr = 2;
    internal const int SoType = 3;
    internal const int SoPeerCred = 17;
    internal const int SoReusePort = 15;
    internal const int SoAcceptConn = 30;
    internal const int IpProtoIpV6 = 41;
    internal const int IpV6V6Only = 26;
    internal const int ShutWr = 1;
    internal const int SoSndTimeo = 21;
    internal const int MsgNoSignal = 0x4000;
    internal const int MsgDontWait = 0x40;

    internal const int EpollCloExec = 0x80000;
    internal const int EpollCtlAdd = 1;
    internal const int EpollCtlDel = 2;
    internal const int EpollCtlMod = 3;
    internal const uint EpollIn = 0x1;
    internal const uint EpollOut = 0x4;
    internal const uint EpollErr = 0x8;
    internal const uint EpollHup = 0x10;
    internal const uint EpollRdHup = 0x2000;

    internal const int EfdCloExec = 0x80000;
    internal const int EfdNonBlock = 0x800;
    internal const uint MfdCloExec = 1;
    internal const uint MfdAllowSealing = 2;
    internal const int FAddSeals = 1033;
    internal const int FSealSeal = 1;
    internal const int FSealShrink = 2;
    internal const int FSealGrow = 4;
    internal const int FSealWrite = 8;

    internal const int InCloExec = 0x80000;
    internal const int InNonBlock = 0x800;
    internal const uint InModify = 0x2;
    internal const uint InAttrib = 0x4;
    internal const uint InCloseWrite = 0x8;
    internal const uint InMovedFrom = 0x40;
    internal const uint InMovedTo = 0x80;
    internal const uint InCreate = 0x100;
    internal const uint InDelete = 0x200;
    internal const uint InDeleteSelf = 0x400;
    internal const uint InMoveSelf = 0x800;
    internal const uint InUnmount = 0x2000;
    internal const uint InQOverflow = 0x4000;
    internal const uint InIgnored = 0x8000;
    internal const uint InOnlyDir = 0x1000000;
    internal const uint InMaskAdd = 0x20000000;

    internal const uint StatxBasicStats = 0x7ff;

    internal const int SockSeqPacket = 5;
    internal const int ScmRights = 1;
    internal const int MsgCMsgCloExec = 0x40000000;
    internal const uint CloseRangeUnshare = 2;
    internal const int SigBlock = 0;
    internal const int SigUnblock = 1;

    internal const int PPid = 1;
    internal const int PAll = 0;
    internal const int PPidFd = 3;
    internal const int WNoHang = 1;
    internal const int WExited = 4;
    internal const int WNoWait = 0x1000000;
    internal const int CldExited = 1;
    internal const int CldDumped = 3;

    // These differ: /proc shows in which call a thread waits by its number.
    internal static readonly int SysAccept = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 202 : 43;
    internal static readonly int SysAccept4 = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 242 : 288;
    internal static readonly int SysCapGet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 90 : 125;
    internal static readonly int SysCapSet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 91 : 126;
    internal static readonly int SysGetXAttr = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 8 : 191;
    internal static readonly int SysSetResUid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 147 : 117;
    internal static readonly int SysSetFsUid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 151 : 122;
    internal static readonly int SysSetFsGid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 152 : 123;
    internal static readonly int SysGetGroups = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 158 : 115;
    internal static readonly int SysSetGroups = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 159 : 116;
    internal const int CloneNewPid = 0x20000000;
    internal const int SysPidFdSendSignal = 424;
    internal const int SysPidFdOpen = 434;
    internal const int SysOpenAt2 = 437;

    // linux/pidfd.h of Linux 6.9, 6.13 and 6.15, newer than the headers of some who build this. The request is _IOWR(0xFF, 11, struct pidfd_info)
    // with that structure's first size; the kernel takes each size from that on.
    internal const uint PidFdSignalProcessGroup = 4;
    internal const uint PidFdGetInfo = 0xC040FF0B;
    internal const ulong PidFdInfoExit = 8;
    internal const int ResolveNoSymlinks = 0x04;

    internal const uint CapabilityVersion3 = 0x20080522;
    internal const int PrSetKeepCaps = 8;
    internal const int PrSetName = 15;
    internal const int PrCapAmbient = 47;
    internal const int PrCapAmbientIsSet = 1;
    internal const int PrCapAmbientRaise = 2;
    internal const int PrCapAmbientClearAll = 4;
    internal const int PrSetChildSubreaper = 36;

    internal const int RLimitNoFile = 7;

    internal const int ScClkTck = 2;
    internal const int ScPageSize = 30;

    internal const short SpawnSetSigMask = 0x08;
    internal const short SpawnSetSigDef = 0x04;
    internal const short SpawnSetSid = 0x80;

    internal const int FnmPathname = 1;
    internal const int FnmPeriod = 4;
}
