using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>This process: its numbers, rights, limits and name.</summary>
public static unsafe class Self
{
    /// <summary>Its process number.</summary>
    public static int Pid => Native.GetPid();

    /// <summary>The process that has started it, or the one that has taken that one's place.</summary>
    public static int ParentPid => Native.GetParentPid();

    /// <summary>Its real user.</summary>
    public static uint Uid => Native.GetUid();

    /// <summary>Its real group.</summary>
    public static uint Gid => Native.GetGid();

    /// <summary>Whether it has root's rights.</summary>
    public static bool IsRoot => Native.GetEffectiveUid() == 0;

    /// <summary>
    /// Puts /dev/null in the place of each of the descriptors 0, 1 and 2 that this process was started without. The runtime has put its own
    /// there by then, which shows in that they are close-on-exec; so the process must execute itself anew after this.
    /// </summary>
    /// <returns>Whether one was missing.</returns>
    public static bool FillStandardStreams()
    {
        var missing = false;
        for (var fd = 0; fd <= 2; fd++)
        {
            var flags = Native.Fcntl(fd, Constants.FGetFd, 0);
            if (flags >= 0 && (flags & Constants.FdCloExec) == 0)
                continue;
            missing = true;
            using var none = Files.OpenNullForBoth();
            // Its own number when that was the lowest free one; then it only must outlive this object and the execution.
            if (none.Number == fd)
            {
                _ = Native.Fcntl(fd, Constants.FSetFd, 0);
                none.SetHandleAsInvalid();
            }
            else
            {
                _ = Native.Dup2(none.Number, fd);
            }
        }
        return missing;
    }

    /// <summary>Sends this process a signal.</summary>
    public static Errno Signal(int signal) => Native.Kill(Native.GetPid(), signal) == 0 ? default : Errno.Last;

    /// <summary>
    /// Lets signals that come wait: for the calling thread, and for the program that it executes, because execve(2) changes neither this nor what
    /// waits for the process. So what comes while the new program starts is not lost: it comes when that releases them.
    /// </summary>
    public static void HoldSignals(params ReadOnlySpan<int> signals) => ChangeMask(Constants.SigBlock, signals);

    /// <summary>Lets them come to the calling thread; what has waited comes now.</summary>
    public static void ReleaseSignals(params ReadOnlySpan<int> signals) => ChangeMask(Constants.SigUnblock, signals);

    /// <summary>Whether a descriptor is a terminal.</summary>
    public static bool IsTerminal(int fd) => Native.IsATty(fd) == 1;

    /// <summary>
    /// Gives a signal that is ignored its default action again. What a shell starts in the background has SIGINT and SIGQUIT ignored, what
    /// nohup starts SIGHUP, and the runtime leaves ignored ones alone; so call this before a handler is registered.
    /// </summary>
    public static void StopIgnoring(int signal)
    {
        // struct sigaction: sa_handler 8, and no more than 256 bytes anywhere. SIG_DFL is 0, SIG_IGN 1.
        var action = stackalloc byte[256];
        if (Native.SignalAction(signal, null, action) == 0 && *(nint*)action == 1)
            _ = Native.SetSignalHandler(signal, 0);
    }

    /// <summary>Whether this process (with its effective rights) may make files in a folder.</summary>
    public static bool MayWrite(string folder) =>
        Native.FAccessAt(Constants.AtFdCwd, folder, Constants.WOk | Constants.XOk, Constants.AtEAccess) == 0;

    /// <summary>How long this thread has had a processor, by clock_gettime(2): what others do meanwhile does not count.</summary>
    public static TimeSpan ThreadTime
    {
        get
        {
            // struct timespec: on 64 bits two words.
            var time = stackalloc long[2];
            _ = Native.ClockGetTime(Constants.ClockThreadCpuTimeId, time);
            return TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000.0);
        }
    }

    /// <summary>The mode bits that new files do not get.</summary>
    public static uint Umask
    {
        get
        {
            // It is told only by setting it: for that moment to what lets nobody else in.
            var mask = Native.UMask(0x3F);
            _ = Native.UMask(mask);
            return mask;
        }
    }

    /// <summary>Sets the mode bits that new files do not get; returns the former ones.</summary>
    public static uint SetUmask(uint mask) => Native.UMask(mask);

    /// <summary>Takes a group as its own, and the groups of a user (or none) beside it.</summary>
    public static Errno SetGroup(uint gid, string? groupsOf)
    {
        if (Native.SetGid(gid) != 0)
            return Errno.Last;
        var result = groupsOf is null ? Native.SetGroups(0, null) : Native.InitGroups(groupsOf, gid);
        return result == 0 ? default : Errno.Last;
    }

    /// <summary>Becomes another user for good, in all threads.</summary>
    public static Errno SetUser(uint uid) => Native.SetUid(uid) == 0 ? default : Errno.Last;

    /// <summary>Its niceness, -20 to 19.</summary>
    public static int Niceness => ProcFs.Niceness();

    /// <summary>The soft and hard limit of open descriptors.</summary>
    public static (ulong Soft, ulong Hard) DescriptorLimit()
    {
        var limit = stackalloc ulong[2];
        return Native.GetRLimit(Constants.RLimitNoFile, limit) == 0 ? (limit[0], limit[1]) : (1024, 1024);
    }

    /// <summary>Sets the soft and hard limit of open descriptors.</summary>
    public static Errno SetDescriptorLimit(ulong soft, ulong hard)
    {
        var limit = stackalloc ulong[2] { soft, hard };
        return Native.SetRLimit(Constants.RLimitNoFile, limit) == 0 ? default : Errno.Last;
    }

    /// <summary>
    /// The soft limit of descriptors that this process was started with. The runtime raises ours to the hard limit before any of our code
    /// runs, so it is read off the parent, when that has the same hard limit. Otherwise (under systemd, whose own limits differ) it is 1024
    /// where the hard limit is one that comes with it by default, and the hard limit where somebody has set another one.
    /// </summary>
    public static ulong InheritedDescriptorLimit()
    {
        const ulong kernelDefault = 4096;
        const ulong systemdDefault = 524_288;
        var (soft, hard) = DescriptorLimit();
        var parent = Native.GetParentPid();
        if (parent > 1 && ProcFs.DescriptorLimit(parent) is { } theirs && theirs.Hard == hard)
            return theirs.Soft;
        return hard is kernelDefault or systemdDefault ? Math.Min(soft, 1024) : hard;
    }

    /// <summary>
    /// Shows another name in ps and top: the command line is overwritten in place, so a longer name is cut to the length of the first one
    /// (as with every program that does this); the short name holds 15 bytes.
    /// </summary>
    public static void SetTitle(string title)
    {
        var bytes = Encoding.UTF8.GetBytes(title + "\0");
        fixed (byte* name = bytes)
            _ = Native.PrCtl(Constants.PrSetName, (nint)name, 0, 0, 0);
        if (ProcFs.ArgumentArea() is not { } area)
            return;
        var target = new Span<byte>((void*)area.Start, (int)(area.End - area.Start));
        target.Clear();
        bytes.AsSpan(0, Math.Min(bytes.Length, target.Length - 1)).CopyTo(target);
    }

    internal static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static void ChangeMask(int how, ReadOnlySpan<int> signals)
    {
        var set = stackalloc byte[Spawn.SignalSetSize];
        _ = Native.SigEmptySet(set);
        foreach (var signal in signals)
            _ = Native.SigAddSet(set, signal);
        _ = Native.ThreadSignalMask(how, set, null);
    }
}
