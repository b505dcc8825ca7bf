using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Limits;

/// <summary>The cgroup of one process of a vassal, and of all that comes of it.</summary>
internal sealed class VassalCGroup(string folder, LimitRules limits)
{
    /// <summary>What the names of such groups begin with.</summary>
    public const string Prefix = "vassal-";

    /// <summary>The file in which the kernel counts what it does for want of memory.</summary>
    public const string MemoryEvents = "memory.events";

    // A process that outlives the kill of another one for longer does not end because of that.
    private const long Aftermath = 10_000;

    private long _kills;
    private long? _killedAt;

    /// <summary>Its folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>Its limits.</summary>
    public LimitRules Limits { get; } = limits;

    /// <summary>The controllers whose limits it has.</summary>
    public IReadOnlySet<string> Controllers { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Whether the kernel counts there how many processes it has killed for want of memory.</summary>
    public bool CountsKills => Count() is not null;

    /// <summary>What was counted until now an emperor before this one has told.</summary>
    public void Inherit() => _kills = Count() ?? 0;

    /// <summary>How many processes in it the kernel has killed for want of memory since this was called last.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public long TakeKills(long now)
    {
        var count = (Count() ?? 0) - _kills;
        if (count <= 0)
            return 0;
        _kills += count;
        _killedAt = now;
        return count;
    }

    /// <summary>Whether a process in it that has ended at this moment may have done so for want of memory.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public bool HasRunOutOfMemory(long now)
    {
        _ = TakeKills(now);
        return now - _killedAt < Aftermath;
    }

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

    private long? Count() => CGroup.Value(CGroup.Read(Folder, MemoryEvents), "oom_kill");
}
