using System.Runtime.InteropServices;
using Emperor.Linux;

namespace Emperor.Tests.Linux;

/// <summary>What a test does to the thread that it runs on, and to no other: the raw system calls, because the C library's are for all threads.</summary>
internal static class OwnThread
{
    private static readonly bool OnArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    private static readonly int SysGetTid = OnArm ? 178 : 186;
    private static readonly int SysTgKill = OnArm ? 131 : 234;
    private static readonly int SysSetResUid = OnArm ? 147 : 117;

    /// <summary>The kernel's number of it.</summary>
    public static nint Id => Native.SysCall(SysGetTid, 0, 0, 0, 0);

    /// <summary>Sends it a signal.</summary>
    public static Errno Signal(int signal) => Signal(Id, signal);

    /// <summary>Sends a signal to one that has told its <see cref="Id"/>.</summary>
    public static Errno Signal(nint thread, int signal) =>
        Native.SysCall(SysTgKill, Self.Pid, thread, signal, 0) == 0 ? default : Errno.Last;

    /// <summary>Makes it another user's, for good: let it end then.</summary>
    public static Errno SetUser(uint uid) => Native.SysCall(SysSetResUid, (nint)uid, (nint)uid, (nint)uid, 0) == 0 ? default : Errno.Last;

    /// <summary>Does something on a thread of its own, and waits for it.</summary>
    public static void Run(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException("on a thread of its own", failure);
    }
}
