namespace Emperor.Linux;

/// <summary>
/// Overview: posix_spawn knows no namespaces, and unshare(1) would have to stay as the parent of whom it starts in a new process namespace. But the
/// kernel lets a thread choose the one that its next children are born in (unshare(2) with CLONE_NEWPID), and take that back (setns(2)). Between the two the
/// thread must make no threads, which the kernel would refuse: so nothing stands between but the spawn.
/// </summary>
internal sealed class ProcessNamespace : IDisposable
{
    private readonly SafeFd _home;

    private ProcessNamespace(SafeFd home) => _home = home;

    /// <summary>Has the calling thread's next child be the first process of a new process namespace, until this is disposed.</summary>
    /// <returns>Null, and why not.</returns>
    public static ProcessNamespace? Leave(out Errno error)
    {
        var home = Files.OpenToRead("/proc/thread-self/ns/pid", out error);
        if (home is null)
            return null;
        if (Native.Unshare(Constants.CloneNewPid) == 0)
            return new ProcessNamespace(home);
        error = Errno.Last;
        home.Dispose();
        return null;
    }

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The thread can start nothing any more where it belongs.</exception>
    public void Dispose()
    {
        var error = Native.SetNs(_home.Number, Constants.CloneNewPid) == 0 ? default : Errno.Last;
        _home.Dispose();
        if (error.Number != 0)
            throw new LinuxException("setns", error);
    }
}
