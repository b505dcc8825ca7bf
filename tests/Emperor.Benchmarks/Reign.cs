using System.Globalization;
using System.Net.Sockets;

namespace Emperor.Benchmarks;

/// <summary>
/// One run of one emperor over one ground, from its start to the end of the last vassal. Every wait has a limit and sees at once when the
/// emperor is gone. Disposing it leaves no process, whatever happened before.
/// </summary>
internal sealed class Reign : IDisposable
{
    private readonly Journal journal;
    private readonly string vassalProgram;
    private readonly string log;
    private readonly CancellationToken cancel;
    private readonly Contender contender;
    private readonly string? stats;
    private readonly byte[] document = new byte[64 * 1024];
    private readonly Ground ground;
    private readonly int vassals;
    private LaunchedProcess? process;
    private bool stopping;

    public Reign(Contender contender, Ground ground, string vassal, bool servesStats, CancellationToken cancel)
    {
        this.contender = contender;
        this.ground = ground;
        this.cancel = cancel;
        stats = servesStats ? Path.Combine(ground.Root, "stats") : null;
        vassals = ground.Names.Count;
        log = Path.Combine(ground.Root, "log");
        // A copy of its own: a process that runs this very file is one of this reign, and nothing else is ever killed.
        vassalProgram = Path.Combine(ground.Root, "vassal");
        File.Copy(vassal, vassalProgram);
        journal = new Journal(Path.Combine(ground.Root, "journal"));
    }

    private TimeSpan LatencyLimit => TimeSpan.FromSeconds(20) + TimeSpan.FromMilliseconds(5 * vassals);

    private LaunchedProcess Running => process ?? throw new InvalidOperationException("not started");

    /// <summary>From the exec of the emperor to the first instruction of the last vassal, in milliseconds.</summary>
    public double Start()
    {
        process = LaunchedProcess.Start(
            contender.Program,
            [
                "--emperor",
                ground.Vassals,
                "--emperor-wrapper",
                vassalProgram,
                .. stats is null ? Array.Empty<string>() : ["--emperor-stats", stats],
            ],
            log,
            new Dictionary<string, string> { ["VASSAL_JOURNAL"] = journal.Path }
        );
        var limit = TimeSpan.FromSeconds(30) + TimeSpan.FromMilliseconds(25 * vassals);
        Until(
            () =>
            {
                journal.Read();
                return journal.Started >= vassals;
            },
            limit,
            () => $"{vassals} vassals to start; {journal.Started} did",
            TimeSpan.FromMilliseconds(5)
        );
        return Clock.Milliseconds(journal.Starts.Max(line => line.At) - Running.StartedAt);
    }

    /// <summary>Processor time of the emperor and its helpers while nothing happens, in milliseconds a second.</summary>
    public double Idle(TimeSpan time)
    {
        var pids = ProcFs.WithHelpers(Running.Pid, vassalProgram);
        var from = Clock.Now;
        var before = pids.Sum(ProcFs.ProcessorTime);
        Pause(time);
        var used = pids.Sum(ProcFs.ProcessorTime) - before;
        return Clock.Milliseconds(used) / ((Clock.Now - from) / 1e9);
    }

    public MemoryUse Memory() => ProcFs.Memory(ProcFs.WithHelpers(Running.Pid, vassalProgram));

