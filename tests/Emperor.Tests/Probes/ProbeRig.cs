using System.Globalization;
using System.Text;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Probes;
using Emperor.Servers;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Emperor.Tests.Probes;

/// <summary>A probe desk with a loop of its own and real processes, which end with it. It stands for the daemon and its machines.</summary>
internal sealed class ProbeRig : IDisposable
{
    private const int Patience = 60_000;

    private readonly Dictionary<(string Vassal, int Incarnation), string> _problems = [];
    private readonly Dictionary<(string Vassal, int Incarnation), (PidRef Process, ProbeTarget Target)> _processes = [];
    private readonly Dictionary<string, List<(string Address, SafeFd Fd)>> _sockets = new(StringComparer.Ordinal);
    private readonly List<Readiness> _ready = [];
    private readonly SafeFd _null = Files.OpenNull();
    private readonly Lines _lines = new();
    private readonly Spawner _spawner = new();
    private readonly Logger _logger;
    private long _lastSerial;

    public ProbeRig(int mostConnections = ProbeThread.MostConnections, long idleInterval = 20)
    {
        _logger = new LoggerConfiguration().MinimumLevel.Verbose().WriteTo.Sink(_lines).CreateLogger();
        var world = new ProbeWorld
        {
            Find = (vassal, incarnation) => _processes.TryGetValue((vassal, incarnation), out var found) ? found.Target : null,
            All = vassal => [.. _processes.Where(p => p.Key.Vassal == vassal).Select(p => p.Value.Target)],
            OwnerOf = _ => null,
            Sockets = vassal => _sockets.TryGetValue(vassal, out var held) ? held : [],
            Prepare = new ProgramServer(
                new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" },
                capturesOutput: true,
                deathSignal: false,
                1024,
                new ChainTools("/usr/bin:/bin"),
                _spawner
            ).Prepare,
            StartCommand = (SpawnRequest request, out int slot, out Errno error) =>
            {
                slot = 0;
                return Spawn.Start(request, out error);
            },
            EndCommand = (process, _) => Finish(process),
        };
        Desk = new ProbeDesk(Loop, world, new EmperorLog(_logger), new Heirlooms(), mostConnections, idleInterval);
    }

    public TemporaryFolder Folder { get; } = new();

    public EventLoop Loop { get; } = new();

    public ProbeDesk Desk { get; }

    /// <summary>What the desk has told, but for what it saw of those that are not ready yet (<see cref="ProblemOf"/>).</summary>
    public List<(string Vassal, VassalEvent Event)> Told { get; } = [];

    public IReadOnlyList<string> Log => _lines.Texts;

    public ProgramPlan Plan =>
        new()
        {
            Folder = Folder.Path,
            LaunchDigest = "",
            Exec = ["x"],
        };

    /// <summary>Binds a socket, which the emperor holds for a vassal: a path in the folder, "@" for an abstract name, or an address and port.</summary>
    public SafeFd Hold(string vassal, SocketName name, string address, int backlog = 128)
    {
        var fd = ListeningSocket.Bind(name, out var error);
        Assert.That(fd, Is.Not.Null, error.ToString());
        Assert.That(ListeningSocket.Listen(fd!, backlog).Number, Is.Zero);
        if (!_sockets.TryGetValue(vassal, out var held))
            _sockets.Add(vassal, held = []);
        held.Add((address, fd!));
        return fd!;
    }

    public SafeFd HoldPath(string vassal, int backlog = 128)
    {
        var path = Folder.PathOf($"{vassal}.sock");
        return Hold(vassal, SocketName.OfPath(path), path, backlog);
    }

    /// <summary>Starts a process with descriptors from 3 on.</summary>
    public PidRef Start(string vassal, int incarnation, string[] command, SafeFd[] given, params string[] environment)
    {
        var serial = ++_lastSerial;
        var mark = $"test{Self.Pid}.{serial}";
        var request = new SpawnRequest
        {
            Program = command[0],
            Arguments = command,
            Environment = ["PATH=/usr/bin:/bin", $"EMPEROR_INCARNATION={mark}", .. environment],
            WorkingDirectory = Folder.Path,
            Descriptors = [_null.Number, 1, 2, .. given.Select(g => g.Number)],
        };
        var process = Child.Start(request);
        _processes.Add((vassal, incarnation), (process, new ProbeTarget(incarnation, process.Pid, serial, mark, null)));
        return process;
    }

    /// <summary>Starts python with a script.</summary>
    public PidRef Python(string vassal, int incarnation, string script, SafeFd[] given, params string[] environment) =>
        Start(vassal, incarnation, [PythonPath, "-c", script], given, environment);

    public static string PythonPath { get; } = "/usr/bin/python3";

