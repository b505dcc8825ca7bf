namespace Emperor.Core.Configuration;

/// <summary>Numbers as the C library reads them.</summary>
internal static class CNumber
{
    /// <summary>
    /// The number at the start of a text, as strtoll in base 10 reads it: leading blanks, a sign, digits; what follows is ignored, and
    /// too large a number becomes the largest.
    /// </summary>
    /// <returns>False when there is no digit at the start; the value is then 0.</returns>
    public static bool TryReadPrefix(string text, out long value)
    {
        var at = 0;
        while (at < text.Length && text[at] is ' ' or (>= '\t' and <= '\r'))
            at++;
        var negative = at < text.Length && text[at] == '-';
        if (at < text.Length && text[at] is '-' or '+')
            at++;
        var first = at;
        Int128 number = 0;
        for (; at < text.Length && char.IsAsciiDigit(text[at]); at++)
            number = Int128.Min(number * 10 + (text[at] - '0'), (Int128)long.MaxValue + 1);
        value = (long)Int128.Clamp(negative ? -number : number, long.MinValue, long.MaxValue);
        return at > first;
    }

    /// <summary>The number at the start of a text as strtoll gives it: 0 without one.</summary>
    public static long Read(string text)
    {
        TryReadPrefix(text, out var value);
        return value;
    }

    /// <summary>The number at the start of a text as atoi gives it with glibc: strtol, then cut to 32 bits.</summary>
    public static int ReadInt(string text) => unchecked((int)Read(text));

    /// <summary>Whether uWSGI takes a text for a number: digits and nothing else.</summary>
    public static bool IsNumber(string text) => text.All(char.IsAsciiDigit);
}
