namespace Emperor.Linux;

/// <summary>The capabilities of the calling thread (capabilities(7)). They are each thread's own: call this on the thread that spawns.</summary>
public static unsafe class Capabilities
{
    /// <summary>CAP_KILL.</summary>
    public const int Kill = 5;

    /// <summary>CAP_SETGID.</summary>
    public const int SetGid = 6;

    /// <summary>CAP_SETUID.</summary>
    public const int SetUid = 7;

    /// <summary>CAP_SYS_ADMIN.</summary>
    public const int SysAdmin = 21;

    /// <summary>The permitted ones, a bit for each.</summary>
    public static ulong Permitted => Get().Permitted;

    /// <summary>Whether all of these are permitted.</summary>
    public static bool Has(params ReadOnlySpan<int> wanted) => (Permitted & Bits(wanted)) == Bits(wanted);

    /// <summary>Lets what the calling thread executes have these too, which must be permitted (the inheritable and ambient sets).</summary>
    public static Errno Bequeath(params ReadOnlySpan<int> capabilities)
    {
        var (now, bits) = (Get(), Bits(capabilities));
        return Raise(now with { Effective = now.Effective | bits, Inheritable = now.Inheritable | bits }, bits);
    }

    /// <summary>Whether the program that the calling thread is about to become has all that is permitted to it by itself: as root, or as its ambient set says.</summary>
    public static bool AreKeptOverExec
    {
        get
        {
            var permitted = Self.IsRoot ? 0 : Permitted;
            for (var capability = 0; capability < sizeof(ulong) * 8; capability++)
            {
                var isPermitted = (permitted >> capability & 1) != 0;
                if (isPermitted && Native.PrCtl(Constants.PrCapAmbient, Constants.PrCapAmbientIsSet, capability, 0, 0) != 1)
                    return false;
            }
            return true;
        }
    }

    /// <summary>
    /// Lets the program that the calling thread is about to become have all that is permitted to it (the inheritable and ambient sets): without
    /// this a user other than root has none of it after execve(2). That program calls <see cref="ClearAmbient"/>.
    /// </summary>
    public static Errno KeepOverExec()
    {
        var now = Get();
        return Raise(now with { Inheritable = now.Inheritable | now.Permitted }, now.Permitted);
    }

    /// <summary>
    /// Takes back what <see cref="KeepOverExec"/> has given, so that no program that the calling thread, or one that it starts later, executes
    /// gets any of it. What is permitted to the thread itself stays.
    /// </summary>
    public static Errno ClearAmbient() =>
        Native.PrCtl(Constants.PrCapAmbient, Constants.PrCapAmbientClearAll, 0, 0, 0) == 0
            ? Set(Get() with { Inheritable = 0 })
            : Errno.Last;

    /// <summary>Has the calling thread keep what is permitted to it when it becomes another user than root, until it executes something.</summary>
    public static Errno KeepOverChangeOfUser() => Native.PrCtl(Constants.PrSetKeepCaps, 1, 0, 0, 0) == 0 ? default : Errno.Last;

    /// <summary>Gives up all but these.</summary>
    public static Errno Reduce(ulong bits) => Set(new Sets(bits, bits, 0));

    /// <summary>A bit for each.</summary>
    public static ulong Bits(params ReadOnlySpan<int> capabilities)
    {
        var bits = 0UL;
        foreach (var capability in capabilities)
            bits |= 1UL << capability;
        return bits;
    }

    internal static Sets Get()
    {
        // struct __user_cap_header_struct and two of __user_cap_data_struct (capget(2)): effective, permitted, inheritable, each lower half first.
        var header = stackalloc uint[2] { Constants.CapabilityVersion3, 0 };
        var data = stackalloc uint[6];
        if (Native.SysCall(Constants.SysCapGet, (nint)header, (nint)data, 0, 0) != 0)
            throw new LinuxException("capget", Errno.Last);
        return new Sets(data[0] | ((ulong)data[3] << 32), data[1] | ((ulong)data[4] << 32), data[2] | ((ulong)data[5] << 32));
    }

    internal static Errno Set(Sets sets)
    {
        var header = stackalloc uint[2] { Constants.CapabilityVersion3, 0 };
        var data = stackalloc uint[6]
        {
            (uint)sets.Effective,
            (uint)sets.Permitted,
            (uint)sets.Inheritable,
            (uint)(sets.Effective >> 32),
            (uint)(sets.Permitted >> 32),
            (uint)(sets.Inheritable >> 32),
        };
        return Native.SysCall(Constants.SysCapSet, (nint)header, (nint)data, 0, 0) == 0 ? default : Errno.Last;
    }

    internal readonly record struct Sets(ulong Effective, ulong Permitted, ulong Inheritable);

    private static Errno Raise(Sets sets, ulong ambient)
    {
        var error = Set(sets);
        for (var capability = 0; capability < 64 && error.Number == 0; capability++)
        {
            if (
                ((ambient >> capability) & 1) != 0
                && Native.PrCtl(Constants.PrCapAmbient, Constants.PrCapAmbientRaise, capability, 0, 0) != 0
            )
                error = Errno.Last;
        }
        return error;
    }
}
