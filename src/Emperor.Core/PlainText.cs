using System.Globalization;
using System.Text;

namespace Emperor.Core;

/// <summary>Text that comes from files, names and programs, made fit to be shown.</summary>
public static class PlainText
{
    /// <summary>The longest line that is shown; what is beyond is cut off.</summary>
    public const int LongestLine = 4096;

    /// <summary>The text on one line: control characters as \n, \t or \xNN, and cut to <see cref="LongestLine"/>.</summary>
    public static string OneLine(string text)
    {
        if (text.Length <= LongestLine && !text.Any(char.IsControl))
            return text;
        var line = new StringBuilder(Math.Min(text.Length, LongestLine) + 16);
        foreach (var c in text)
        {
            if (line.Length >= LongestLine)
            {
                line.Append('…');
                break;
            }
            line.Append(
                c switch
                {
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    _ when char.IsControl(c) => string.Create(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                    _ => c.ToString(),
                }
            );
        }
        return line.ToString();
    }
}
