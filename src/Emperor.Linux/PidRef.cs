namespace Emperor.Linux;

/// <summary>How a process ended.</summary>
/// <param name="Code">The exit code, or the signal that killed it.</param>
/// <param name="Signaled">A signal killed it.</param>
/// <param name="CoreDumped">It left a core.</param>
public readonly record struct ExitStatus(int Code, bool Signaled, bool CoreDumped)
{
    /// <summary>That of a process whose parent has kept to itself how it ended.</summary>
    public static readonly ExitStatus Unknown = new(0, false, false) { IsUnknown = true };

    /// <summary>It has ended, and nothing else is known: the rest means nothing then.</summary>
    public bool IsUnknown { get; private init; }

    /// <summary>Such as "exit 1" or "signal 9 (KILL)".</summary>
    public override string ToString() =>
        IsUnknown ? "ended, nobody saw how"
        : !Signaled ? $"exit {Code}"
        : $"signal {Code} ({Signals.NameOf(Code)}){(CoreDumped ? ", core dumped" : "")}";

    /// <summary>Reads the status that wait(2) tells: the signal in the lower 7 bits, whether there is a core in the next, the exit code above.</summary>
    internal static ExitStatus FromWait(int status) =>
        (status & 0x7F) is var signal && signal == 0
            ? new ExitStatus((status >> 8) & 0xFF, false, false)
            : new ExitStatus(signal, true, (status & 0x80) != 0);
}

/// <summary>
/// Overview: a process as a reference that cannot come to mean another one: its number and a pidfd. For our own children the number stays
/// theirs until <see cref="Reap"/>; for others every signal goes through the pidfd.
///
/// <para>One that was adopted (<see cref="Adopt"/>) may be another's child: its parent was an emperor that has crashed, and now it is init. Its
/// end is told by the pidfd all the same; how it ended by the kernel in one of two ways, depending on whether init has reaped it yet:
/// PIDFD_GET_INFO after that (Linux 6.15), /proc before. Where neither tells, it stays unknown.</para>
/// </summary>
public sealed unsafe class PidRef : IDisposable
{
    // struct pidfd_info (linux/pidfd.h) at its first size: mask at 0, exit_code at 60.
    internal const int InfoSize = 64;
    internal const int InfoExitCode = 60;

    private readonly SafeFd _fd;

    private PidRef(int pid, SafeFd fd, bool isChild)
    {
        Pid = pid;
        _fd = fd;
        IsChild = isChild;
    }

    /// <summary>The process number, to show and to log.</summary>
    public int Pid { get; }

    /// <summary>The pidfd; readable when the process has ended.</summary>
    public int Fd => _fd.Number;

    /// <summary>
    /// Whether its end is ours to see and to reap. False only for one that was adopted and is another's child; what was opened by its number is
    /// taken for a child, or for one that becomes ours when its parent ends.
    /// </summary>
    public bool IsChild { get; }

    /// <summary>Refers to a running (or unreaped) process.</summary>
    /// <returns>Null when there is none, or no descriptor is left; <paramref name="error"/> tells which.</returns>
    public static PidRef? Open(int pid, out Errno error)
    {
        var fd = Native.SysCall(Constants.SysPidFdOpen, pid, 0, 0, 0);
        if (fd < 0)
        {
            error = Errno.Last;
            return null;
        }
        error = default;
        return new PidRef(pid, new SafeFd((int)fd), isChild: true);
    }

    /// <summary>Refers to a running (or unreaped) process, which may be another's child.</summary>
    /// <returns>Null when there is none, or no descriptor is left.</returns>
    public static PidRef? Find(int pid)
    {
        var fd = Native.SysCall(Constants.SysPidFdOpen, pid, 0, 0, 0);
        return fd < 0 ? null : Adopt(pid, new SafeFd((int)fd));
    }

