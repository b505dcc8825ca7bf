namespace Emperor.Linux;

/// <summary>How a process ended.</summary>
/// <param name="Code">The exit code, or the signal that killed it.</param>
/// <param name="Signaled">A signal killed it.</param>
/// <param name="CoreDumped">It left a core.</param>
public readonly record struct ExitStatus(int Code, bool Signaled, bool CoreDumped)
{
    /// <summary>Such as "exit 1" or "signal 9 (KILL)".</summary>
    public override string ToString() =>
        !Signaled ? $"exit {Code}" : $"signal {Code} ({Signals.NameOf(Code)}){(CoreDumped ? ", core dumped" : "")}";
}

/// <summary>
/// A process as a reference that cannot come to mean another one: its number and a pidfd. For our own children the number stays
/// theirs until <see cref="Reap"/>; for others every signal goes through the pidfd.
/// </summary>
public sealed unsafe class PidRef : IDisposable
{
    private readonly SafeFd _fd;

    private PidRef(int pid, SafeFd fd)
    {
        Pid = pid;
        _fd = fd;
    }

    /// <summary>The process number, to show and to log.</summary>
    public int Pid { get; }

    /// <summary>The pidfd; readable when the process has ended.</summary>
    public int Fd => _fd.Number;

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
        return new PidRef(pid, new SafeFd((int)fd));
    }

    /// <summary>Sends a signal to this process alone; with the rights of its user where one's own do not suffice and may be exchanged.</summary>
    public Errno Signal(int signal) =>
        Send(signal) is var error && error == Errno.NotPermitted ? OthersRights.Use(Pid, () => Send(signal)) : error;

    /// <summary>
    /// Sends a signal to the process group that this process leads, with the rights of <see cref="Signal"/>. Only for a child that was spawned as a group leader and has not been
    /// reaped: until then its number cannot be another group's.
    /// </summary>
    public Errno SignalGroup(int signal) =>
        SendToGroup(signal) is var error && error == Errno.NotPermitted ? OthersRights.Use(Pid, () => SendToGroup(signal)) : error;

    /// <summary>Looks whether a child has ended and how, without reaping it.</summary>
    public bool HasEnded(out ExitStatus status) => Wait(Constants.WNoWait, out status);

    /// <summary>Reaps a child that has ended. After this its number may be reused.</summary>
    public bool Reap(out ExitStatus status) => Wait(0, out status);

    /// <inheritdoc/>
    public void Dispose() => _fd.Dispose();

    private Errno Send(int signal) => Native.SysCall(Constants.SysPidFdSendSignal, _fd.Number, signal, 0, 0) == 0 ? default : Errno.Last;

    private Errno SendToGroup(int signal) => Native.Kill(-Pid, signal) == 0 ? default : Errno.Last;

    private bool Wait(int options, out ExitStatus status) => Children.Wait(Constants.PPidFd, (uint)_fd.Number, options, out _, out status);
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

    /// <summary>SIGTERM.</summary>
    public const int Terminate = 15;

    /// <summary>SIGCONT.</summary>
    public const int Continue = 18;

    /// <summary>SIGSTOP.</summary>
    public const int Stop = 19;

    /// <summary>SIGURG.</summary>
    public const int Urgent = 23;

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
