using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Servers.Wsgi;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Emperor.Tests.Wsgi;

/// <summary>
/// The built-in server's rooms, with real workers of one vassal, as one emperor after the other has them (<see cref="Succeed"/>). The processes are kept by one
/// keeper all the time, as they would be taken over before. It stands for the daemon and its machines.
/// </summary>
internal sealed class WsgiRig : IDisposable
{
    public const string Vassal = "blog.ini";

    private const int Patience = 60_000;

    // Above what the tests open.
    private const int LowestCopy = 200;

    private const string App = """
        import os, time

        while not os.path.exists("loads"):
            time.sleep(0.01)

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/slow":
                time.sleep(1000)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(os.getpid()).encode()]

        """;

    private readonly List<Readiness> _ready = [];
    private readonly Lines _lines = new();
    private readonly Spawner _spawner = new();
    private readonly Logger _logger;
    private readonly EmperorLog _log;
    private readonly EventLoop _loop = new();
    private readonly ProgramServer _server;
    private readonly SafeFd _socket;
    private readonly List<Effect.Launch> _launched = [];
    private readonly List<IDisposable> _former = [];

    public WsgiRig()
    {
        _logger = new LoggerConfiguration().MinimumLevel.Verbose().WriteTo.Sink(_lines).CreateLogger();
        _log = new EmperorLog(_logger);
        _server = new ProgramServer(
            new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" },
            capturesOutput: true,
            deathSignal: false,
            1024,
            new ChainTools("/usr/bin:/bin"),
            _spawner
        );
        Folder.Write("app.py", App);
        Directory.CreateDirectory(Folder.PathOf("vassals"));
        Folder.Write($"vassals/{Vassal}", "[uwsgi]\nmodule = a\nsocket = @a\n");
        _socket = ListeningSocket.Bind(SocketName.OfPath(SocketPath), out var error)!;
        Assert.That(_socket, Is.Not.Null, error.ToString());
        Assert.That(ListeningSocket.Listen(_socket, 128).Number, Is.Zero);
        Processes = new ProcessKeeper(_loop, new VassalCGroups(Self.Pid), output: null, _log, Emperor.Succession.Inheritance.None);
        Open(new Heirlooms());
    }

    public TemporaryFolder Folder { get; } = new();

    public ProcessKeeper Processes { get; }

    public Heirlooms Heirlooms { get; private set; } = null!;

    public EventLoop Loop { get; private set; } = null!;

    public WsgiMaster Master { get; private set; } = null!;

    public MonitorHub Monitors { get; private set; } = null!;

    public MasterDuties Duties { get; private set; } = null!;

    public List<VassalEvent> Told { get; } = [];

    /// <summary>Of what the rooms said that something else is left.</summary>
    public HashSet<string> Altered { get; } = [];

    public IReadOnlyList<string> Log => _lines.Texts;

    public ProgramPlan Plan =>
        new()
        {
            Exec = [Probes.ProbeRig.PythonPath],
            Folder = Folder.Path,
            LaunchDigest = "",
            Sockets = [new ProgramSocket(SocketPath, "web")],
            Wsgi = new WsgiPlan
            {
                App = "app.py",
                Options = """{"wsgi-file":"app.py","disable-logging":true}""",
                Protocols = ["http"],
            },
        };

    private string SocketPath => Folder.PathOf("web.sock");

    /// <summary>Lets the app be loaded from now on.</summary>
    public void LetLoad() => Folder.Write("loads", "");

    /// <summary>A worker is wanted.</summary>
    public void Launch(int incarnation, ProgramPlan plan, int slot = 0)
    {
        var launch = new Effect.Launch(Vassal, incarnation, slot, plan) { Generation = 1 };
        _launched.Add(launch);
        Duties.Launched(launch, Environment.TickCount64);
        Master.Want(launch, Environment.TickCount64);
    }

