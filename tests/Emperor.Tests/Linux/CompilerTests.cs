using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

/// <summary>
/// Asks the C compiler of this machine for every number that Emperor.Linux takes from the kernel's and the C library's headers. A constant
/// without a line here fails the test, so none is forgotten.
/// </summary>
[TestFixture]
public sealed class CompilerTests
{
    private static readonly Dictionary<string, string> ConstantNames = new(StringComparer.Ordinal)
    {
        ["AtFdCwd"] = "AT_FDCWD",
        ["AtSymlinkNoFollow"] = "AT_SYMLINK_NOFOLLOW",
        ["AtEmptyPath"] = "AT_EMPTY_PATH",
        ["AtEAccess"] = "AT_EACCESS",
        ["XOk"] = "X_OK",
        ["WOk"] = "W_OK",
        ["ORdOnly"] = "O_RDONLY",
        ["OWrOnly"] = "O_WRONLY",
        ["ORdWr"] = "O_RDWR",
        ["OCreat"] = "O_CREAT",
        ["ONoCtty"] = "O_NOCTTY",
        ["OTrunc"] = "O_TRUNC",
        ["OAppend"] = "O_APPEND",
        ["ONonBlock"] = "O_NONBLOCK",
        ["ClockThreadCpuTimeId"] = "CLOCK_THREAD_CPUTIME_ID",
        ["OPath"] = "O_PATH",
        ["ScClkTck"] = "_SC_CLK_TCK",
        ["ScPageSize"] = "_SC_PAGESIZE",
        ["OCloExec"] = "O_CLOEXEC",
        ["ODirectory"] = "O_DIRECTORY",
        ["ONoFollow"] = "O_NOFOLLOW",
        ["FDupFd"] = "F_DUPFD",
        ["FDupFdCloExec"] = "F_DUPFD_CLOEXEC",
        ["FGetFd"] = "F_GETFD",
        ["FSetFd"] = "F_SETFD",
        ["FdCloExec"] = "FD_CLOEXEC",
        ["FGetFl"] = "F_GETFL",
        ["FSetFl"] = "F_SETFL",
        ["AfUnix"] = "AF_UNIX",
        ["AfInet"] = "AF_INET",
        ["AfInet6"] = "AF_INET6",
        ["AfNetlink"] = "AF_NETLINK",
        ["NetlinkSockDiag"] = "NETLINK_SOCK_DIAG",
        ["SockDiagByFamily"] = "SOCK_DIAG_BY_FAMILY",
        ["NlmFRequest"] = "NLM_F_REQUEST",
        ["NlmFDump"] = "NLM_F_DUMP",
        ["NlmsgError"] = "NLMSG_ERROR",
        ["NlmsgDone"] = "NLMSG_DONE",
        ["UDiagShowName"] = "UDIAG_SHOW_NAME",
        ["UDiagShowVfs"] = "UDIAG_SHOW_VFS",
        ["UDiagShowPeer"] = "UDIAG_SHOW_PEER",
        ["UnixDiagName"] = "UNIX_DIAG_NAME",
        ["UnixDiagVfs"] = "UNIX_DIAG_VFS",
        ["UnixDiagPeer"] = "UNIX_DIAG_PEER",
        ["UnixDiagRqLen"] = "UNIX_DIAG_RQLEN",
        ["UDiagShowRqLen"] = "UDIAG_SHOW_RQLEN",
        ["TcpInfo"] = "TCP_INFO",
        ["IpProtoTcp"] = "IPPROTO_TCP",
        ["TcpDeferAccept"] = "TCP_DEFER_ACCEPT",
        ["TcpEstablished"] = "TCP_ESTABLISHED",
        ["TcpListen"] = "TCP_LISTEN",
        ["SoError"] = "SO_ERROR",
        ["SoPassCred"] = "SO_PASSCRED",
        ["ScmCredentials"] = "SCM_CREDENTIALS",
        ["MsgTrunc"] = "MSG_TRUNC",
        ["EpollOneShot"] = "(unsigned)EPOLLONESHOT",
        ["UtimeNow"] = "UTIME_NOW",
        ["UtimeOmit"] = "UTIME_OMIT",
        ["SysAccept"] = "SYS_accept",
        ["SysCapGet"] = "SYS_capget",
        ["SysCapSet"] = "SYS_capset",
        ["SysGetXAttr"] = "SYS_getxattr",
        ["SysSetResUid"] = "SYS_setresuid",
        ["SysSetFsUid"] = "SYS_setfsuid",
        ["SysSetFsGid"] = "SYS_setfsgid",
        ["SysGetGroups"] = "SYS_getgroups",
        ["SysSetGroups"] = "SYS_setgroups",
        ["CapabilityVersion3"] = "_LINUX_CAPABILITY_VERSION_3",
        ["PrSetKeepCaps"] = "PR_SET_KEEPCAPS",
        ["PrCapAmbient"] = "PR_CAP_AMBIENT",
        ["PrCapAmbientIsSet"] = "PR_CAP_AMBIENT_IS_SET",
        ["PrCapAmbientRaise"] = "PR_CAP_AMBIENT_RAISE",
        ["PrCapAmbientClearAll"] = "PR_CAP_AMBIENT_CLEAR_ALL",
        ["SysAccept4"] = "SYS_accept4",
        ["ShutWr"] = "SHUT_WR",
        ["SockStream"] = "SOCK_STREAM",
        ["SockDgram"] = "SOCK_DGRAM",
        ["SockNonBlock"] = "SOCK_NONBLOCK",
        ["SockCloExec"] = "SOCK_CLOEXEC",
        ["SockSeqPacket"] = "SOCK_SEQPACKET",
        ["SolSocket"] = "SOL_SOCKET",
        ["ScmRights"] = "SCM_RIGHTS",
        ["MsgCMsgCloExec"] = "MSG_CMSG_CLOEXEC",
        ["SigBlock"] = "SIG_BLOCK",
        ["SigUnblock"] = "SIG_UNBLOCK",
        ["CloneNewPid"] = "CLONE_NEWPID",
        ["CloseRangeUnshare"] = "CLOSE_RANGE_UNSHARE",
        ["SoReuseAddr"] = "SO_REUSEADDR",
        ["SoType"] = "SO_TYPE",
        ["SoPeerCred"] = "SO_PEERCRED",
        ["SoReusePort"] = "SO_REUSEPORT",
        ["SoAcceptConn"] = "SO_ACCEPTCONN",
        ["IpProtoIpV6"] = "IPPROTO_IPV6",
        ["IpV6V6Only"] = "IPV6_V6ONLY",
        ["SoSndTimeo"] = "SO_SNDTIMEO",
        ["MsgNoSignal"] = "MSG_NOSIGNAL",
        ["MsgDontWait"] = "MSG_DONTWAIT",
        ["EpollCloExec"] = "EPOLL_CLOEXEC",
        ["EpollCtlAdd"] = "EPOLL_CTL_ADD",
        ["EpollCtlDel"] = "EPOLL_CTL_DEL",
        ["EpollCtlMod"] = "EPOLL_CTL_MOD",
        ["EpollIn"] = "EPOLLIN",
        ["EpollOut"] = "EPOLLOUT",
        ["EpollErr"] = "EPOLLERR",
        ["EpollHup"] = "EPOLLHUP",
        ["EpollRdHup"] = "EPOLLRDHUP",
        ["EfdCloExec"] = "EFD_CLOEXEC",
        ["EfdNonBlock"] = "EFD_NONBLOCK",
        ["MfdCloExec"] = "MFD_CLOEXEC",
        ["MfdAllowSealing"] = "MFD_ALLOW_SEALING",
        ["FAddSeals"] = "F_ADD_SEALS",
        ["FSealSeal"] = "F_SEAL_SEAL",
        ["FSealShrink"] = "F_SEAL_SHRINK",
        ["FSealGrow"] = "F_SEAL_GROW",
        ["FSealWrite"] = "F_SEAL_WRITE",
        ["InCloExec"] = "IN_CLOEXEC",
        ["InNonBlock"] = "IN_NONBLOCK",
        ["InModify"] = "IN_MODIFY",
        ["InAttrib"] = "IN_ATTRIB",
        ["InCloseWrite"] = "IN_CLOSE_WRITE",
        ["InMovedFrom"] = "IN_MOVED_FROM",
        ["InMovedTo"] = "IN_MOVED_TO",
        ["InCreate"] = "IN_CREATE",
        ["InDelete"] = "IN_DELETE",
        ["InDeleteSelf"] = "IN_DELETE_SELF",
        ["InMoveSelf"] = "IN_MOVE_SELF",
        ["InUnmount"] = "IN_UNMOUNT",
        ["InQOverflow"] = "IN_Q_OVERFLOW",
        ["InIgnored"] = "IN_IGNORED",
        ["InOnlyDir"] = "IN_ONLYDIR",
        ["InMaskAdd"] = "IN_MASK_ADD",
        ["StatxBasicStats"] = "STATX_BASIC_STATS",
        ["PPid"] = "P_PID",
        ["PAll"] = "P_ALL",
        ["PPidFd"] = "P_PIDFD",
        ["WNoHang"] = "WNOHANG",
        ["WExited"] = "WEXITED",
        ["WNoWait"] = "WNOWAIT",
        ["CldExited"] = "CLD_EXITED",
        ["CldDumped"] = "CLD_DUMPED",
        ["SysPidFdSendSignal"] = "SYS_pidfd_send_signal",
        ["SysPidFdOpen"] = "SYS_pidfd_open",
        ["SysOpenAt2"] = "SYS_openat2",
        ["PidFdSignalProcessGroup"] = "PIDFD_SIGNAL_PROCESS_GROUP",
        ["PidFdGetInfo"] = "_IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, PIDFD_INFO_SIZE_VER0)",
        ["PidFdInfoExit"] = "PIDFD_INFO_EXIT",
        ["ResolveNoSymlinks"] = "RESOLVE_NO_SYMLINKS",
        ["PrSetName"] = "PR_SET_NAME",
        ["PrSetChildSubreaper"] = "PR_SET_CHILD_SUBREAPER",
        ["RLimitNoFile"] = "RLIMIT_NOFILE",
        ["SpawnSetSigMask"] = "POSIX_SPAWN_SETSIGMASK",
        ["SpawnSetSigDef"] = "POSIX_SPAWN_SETSIGDEF",
        ["SpawnSetSid"] = "POSIX_SPAWN_SETSID",
        ["FnmPathname"] = "FNM_PATHNAME",
        ["FnmPeriod"] = "FNM_PERIOD",
    };

