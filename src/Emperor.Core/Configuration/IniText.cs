namespace Emperor.Core.Configuration;

/// <summary>A line "key = value", or "key" alone, of a section.</summary>
/// <param name="Section">The section's name as uWSGI understands it; empty before the first.</param>
/// <param name="Key">The text before the first '=', without blanks around it.</param>
/// <param name="Value">The text after it, without blanks around it; empty without '='.</param>
/// <param name="Line">The line's index in the text, from 0.</param>
internal readonly record struct IniLine(string Section, string Key, string Value, int Line);

/// <summary>
/// uWSGI's idea of an ini file (core/ini.c). Only LF ends a line; a line ends early at a NUL byte; a section's name is its line less the first
/// and the last character, whatever these are.
/// </summary>
internal static class IniText
{
    private static readonly char[] Blanks = [' ', '\t', '\r'];

    public static IEnumerable<IniLine> Lines(string text)
    {
        var section = "";
        var number = -1;
        foreach (var line in RawLines(text))
        {
            number++;
            if (line.Length == 0 || line[0] is ';' or '#')
                continue;
            if (line[0] == '[')
            {
                section = SectionName(line);
                continue;
            }
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? line : line[..equals].TrimEnd(Blanks);
            var value = equals < 0 ? "" : line[(equals + 1)..].TrimStart(Blanks);
            yield return new IniLine(section, key, value, number);
        }
    }

    /// <summary>All lines without the blanks around them.</summary>
    public static IEnumerable<string> RawLines(string text)
    {
        for (var start = 0; start < text.Length; )
        {
            var end = text.IndexOf('\n', start);
            if (end < 0)
                end = text.Length;
            var line = text[start..end];
            var nul = line.IndexOf('\0', StringComparison.Ordinal);
            yield return (nul < 0 ? line : line[..nul]).Trim(Blanks);
            start = end + 1;
        }
    }

    public static string SectionName(string line) => line.Length < 2 ? "" : line[1..^1];
}
