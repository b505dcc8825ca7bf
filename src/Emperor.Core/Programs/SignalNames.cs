using System.Globalization;

namespace Emperor.Core.Programs;

/// <summary>Signals by name and number, as signal(7) has them on x86 and ARM.</summary>
public static class SignalNames
{
    /// <summary>The last real-time signal.</summary>
    public const int Last = 64;

    // Glibc's first for programs; it keeps two for itself.
    private const int FirstRealTime = 34;

    private static readonly string[] Names =
    [
        "HUP",
        "INT",
        "QUIT",
        "ILL",
        "TRAP",
        "ABRT",
        "BUS",
        "FPE",
        "KILL",
        "USR1",
        "SEGV",
        "USR2",
        "PIPE",
        "ALRM",
        "TERM",
        "STKFLT",
        "CHLD",
        "CONT",
        "STOP",
        "TSTP",
        "TTIN",
        "TTOU",
        "URG",
        "XCPU",
        "XFSZ",
        "VTALRM",
        "PROF",
        "WINCH",
        "IO",
        "PWR",
        "SYS",
    ];

    /// <summary>The number of a signal that is named with or without SIG, in any case, as RTMIN+1 or RTMAX-1, or by its number; null when there is none.</summary>
    public static int? NumberOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var name = text.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal))
            name = name[3..];
        var index = Array.IndexOf(Names, name);
        if (index >= 0)
            return index + 1;
        int? number =
            name is "RTMIN" ? FirstRealTime
            : name is "RTMAX" ? Last
            : name.StartsWith("RTMIN+", StringComparison.Ordinal) && TryRead(name[6..], out var above) ? FirstRealTime + above
            : name.StartsWith("RTMAX-", StringComparison.Ordinal) && TryRead(name[6..], out var below) ? Last - below
            : TryRead(text, out var plain) && plain is > 0 and (<= 31 or >= FirstRealTime) ? plain
            : null;
        return number is > 0 and <= Last && (number <= 31 || number >= FirstRealTime) ? number : null;
    }

    /// <summary>A signal's name without SIG, such as TERM; its number when it has none.</summary>
    public static string NameOf(int number) =>
        number > 0 && number <= Names.Length ? Names[number - 1] : number.ToString(CultureInfo.InvariantCulture);

    private static bool TryRead(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= Last;
}
