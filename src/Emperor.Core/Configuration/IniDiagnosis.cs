namespace Emperor.Core.Configuration;

/// <summary>Says why uWSGI finds nothing to read in an ini file, where it says only that a section is missing.</summary>
internal static class IniDiagnosis
{
    private const string ByteOrderMark = "\u00EF\u00BB\u00BF";

    /// <param name="text">The file after magic variables, a byte a character.</param>
    /// <param name="lines">The source line of each line of the text.</param>
    /// <param name="section">The section that was asked for.</param>
    public static string WhyNothing(string text, IReadOnlyList<int> lines, string section)
    {
        var found = Scan(text, lines, section);
        if (found.Likeness is { } likeness)
            return likeness;
        if (found.EmptySection > 0)
            return $"section [{section}] on line {found.EmptySection} holds no option, so uWSGI reads nothing; add one to it";
        if (found.Sections.Count > 0)
            return $"no section [{section}], only {string.Join(", ", found.Sections.Select(name => $"[{name}]"))}; add a line [{section}]";
        return found.FirstOption > 0
            ? $"no section: uWSGI reads nothing of what begins on line {found.FirstOption}; add a line [{section}] before it"
            : $"nothing but comments and empty lines; add a line [{section}] and options after it";
    }

    /// <summary>What keeps a header from naming a section that it means, as [Emperor] does; null when there is no such header.</summary>
    public static string? Misspelt(string text, IReadOnlyList<int> lines, string section) => Scan(text, lines, section).Likeness;

    private sealed record Findings(string? Likeness, int EmptySection, int FirstOption, List<string> Sections);

    private static Findings Scan(string text, IReadOnlyList<int> lines, string section)
    {
        var sections = new List<string>();
        var emptySection = 0;
        var firstOption = 0;
        var index = -1;
        foreach (var line in IniText.RawLines(text))
        {
            index++;
            if (line.Length == 0 || line[0] is ';' or '#')
                continue;
            var header = index == 0 && line.StartsWith(ByteOrderMark, StringComparison.Ordinal) ? line[ByteOrderMark.Length..] : line;
            if (!header.StartsWith('['))
            {
                firstOption = firstOption == 0 ? lines[index] : firstOption;
                continue;
            }
            var name = IniText.SectionName(line);
            if (header.Length == line.Length && name == section)
                emptySection = lines[index];
            else if (Likeness(line, header, section, lines[index]) is { } likeness)
                return new Findings(likeness, 0, 0, sections);
            else
                AddShort(sections, name);
        }
        return new Findings(null, emptySection, firstOption, sections);
    }

    private static void AddShort(List<string> sections, string name)
    {
        const int Most = 5;
        const int Longest = 40;
        if (sections.Count < Most)
            sections.Add(Shown(name.Length > Longest ? name[..Longest] + "..." : name));
    }

    /// <summary>What keeps a header that means the section from naming it; null when it means another one.</summary>
    private static string? Likeness(string line, string header, string section, int number)
    {
        var place = $"line {number}";
        if (header.Contains('\r', StringComparison.Ordinal))
            return $"{place}: lines end in CR alone, so uWSGI takes them for one line; convert the file to LF line ends";
        var close = header.IndexOf(']', StringComparison.Ordinal);
        var inside = header[1..(close < 0 ? header.Length : close)];
        if (!inside.Trim().Equals(section, StringComparison.OrdinalIgnoreCase))
            return null;
        if (header.Length < line.Length)
            return $"{place}: a byte-order mark hides [{section}] from uWSGI; save the file as UTF-8 without one";
        if (close < 0)
            return $"{place}: \"{Shown(header)}\" lacks its ']'; write [{section}]";
        if (close < header.Length - 1)
            return $"{place}: text after [{section}] makes another section's name of it for uWSGI; move that text to a line of its own";
        if (inside.Length != section.Length)
            return $"{place}: blanks in \"{Shown(header)}\" make another section of it for uWSGI; write [{section}]";
        return $"{place}: \"{Shown(header)}\" is not [{section}] for uWSGI, which tells capital letters from small ones; write [{section}]";
    }

    private static string Shown(string bytes) => Messages.ShownBytes(bytes);
}
