using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>
/// The same gunicorn application under supervisord and under Emperor, in turn: how soon it answers, what a restart costs its clients, and what the
/// supervisor itself takes.
/// </summary>
internal sealed class SupervisorBenchmark(Options options, string folder, CancellationToken cancel)
{
    public const string Name = "supervisor";

    private const int Restarts = 10;
    private const int Clients = 4;

    /// <exception cref="BenchmarkException">supervisord or gunicorn is not there, or one of them fails.</exception>
    public void Run(IReadOnlyList<Contender> contenders)
    {
        var emperor = contenders.FirstOrDefault(c => c.Name == Results.Emperor);
        List<(string Name, Func<string, SupervisedRun> Make)> both = [("supervisord", root => SupervisedRun.OfSupervisord(root, cancel))];
        if (emperor is not null)
            both.Add((emperor.Name, root => SupervisedRun.OfEmperor(emperor.Program, root, cancel)));
        var samples = new List<(string Name, SupervisedSample Sample)>();
        for (var round = 1; round <= options.Rounds; round++)
        {
            foreach (var (name, make) in both)
            {
                Progress.Say($"{name}, gunicorn, round {round} of {options.Rounds}: start, {Restarts} restarts with {Clients} clients …");
                using var run = make(Directory.CreateDirectory(Path.Combine(folder, $"{name}-{round}")).FullName);
                samples.Add((name, run.Measure(Restarts, Clients)));
            }
        }
        Print(both.ConvertAll(b => (b.Name, Samples: samples.Where(s => s.Name == b.Name).Select(s => s.Sample).ToArray())));
    }

    private void Print(List<(string Name, SupervisedSample[] Samples)> columns)
    {
        Console.WriteLine(
            $"the same gunicorn with 2 workers; {Restarts} restarts while {Clients} clients ask without a pause; medians over {options.Rounds} round(s)\n"
        );
        Row("figure", columns.ConvertAll(c => c.Name));
        Row("-------------------------------", columns.ConvertAll(_ => "--------------"));
        Figure("start to first answer, ms", s => s.FirstAnswer, columns);
        Figure("requests answered", s => s.Answered, columns);
        Figure("requests failed", s => s.Failed, columns);
        Figure("longest time without an answer, ms", s => s.LongestGap, columns);
        Figure("processes of the supervisor", s => s.Processes, columns);
        Figure("private memory of it (dirty), MB", s => s.Memory, columns);
    }

    private static void Figure(string title, Func<SupervisedSample, double> of, List<(string Name, SupervisedSample[] Samples)> columns) =>
        Row(
            title,
            columns.ConvertAll(c =>
            {
                var sorted = c.Samples.Select(of).Order().ToArray();
                return sorted[sorted.Length / 2].ToString("#,0.#", CultureInfo.InvariantCulture);
            })
        );

    private static void Row(string title, List<string> cells) =>
        Console.WriteLine($"{title, -36}{string.Concat(cells.Select(c => $"{c, 16}"))}");
}
