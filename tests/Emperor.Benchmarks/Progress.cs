using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>What is going on, on stderr, with the seconds since the start.</summary>
internal static class Progress
{
    private static readonly long from = Clock.Now;

    public static void Say(string text) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"[{(Clock.Now - from) / 1e9, 6:0.0}] {text}"));
}
