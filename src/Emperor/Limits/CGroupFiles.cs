using System.Globalization;
using Emperor.Core.Programs;

namespace Emperor.Limits;

/// <summary>What is written to a file of a cgroup for a limit.</summary>
/// <param name="Key">The limit as the vassal's file has it, such as "memory-max = 314572800".</param>
/// <param name="Controller">The kernel's controller that must be enabled for it.</param>
/// <param name="File">The file.</param>
/// <param name="Value">What is written.</param>
internal readonly record struct CGroupFile(string Key, string Controller, string File, string Value);

/// <summary>Turns limits into what a cgroup's files take (the kernel's Documentation/admin-guide/cgroup-v2.rst).</summary>
internal static class CGroupFiles
{
    /// <summary>The controllers that limits need.</summary>
    public static readonly string[] Controllers = ["memory", "cpu", "pids", "io"];

    // cpu.max: so many microseconds in each period of so many.
    private const long Period = 100_000;
    private const long ShortestQuota = 1_000;

    /// <summary>Whether any of these limits is one of cgroups.</summary>
    public static bool HasAny(LimitRules limits) => Of(limits).Any();

    /// <summary>All that is to be written.</summary>
    public static IEnumerable<CGroupFile> Of(LimitRules limits)
    {
        if (limits.MemoryMax is { } max)
            yield return new CGroupFile($"memory-max = {Size(max)}", "memory", "memory.max", Text(max));
        if (limits.MemoryHigh is { } high)
            yield return new CGroupFile($"memory-high = {Size(high)}", "memory", "memory.high", Text(high));
        if (limits.CpuMax is { } cpu)
        {
            var quota = Math.Max(ShortestQuota, cpu * (Period / 1000));
            yield return new CGroupFile($"cpu-max = {Text(cpu / 10)}%", "cpu", "cpu.max", $"{Text(quota)} {Text(Period)}");
        }
        if (limits.TasksMax is { } tasks)
            yield return new CGroupFile($"tasks-max = {Text(tasks)}", "pids", "pids.max", Text(tasks));
        if (limits.IoWeight is { } weight)
            yield return new CGroupFile($"io-weight = {Text(weight)}", "io", "io.weight", $"default {Text(weight)}");
    }

    /// <summary>Bytes as people write them, such as 300M.</summary>
    public static string Size(long bytes)
    {
        const string units = "KMGT";
        var unit = -1;
        while (bytes > 0 && bytes % 1024 == 0 && unit + 1 < units.Length)
        {
            bytes /= 1024;
            unit++;
        }
        return unit < 0 ? Text(bytes) : Text(bytes) + units[unit];
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
