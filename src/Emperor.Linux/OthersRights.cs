namespace Emperor.Linux;

/// <summary>
/// Signals to processes of other users by one who may become them and may not kill what is not his (CAP_SETUID without CAP_KILL, as uWSGI's
/// documentation has it for its tyrant): for the moment of the call the thread has the effective user of the process. Nobody gets a hold of the
/// emperor by that, because its real and its saved user stay, by which the kernel decides about that. On the thread alone, so by the raw system call.
/// </summary>
internal static class OthersRights
{
    /// <summary>Does it once more as the user of a process. Never as root.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="act">What was not permitted.</param>
    /// <returns>What has come of it; EPERM as before when that user's rights cannot be taken.</returns>
    /// <exception cref="LinuxException">The thread's own rights cannot be taken again, which no kernel does; nothing may go on then.</exception>
    public static Errno Use(int pid, Func<Errno> act)
    {
        var own = Native.GetEffectiveUid();
        if (ProcFs.UserOf(pid) is not { } user || user == 0 || user == own || !Become(user))
            return Errno.NotPermitted;
        var error = act();
        return Become(own) ? error : throw new LinuxException("setresuid back to the emperor's user", Errno.Last);
    }

    private static bool Become(uint user) => Native.SysCall(Constants.SysSetResUid, -1, (nint)user, -1, 0) == 0;
}
