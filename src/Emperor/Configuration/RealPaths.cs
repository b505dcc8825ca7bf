namespace Emperor.Configuration;

/// <summary>realpath(3), which the base library lacks.</summary>
internal static class RealPaths
{
    /// <summary>As in the kernel, more links than this are a loop.</summary>
    private const int MostLinks = 40;

    /// <summary>The absolute path without links, "." and ".."; null when something of it does not exist.</summary>
    public static string? Resolve(string workingDirectory, string path)
    {
        if (path.Length == 0)
            return null;
        var resolved = "";
        var links = 0;
        var rest = Parts(path.StartsWith('/') ? path : workingDirectory + "/" + path);
        while (rest.TryPop(out var part))
        {
            if (part == ".")
                continue;
            if (part == "..")
            {
                resolved = resolved[..Math.Max(resolved.LastIndexOf('/'), 0)];
                continue;
            }
            var next = resolved + "/" + part;
            if (new FileInfo(next).LinkTarget is { } target)
            {
                if (++links > MostLinks)
                    return null;
                if (target.StartsWith('/'))
                    resolved = "";
                foreach (var inner in Parts(target).Reverse())
                    rest.Push(inner);
                continue;
            }
            if (!Path.Exists(next))
                return null;
            resolved = next;
        }
        return resolved.Length == 0 ? "/" : resolved;
    }

    /// <summary>The parts of a path, the first on top.</summary>
    private static Stack<string> Parts(string path) => new(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
}