    /// <summary>Turns the loop until something is true.</summary>
    public void Until(Func<bool> isSo, string what, int patience = Patience)
    {
        var end = Environment.TickCount64 + patience;
        while (!isSo())
        {
            Assert.That(
                Environment.TickCount64,
                Is.LessThan(end),
                $"{what}; told: {string.Join(", ", Told)}; log: {string.Join('\n', Log)}"
            );
            Turn(50);
        }
    }

    /// <summary>Turns the loop for some time, in which something must not come true.</summary>
    public void Never(Func<bool> isSo, string what, int time = 500)
    {
        var end = Environment.TickCount64 + time;
        while (Environment.TickCount64 < end)
        {
            Turn(20);
            Assert.That(isSo(), Is.False, $"{what}; told: {string.Join(", ", Told)}");
        }
    }

    /// <summary>One turn of the loop, as the daemon makes it.</summary>
    public void Turn(int longest)
    {
        var now = Environment.TickCount64;
        var timeout = Math.Clamp((Desk.NextDue ?? long.MaxValue) - now, 0, longest);
        Loop.Wait(_ready, (int)timeout);
        now = Environment.TickCount64;
        foreach (var ready in _ready)
        {
            var id = Token.IdOf(ready.Token);
            if (Token.KindOf(ready.Token) == TokenKind.Notify)
                Desk.HearNotification(id, now);
            else if (Token.KindOf(ready.Token) == TokenKind.ProbeCommand)
                Desk.HearCommand(id);
        }
        Desk.Turn(now);
        while (Desk.Outcomes.TryDequeue(out var outcome))
        {
            if (outcome.Event is VassalEvent.NotReady problem)
                _problems[(outcome.Vassal, problem.Incarnation)] = problem.Problem;
            else
                Told.Add(outcome);
        }
    }

    public bool IsReady(string vassal, int incarnation) => Told.Contains((vassal, new VassalEvent.BecameReady(incarnation)));

    /// <summary>What was last told of a process that is not ready yet; null when nothing.</summary>
    public string? ProblemOf(string vassal, int incarnation) => _problems.GetValueOrDefault((vassal, incarnation));

    public IEnumerable<Notification> Heard => Told.Select(t => t.Event).OfType<VassalEvent.Notified>().Select(n => n.Message);

    public void AwaitReady(string vassal, int incarnation, ReadyRule rule) =>
        Desk.Begin(new Effect.AwaitReady(vassal, incarnation, Plan with { Ready = rule }), Environment.TickCount64);

    public int PidOf(string vassal, int incarnation) => _processes[(vassal, incarnation)].Process.Pid;

    public bool IsRunning(string vassal) => _processes.Keys.Any(k => k.Vassal == vassal);

    public void Signal(string vassal, int signal)
    {
        foreach (var (_, found) in _processes.Where(p => p.Key.Vassal == vassal))
            _ = found.Process.Signal(signal);
    }

    /// <summary>Takes leave of those that have ended by themselves.</summary>
    public void ReapEnded()
    {
        foreach (var (vassal, incarnation) in _processes.Where(p => p.Value.Process.HasEnded(out _)).Select(p => p.Key).ToArray())
            End(vassal, incarnation);
    }

    /// <summary>A process has ended, or is ended now.</summary>
    public void End(string vassal, int incarnation)
    {
        if (!_processes.TryGetValue((vassal, incarnation), out var found))
            return;
        _ = found.Process.SignalGroup(Signals.Kill);
        Desk.Notify.HearLast(vassal, incarnation, Environment.TickCount64);
        _processes.Remove((vassal, incarnation));
        Desk.Ended(vassal, incarnation);
        Finish(found.Process);
    }

    public void Dispose()
    {
        foreach (var (vassal, incarnation) in _processes.Keys.ToArray())
            End(vassal, incarnation);
        Desk.Dispose();
        foreach (var (_, fd) in _sockets.Values.SelectMany(s => s))
            fd.Dispose();
        _null.Dispose();
        _spawner.Dispose();
        Loop.Dispose();
        _logger.Dispose();
        Folder.Dispose();
    }

    private static void Finish(PidRef process)
    {
        _ = process.SignalGroup(Signals.Kill);
        _ = process.Signal(Signals.Kill);
        if (!process.HasEnded(out _))
            _ = Child.WaitFor(process);
        else
            _ = process.Reap(out _);
        process.Dispose();
    }

    private sealed class Lines : ILogEventSink
    {
        private readonly List<string> _texts = [];

        public IReadOnlyList<string> Texts => _texts;

        public void Emit(LogEvent logEvent) => _texts.Add(logEvent.RenderMessage(CultureInfo.InvariantCulture));
    }
}
