namespace Emperor.Configuration;

/// <summary>glob(3) with GLOB_MARK, which the base library lacks.</summary>
internal static class FileGlob
{
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, MatchType = MatchType.Simple };

    /// <summary>The names that a pattern matches, sorted by bytes, folders with a slash at their end.</summary>
    public static IReadOnlyList<string> Expand(string pattern)
    {
        var most = int.MaxValue;
        return Expand(pattern, "", ref most);
    }

    /// <summary>The same, with a bound on what is looked at.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="folder">Where a relative one starts, with a slash at its end; empty for the working folder.</param>
    /// <param name="most">How many names may be looked at yet; below 0 the rest was not.</param>
    public static IReadOnlyList<string> Expand(string pattern, string folder, ref int most)
    {
        if (pattern.Length == 0)
            return [];
        var found = new List<string>();
        var parts = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var start = pattern.StartsWith('/') ? "/" : folder;
        Walk(start, parts, 0, pattern.EndsWith('/'), found, ref most);
        if (!pattern.StartsWith('/'))
            found = found.ConvertAll(name => name[folder.Length..]);
        found.Sort(string.CompareOrdinal);
        return found;
    }

    private static void Walk(string prefix, string[] parts, int at, bool onlyFolders, List<string> found, ref int most)
    {
        if (at == parts.Length)
        {
            if (Directory.Exists(prefix))
                found.Add(prefix.EndsWith('/') ? prefix : prefix + "/");
            else if (!onlyFolders)
                found.Add(prefix);
            return;
        }
        foreach (var name in Candidates(prefix, parts[at], ref most))
        {
            var isLast = at == parts.Length - 1;
            if (isLast || Directory.Exists(prefix + name))
                Walk(isLast ? prefix + name : prefix + name + "/", parts, at + 1, onlyFolders, found, ref most);
        }
    }

    private static List<string> Candidates(string folder, string pattern, ref int most)
    {
        if (most-- <= 0)
            return [];
        if (!pattern.AsSpan().ContainsAny('*', '?', '[') && !pattern.Contains('\\', StringComparison.Ordinal))
            return Path.Exists(folder + pattern) || new FileInfo(folder + pattern).LinkTarget is not null ? [pattern] : [];
        try
        {
            var found = new List<string>();
            foreach (var entry in new DirectoryInfo(folder.Length == 0 ? "." : folder).EnumerateFileSystemInfos("*", Everything))
            {
                if (most-- <= 0)
                    break;
                if ((entry.Name[0] != '.' || pattern[0] == '.') && Matches(pattern, entry.Name))
                    found.Add(entry.Name);
            }
            return found;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether a name matches a pattern of '*', '?', '[a-z]', '[!a-z]' and '\x'.</summary>
    internal static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        int p = 0,
            n = 0,
            starAt = -1,
            nameAtStar = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                starAt = ++p;
                nameAtStar = n;
            }
            else if (p < pattern.Length && MatchesOne(pattern, ref p, name[n]))
                n++;
            else if (starAt >= 0)
            {
                p = starAt;
                n = ++nameAtStar;
            }
            else
                return false;
        }
        while (p < pattern.Length && pattern[p] == '*')
            p++;
        return p == pattern.Length;
    }

    private static bool MatchesOne(ReadOnlySpan<char> pattern, ref int p, char letter)
    {
        var start = p;
        switch (pattern[p])
        {
            case '?':
                p++;
                return true;
            case '[' when ClassEnd(pattern, p) is var end and > 0:
                p = end + 1;
                return InClass(pattern[(start + 1)..end], letter);
            case '\\' when p + 1 < pattern.Length:
                p += 2;
                return pattern[start + 1] == letter;
            default:
                p++;
                return pattern[start] == letter;
        }
    }

    /// <summary>Where the ']' of a class is; a ']' right after '[' or '[!' belongs to the class. -1 without one.</summary>
    private static int ClassEnd(ReadOnlySpan<char> pattern, int start)
    {
        var first = start + 1 < pattern.Length && pattern[start + 1] is '!' or '^' ? start + 3 : start + 2;
        if (first > pattern.Length)
            return -1;
        var end = pattern[first..].IndexOf(']');
        return end < 0 ? -1 : first + end;
    }

    private static bool InClass(ReadOnlySpan<char> members, char letter)
    {
        var negated = members[0] is '!' or '^';
        if (negated)
            members = members[1..];
        for (var i = 0; i < members.Length; i++)
        {
            if (i + 2 < members.Length && members[i + 1] == '-')
            {
                if (letter >= members[i] && letter <= members[i + 2])
                    return !negated;
                i += 2;
            }
            else if (members[i] == letter)
                return !negated;
        }
        return negated;
    }
}
