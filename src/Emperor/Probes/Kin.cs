using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>What a process is to a vassal's process.</summary>
internal enum Kinship
{
    /// <summary>It came of it.</summary>
    Own,

    /// <summary>It did not come of it, unless it carries its mark.</summary>
    Unknown,

    /// <summary>There is no such process.</summary>
    Gone,
}

/// <summary>Tells whether a process came of a vassal's, by what the kernel says of it. Nothing here lies in the process's own memory.</summary>
internal static class Kin
{
    private const int MostAncestors = 64;

    /// <summary>Looks.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="target">The vassal's process.</param>
    /// <param name="ownerOf">Whose an orphan is that has become the emperor's child, by the number of its process.</param>
    public static Kinship Judge(int pid, ProbeTarget target, Func<int, long?> ownerOf)
    {
        if (pid <= 0)
            return Kinship.Unknown;
        var next = pid;
        for (var i = 0; i < MostAncestors && next > 1 && next != Self.Pid; i++)
        {
            if (ProcFs.Stat(next) is not { } stat)
                return next == pid ? Kinship.Gone : Kinship.Unknown;
            // The number of a session is not another's as long as its leader has not been reaped.
            if (next == target.Pid || stat.Session == target.Pid || ownerOf(next) == target.Serial)
                return Kinship.Own;
            next = stat.Parent;
        }
        return target.Cgroup is { } cgroup && IsIn(pid, cgroup) ? Kinship.Own : Kinship.Unknown;
    }

    private static bool IsIn(int pid, string cgroup) =>
        CGroup.Of(pid) is { } folder && (folder == cgroup || folder.StartsWith(cgroup + "/", StringComparison.Ordinal));
}
