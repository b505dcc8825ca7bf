using System.Globalization;

namespace Emperor.Core.Control;

/// <summary>What has come of an upgrade, as the emperor tells it that went on.</summary>
/// <param name="From">The version of the program before.</param>
/// <param name="To">That of the one now.</param>
/// <param name="TookMs">How long nobody governed, milliseconds.</param>
/// <param name="Carried">How many vassals are as they were.</param>
/// <param name="Restarted">The vassals that had to be started anew.</param>
public sealed record UpgradeReport(string From, string To, long TookMs, int Carried, IReadOnlyList<string> Restarted)
{
    // So that the answer is a short one whatever has happened.
    private const int MostNamed = 10;

    /// <summary>It as a sentence.</summary>
    public string Sentence()
    {
        var restarted = Restarted.Count switch
        {
            0 => "none restarted",
            > MostNamed => Text($"{Restarted.Count} restarted"),
            _ => $"{Text($"{Restarted.Count}")} restarted ({string.Join(", ", Restarted.Select(PlainText.OneLine))})",
        };
        var vassals = Carried == 1 ? "vassal" : "vassals";
        return Text($"upgraded from {From} to {To} in {TookMs / 1000.0:0.00} s: {Carried} {vassals} carried over, ") + restarted;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
