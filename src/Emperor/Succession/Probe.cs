using System.Globalization;
using Emperor.Core;
using Emperor.Core.Configuration;
using Emperor.Core.Succession;
using Emperor.Linux;

namespace Emperor.Succession;

/// <summary>
/// The trial of a program before it becomes the next emperor: it is started beside the one that governs, with the legacy as it is at that moment as
/// a descriptor, reads that and its configuration, answers with one line, and ends. Whatever else comes of it (it does not run, knows nothing of this, prints a
/// fault) means that it cannot.
/// </summary>
internal static class Probe
{
    /// <summary>The first argument, which asks for it. An older program, which does not know it, refuses it, and would obey a variable by governing.</summary>
    public const string Argument = "--emperor-probe=3";

    private const int Descriptor = 3;

    private const string Yes = "emperor-probe: yes ";
    private const string No = "emperor-probe: no ";
    private const int LongestReason = 400;

    /// <summary>Makes the trial.</summary>
    /// <param name="configuration">Reads the configuration, and looks whether an emperor with what is left could start with it; what is wrong, or null.</param>
    /// <returns>The exit code.</returns>
    public static int Run(Func<EmpireLegacy, string?> configuration)
    {
        var refusal = Judge(out var empire) ?? configuration(empire!);
        Console.Out.WriteLine(refusal is null ? $"{Yes}{Program.Version}" : $"{No}{PlainText.OneLine(refusal)}");
        return refusal is null ? ExitCode.Ended : ExitCode.Failed;
    }

    /// <summary>What a trial has come to.</summary>
    /// <param name="words">All that it has printed.</param>
    /// <param name="status">How it has ended.</param>
    /// <returns>Why the program cannot be the next emperor; null when it can.</returns>
    public static string? Verdict(string words, ExitStatus status)
    {
        var lines = words.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (lines.FirstOrDefault(l => l.StartsWith(No, StringComparison.Ordinal)) is { } no)
            return no[No.Length..];
        if (lines.Any(l => l.StartsWith(Yes, StringComparison.Ordinal)) && status is { Signaled: false, Code: 0 })
            return null;
        var last = lines.Length == 0 ? "it says nothing" : $"it says \"{PlainText.OneLine(lines[0])}\"";
        if (last.Length > LongestReason)
            last = last[..LongestReason] + "…";
        return string.Create(CultureInfo.InvariantCulture, $"tried, it ended with {status}, and {last}");
    }

    private static string? Judge(out EmpireLegacy? empire)
    {
        empire = null;
        if (!Files.IsInherited(Descriptor))
            return $"{Argument}: there is no such descriptor; it is for emperors alone";
        try
        {
            using var file = Files.TakeOver(Descriptor);
            var legacy = LegacyText.Read(Arrival.ReadAll(file));
            foreach (var vassal in legacy.Vassals)
                _ = vassal.State?.Restore(new PlanTable(vassal.Plans));
            empire = legacy.Empire;
            return null;
        }
        catch (LegacyException e)
        {
            return $"what this emperor leaves cannot be taken over: {e.Message}";
        }
    }
}