    /// <summary>From connecting to the stats socket to the end of its document, in milliseconds.</summary>
    public double Document()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var from = Clock.Now;
        socket.Connect(new UnixDomainSocketEndPoint(stats!));
        var length = 0L;
        for (int count; (count = socket.Receive(document)) > 0; )
            length += count;
        var took = Clock.Milliseconds(Clock.Now - from);
        // A document that does not tell of every vassal would be the fastest of all.
        return length > 100L * vassals ? took : throw new BenchmarkException($"{contender.Name}: its document has {length} bytes only");
    }

    public double Drop(int sample)
    {
        var name = Fresh("drop", sample);
        ground.Stage();
        return Latency(() => ground.Drop(name), line => IsStart(line, name), $"{name}.ini, just dropped, to start");
    }

    public double Link(int sample)
    {
        var name = Fresh("link", sample);
        ground.Prepare(name);
        return Latency(() => ground.Link(name), line => IsStart(line, name), $"{name}.ini, just linked, to start");
    }

    public double Edit(string name)
    {
        var pid = PidOf(name);
        return Latency(() => ground.Edit(name), line => IsByte(line, pid, "1"), $"the reload byte of {name}.ini, whose target was edited");
    }

    public double Remove(string name)
    {
        var pid = PidOf(name);
        return Latency(
            () => ground.Remove(name),
            line => IsByte(line, pid, "0") || IsByte(line, pid, "2"),
            $"the stop byte of {name}.ini, whose link was removed"
        );
    }

    public double Kill(string name)
    {
        var pid = PidOf(name);
        if (ProcFs.Executable(pid) != vassalProgram)
            throw new BenchmarkException($"{name}.ini (pid {pid}) should have been running");
        return Latency(
            () => Native.Kill(pid, Native.SignalKill),
            line => IsStart(line, name),
            $"the successor of {name}.ini, which was killed"
        );
    }

    /// <summary>From the signal to the end of the emperor and of every process that was a vassal, in milliseconds.</summary>
    public double Stop()
    {
        journal.Read();
        HashSet<int> left = [.. journal.Starts.Select(line => line.Pid).Where(pid => !ProcFs.IsGone(pid))];
        int[] told = [.. left];
        stopping = true;
        var limit = TimeSpan.FromSeconds(60) + TimeSpan.FromMilliseconds(10 * vassals);
        var from = Clock.Now;
        Running.Signal(contender.StopSignal);
        Until(() => Running.Ending is not null, limit, () => "the emperor to end", TimeSpan.FromMilliseconds(1));
        Until(
            () =>
            {
                left.RemoveWhere(ProcFs.IsGone);
                return left.Count == 0;
            },
            limit,
            () => $"the vassals to end after the emperor; {left.Count} are left",
            TimeSpan.FromMilliseconds(1)
        );
        var took = Clock.Milliseconds(Clock.Now - from);
        Orderly(told);
        return took;
    }

    public void Pause(TimeSpan time)
    {
        Clock.Pause(time, cancel);
        Alive();
    }

    public void Dispose()
    {
        process?.Signal(Native.SignalKill);
        // First the emperor, or it would start anew what is killed here; again and again for what it was just starting, within a second.
        for (var i = 0; i < 50; i++)
        {
            int[] left = [.. ProcFs.Running(vassalProgram).Where(pid => !ProcFs.IsGone(pid))];
            if (left.Length == 0 && process is not { Ending: null })
                break;
            foreach (var pid in left)
                _ = Native.Kill(pid, Native.SignalKill);
            Thread.Sleep(20);
        }
        journal.Dispose();
    }

    private static string Fresh(string kind, int sample) => string.Create(CultureInfo.InvariantCulture, $"{kind}{sample:d5}");

    private static bool IsStart(JournalLine line, string name) =>
        line.Event == "start" && line.Detail.Length == name.Length + 4 && line.Detail.StartsWith(name, StringComparison.Ordinal);

    private static bool IsByte(JournalLine line, int pid, string value) => line.Pid == pid && line.Event == "byte" && line.Detail == value;

    private int PidOf(string name)
    {
        journal.Read();
        return journal.PidOf(name + ".ini");
    }

    private double Latency(Action act, Func<JournalLine, bool> matches, string what)
    {
        Alive();
        var mark = journal.Mark;
        var from = Clock.Now;
        act();
        JournalLine? found = null;
        Until(() => (found = journal.Find(mark, matches)) is not null, LatencyLimit, () => what, TimeSpan.FromMilliseconds(1));
        return Clock.Milliseconds(found!.Value.At - from);
    }

    private void Until(Func<bool> done, TimeSpan limit, Func<string> what, TimeSpan step)
    {
        var from = Clock.Now;
        while (!done())
        {
            Alive();
            var waited = TimeSpan.FromMilliseconds(Clock.Milliseconds(Clock.Now - from));
            if (waited > limit)
                throw new BenchmarkException($"{contender.Name}: waited {limit.TotalSeconds:0} s for {what()}{LogEnd()}");
            // Times are in the journal: what is still not there after a while need not be looked for so often.
            Clock.Pause(waited.TotalMilliseconds > 100 ? step * 4 : step, cancel);
        }
    }

    /// <summary>An emperor that dies and takes its vassals with it would be the fastest of all.</summary>
    private void Orderly(int[] pids)
    {
        if (Running.Ending is not "exit code 0" and { } ending)
            throw new BenchmarkException($"{contender.Name} did not end well: {ending}{LogEnd()}");
        var stopped = journal.Stops.Select(line => line.Pid).ToHashSet();
        var killed = pids.Count(pid => !stopped.Contains(pid));
        if (killed > 0)
            throw new BenchmarkException($"{contender.Name}: {killed} of {pids.Length} vassals were killed and not stopped{LogEnd()}");
    }

    private void Alive()
    {
        if (!stopping && Running.Ending is { } ending)
            throw new BenchmarkException($"{contender.Name} ended by itself: {ending}{LogEnd()}");
    }

    private string LogEnd()
    {
        var lines = File.Exists(log) ? File.ReadLines(log).TakeLast(8).ToList() : [];
        return lines.Count == 0 ? "; it printed nothing" : "; its last words:\n    " + string.Join("\n    ", lines);
    }
}