    /// <summary>Takes over a pidfd that somebody else has opened: an earlier emperor, for a process that may be our child or not.</summary>
    /// <param name="pid">The number of its process.</param>
    /// <param name="pidfd">The pidfd; it is disposed with this.</param>
    public static PidRef Adopt(int pid, SafeFd pidfd)
    {
        ArgumentNullException.ThrowIfNull(pidfd);
        return new PidRef(pid, pidfd, Children.IsOurs(pidfd.Number));
    }

    /// <summary>Sends a signal to this process alone; with the rights of its user where one's own do not suffice and may be exchanged.</summary>
    public Errno Signal(int signal) =>
        Send(signal) is var error && error == Errno.NotPermitted ? OthersRights.Use(Pid, () => Send(signal)) : error;

    /// <summary>
    /// Sends a signal to the process group that this process leads, with the rights of <see cref="Signal"/>. Only for one that was spawned as a group leader. The number of a child
    /// that has not been reaped cannot be another group's.
    ///
    /// <para>That of another's child can, so the kernel is asked to find the group by the pidfd (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9), which
    /// reaches what is left of it after its leader's end too, and never another. An older kernel knows groups by number only: there a process
    /// that has ended gets none (ESRCH), and between that look and the signal its end, its reaping by init and a new leader of that number
    /// would have to fall together, for which the kernel must have given out all other numbers.</para>
    /// </summary>
    public Errno SignalGroup(int signal) =>
        SendToGroup(signal) is var error && error == Errno.NotPermitted ? OthersRights.Use(Pid, () => SendToGroup(signal)) : error;

    /// <summary>Looks whether the process has ended and how, without reaping it.</summary>
    public bool HasEnded(out ExitStatus status) => IsChild ? Wait(Constants.WNoWait, out status) : HasEndedElsewhere(out status);

    /// <summary>
    /// Reaps a child that has ended. After this its number may be reused. Of another's child this only tells the end: its parent reaps it.
    /// </summary>
    public bool Reap(out ExitStatus status) => IsChild ? Wait(0, out status) : HasEndedElsewhere(out status);

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    private Errno Send(int signal) => Native.SysCall(Constants.SysPidFdSendSignal, _fd.Number, signal, 0, 0) == 0 ? default : Errno.Last;

    private Errno SendToGroup(int signal)
    {
        if (!IsChild)
        {
            if (Native.SysCall(Constants.SysPidFdSendSignal, _fd.Number, signal, 0, (nint)Constants.PidFdSignalProcessGroup) == 0)
                return default;
            var error = Errno.Last;
            if (error != Errno.Invalid)
                return error;
            if (Files.IsReadable(_fd.Number))
                return Errno.NoProcess;
        }
        return Native.Kill(-Pid, signal) == 0 ? default : Errno.Last;
    }

    private bool Wait(int options, out ExitStatus status) => Children.Wait(Constants.PPidFd, (uint)_fd.Number, options, out _, out status);

    private bool HasEndedElsewhere(out ExitStatus status)
    {
        status = default;
        if (!Files.IsReadable(_fd.Number))
            return false;
        if (TryRecordedStatus(out status))
            return true;
        var seen = ProcFs.WaitStatus(Pid);
        // As long as it is not reaped the number is its own, and so was what has been read.
        if (Signal(0) != Errno.NoProcess)
            status = seen is { } wait ? ExitStatus.FromWait(wait) : ExitStatus.Unknown;
        else if (!TryRecordedStatus(out status))
            status = ExitStatus.Unknown;
        return true;
    }

    // The kernel writes down how a process has ended when that is reaped.
    private bool TryRecordedStatus(out ExitStatus status)
    {
        var info = stackalloc ulong[InfoSize / sizeof(ulong)];
        new Span<byte>(info, InfoSize).Clear();
        info[0] = Constants.PidFdInfoExit;
        var isTold = Native.IoCtl(_fd.Number, Constants.PidFdGetInfo, (byte*)info) == 0 && (info[0] & Constants.PidFdInfoExit) != 0;
        status = isTold ? ExitStatus.FromWait(*(int*)((byte*)info + InfoExitCode)) : default;
        return isTold;
    }
}

