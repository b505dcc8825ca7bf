using System.Globalization;

namespace Emperor.Core.Reign;

/// <summary>The names of zergs: LORD:zerg, LORD:zerg-2 and so on.</summary>
public static class ZergName
{
    private const string Ending = ":zerg";

    /// <summary>The name of a lord's zerg.</summary>
    /// <param name="lord">The vassal that it reinforces.</param>
    /// <param name="place">Which of its zergs it is, from 1.</param>
    public static string Of(string lord, int place) =>
        place == 1 ? lord + Ending : string.Create(CultureInfo.InvariantCulture, $"{lord}{Ending}-{place}");

    /// <summary>The vassal that a zerg of this name would reinforce; null when no zerg can have it.</summary>
    public static string? LordOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var at = name.LastIndexOf(Ending, StringComparison.Ordinal);
        if (at <= 0)
            return null;
        var rest = name.AsSpan(at + Ending.Length);
        var isPlace = rest.Length > 1 && rest[0] == '-' && int.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return rest.IsEmpty || isPlace ? name[..at] : null;
    }
}
