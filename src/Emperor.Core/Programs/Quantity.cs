using System.Globalization;

namespace Emperor.Core.Programs;

/// <summary>Times and sizes as people write them: a number, which may have a fraction, and a unit behind it.</summary>
internal static class Quantity
{
    // More digits than any bound has.
    private const int LongestNumber = 20;

    private static readonly (string Name, long Factor)[] Times = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)];

    private static readonly (string Name, long Factor)[] Sizes = [("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40)];

    /// <summary>A time in milliseconds; a bare number is of seconds.</summary>
    public static bool TryReadTime(string text, out long milliseconds) => TryRead(text, Times, 1000, out milliseconds);

    /// <summary>A size in bytes; units are powers of 1024.</summary>
    /// <param name="text">The text.</param>
    /// <param name="bare">What a number without a unit counts, bytes.</param>
    /// <param name="bytes">The size.</param>
    public static bool TryReadSize(string text, long bare, out long bytes) => TryRead(text, Sizes, bare, out bytes);

    /// <summary>A plain number that may have a fraction.</summary>
    public static bool TryReadNumber(string text, out decimal number)
    {
        number = 0;
        return text.Length is > 0 and <= LongestNumber
            && decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>A time, shortly.</summary>
    public static string TimeText(long milliseconds) => Text(milliseconds, Times);

    /// <summary>A size, shortly.</summary>
    public static string SizeText(long bytes) => Text(bytes, Sizes);

    private static string Text(long value, (string Name, long Factor)[] units)
    {
        var unit = units.LastOrDefault(u => value != 0 && value % u.Factor == 0, ("", 1));
        return string.Create(CultureInfo.InvariantCulture, $"{value / unit.Factor}{unit.Name}");
    }

    private static bool TryRead(string text, (string Name, long Factor)[] units, long bare, out long value)
    {
        value = 0;
        var end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            end++;
        var name = text[end..].TrimStart(' ');
        var factor = name.Length == 0 ? bare : units.FirstOrDefault(u => u.Name == name).Factor;
        if (factor == 0 || !TryReadNumber(text[..end], out var number) || number > long.MaxValue / factor)
            return false;
        value = (long)Math.Round(number * factor);
        return true;
    }
}
