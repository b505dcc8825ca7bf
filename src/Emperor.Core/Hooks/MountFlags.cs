namespace Emperor.Core.Hooks;

/// <summary>The flags of uWSGI's mounts (core/mount.c, umflags) as the arguments of mount(8) and umount(8).</summary>
internal static class MountFlags
{
    // What goes into -o, by uWSGI's word.
    private static readonly Dictionary<string, string> Options = new(StringComparer.Ordinal)
    {
        ["dirsync"] = "dirsync",
        ["mandlock"] = "mand",
        ["noatime"] = "noatime",
        ["nodev"] = "nodev",
        ["noexec"] = "noexec",
        ["rdonly"] = "ro",
        ["readonly"] = "ro",
        ["ro"] = "ro",
        ["remount"] = "remount",
        ["nosuid"] = "nosuid",
        ["sync"] = "sync",
    };

    /// <summary>The arguments of mount(8); null when a flag is none.</summary>
    public static IReadOnlyList<string>? Mount(string type, string what, string where, string? flags, string? data, out string? failure)
    {
        var words = (flags ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        failure = words.FirstOrDefault(w =>
            !Options.ContainsKey(w) && w is not ("bind" or "move" or "rec" or "recursive" or "private" or "shared")
        )
            is { } unknown
            ? $"has the flag \"{PlainText.OneLine(unknown)}\", which is none of a mount: bind, move, rec, private, shared, {string.Join(", ", Options.Keys)}"
            : null;
        if (failure is not null)
            return null;
        var options = string.Join(
            ',',
            words.Where(Options.ContainsKey).Select(w => Options[w]).Distinct().Concat(data is { Length: > 0 } ? [data] : [])
        );
        var isDeep = words.Contains("rec") || words.Contains("recursive");
        string[] rest = [.. options.Length > 0 ? new[] { "-o", options } : []];
        if (words.Contains("private") || words.Contains("shared"))
            return [$"--make-{(isDeep ? "r" : "")}{(words.Contains("private") ? "private" : "shared")}", "--", where];
        if (words.Contains("move"))
            return ["--move", "--", what, where];
        if (words.Contains("bind"))
            return [isDeep ? "--rbind" : "--bind", .. rest, "--", what, where];
        return words.Contains("remount") ? [.. rest, "--", what, where] : ["-t", type, .. rest, "--", what, where];
    }

    /// <summary>The arguments of umount(8); null when a flag is none.</summary>
    public static IReadOnlyList<string>? Unmount(string where, string? flags, out string? failure)
    {
        var words = (flags ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        failure = words.FirstOrDefault(w => w is not ("force" or "detach" or "rec" or "recursive")) is { } unknown
            ? $"has the flag \"{PlainText.OneLine(unknown)}\", which is none of an unmount: force, detach, rec"
            : null;
        if (failure is not null)
            return null;
        return
        [
            .. words.Contains("force") ? new[] { "--force" } : [],
            .. words.Contains("detach") ? new[] { "--lazy" } : [],
            .. words.Contains("rec") || words.Contains("recursive") ? new[] { "--recursive" } : [],
            "--",
            where,
        ];
    }
}