    private static readonly Dictionary<string, string> SignalNames = new(StringComparer.Ordinal)
    {
        ["Hangup"] = "SIGHUP",
        ["Interrupt"] = "SIGINT",
        ["Quit"] = "SIGQUIT",
        ["Kill"] = "SIGKILL",
        ["User1"] = "SIGUSR1",
        ["WindowChange"] = "SIGWINCH",
        ["User2"] = "SIGUSR2",
        ["Terminate"] = "SIGTERM",
        ["Continue"] = "SIGCONT",
        ["Stop"] = "SIGSTOP",
        ["Urgent"] = "SIGURG",
    };

    private static readonly Dictionary<string, string> ErrorNames = new(StringComparer.Ordinal)
    {
        ["NotPermitted"] = "EPERM",
        ["NoEntry"] = "ENOENT",
        ["NoProcess"] = "ESRCH",
        ["Interrupted"] = "EINTR",
        ["NoChild"] = "ECHILD",
        ["InputOutput"] = "EIO",
        ["Again"] = "EAGAIN",
        ["Access"] = "EACCES",
        ["Busy"] = "EBUSY",
        ["Exists"] = "EEXIST",
        ["NotDirectory"] = "ENOTDIR",
        ["Invalid"] = "EINVAL",
        ["TooManyFiles"] = "EMFILE",
        ["Loop"] = "ELOOP",
        ["NoSpace"] = "ENOSPC",
        ["Cancelled"] = "ECANCELED",
        ["BrokenPipe"] = "EPIPE",
        ["MessageTooLong"] = "EMSGSIZE",
        ["NameTooLong"] = "ENAMETOOLONG",
        ["WrongProtocolType"] = "EPROTOTYPE",
        ["TooManyLinks"] = "ELOOP",
        ["AddressInUse"] = "EADDRINUSE",
        ["ConnectionRefused"] = "ECONNREFUSED",
        ["ConnectionReset"] = "ECONNRESET",
        ["InProgress"] = "EINPROGRESS",
    };