/// <summary>Signal numbers by name, for x86-64 and arm64 (signal(7)).</summary>
public static class Signals
{
    /// <summary>SIGHUP.</summary>
    public const int Hangup = 1;

    /// <summary>SIGINT.</summary>
    public const int Interrupt = 2;

    /// <summary>SIGQUIT.</summary>
    public const int Quit = 3;

    /// <summary>SIGKILL.</summary>
    public const int Kill = 9;

    /// <summary>SIGUSR1.</summary>
    public const int User1 = 10;

    /// <summary>SIGUSR2.</summary>
    public const int User2 = 12;

    /// <summary>SIGTERM.</summary>
    public const int Terminate = 15;

    /// <summary>SIGCONT.</summary>
    public const int Continue = 18;

    /// <summary>SIGSTOP.</summary>
    public const int Stop = 19;

    /// <summary>SIGURG.</summary>
    public const int Urgent = 23;

    /// <summary>SIGWINCH.</summary>
    public const int WindowChange = 28;

    /// <summary>What a thread brings upon itself: ILL, TRAP, ABRT, BUS, FPE, SEGV.</summary>
    internal static ReadOnlySpan<int> Faults => [4, 5, 6, 7, 8, 11];

    private static readonly string[] Names =
    [
        "0",
        "HUP",
        "INT",
        "QUIT",
        "ILL",
        "TRAP",
        "ABRT",
        "BUS",
        "FPE",
        "KILL",
        "USR1",
        "SEGV",
        "USR2",
        "PIPE",
        "ALRM",
        "TERM",
        "STKFLT",
        "CHLD",
        "CONT",
        "STOP",
        "TSTP",
        "TTIN",
        "TTOU",
        "URG",
        "XCPU",
        "XFSZ",
        "VTALRM",
        "PROF",
        "WINCH",
        "IO",
        "PWR",
        "SYS",
    ];

    /// <summary>The name without its SIG, such as KILL; the number for real-time signals.</summary>
    public static string NameOf(int signal) =>
        signal >= 0 && signal < Names.Length ? Names[signal] : signal.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>The children of this process at large, beside those that somebody holds a <see cref="PidRef"/> to.</summary>
public static unsafe class Children
{
    /// <summary>
    /// Looks for a child that has ended and is not reaped, without reaping it. The kernel tells the same one again until it is reaped.
    /// </summary>
    public static bool PeekEnded(out int pid, out ExitStatus status) => Wait(Constants.PAll, 0, Constants.WNoWait, out pid, out status);

    /// <summary>Reaps the child of that number if it has ended.</summary>
    public static bool Reap(int pid) => Wait(Constants.PPid, (uint)pid, 0, out _, out _);

    /// <summary>
    /// Orphans among our descendants become our children instead of init's (PR_SET_CHILD_SUBREAPER), so that none is lost.
    /// </summary>
    public static Errno BecomeSubreaper() => Native.PrCtl(Constants.PrSetChildSubreaper, 1, 0, 0, 0) == 0 ? default : Errno.Last;

    /// <summary>Whether the process of a pidfd is a child of this one, running or not reaped.</summary>
    internal static bool IsOurs(int pidfd)
    {
        var info = stackalloc byte[128];
        const int look = Constants.WExited | Constants.WNoHang | Constants.WNoWait;
        return Native.WaitId(Constants.PPidFd, (uint)pidfd, info, look) == 0;
    }

    internal static bool Wait(int kind, uint id, int options, out int pid, out ExitStatus status)
    {
        // siginfo_t: si_code at 8, si_pid at 16, si_status at 24.
        var info = stackalloc byte[128];
        new Span<byte>(info, 128).Clear();
        status = default;
        pid = 0;
        if (Native.WaitId(kind, id, info, Constants.WExited | Constants.WNoHang | options) != 0)
            return false;
        pid = *(int*)(info + 16);
        if (pid == 0)
            return false;
        var code = *(int*)(info + 8);
        status = new ExitStatus(*(int*)(info + 24), code != Constants.CldExited, code == Constants.CldDumped);
        return true;
    }
}