    /// <summary>What the rooms leave, by way of the document.</summary>
    public VassalLegacy Left()
    {
        var plans = new PlanTable();
        var state = new VassalState
        {
            Name = Vassal,
            Phase = Phase.Starting,
            Members =
            [
                .. _launched.Select(l => new Member
                {
                    Incarnation = l.Incarnation,
                    Slot = l.Slot,
                    Plan = l.Plan,
                    Generation = l.Generation,
                }),
            ],
        };
        var left = new VassalLegacy
        {
            Name = Vassal,
            State = StateLegacy.Of(state, plans),
            Wsgi = Master.LegacyOf(Vassal, plans),
            Duties = Duties.LegacyOf(Vassal, plans),
        };
        var legacy = new Legacy { Program = "test", Vassals = [left with { Plans = plans.All }] };
        return LegacyText.Read(LegacyText.Write(legacy)).Vassals[0];
    }

    /// <summary>The next emperor's rooms take the place of these.</summary>
    public void Succeed(bool isCrash = false, Func<string, bool>? isLost = null, Func<VassalLegacy, VassalLegacy>? change = null)
    {
        var left = change?.Invoke(Left()) ?? Left();
        var copies = Heirlooms
            .All.Where(k => isLost?.Invoke(k.Name) != true)
            .Select(k => (k.Name, Files.MoveAbove(new SafeFd(Files.DuplicateAbove(k.Fd, LowestCopy)), LowestCopy)))
            .ToArray();
        // That only closes descriptors; what the other rooms would do at their end is no more to be done by them.
        Master.Dispose();
        _former.Add(Monitors);
        _former.Add(Loop);
        Open(new Heirlooms(copies));
        var plans = new PlanTable(left.Plans);
        var now = Environment.TickCount64;
        Master.Inherit(left, left.State!.Restore(plans), plans, isCrash, now);
        Duties.Inherit(left, plans, now);
        var rest = Heirlooms.CloseRest();
        if (!isCrash && isLost is null)
            Assert.That(rest, Is.Zero, "all has been taken");
    }

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
            Turn();
        }
    }

    public void UntilReady(int incarnation) =>
        Until(() => Told.Contains(new VassalEvent.BecameReady(incarnation)), $"worker {incarnation} is ready");

    /// <summary>How a process has ended; null when it has not.</summary>
    public ProcessEnd? EndOf(int incarnation) =>
        Told.OfType<VassalEvent.Exited>().Where(e => e.Incarnation == incarnation).Select(e => e.End).FirstOrDefault();

    public int PidOf(int incarnation) => Processes.Of(Vassal, incarnation)?.Process.Pid ?? 0;

    /// <summary>Sends a request, and waits for its answer: the number of the process that has given it.</summary>
    public int Ask()
    {
        using var client = Send("/");
        return int.Parse(Receive(client).Split("\r\n\r\n")[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until so many requests are counted.</summary>
    public void UntilServed(long requests) => Until(() => Master.Work()[Vassal].Requests == requests, $"{requests} requests are counted");

    /// <summary>Sends a request.</summary>
    public Socket Send(string uri)
    {
        var client = Connect(SocketPath);
        _ = client.Send(Encoding.ASCII.GetBytes($"GET {uri} HTTP/1.0\r\n\r\n"));
        return client;
    }

    public static Socket Connect(string path)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = Patience };
        client.Connect(new UnixDomainSocketEndPoint(path));
        return client;
    }

    /// <summary>All that comes until the other end closes, while the loop turns.</summary>
    public string Receive(Socket client)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (true)
        {
            Until(() => client.Poll(0, SelectMode.SelectRead), "there is an answer");
            var count = client.Receive(buffer);
            if (count == 0)
                return text.ToString();
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }
    }

    public void Dispose()
    {
        try
        {
            Duties.Dispose();
            // One may come to be known only now.
            Until(IsDeserted, "all are killed");
            Master.Dispose();
            Monitors.Dispose();
            Loop.Dispose();
            _former.ForEach(f => f.Dispose());
            Processes.Dispose();
        }
        finally
        {
            // The other tests' orphans are not ours, however this one ends.
            _ = Native.PrCtl(Emperor.Linux.Constants.PrSetChildSubreaper, 0, 0, 0, 0);
        }
        _socket.Dispose();
        _loop.Dispose();
        _spawner.Dispose();
        _logger.Dispose();
        Folder.Dispose();
    }

    private bool IsDeserted()
    {
        foreach (var process in Processes.All)
            Processes.Kill(process);
        return Processes.All.Count == 0;
    }

    private void Open(Heirlooms heirlooms)
    {
        Heirlooms = heirlooms;
        Loop = new EventLoop();
        Master = new WsgiMaster(Loop, Processes, heirlooms, _log)
        {
            StartTemplate = Start,
            SocketsOf = _ => [(SocketPath, _socket)],
            OnAltered = vassal => Altered.Add(vassal),
        };
        var folder = Folder.PathOf("vassals");
        var monitor = new FolderMonitor(0, folder, folder, noFollow: false, new VassalNames([]));
        Monitors = new MonitorHub([monitor], Loop, _log, 100, new FileManner(), []);
        Duties = new MasterDuties(
            new DutyWorld(Loop, Processes, Master, Monitors, _log, null, _server.Prepare, _ => [(SocketPath, _socket)], IsServe: false)
            {
                Heirlooms = heirlooms,
            }
        )
        {
            OnAltered = vassal => Altered.Add(vassal),
        };
    }

    private string? Start(Effect.Launch launch)
    {
        using var worker = Master.Prepare(launch, out var failure);
        if (worker is null)
            return failure;
        var (serial, mark) = Processes.Next();
        var request = new ProgramLaunch
        {
            Plan = launch.Plan,
            Command = worker.Command,
            Sockets = [_socket],
            Others = worker.Descriptors,
            Mark = mark,
        };
        if (_server.Launch(request, out failure) is not { } process)
            return failure;
        Master.Started(launch, worker, Environment.TickCount64);
        Processes.Keep(new LiveProcess(serial, launch.Vassal, launch.Incarnation, process, null) { Mark = mark }, null);
        return null;
    }

    // One turn of the loop, as the daemon makes it.
    private void Turn()
    {
        Loop.Wait(_ready, 20);
        var now = Environment.TickCount64;
        foreach (var ready in _ready.ToArray())
        {
            if (Token.KindOf(ready.Token) == TokenKind.Worker)
                Master.Hear(Token.IdOf(ready.Token), now);
            else if (Token.KindOf(ready.Token) == TokenKind.Duty)
                Duties.Hear(Token.IdOf(ready.Token), ready);
        }
        _loop.Wait(_ready, 0);
        foreach (var ready in _ready.Where(r => Token.KindOf(r.Token) == TokenKind.Exit).ToArray())
            Reap(Token.IdOf(ready.Token), now);
        Master.Turn(now);
        Duties.Turn(now);
        while (Processes.Outcomes.TryDequeue(out var outcome))
        {
            if (outcome.Event is VassalEvent.BecameReady became)
                Duties.Ready(Vassal, became.Incarnation);
            Told.Add(outcome.Event);
        }
    }

    private void Reap(long serial, long now)
    {
        if (Processes.BySerial(serial) is not { } process || !process.Process.HasEnded(out _))
            return;
        Master.HearLast(Vassal, process.Incarnation, now);
        Duties.Ending(Vassal, process.Incarnation);
        if (Processes.Reap(serial, Clock.Now, out var end))
            Master.Ended(Vassal, process.Incarnation, end, now);
    }

    private sealed class Lines : ILogEventSink
    {
        private readonly List<string> _texts = [];

        public IReadOnlyList<string> Texts => _texts;

        public void Emit(LogEvent logEvent) => _texts.Add(logEvent.RenderMessage(CultureInfo.InvariantCulture));
    }
}
