using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>The standard programs that are put in front of a vassal's (<see cref="ProgramChain"/>).</summary>
internal sealed class ChainTools(string? searchPath)
{
    /// <summary>Where such programs are, whatever the emperor's own PATH says.</summary>
    public const string SystemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private readonly Dictionary<string, string> _found = new(StringComparer.Ordinal);

    /// <summary>A program's path; null when it is not installed.</summary>
    public string? Find(string name)
    {
        if (_found.TryGetValue(name, out var known))
            return known;
        var path = ProgramFinder.Find(name, searchPath, "/") ?? ProgramFinder.Find(name, SystemPath, "/");
        // What is missing may be installed while the emperor runs.
        if (path is not null)
            _found.Add(name, path);
        return path;
    }

    /// <summary>Why limits cannot be had, and what to do; null when they can.</summary>
    public static string? FailureOf(LimitRules limits)
    {
        foreach (var path in limits.ReadOnlyPaths)
        {
            if (Files.Target(path) is null)
                return $"read-only = {path}: it is not there; make it, or take it out of the file";
        }
        if (Self.IsRoot)
            return null;
        if (limits.PrivateTmp || limits.ReadOnlyPaths.Count > 0)
            return "private-tmp and read-only need root, and the emperor runs as another user; run it as root, or take them out of the file";
        var hard = Self.DescriptorLimit().Hard;
        return limits.OpenFiles is { } files && (ulong)files > hard
            ? $"limit-nofile = {files}: the emperor itself may have {hard} at most; raise its limit (LimitNOFILE= of its unit, ulimit -Hn)"
            : null;
    }

    /// <summary>Limits with paths as the kernel names them, which is how it lists what is mounted.</summary>
    public static LimitRules WithRealPaths(LimitRules limits) =>
        limits.ReadOnlyPaths.Count == 0
            ? limits
            : limits with
            {
                ReadOnlyPaths = [.. limits.ReadOnlyPaths.Select(p => Files.Target(p) ?? p).Distinct(StringComparer.Ordinal)],
            };
}
