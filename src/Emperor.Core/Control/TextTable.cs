using System.Globalization;
using System.Text;

namespace Emperor.Core.Control;

/// <summary>What a terminal shows of a text.</summary>
public enum Tone
{
    /// <summary>As it is.</summary>
    Plain,

    /// <summary>All is well: green.</summary>
    Good,

    /// <summary>On its way: yellow.</summary>
    Busy,

    /// <summary>Something is wrong: red.</summary>
    Bad,

    /// <summary>A heading: bold.</summary>
    Strong,
}

/// <summary>Lines for people: columns side by side, and what terminals do for them.</summary>
/// <param name="Width">Columns of the terminal; lines are cut there. 0 for as long as they are.</param>
/// <param name="IsColoured">Whether tones are shown (ECMA-48's SGR).</param>
public sealed record TextStyle(int Width, bool IsColoured)
{
    /// <summary>For files and pipes.</summary>
    public static TextStyle Plain { get; } = new(0, false);

    /// <summary>A text in a tone.</summary>
    public string Toned(string text, Tone tone) =>
        !IsColoured || tone == Tone.Plain || text.Length == 0 ? text : $"\u001b[{Code(tone)}m{text}\u001b[0m";

    /// <summary>A line without tones, cut where the terminal ends.</summary>
    public string Cut(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return Width > 0 && line.Length > Width ? $"{line[..(Width - 1)]}…" : line;
    }

    private static string Code(Tone tone) =>
        tone switch
        {
            Tone.Good => "32",
            Tone.Busy => "33",
            Tone.Bad => "31",
            _ => "1",
        };
}

/// <summary>A cell of a table.</summary>
/// <param name="Text">One line.</param>
/// <param name="Tone">How it is shown.</param>
public readonly record struct Cell(string Text, Tone Tone = Tone.Plain);

/// <summary>Aligned columns.</summary>
public static class TextTable
{
    private const string Gap = "  ";

    /// <summary>Renders rows of as many cells as there are headings.</summary>
    /// <param name="headings">The first line; one that begins with ">" heads a column of numbers, which stand to the right.</param>
    /// <param name="rows">The others.</param>
    /// <param name="style">How.</param>
    public static IEnumerable<string> Render(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<Cell>> rows, TextStyle style)
    {
        var names = headings.Select(h => h.TrimStart('>')).ToArray();
        var widths = names.Select((n, i) => Math.Max(n.Length, rows.Count == 0 ? 0 : rows.Max(r => r[i].Text.Length))).ToArray();
        Cell[] first = [.. names.Select(n => new Cell(n, Tone.Strong))];
        foreach (var row in rows.Prepend(first))
            yield return Line(headings, row, widths, style);
    }

    /// <summary>A duration in its two largest units, such as "3 d 4 h".</summary>
    public static string Duration(long milliseconds)
    {
        var seconds = milliseconds / 1000;
        return seconds switch
        {
            < 10 => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.0} s"),
            < 60 => Text($"{seconds} s"),
            < 3_600 => Text($"{seconds / 60} min {seconds % 60} s"),
            < 86_400 => Text($"{seconds / 3_600} h {seconds / 60 % 60} min"),
            _ => Text($"{seconds / 86_400} d {seconds / 3_600 % 24} h"),
        };

        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Bytes in a unit that leaves three or four digits, such as "123 MiB".</summary>
    public static string Bytes(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var value = (double)bytes;
        var unit = 0;
        while (value >= 1000 && unit < units.Length - 1)
            (value, unit) = (value / 1024, unit + 1);
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }

    private static string Line(IReadOnlyList<string> headings, IReadOnlyList<Cell> row, int[] widths, TextStyle style)
    {
        var line = new StringBuilder();
        var used = 0;
        for (var i = 0; i < row.Count; i++)
        {
            var gap = i == 0 ? "" : Gap;
            var text = headings[i].StartsWith('>') ? row[i].Text.PadLeft(widths[i]) : row[i].Text;
            if (style.Width > 0 && used + gap.Length + text.Length > style.Width)
                text = Cut(text, style.Width - used - gap.Length);
            line.Append(gap).Append(style.Toned(text, row[i].Tone));
            used += gap.Length + text.Length;
            if (i == row.Count - 1)
                break;
            var padding = Math.Max(0, widths[i] - text.Length);
            line.Append(' ', padding);
            used += padding;
            if (style.Width > 0 && used >= style.Width)
                break;
        }
        return line.ToString().TrimEnd();
    }

    private static string Cut(string text, int room) =>
        room <= 0 ? ""
        : room >= text.Length ? text
        : $"{text[..(room - 1)]}…";
}
