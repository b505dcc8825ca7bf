using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>The command line.</summary>
internal sealed record Options
{
    /// <summary>uwsgi closes every descriptor that there could be after each fork, so that its cold start depends on this number.</summary>
    private const int DefaultOpenFiles = 20_000;

    /// <summary>
    /// What a small server needs to end. Vassals that end at once hide what uwsgi does to real ones: it waits for up to two seconds when the last
    /// socket is closed before its process can be reaped, and only a stub can win that race.
    /// </summary>
    private const int DefaultStopDelay = 100;

    public const string Help = """
        Runs Emperor and uwsgi --emperor in turn over the same vassals and prints both, the ratio, and what Emperor must reach.

        usage: dotnet run -c Release --project tests/Emperor.Benchmarks -- [options]

          --vassals N,N,…    numbers of vassals (100,1000,4000)
          --rounds N         rounds of both for each number (2); the table has medians over all of them
          --only NAME,…      only these figures: cold-start drop link edit remove kill idle stop memory; and,
                             only when it is named, stats (both then serve their stats document)
          --only output      instead of all that: what one vassal that prints 100,000 lines a second costs the others
          --only supervisor  instead of all that: the same gunicorn under supervisord and under Emperor, restarted under load
          --only wsgi        instead of all that: the same WSGI apps served by uwsgi, by Emperor's built-in server and by gunicorn
          --samples N        samples a round of the latencies (Emperor 20; uwsgi 3, spread over its three seconds between polls)
          --emperor PATH     the emperor to measure; without it src/Emperor is published first
          --uwsgi PATH       the uwsgi to compare with (/usr/bin/uwsgi)
          --only-uwsgi       measure uwsgi alone
          --only-emperor     measure Emperor alone
          --nofile N         soft limit of open files, for both (20000); uwsgi closes that many after every fork
          --stop-delay MS    how long a vassal takes to end when told to (100)
          --settle SECONDS   rest between the cold start and the other figures, at least 3 (3). With 4,000 vassals uwsgi needs a minute or
                             more to read what they said at their start, one byte a scan: until then it is neither idle nor slow to see
          --keep             leave the folders with logs and journals
          --json             a JSON document on stdout instead of the table
          --check            exit code 1 when a target is missed or a figure could not be taken
          --self-check       measure uwsgi alone and fail when its figures lie outside of where they were seen: is the harness sound?
          --help             this text

        Progress goes to stderr. Vassals are the C program of tests/Emperor.TestVassal; folders are made in $TMPDIR or /tmp and
        removed. Times are taken from CLOCK_MONOTONIC stamps of the harness and the vassals. idle and memory count the emperor's own
        process and its helpers, not the vassals; memory is the larger of before and after the latencies were taken.
        Exit codes: 0 measured, 1 a check failed, 2 wrong usage or nothing could be measured, 130 interrupted.
        """;

    public IReadOnlyList<int> Vassals { get; private set; } = [100, 1000, 4000];
    public int Rounds { get; private set; } = 2;
    public IReadOnlyList<string> Only { get; private set; } = [];
    public int? Samples { get; private set; }
    public string? EmperorPath { get; private set; }
    public string UwsgiPath { get; private set; } = "/usr/bin/uwsgi";
    public bool RunUwsgi { get; private set; } = true;
    public bool RunEmperor { get; private set; } = true;
    public int OpenFiles { get; private set; } = DefaultOpenFiles;
    public int StopDelay { get; private set; } = DefaultStopDelay;
    public int Settle { get; private set; } = 3;
    public bool Keep { get; private set; }
    public bool Json { get; private set; }
    public bool Check { get; private set; }
    public bool SelfCheck { get; private set; }
    public bool ShowHelp { get; private set; }

    public bool Wants(Figure figure) =>
        (Only.Count == 0 && !figure.OnlyByName) || Only.Contains(figure.MeasuredWith) || Only.Contains(figure.Key);

    /// <exception cref="BenchmarkException">A word is not understood; the message says which.</exception>
    public static Options Parse(IEnumerable<string> words)
    {
        var options = new Options();
        var rest = new Queue<string>(words.SelectMany(SplitAtEquals));
        while (rest.TryDequeue(out var word))
            options.Apply(word, () => rest.TryDequeue(out var value) ? value : throw new BenchmarkException($"{word} needs a value"));
        if (!options.RunUwsgi && !options.RunEmperor)
            throw new BenchmarkException("nothing is left to measure: --only-uwsgi, --only-emperor and --self-check exclude each other");
        var needed = options.Vassals.Max() * 3 + 500;
        if (options.OpenFiles < needed)
            throw new BenchmarkException(
                $"--nofile {options.OpenFiles} is too small for {options.Vassals.Max()} vassals: at least {needed}"
            );
        return options;
    }

    private void Apply(string word, Func<string> value)
    {
        switch (word)
        {
            case "--vassals":
                Vassals = [.. value().Split(',').Select(text => Number(word, text, 3, 20_000))];
                break;
            case "--rounds":
                Rounds = Number(word, value(), 1, 1000);
                break;
            case "--only":
                Only = [.. value().Split(',').Select(FigureNamed)];
                break;
            case "--samples":
                Samples = Number(word, value(), 1, 1000);
                break;
            case "--emperor":
                EmperorPath = Path.GetFullPath(value());
                break;
            case "--uwsgi":
                UwsgiPath = Path.GetFullPath(value());
                break;
            case "--nofile":
                OpenFiles = Number(word, value(), 1024, 1 << 20);
                break;
            case "--stop-delay":
                StopDelay = Number(word, value(), 0, 10_000);
                break;
            case "--settle":
                Settle = Number(word, value(), 3, 3600);
                break;
            default:
                ApplySwitch(word);
                break;
        }
    }

    private void ApplySwitch(string word)
    {
        switch (word)
        {
            case "--only-uwsgi":
                RunEmperor = false;
                break;
            case "--only-emperor":
                RunUwsgi = false;
                break;
            case "--keep":
                Keep = true;
                break;
            case "--json":
                Json = true;
                break;
            case "--check":
                Check = true;
                break;
            case "--self-check":
                SelfCheck = true;
                RunEmperor = false;
                break;
            case "--help" or "-h":
                ShowHelp = true;
                break;
            default:
                throw new BenchmarkException($"{word} is no option of this program; --help lists them");
        }
    }

    private static string[] SplitAtEquals(string word) => word.StartsWith("--", StringComparison.Ordinal) ? word.Split('=', 2) : [word];

    private static string FigureNamed(string name) =>
        name is OutputBenchmark.Name or SupervisorBenchmark.Name or WsgiBenchmark.Name || Figures.All.Any(figure => figure.Key == name)
            ? name
            : throw new BenchmarkException($"--only {name}: the figures are {string.Join(' ', Figures.All.Select(figure => figure.Key))}");

    private static int Number(string word, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new BenchmarkException($"{word} {text}: a number from {least} to {most} is needed");
}
