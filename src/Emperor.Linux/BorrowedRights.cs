namespace Emperor.Linux;

/// <summary>
/// Overview: lets the calling thread look at, open, make and remove files with nothing but another user's rights, until it is disposed: his user and
/// group for the file system (setfsuid(2)), his supplementary groups and no capability at all. Whatever a path leads through, the kernel then
/// decides as it would for him, and what is made is his.
///
/// <para>All of that is one thread's own, so the raw system calls are used: the C library's would change every thread. Between, the thread must
/// start nothing.</para>
/// </summary>
public sealed unsafe class BorrowedRights : IDisposable
{
    private const int MostGroups = 65_536;

    private readonly Capabilities.Sets _capabilities;
    private readonly uint[] _groups;
    private readonly uint _uid;
    private readonly uint _gid;

    private BorrowedRights(Capabilities.Sets capabilities, uint[] groups, uint uid, uint gid) =>
        (_capabilities, _groups, _uid, _gid) = (capabilities, groups, uid, gid);

    /// <summary>Takes a user's rights in the place of one's own.</summary>
    /// <param name="uid">The user.</param>
    /// <param name="gid">His group.</param>
    /// <param name="groups">His supplementary groups.</param>
    /// <exception cref="LinuxException">The process may not (it is neither root nor has CAP_SETUID and CAP_SETGID), and has its own again.</exception>
    public static BorrowedRights Take(uint uid, uint gid, IReadOnlyList<uint> groups)
    {
        var own = new BorrowedRights(Capabilities.Get(), Groups(), FileUser(uint.MaxValue), FileGroup(uint.MaxValue));
        try
        {
            SetGroups([.. groups]);
            _ = FileGroup(gid);
            _ = FileUser(uid);
            if (FileUser(uint.MaxValue) != uid || FileGroup(uint.MaxValue) != gid)
                throw new LinuxException($"setfsuid to user {uid}", Errno.NotPermitted);
            if (Capabilities.Set(own._capabilities with { Effective = 0 }) is { Number: not 0 } error)
                throw new LinuxException("capset", error);
            return own;
        }
        catch (LinuxException)
        {
            own.Dispose();
            throw;
        }
    }

    /// <summary>Takes one's own again.</summary>
    /// <exception cref="LinuxException">It cannot, which no kernel does; nothing may go on then.</exception>
    public void Dispose()
    {
        var error = Capabilities.Set(_capabilities);
        _ = FileUser(_uid);
        _ = FileGroup(_gid);
        // Of a thread whose rights did not suffice nothing has been changed.
        if (!Groups().AsSpan().SequenceEqual(_groups))
            SetGroups(_groups);
        // With the user 0 the kernel gives effective capabilities, all that are permitted, of its own accord.
        if (error.Number == 0)
            error = Capabilities.Set(_capabilities);
        if (error.Number != 0 || FileUser(uint.MaxValue) != _uid || FileGroup(uint.MaxValue) != _gid)
            throw new LinuxException("setfsuid back to the emperor's user", error.Number == 0 ? Errno.NotPermitted : error);
    }

    // Both return the former one, and change nothing for a number that there is not (setfsuid(2), BUGS).
    private static uint FileUser(uint uid) => (uint)Native.SysCall(Constants.SysSetFsUid, (nint)uid, 0, 0, 0);

    private static uint FileGroup(uint gid) => (uint)Native.SysCall(Constants.SysSetFsGid, (nint)gid, 0, 0, 0);

    private static uint[] Groups()
    {
        var count = Native.SysCall(Constants.SysGetGroups, 0, 0, 0, 0);
        var groups = new uint[Math.Clamp(count, 0, MostGroups)];
        fixed (uint* pointer = groups)
        {
            if (Native.SysCall(Constants.SysGetGroups, groups.Length, (nint)pointer, 0, 0) < 0)
                throw new LinuxException("getgroups", Errno.Last);
        }
        return groups;
    }

    private static void SetGroups(uint[] groups)
    {
        fixed (uint* pointer = groups)
        {
            if (Native.SysCall(Constants.SysSetGroups, groups.Length, (nint)pointer, 0, 0) != 0)
                throw new LinuxException("setgroups", Errno.Last);
        }
    }
}