    // Layouts, with the place in Emperor.Linux that relies on each number.
    private static IEnumerable<(string Expression, long Value)> Layouts =>
        [
            ("sizeof(posix_spawnattr_t)", Spawn.AttributesSize),
            ("sizeof(posix_spawn_file_actions_t)", Spawn.ActionsSize),
            ("sizeof(sigset_t)", Spawn.SignalSetSize),
            // FileStatus.Read
            ("sizeof(struct timespec)", 16),
            ("offsetof(struct timespec, tv_nsec)", 8),
            ("sizeof(struct statx)", 256),
            ("offsetof(struct statx, stx_uid)", 20),
            ("offsetof(struct statx, stx_gid)", 24),
            ("offsetof(struct statx, stx_mode)", 28),
            ("offsetof(struct statx, stx_ino)", 32),
            ("offsetof(struct statx, stx_size)", 40),
            ("offsetof(struct statx, stx_mtime.tv_sec)", 112),
            ("offsetof(struct statx, stx_mtime.tv_nsec)", 120),
            ("offsetof(struct statx, stx_dev_major)", 136),
            ("offsetof(struct statx, stx_dev_minor)", 140),
            // ListeningSocket.IsSocket
            ("S_IFSOCK", 0xC000),
            ("S_IFMT", 0xF000),
            ("S_IFREG", 0x8000),
            ("S_IFDIR", 0x4000),
            ("S_IFLNK", 0xA000),
            // EventLoop
            ("sizeof(struct epoll_event)", OnX64 ? 12 : 16),
            ("offsetof(struct epoll_event, data)", OnX64 ? 4 : 8),
            // Children.Wait
            ("sizeof(struct msghdr)", Marshal.SizeOf<MessageHeader>()),
            ("offsetof(struct msghdr, msg_iov)", (int)Marshal.OffsetOf<MessageHeader>("Pieces")),
            ("offsetof(struct msghdr, msg_control)", (int)Marshal.OffsetOf<MessageHeader>("Control")),
            ("offsetof(struct msghdr, msg_flags)", (int)Marshal.OffsetOf<MessageHeader>("Flags")),
            ("sizeof(struct iovec)", Marshal.SizeOf<MessageHeader.Piece>()),
            ("CMSG_LEN(0)", Spawner.ControlHeaderSize),
            ("CMSG_LEN(sizeof(int))", MessageHeader.RightsLength),
            ("CMSG_SPACE(sizeof(int))", MessageHeader.RightsSpace),
            ("offsetof(struct cmsghdr, cmsg_level)", 8),
            ("offsetof(struct cmsghdr, cmsg_type)", 12),
            ("sizeof(siginfo_t)", 128),
            ("offsetof(siginfo_t, si_code)", 8),
            ("offsetof(siginfo_t, si_pid)", 16),
            ("offsetof(siginfo_t, si_status)", 24),
            // Files.List
            ("offsetof(struct dirent64, d_reclen)", 16),
            ("offsetof(struct dirent64, d_name)", 19),
            // Inotify.Read
            ("sizeof(struct inotify_event)", 16),
            ("offsetof(struct inotify_event, mask)", 4),
            ("offsetof(struct inotify_event, len)", 12),
            // PidRef.TryRecordedStatus
            ("PIDFD_INFO_SIZE_VER0", PidRef.InfoSize),
            ("offsetof(struct pidfd_info, exit_code)", PidRef.InfoExitCode),
            // ExitStatus.FromWait
            ("WEXITSTATUS(26 << 8)", ExitStatus.FromWait(26 << 8).Code),
            ("WTERMSIG(0x80 | 11)", ExitStatus.FromWait(0x80 | 11).Code),
            ("!!WCOREDUMP(0x80 | 11)", 1),
            // Files.ReadUntilClosed, Files.IsReadable
            ("sizeof(struct pollfd)", 8),
            ("offsetof(struct pollfd, events)", 4),
            ("offsetof(struct pollfd, revents)", 6),
            ("POLLIN", 1),
            // StreamConnection
            ("POLLOUT", 4),
            ("sizeof(struct ucred)", 12),
            ("offsetof(struct ucred, uid)", 4),
            ("offsetof(struct ucred, gid)", 8),
            // UnixDatagram.Open
            ("sizeof(struct timeval)", 16),
            ("offsetof(struct timeval, tv_usec)", 8),
            // Files.IsRemote
            ("offsetof(struct statfs, f_type)", 0),
            ("sizeof(((struct statfs *)0)->f_type)", 8),
            ("sizeof(struct statfs) <= 512", 1),
            // Self.DescriptorLimit
            ("sizeof(struct rlimit)", 16),
            // Accounts
            ("sizeof(struct passwd)", SizeOf<Accounts.Passwd>()),
            ("offsetof(struct passwd, pw_uid)", OffsetOf<Accounts.Passwd>("Uid")),
            ("offsetof(struct passwd, pw_gid)", OffsetOf<Accounts.Passwd>("Gid")),
            ("offsetof(struct passwd, pw_dir)", OffsetOf<Accounts.Passwd>("Home")),
            ("offsetof(struct passwd, pw_shell)", OffsetOf<Accounts.Passwd>("Shell")),
            ("sizeof(struct group)", SizeOf<Accounts.Group>()),
            ("offsetof(struct group, gr_gid)", OffsetOf<Accounts.Group>("Gid")),
            // SocketName
            ("sizeof(struct sockaddr_un)", 110),
            ("offsetof(struct sockaddr_un, sun_path)", 2),
            ("sizeof(((struct sockaddr_un *)0)->sun_path)", 108),
            ("sizeof(struct sockaddr_in)", 16),
            ("offsetof(struct sockaddr_in, sin_port)", 2),
            ("offsetof(struct sockaddr_in, sin_addr)", 4),
            ("sizeof(struct sockaddr_in6)", 28),
            ("offsetof(struct sockaddr_in6, sin6_port)", 2),
            ("offsetof(struct sockaddr_in6, sin6_addr)", 8),
            ("sizeof(sa_family_t)", 2),
            // GuardedFile
            ("sizeof(struct open_how)", 24),
            ("offsetof(struct open_how, mode)", 8),
            ("offsetof(struct open_how, resolve)", 16),
            ("offsetof(struct statx, stx_nlink)", 16),
            // SocketDiag
            ("sizeof(struct nlmsghdr)", 16),
            ("offsetof(struct nlmsghdr, nlmsg_type)", 4),
            ("offsetof(struct nlmsghdr, nlmsg_flags)", 6),
            ("offsetof(struct nlmsghdr, nlmsg_seq)", 8),
            ("sizeof(struct rtattr)", 4),
            ("offsetof(struct rtattr, rta_type)", 2),
            ("sizeof(struct unix_diag_req)", 24),
            ("offsetof(struct unix_diag_req, udiag_states)", 4),
            ("offsetof(struct unix_diag_req, udiag_ino)", 8),
            ("offsetof(struct unix_diag_req, udiag_show)", 12),
            ("offsetof(struct unix_diag_req, udiag_cookie)", 16),
            ("sizeof(struct unix_diag_msg)", 16),
            ("offsetof(struct unix_diag_msg, udiag_state)", 2),
            ("offsetof(struct unix_diag_msg, udiag_ino)", 4),
            ("sizeof(struct unix_diag_vfs)", 8),
            ("offsetof(struct unix_diag_vfs, udiag_vfs_dev)", 4),
            ("sizeof(struct inet_diag_req_v2)", 56),
            ("offsetof(struct inet_diag_req_v2, idiag_states)", 4),
            ("offsetof(struct inet_diag_req_v2, id)", 8),
            ("sizeof(struct inet_diag_sockid)", 48),
            ("offsetof(struct inet_diag_sockid, idiag_dport)", 2),
            ("offsetof(struct inet_diag_sockid, idiag_src)", 4),
            ("offsetof(struct inet_diag_sockid, idiag_dst)", 20),
            ("offsetof(struct inet_diag_sockid, idiag_cookie)", 40),
            ("sizeof(struct inet_diag_msg)", 72),
            ("offsetof(struct inet_diag_msg, idiag_state)", 1),
            ("offsetof(struct inet_diag_msg, id)", 4),
            ("offsetof(struct inet_diag_msg, idiag_inode)", 68),
            // StreamProbe
            ("POLLERR", 8),
            ("POLLHUP", 0x10),
            ("POLLRDHUP", 0x2000),
            // SocketTimes.Arm
            ("sizeof(struct timespec)", 16),
            ("offsetof(struct timespec, tv_nsec)", 8),
            ("offsetof(struct statx, stx_atime.tv_sec)", 64),
            ("offsetof(struct statx, stx_atime.tv_nsec)", 72),
            // NotifySocket
            ("CMSG_ALIGN(1)", 8),
            // Files.ReadBounded
            ("EINVAL", 22),
        ];

