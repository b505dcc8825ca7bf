using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>How pieces of a configuration stand in messages.</summary>
internal static class Messages
{
    private const int Longest = 120;

    /// <summary>A text that is readable and not without end: control characters and undecodable bytes become '?'.</summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder();
        foreach (var rune in (text.Length > Longest ? text[..Longest] + "..." : text).EnumerateRunes())
            shown.Append(Rune.IsControl(rune) || rune == Rune.ReplacementChar ? new Rune('?') : rune);
        return shown.ToString();
    }

    /// <summary>The same for the reader's own strings, which hold a byte a character.</summary>
    public static string ShownBytes(string bytes) => Shown(ConfigText.ToText(bytes.Length > Longest ? bytes[..Longest] + "..." : bytes));
}
