namespace Emperor.Core.Configuration;

/// <summary>Booleans as uWSGI reads them.</summary>
internal static class CBoolean
{
    /// <summary>False for exactly false, off, no (in any case) and 0; true for all else, also for nothing.</summary>
    public static bool Read(string? value) => value is null || !IsFalse(value);

    /// <summary>Whether a text is one of the four words for false.</summary>
    public static bool IsFalse(string value) =>
        value == "0"
        || value.Equals("false", StringComparison.OrdinalIgnoreCase)
        || value.Equals("off", StringComparison.OrdinalIgnoreCase)
        || value.Equals("no", StringComparison.OrdinalIgnoreCase);
}