    private static bool OnX64 =>
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64;

    [Test]
    public void Every_constant_is_what_the_compiler_says() => Compare([.. Named(typeof(Constants), ConstantNames, Number)]);

    [Test]
    public void Every_signal_is_what_the_compiler_says() =>
        Compare([.. Named(typeof(Signals), SignalNames, Number), .. Enumerable.Range(1, 31).Select(n => (Abbreviation(n), 0L))]);

    [Test]
    public void Every_error_is_what_the_compiler_says() =>
        Compare([.. Named(typeof(Errno), ErrorNames, f => ((Errno)f.GetValue(null)!).Number)]);

    [Test]
    public void Every_layout_is_what_the_compiler_says() => Compare([.. Layouts]);

    private static string Abbreviation(int signal) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"strcmp(sigabbrev_np({signal}), \"{Signals.NameOf(signal).Replace("IO", "POLL", StringComparison.Ordinal)}\")"
        );

    private static long Number(FieldInfo field) => Convert.ToInt64(field.GetValue(null), CultureInfo.InvariantCulture);

    private static IEnumerable<(string, long)> Named(Type type, Dictionary<string, string> names, Func<FieldInfo, long> value)
    {
        var fields = type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(f => f.Name != "Names" && !f.Name.Contains('<', StringComparison.Ordinal))
            .ToArray();
        Assert.That(fields, Is.Not.Empty);
        Assert.That(fields.Select(f => f.Name).Except(names.Keys), Is.Empty, "these have no C name in the test");
        return fields.Select(f => (names[f.Name], value(f)));
    }

    private static void Compare(IReadOnlyList<(string Expression, long Value)> expected)
    {
        using var folder = new TemporaryFolder();
        var lines = expected.Select(e => $"    printf(\"%lld\\n\", (long long)({e.Expression}));");
        var source = folder.Write("ask.c", $"{Headers}\nint main(void) {{\n{string.Join('\n', lines)}\n    return 0;\n}}\n");
        var program = folder.PathOf("ask");
        var (compiled, complaints) = Child.Run("/usr/bin/cc", "-o", program, source);
        Assert.That(compiled.Code, Is.Zero, complaints);
        var (_, output) = Child.Run(program);
        var values = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(v => long.Parse(v, CultureInfo.InvariantCulture));
        Assert.That(expected.Zip(values, (e, v) => (e.Expression, v)), Is.EqualTo(expected));
    }

    private static unsafe int SizeOf<T>()
        where T : unmanaged => sizeof(T);

    private static int OffsetOf<T>(string field) => (int)System.Runtime.InteropServices.Marshal.OffsetOf<T>(field);

    private const string Headers = """
        #define _GNU_SOURCE
        #include <dirent.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <fnmatch.h>
        #include <grp.h>
        #include <linux/capability.h>
        #include <linux/openat2.h>
        #include <netinet/in.h>
        #include <linux/inet_diag.h>
        #include <linux/netlink.h>
        #include <linux/rtnetlink.h>
        #include <linux/sock_diag.h>
        #include <linux/unix_diag.h>
        #include <netinet/tcp.h>
        #include <poll.h>
        #include <pwd.h>
        #include <signal.h>
        #include <spawn.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <string.h>
        #include <sys/epoll.h>
        #include <sys/eventfd.h>
        #include <sys/inotify.h>
        #include <sys/ioctl.h>
        #include <sys/mman.h>
        #include <sys/pidfd.h>
        #include <sys/prctl.h>
        #include <sys/resource.h>
        #include <sys/socket.h>
        #include <sys/stat.h>
        #include <sys/statfs.h>
        #include <sys/syscall.h>
        #include <sys/un.h>
        #include <sys/wait.h>
        #include <time.h>
        #include <unistd.h>
        #ifndef P_PIDFD
        #define P_PIDFD 3
        #endif
        /* As linux/pidfd.h of Linux 6.15 has them, for headers that are older. */
        #ifndef PIDFD_SIGNAL_PROCESS_GROUP
        #define PIDFD_SIGNAL_PROCESS_GROUP (1UL << 2)
        #endif
        #ifndef PIDFD_INFO_SIZE_VER0
        #define PIDFD_INFO_SIZE_VER0 64
        #endif
        #ifndef PIDFD_INFO_EXIT
        #define PIDFD_INFO_EXIT (1UL << 3)
        #endif
        #ifndef PIDFD_GET_INFO
        struct pidfd_info {
            unsigned long long mask, cgroupid;
            unsigned pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
            int exit_code;
        };
        #endif
        """;
}
