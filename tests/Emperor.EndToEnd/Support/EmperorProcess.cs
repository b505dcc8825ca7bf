using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Emperor.EndToEnd.Support;

/// <summary>How a daemon is started.</summary>
internal sealed record EmperorStart
{
    /// <summary>Its arguments.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>What is put into its environment; null takes a variable out.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>The folder it starts in.</summary>
    public required string Folder { get; init; }

    /// <summary>A program with arguments that starts it by exec (setpriv, prlimit, …).</summary>
    public IReadOnlyList<string> Before { get; init; } = [];

    /// <summary>The program; uwsgi for comparisons.</summary>
    public string? Program { get; init; }
}

/// <summary>A daemon under test, in a session of its own. Its standard error and output are kept line by line.</summary>
internal sealed class EmperorProcess : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly HashSet<int> _guards = [];
    private bool _isDisposed;
    private int _open = 2;
    private int _exitCode = -1;

    private EmperorProcess(Process process) => _process = process;

    /// <summary>The program, built with these tests; EMPEROR_PROGRAM names another (a published one).</summary>
    public static string Program { get; } =
        System.Environment.GetEnvironmentVariable("EMPEROR_PROGRAM")
        ?? typeof(EmperorProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "EmperorProgram").Value!;

    /// <summary>Its process number.</summary>
    public int Pid { get; private set; }

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _isDisposed || _process.HasExited;

    /// <summary>Its exit code; -1 before its end.</summary>
    public int ExitCode =>
        _isDisposed ? _exitCode
        : HasEnded ? _process.ExitCode
        : -1;

    /// <summary>The guards that have been seen.</summary>
    public IReadOnlyCollection<int> Guards => _guards;

    /// <summary>All lines until now.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    /// <summary>A place to wait from.</summary>
    public int Mark
    {
        get
        {
            lock (_lines)
                return _lines.Count;
        }
    }

    /// <summary>Processor seconds used until now.</summary>
    public double Cpu => ProcFs.Stat(Pid)?.Cpu ?? 0;

    /// <summary>Starts one.</summary>
    public static EmperorProcess Start(EmperorStart start)
    {
        Assert.That(Program, Does.Exist, "the emperor is not built");
        // A shell that runs the tests in the background has SIGINT and SIGQUIT ignored, and whatever it starts inherits that.
        var info = new ProcessStartInfo(
            "setsid",
            ["env", "--default-signal", .. start.Before, start.Program ?? Program, .. start.Arguments]
        )
        {
            WorkingDirectory = start.Folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        // What the test runner leaves behind is not meant for a daemon.
        foreach (var name in info.Environment.Keys.Where(IsForeign).ToList())
            info.Environment.Remove(name);
        foreach (var (name, value) in start.Environment)
            info.Environment[name] = value;
        var process = new Process { StartInfo = info };
        var result = new EmperorProcess(process);
        process.ErrorDataReceived += result.Keep;
        process.OutputDataReceived += result.Keep;
        process.Start();
        result.Pid = process.Id;
        process.StandardInput.Close();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return result;
    }

    /// <summary>Waits for a line after a mark that fits an expression, and returns it.</summary>
    public string Await(string pattern, int from = 0, TimeSpan? limit = null)
    {
        var expression = new Regex(pattern);
        var next = from;
        return Wait.For(Find, () => $"the daemon has not said \"{pattern}\" after line {from}\n{Text()}", limit);

        // Each line is looked at once: there may be many, and this is asked for many times a second.
        string? Find()
        {
            for (; LineAt(next) is { } line; next++)
            {
                if (expression.IsMatch(line))
                    return line;
            }
            return null;
        }
    }

    /// <summary>Waits for what it says about one vassal.</summary>
    public string AwaitVassal(string vassal, string pattern, int from = 0, TimeSpan? limit = null) =>
        Await($" {Regex.Escape(vassal)}: .*{pattern}", from, limit);

    /// <summary>Waits until a vassal accepts requests.</summary>
    public string AwaitAccepting(string vassal, int from = 0) => AwaitVassal(vassal, "accepts requests", from);

    /// <summary>How many lines fit an expression.</summary>
    public int Count(string pattern) => Lines.Count(l => Regex.IsMatch(l, pattern));

    /// <summary>Waits until the vassals of the first scan are spawned.</summary>
    public EmperorProcess AwaitGoverning()
    {
        Await("the emperor is governing");
        NoteGuard();
        return this;
    }

    /// <summary>The guard's process number.</summary>
    public int NoteGuard()
    {
        var guard = 0;
        Wait.Until(
            () => (guard = ProcFs.Children(Pid).FirstOrDefault(p => ProcFs.CommandLine(p).Contains("emperor-guard"))) != 0,
            () => $"the daemon has no guard\n{Text()}"
        );
        _guards.Add(guard);
        return guard;
    }

    /// <summary>Sends it a signal.</summary>
    public void Signal(int signal) => Native.Check(Native.Signal(Pid, signal), "kill");

    /// <summary>Waits for its end and for its last lines, and returns its exit code.</summary>
    public int AwaitEnd(TimeSpan? limit = null)
    {
        Wait.Until(() => _process.HasExited, () => $"the daemon has not ended\n{Text()}", limit);
        // Its last words may not have been read yet. The limit is for those that leave somebody behind who holds its output open.
        Wait.Quietly(() => Volatile.Read(ref _open) == 0, TimeSpan.FromSeconds(5));
        return _process.ExitCode;
    }

    /// <summary>Tells it to leave and waits for its end.</summary>
    public int Stop(TimeSpan? limit = null)
    {
        Signal(Native.Terminate);
        return AwaitEnd(limit);
    }

    /// <summary>All that it has said, for messages.</summary>
    public string Text() =>
        $"--- daemon (pid {Pid}{(HasEnded ? $", ended with code {ExitCode}" : "")})\n" + string.Join('\n', Lines.TakeLast(200));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit(5_000);
        }
        _exitCode = ExitCode;
        _isDisposed = true;
        _process.Dispose();
    }

    private static bool IsForeign(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("UWSGI", StringComparison.Ordinal)
        || name.StartsWith("VSTEST", StringComparison.Ordinal)
        || name.StartsWith("TESTINGPLATFORM", StringComparison.Ordinal)
        || name is "JOURNAL_STREAM" or "NOTIFY_SOCKET";

    private string? LineAt(int index)
    {
        lock (_lines)
            return index < _lines.Count ? _lines[index] : null;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
        {
            Interlocked.Decrement(ref _open);
            return;
        }
        lock (_lines)
            _lines.Add(line.Data);
    }
}
