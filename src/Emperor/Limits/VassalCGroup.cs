using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Limits;

/// <summary>The cgroup of one process of a vassal, and of all that comes of it.</summary>
internal sealed class VassalCGroup(string folder, LimitRules limits)
{
    /// <summary>What the names of such groups begin with.</summary>
    public const string Prefix = "vassal-";

    /// <summary>Its folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>Its limits.</summary>
    public LimitRules Limits { get; } = limits;

    /// <summary>The controllers whose limits it has.</summary>
    public IReadOnlySet<string> Controllers { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Whether the kernel has killed a process in it for want of memory.</summary>
    public bool HasRunOutOfMemory => CGroup.Value(CGroup.Read(Folder, "memory.events"), "oom_kill") > 0;

    /// <summary>How that is told, such as "out of memory (memory-max 300M)".</summary>
    public string MemoryWords => Limits.MemoryMax is { } max ? $"out of memory (memory-max {CGroupFiles.Size(max)})" : "out of memory";

    /// <summary>The folder of the group that a vassal's process is in, or that one further up which was made for it; null when it has none. For any thread.</summary>
    public static string? FolderOf(int pid)
    {
        for (var folder = CGroup.Of(pid); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Path.GetFileName(folder).StartsWith(Prefix, StringComparison.Ordinal))
                return folder;
        }
        return null;
    }

    /// <summary>Kills all processes in it.</summary>
    public void Kill() => CGroup.Kill(Folder);
}
