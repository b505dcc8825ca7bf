using System.Runtime.InteropServices;
using Emperor.Benchmarks;
using Emperor.TestVassal;

const int CheckFailed = 1;
const int Trouble = 2;
const int Interrupted = 130;

using var interrupt = new CancellationTokenSource();
PosixSignal[] endings = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP];

// A second signal is not held back: who insists gets out, and leaves the cleaning to himself.
PosixSignalRegistration[] registrations =
[
    .. endings.Select(signal =>
        PosixSignalRegistration.Create(
            signal,
            context =>
            {
                context.Cancel = !interrupt.IsCancellationRequested;
                interrupt.Cancel();
            }
        )
    ),
];
try
{
    var options = Options.Parse(args);
    if (options.ShowHelp)
    {
        Console.WriteLine(Options.Help);
        return 0;
    }
    return Measure(options, interrupt.Token);
}
catch (BenchmarkException e)
{
    Console.Error.WriteLine($"benchmark: {e.Message}");
    return Trouble;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("benchmark: interrupted; everything that it started is gone");
    return Interrupted;
}
finally
{
    foreach (var registration in registrations)
        registration.Dispose();
}

static int Measure(Options options, CancellationToken cancel)
{
    Programs.LimitOpenFiles(options.OpenFiles);
    var folder = Directory.CreateTempSubdirectory("emperor-bench-").FullName;
    try
    {
        List<Contender> contenders = [];
        var uwsgi = "";
        var emperor = "";
        if (options.RunUwsgi)
        {
            var path = Programs.Uwsgi(options);
            Progress.Say("uwsgi: " + (uwsgi = Programs.Version(path, folder, cancel)));
            contenders.Add(new Contender(Results.Uwsgi, path, Native.SignalInterrupt, options.Samples ?? 3, Polls: true));
        }
        if (options.RunEmperor)
        {
            var path = Programs.Emperor(options, folder, cancel);
            Progress.Say("emperor: " + (emperor = Programs.Version(path, folder, cancel)));
            contenders.Add(new Contender(Results.Emperor, path, Native.SignalTerminate, options.Samples ?? 20, Polls: false));
        }
        if (options.Only.Contains(OutputBenchmark.Name))
        {
            new OutputBenchmark(options, VassalProgram.Path, folder, cancel).Run(contenders);
            return 0;
        }
        if (options.Only.Contains(WsgiBenchmark.Name))
            return new WsgiBenchmark(folder, cancel).Run(contenders) || !options.Check ? 0 : CheckFailed;
        if (options.Only.Contains(SupervisorBenchmark.Name))
        {
            new SupervisorBenchmark(options, folder, cancel).Run(contenders);
            return 0;
        }
        var results = new Results();
        Ground.WarmUp(Path.Combine(folder, "warm-up"));
        var round = new Round(options, results, VassalProgram.Path, folder, cancel);
        foreach (var vassals in options.Vassals)
            for (var number = 1; number <= options.Rounds; number++)
                foreach (var contender in contenders)
                    round.Run(contender, vassals, number);

        Console.Write(options.Json ? Report.Json(results, options, uwsgi, emperor) + "\n" : Report.Table(results, options));
        if (options.SelfCheck && !SelfCheck.Run(results, options, options.Json ? Console.Error : Console.Out))
            return CheckFailed;
        return options.Check && !AllReached(results, options) ? CheckFailed : 0;
    }
    finally
    {
        if (options.Keep)
            Progress.Say($"logs and journals are in {folder}");
        else
            Directory.Delete(folder, recursive: true);
    }
}

static bool AllReached(Results results, Options options) =>
    options
        .Vassals.SelectMany(vassals => results.Rows(vassals, options.Wants))
        .All(row => row.Reached != false && row.Uwsgi.Failures.Count == 0 && row.Emperor.Failures.Count == 0);
