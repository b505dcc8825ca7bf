using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>
/// What one vassal that prints <see cref="Rate"/> lines a second costs the others: how long another's line takes to the emperor's log, and
/// how long the emperor takes to replace a third one that was killed, beside the same without the flood.
/// </summary>
internal sealed class OutputBenchmark(Options options, string vassal, string folder, CancellationToken cancel)
{
    public const string Name = "output";

    /// <summary>Lines of 80 bytes a second.</summary>
    public const int Rate = 100_000;

    private static readonly TimeSpan settle = TimeSpan.FromSeconds(3);

    public void Run(IReadOnlyList<Contender> contenders)
    {
        Console.WriteLine($"What a flood of {Rate:#,0} lines a second costs the others (median, 99th percentile or largest)");
        Console.WriteLine();
        Console.WriteLine(
            "| program | flood | another's line to the log | p99 | SIGKILL to successor | largest | lines a second | lost | emperor's processor |"
        );
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var contender in contenders)
        {
            var rounds = Enumerable
                .Range(1, options.Rounds)
                .Select(r => (Quiet: Measure(contender, 0, r), Flood: Measure(contender, Rate, r)))
                .ToList();
            var (quiet, flood) = (Join(rounds.Select(r => r.Quiet)), Join(rounds.Select(r => r.Flood)));
            Row(contender.Name, "no", quiet);
            Row(contender.Name, "yes", flood);
            Console.WriteLine(
                $"| {contender.Name} | ratio | {Ratio(Median(flood.Lines), Median(quiet.Lines))} | {Ratio(Percentile(flood.Lines), Percentile(quiet.Lines))} "
                    + $"| {Ratio(Median(flood.Kills), Median(quiet.Kills))} | {Ratio(flood.Kills.Max(), quiet.Kills.Max())} | | | |"
            );
        }
    }

    private OutputSample Measure(Contender contender, int rate, int round)
    {
        Progress.Say($"{contender.Name}, round {round}: {(rate == 0 ? "no flood" : "flood")}");
        var root = Path.Combine(folder, $"{contender.Name}-output-{rate}-{round}");
        Directory.CreateDirectory(root);
        using var run = new OutputRun(contender, root, vassal, rate, cancel);
        run.Start();
        Clock.Pause(settle, cancel);
        run.Begin();
        var kills = new List<double>();
        for (var i = 0; i < (options.Samples ?? 20); i++)
        {
            // Longer than the second within which a second life's end is a failure, and than uwsgi's two.
            Clock.Pause(TimeSpan.FromMilliseconds(contender.Polls ? 2_200 : 1_200), cancel);
            kills.Add(run.Kill(i));
        }
        return run.End(kills);
    }

    private static OutputSample Join(IEnumerable<OutputSample> samples)
    {
        var all = samples.ToList();
        return new OutputSample(
            [.. all.SelectMany(s => s.Lines)],
            [.. all.SelectMany(s => s.Kills)],
            all.Average(s => s.FloodRate),
            all.Sum(s => s.Lost),
            all.Average(s => s.Processor)
        );
    }

    private static void Row(string name, string flood, OutputSample sample) =>
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {flood} | {Median(sample.Lines):0.000} ms | {Percentile(sample.Lines):0.000} ms | {Median(sample.Kills):0.00} ms "
                    + $"| {sample.Kills.Max():0.00} ms | {sample.FloodRate:#,0} | {sample.Lost:#,0} | {sample.Processor:0} ms/s |"
            )
        );

    private static double Median(IReadOnlyList<double> values) => At(values, 0.5);

    private static double Percentile(IReadOnlyList<double> values) => At(values, 0.99);

    private static double At(IReadOnlyList<double> values, double part) =>
        values.Count == 0
            ? throw new BenchmarkException("no line came through: nothing to compare")
            : values.Order().ElementAt((int)(part * (values.Count - 1)));

    private static string Ratio(double one, double other) => string.Create(CultureInfo.InvariantCulture, $"{one / other:0.00}");
}

/// <summary>What was measured in one run.</summary>
/// <param name="Lines">From the print of a line to the log's reader, milliseconds.</param>
/// <param name="Kills">From SIGKILL to the successor's first instruction, milliseconds.</param>
/// <param name="FloodRate">Lines of the flood that came through, a second.</param>
/// <param name="Lost">Lines of the flood that did not.</param>
/// <param name="Processor">Processor time of the emperor and its helpers, milliseconds a second.</param>
internal sealed record OutputSample(
    IReadOnlyList<double> Lines,
    IReadOnlyList<double> Kills,
    double FloodRate,
    long Lost,
    double Processor
);
