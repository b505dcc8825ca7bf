using System.IO.Enumeration;

namespace Emperor.Core.Control;

/// <summary>
/// How operators name vassals: by the name itself, by the name without its ending ("blog" for blog.ini), or by a pattern with * and ?.
/// </summary>
public static class NamePattern
{
    /// <summary>The names that are meant, in their own order; none when there is no such vassal.</summary>
    public static IReadOnlyList<string> Select(string pattern, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        if (names.Contains(pattern, StringComparer.Ordinal))
            return [pattern];
        if (pattern.AsSpan().ContainsAny('*', '?'))
            return [.. names.Where(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))];
        return [.. names.Where(name => Stem(name) == pattern)];
    }

    private static string Stem(string name)
    {
        var start = pathEnd(name);
        var dot = name.LastIndexOf('.');
        return dot > start ? name[start..dot] : name[start..];

        static int pathEnd(string name) => name.LastIndexOf('/') + 1;
    }
}
