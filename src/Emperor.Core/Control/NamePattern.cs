using System.IO.Enumeration;

namespace Emperor.Core.Control;

/// <summary>
/// How operators name vassals: by the name itself, by the name without its ending ("blog" for blog.ini), or by a pattern with * and ?.
/// </summary>
public static class NamePattern
{
    /// <summary>The longest that a pattern with * or ? may be, characters: each of them is held against the name of each vassal.</summary>
    public const int LongestWild = 255;

    /// <summary>The most such patterns among the names of a request.</summary>
    public const int MostWild = 32;

    /// <summary>Whether it stands for as many as fit, and not for one.</summary>
    public static bool IsWild(string pattern) => pattern.AsSpan().ContainsAny('*', '?');

    /// <summary>Whether a vassal is meant by it, whatever others there are.</summary>
    public static bool Fits(string pattern, string name) =>
        pattern == name || (IsWild(pattern) ? Matches(pattern, name) : Stem(name).SequenceEqual(pattern));

    internal static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);

    internal static ReadOnlySpan<char> Stem(string name)
    {
        var start = name.LastIndexOf('/') + 1;
        var dot = name.LastIndexOf('.');
        return dot > start ? name.AsSpan(start, dot - start) : name.AsSpan(start);
    }
}

/// <summary>Names to choose from by many patterns: a thousand of them among thousands of names are found without trying each with each.</summary>
public sealed class NameIndex
{
    private readonly IReadOnlyCollection<string> _names;
    private readonly HashSet<string> _known;
    private readonly Lazy<ILookup<string, string>> _byStem;

    /// <summary>Makes one.</summary>
    public NameIndex(IReadOnlyCollection<string> names)
    {
        _names = names;
        _known = new HashSet<string>(names, StringComparer.Ordinal);
        _byStem = new(() => names.ToLookup(name => NamePattern.Stem(name).ToString(), StringComparer.Ordinal), isThreadSafe: false);
    }

    /// <summary>The names that are meant, in their own order; none when there is no such vassal.</summary>
    public IReadOnlyList<string> Select(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        if (_known.Contains(pattern))
            return [pattern];
        return NamePattern.IsWild(pattern) ? [.. _names.Where(name => NamePattern.Matches(pattern, name))] : [.. _byStem.Value[pattern]];
    }
}
