using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>
/// One emperor over three kinds of vassals: one that floods (or not), one that prints the time, and some that are killed. Its log is a
/// pipe, read without a pause: what is measured is when a line is there, and not how often somebody looks.
/// </summary>
internal sealed class OutputRun : IDisposable
{
    private const int Victims = 10;
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(30);

    private readonly Contender contender;
    private readonly CancellationToken cancel;
    private readonly string vassals;
    private readonly string program;
    private readonly string log;
    private readonly Journal journal;
    private readonly LogReader reader;
    private LaunchedProcess? process;
    private long begun;
    private long processor;

    public OutputRun(Contender contender, string root, string vassal, int rate, CancellationToken cancel)
    {
        this.contender = contender;
        this.cancel = cancel;
        vassals = Directory.CreateDirectory(Path.Combine(root, "vassals")).FullName;
        // A copy of its own: a process that runs this very file is one of this run, and nothing else is ever killed.
        program = Path.Combine(root, "vassal");
        File.Copy(vassal, program);
        journal = new Journal(Path.Combine(root, "journal"));
        Script("flood", rate == 0 ? [] : [$"flood {rate}"]);
        Script("clock", ["stamp-every 7"]);
        for (var i = 0; i < Victims; i++)
            Script($"victim{i}", []);
        log = Path.Combine(root, "log");
        using (var maker = Process.Start("mkfifo", [log]))
            maker.WaitForExit();
        reader = new LogReader(log);
    }

    private LaunchedProcess Running => process ?? throw new InvalidOperationException("not started");

    public void Start()
    {
        process = LaunchedProcess.Start(
            contender.Program,
            ["--emperor", vassals, "--emperor-wrapper", program],
            log,
            new Dictionary<string, string> { ["VASSAL_JOURNAL"] = journal.Path }
        );
        Until(
            () =>
            {
                journal.Read();
                return journal.Started == Victims + 2;
            },
            "the vassals to start"
        );
    }

    /// <summary>What comes from now on counts.</summary>
    public void Begin()
    {
        reader.Clear();
        begun = Clock.Now;
        processor = Processor();
    }

    /// <summary>Kills a vassal and waits for its successor.</summary>
    public double Kill(int number)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"victim{number % Victims}.ini");
        journal.Read();
        var (pid, mark, from) = (journal.PidOf(name), journal.Mark, Clock.Now);
        if (Native.Kill(pid, Native.SignalKill) != 0)
            throw new BenchmarkException($"{name} (pid {pid}) should have been running");
        JournalLine? found = null;
        Until(
            () => (found = journal.Find(mark, line => line.Event == "start" && line.Detail == name)) is not null,
            $"the successor of {name}"
        );
        return Clock.Milliseconds(found!.Value.At - from);
    }

    public OutputSample End(IReadOnlyList<double> kills)
    {
        var seconds = (Clock.Now - begun) / 1e9;
        var used = Processor() - processor;
        var (lines, count, lost) = reader.Take();
        return new OutputSample(lines, kills, count / seconds, lost, Clock.Milliseconds(used) / seconds);
    }

    public void Dispose()
    {
        process?.Signal(Native.SignalKill);
        for (var i = 0; i < 50; i++)
        {
            int[] left = [.. ProcFs.Running(program).Where(pid => !ProcFs.IsGone(pid))];
            if (left.Length == 0 && process is not { Ending: null })
                break;
            foreach (var pid in left)
                _ = Native.Kill(pid, Native.SignalKill);
            Thread.Sleep(20);
        }
        reader.Dispose();
        journal.Dispose();
    }

    private long Processor() => ProcFs.WithHelpers(Running.Pid, program).Sum(ProcFs.ProcessorTime);

    private void Script(string name, IEnumerable<string> verbs) =>
        File.WriteAllText(
            Path.Combine(vassals, name + ".ini"),
            "[uwsgi]\n" + string.Concat(verbs.Concat(["spawned", "accept", "loyal"]).Select(verb => $"x-do = {verb}\n"))
        );

    private void Until(Func<bool> done, string what)
    {
        for (var from = Clock.Now; !done(); Clock.Pause(TimeSpan.FromMilliseconds(1), cancel))
        {
            if (Running.Ending is { } ending)
                throw new BenchmarkException($"{contender.Name} ended by itself: {ending}");
            if (Clock.Milliseconds(Clock.Now - from) > limit.TotalMilliseconds)
                throw new BenchmarkException($"{contender.Name}: waited {limit.TotalSeconds:0} s for {what}");
        }
    }

    /// <summary>Reads a log as it comes: the age of each stamp, and the numbers of the flood.</summary>
    private sealed class LogReader : IDisposable
    {
        private readonly FileStream pipe;
        private readonly Lock gate = new();
        private List<double> ages = [];
        private long count;
        private long first = -1;
        private long last;
        private volatile bool ended;

        public LogReader(string path)
        {
            // Both ends, so that neither this nor the emperor waits for the other to open it, and its end ends nothing here.
            pipe = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
            new Thread(Run) { IsBackground = true }.Start();
        }

        public void Clear()
        {
            lock (gate)
                (ages, count, first) = ([], 0, -1);
        }

        public (IReadOnlyList<double> Ages, long Count, long Lost) Take()
        {
            lock (gate)
                return (ages, count, first < 0 ? 0 : last - first + 1 - count);
        }

        public void Dispose()
        {
            ended = true;
            // Wakes the reader.
            pipe.Write("\n"u8);
        }

        private void Run()
        {
            var buffer = new byte[256 * 1024];
            var filled = 0;
            while (!ended)
            {
                filled += pipe.Read(buffer, filled, buffer.Length - filled);
                var now = Clock.Now;
                var rest = buffer.AsSpan(0, filled);
                lock (gate)
                {
                    for (int end; (end = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
                        Add(rest[..end], now);
                }
                rest.CopyTo(buffer);
                filled = rest.Length;
            }
            pipe.Dispose();
        }

        private void Add(ReadOnlySpan<byte> line, long now)
        {
            if (Number(line, "stamp "u8) is { } at)
                ages.Add(Clock.Milliseconds(now - at));
            if (Number(line, "flood "u8) is not { } number)
                return;
            if (first < 0)
                first = number;
            last = number;
            count++;
        }

        // With or without a name in front.
        private static long? Number(ReadOnlySpan<byte> line, ReadOnlySpan<byte> word)
        {
            var at = line.IndexOf(word);
            return at >= 0 && Utf8Parser.TryParse(line[(at + word.Length)..], out long number, out _) ? number : null;
        }
    }
}
