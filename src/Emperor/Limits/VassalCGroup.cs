using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Limits;

/// <summary>The cgroup of one process of a vassal, and of all that comes of it.</summary>
internal sealed class VassalCGroup(string folder, LimitRules limits)
{
    /// <summary>Its folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>The controllers whose limits it has.</summary>
    public IReadOnlySet<string> Controllers { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Whether the kernel has killed a process in it for want of memory.</summary>
    public bool HasRunOutOfMemory => CGroup.Value(CGroup.Read(Folder, "memory.events"), "oom_kill") > 0;

    /// <summary>How that is told, such as "out of memory (memory-max 300M)".</summary>
    public string MemoryWords => limits.MemoryMax is { } max ? $"out of memory (memory-max {CGroupFiles.Size(max)})" : "out of memory";

    /// <summary>Kills all processes in it.</summary>
    public void Kill() => CGroup.Kill(Folder);
}
