using System.Globalization;

namespace Emperor.EndToEnd.Support;

/// <summary>
/// A test with a realm of its own: a temporary folder with a vassals folder in it, a journal that the scripted vassals write, and any
/// number of daemons. At the end everything is stopped, and nothing may be left of it.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal abstract class EmperorTest
{
    private const string MarkVariable = "EMPEROR_TEST";

    /// <summary>Longer than any test: with it, nothing is found by a scan that a hint has not brought forward.</summary>
    private const string NeverScan = "600";

    private readonly string _mark = Guid.NewGuid().ToString("N");
    private readonly List<EmperorProcess> _daemons = [];

    /// <summary>The folder of this test.</summary>
    protected TempFolder Temp { get; } = new();

    /// <summary>The vassals folder; made by the first use of <see cref="Write"/> or <see cref="Start"/>.</summary>
    protected string Vassals => Temp["vassals"];

    /// <summary>What the vassals have written down.</summary>
    protected Journal Journal { get; private set; } = null!;

    /// <summary>Why a test must run as root; fails when it does not.</summary>
    protected static void NeedRoot(string why) => Assert.That(Native.IsRoot, $"this test needs root: {why}");

    [SetUp]
    public void MakeRealm()
    {
        Journal = new Journal(Temp["journal"], Logs);
        Directory.CreateDirectory(Vassals);
    }

    [TearDown]
    public void EndRealm()
    {
        foreach (var daemon in _daemons.Where(d => !d.HasEnded))
        {
            if (Native.Signal(daemon.Pid, Native.Terminate) != 0)
                continue;
            Wait.Quietly(() => daemon.HasEnded);
        }
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed)
            TestContext.Out.WriteLine($"{Logs()}\n{Journal.Text()}");
        var stubborn = _daemons.Where(d => !d.HasEnded).Select(d => d.Text()).ToList();
        foreach (var daemon in _daemons)
            daemon.Dispose();
        List<int> left = [];
        Wait.Quietly(() => (left = Leftovers()).Count == 0);
        var told = left.Select(pid => $"{pid} {ProcFs.CommandLine(pid)}").ToList();
        foreach (var pid in left)
            _ = Native.Signal(pid, Native.Kill);
        Temp.Dispose();
        Assert.That(stubborn, Is.Empty, "a daemon did not leave when it was told to");
        Assert.That(told, Is.Empty, $"processes were left behind\n{Logs()}");
    }

    /// <summary>The living processes that came of this test's daemons, the daemons and their guards not among them.</summary>
    protected List<int> Descendants()
    {
        var known = Journal.Lines.Select(l => l.Pid).ToHashSet();
        var daemons = _daemons.Select(d => d.Pid).ToHashSet();
        return
        [
            .. ProcFs
                .All()
                .Where(pid => !daemons.Contains(pid) && ProcFs.IsAlive(pid))
                .Where(pid => (known.Contains(pid) && IsInTemp(pid)) || ProcFs.Environment(pid).Contains($"{MarkVariable}={_mark}")),
        ];
    }

    // Daemons that have wiped their environment are known by the journal alone. A number there may be another's by now, or one of another
    // namespace: it counts only where the process itself names this test's folder.
    private bool IsInTemp(int pid) =>
        ProcFs.CommandLine(pid).Contains($"{Temp.Path}/") || $"{ProcFs.Folder(pid)}/".StartsWith($"{Temp.Path}/");

    /// <summary>Starts a daemon over the vassals folder, with scripted vassals, and waits until it governs.</summary>
    protected EmperorProcess Start(params string[] options) => Launch(["--emperor", Vassals, .. options]).AwaitGoverning();

    /// <summary>Starts a daemon over one vassal, and waits until that accepts requests.</summary>
    protected EmperorProcess StartWith(string vassal, params string[] options)
    {
        if (!File.Exists($"{Vassals}/{vassal}"))
            Write(vassal);
        var daemon = Start(options);
        daemon.AwaitAccepting(vassal);
        return daemon;
    }

    /// <summary>Starts a daemon with scripted vassals and these arguments, and does not wait.</summary>
    protected EmperorProcess Launch(params string[] arguments) => Launch(new Dictionary<string, string?>(), arguments);

    /// <summary>The same with a changed environment.</summary>
    protected EmperorProcess Launch(IReadOnlyDictionary<string, string?> environment, params string[] arguments) =>
        Launch(
            new EmperorStart
            {
                Arguments =
                [
                    .. arguments,
                    .. arguments.Contains("--emperor-freq") ? Array.Empty<string>() : ["--emperor-freq", NeverScan],
                    "--emperor-wrapper",
                    TestVassal.VassalProgram.Path,
                ],
                Environment = environment,
                Folder = Temp.Path,
            }
        );

    /// <summary>Starts exactly this, and does not wait.</summary>
    protected EmperorProcess Launch(EmperorStart start)
    {
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["VASSAL_JOURNAL"] = Journal.Path,
            [MarkVariable] = _mark,
        };
        // All tests of a machine would want the one usual socket; those that need one name it.
        if (start.Program is null)
            environment["UWSGI_EMPEROR_CONTROL"] = "none";
        foreach (var (name, value) in start.Environment)
            environment[name] = value;
        var daemon = EmperorProcess.Start(start with { Environment = environment });
        _daemons.Add(daemon);
        return daemon;
    }

    /// <summary>Writes a vassal's file in the vassals folder; the verbs are in Emperor.TestVassal/README.md.</summary>
    protected string Write(string name, params string[] verbs)
    {
        Directory.CreateDirectory(Vassals);
        var path = name.StartsWith('/') ? name : $"{Vassals}/{name}";
        File.WriteAllText(path, Script(verbs));
        return path;
    }

    /// <summary>A vassal's file that does these things; without any it says that it accepts requests.</summary>
    protected static string Script(params string[] verbs) =>
        "[uwsgi]\n" + string.Concat(verbs.Select(verb => $"x-do = {verb}\n")) + (verbs.Length == 0 ? "master = true\n" : "");

    /// <summary>Links a name in the vassals folder to a path.</summary>
    protected string Link(string name, string target)
    {
        var path = name.StartsWith('/') ? name : $"{Vassals}/{name}";
        File.CreateSymbolicLink(path, target);
        return path;
    }

    /// <summary>Gives a link a new target in one step, as deployments do.</summary>
    protected static void Repoint(string link, string target)
    {
        File.CreateSymbolicLink(link + ".new", target);
        Rename(link + ".new", link);
    }

    /// <summary>rename(2), which replaces what is there.</summary>
    protected static void Rename(string from, string to) => Native.Check(Native.Rename(from, to), "rename");

    /// <summary>Waits for a vassal's state line after SIGUSR1, and returns it.</summary>
    protected static string StateOf(EmperorProcess daemon, string vassal)
    {
        var mark = daemon.Mark;
        daemon.Signal(Native.User1);
        return daemon.Await($" {System.Text.RegularExpressions.Regex.Escape(vassal)}: [a-z-]+(, pid|, failures)", mark);
    }

    /// <summary>
    /// Waits until all workers of a real uwsgi wait for requests. One that is told to stop while it forks them waits for those that did not
    /// hear of it, longer than an emperor has patience.
    /// </summary>
    protected void AwaitIdle(int master, int workers) =>
        Wait.Until(
            () =>
                ProcFs.Children(master) is var all
                && all.Count == workers
                && all.TrueForAll(w => ProcFs.WaitsIn(w).Contains("poll", StringComparison.Ordinal)),
            () => $"not all workers of {master} wait for requests\n{Logs()}"
        );

    /// <summary>What all daemons have said.</summary>
    protected string Logs() => string.Join('\n', _daemons.Select(d => d.Text()));

    private List<int> Leftovers() =>
        [.. Descendants(), .. _daemons.SelectMany(d => d.Guards).Where(g => ProcFs.CommandLine(g).Contains("emperor-guard"))];

    /// <summary>A number in the invariant way.</summary>
    protected static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
