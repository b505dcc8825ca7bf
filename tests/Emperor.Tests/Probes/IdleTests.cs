using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Probes;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class IdleTests : IDisposable
{
    private const string Vassal = "a.ini";

    private ProbeRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [TestCase("path")]
    [TestCase("tcp")]
    public void A_vassal_that_nobody_uses_is_idle_and_frozen_until_it_is_let_go(string kind)
    {
        var (socket, end) = Hold(kind);
        var process = _rig.Python(Vassal, 1, AcceptTests.Prelude + "os.fork()\n" + AcceptTests.AcceptForEver, [socket]);
        Ask(end);
        Watch(300);
        var began = Environment.TickCount64;
        _rig.Until(() => _rig.Told.Count > 0, "it is not idle");
        Assert.That(_rig.Told.Single(), Is.EqualTo((Vassal, (VassalEvent)new VassalEvent.FellIdle())));
        Assert.That(Environment.TickCount64 - began, Is.GreaterThanOrEqualTo(290));
        Assert.That(ProcFs.Stat(process.Pid)?.State, Is.EqualTo('T'));
        // Nobody answers, but nobody is refused.
        using var client = Connect(end);
        client.Send("x"u8);
        _rig.Desk.Thaw(Vassal, Environment.TickCount64);
        Assert.That(() => ProcFs.Stat(process.Pid)?.State, Is.Not.EqualTo('T').After(60_000, 5));
        Assert.That(client.Receive(new byte[1]), Is.Zero, "it is served, and closed");
        _rig.Until(() => _rig.Told.Count > 1, "it is not idle again");
    }

    [Test]
    public void Who_is_told_nothing_goes_on_by_himself()
    {
        var (socket, _) = Hold("path");
        var process = _rig.Python(Vassal, 1, AcceptTests.Prelude + AcceptTests.AcceptForEver, [socket]);
        Watch(50);
        _rig.Until(() => _rig.Told.Count > 0, "it is not idle");
        _rig.Until(() => ProcFs.Stat(process.Pid)?.State == 'T', "it is not frozen");
        _rig.Until(() => ProcFs.Stat(process.Pid)?.State != 'T', "it stays frozen", 20_000);
    }

    [TestCase("path")]
    [TestCase("tcp")]
    public void An_open_connection_is_use_however_silent(string kind)
    {
        var (socket, end) = Hold(kind);
        _rig.Python(Vassal, 1, AcceptTests.Prelude + AcceptTests.AcceptForEver, [socket]);
        using (Connect(end))
        {
            Ask(end, needsAnswer: false);
            Watch(200);
            _rig.Never(() => _rig.Told.Count > 0, "it is idle", 1000);
        }
        _rig.Until(() => _rig.Told.Count > 0, "it is not idle after it was closed");
    }

    [Test]
    public void A_connection_that_nobody_accepts_is_use()
    {
        var (socket, end) = Hold("path");
        _rig.Python(Vassal, 1, AcceptTests.Prelude + "time.sleep(600)", [socket]);
        using var client = Connect(end);
        Watch(100);
        _rig.Never(() => _rig.Told.Count > 0, "it is idle", 1000);
    }

    [TestCase("path")]
    [TestCase("tcp")]
    public void Short_requests_now_and_then_are_use(string kind)
    {
        var (socket, end) = Hold(kind);
        _rig.Python(Vassal, 1, AcceptTests.Prelude + AcceptTests.AcceptForEver, [socket]);
        Ask(end);
        // Long beside a request's time on a busy machine; and the requests last longer than this.
        const int idle = 4_000;
        Watch(idle);
        for (var began = Environment.TickCount64; Environment.TickCount64 - began < idle + 500; )
        {
            _rig.Never(() => _rig.Told.Count > 0, "it is idle", 400);
            Ask(end);
        }
        _rig.Until(() => _rig.Told.Count > 0, "it is not idle after that");
    }

    [Test]
    public void Checks_of_its_health_are_no_use()
    {
        var (socket, _) = Hold("path");
        const string script = "while True:\n  c, _ = l.accept()\n  c.recv(999)\n  c.send(b'HTTP/1.1 200 OK\\r\\n\\r\\n')\n  c.close()";
        _rig.Python(Vassal, 1, AcceptTests.Prelude + script, [socket]);
        var health = new HealthRule
        {
            Path = "/",
            Interval = 300,
            Timeout = 20_000,
        };
        _rig.Desk.Begin(new Effect.CheckHealth(Vassal, 1, _rig.Plan with { Health = health }), Environment.TickCount64);
        Watch(1000);
        _rig.Until(() => _rig.Told.Count > 0, "it is never idle");
        Assert.That(_rig.Told.Single().Event, Is.TypeOf<VassalEvent.FellIdle>());
    }

    [Test]
    public void It_is_watched_no_more_after_its_end()
    {
        var (socket, _) = Hold("path");
        _rig.Python(Vassal, 1, AcceptTests.Prelude + AcceptTests.AcceptForEver, [socket]);
        Watch(200);
        _rig.End(Vassal, 1);
        Assert.That(_rig.Desk.NextDue, Is.Null);
        _rig.Never(() => _rig.Told.Count > 0, "it is idle", 600);
    }

    /// <summary>
    /// Vassals that are on demand and fall idle after a moment, and clients that come when they like: at each turn the vassal is told to stop or let go on, and
    /// whatever was sent is answered.
    /// </summary>
    [TestCase(1_000, "path", 3)]
    [TestCase(200, "path", 1)]
    [TestCase(200, "tcp", 3)]
    public void No_request_is_lost_in_so_many_turns(int turns, string kind, int threads)
    {
        const int vassals = 8;
        _rig.Dispose();
        _rig = new ProbeRig(idleInterval: 2);
        var server = Compile();
        var dice = new Random(20_26);
        var ends = new EndPoint[vassals];
        var fds = new SafeFd[vassals];
        var incarnations = new int[vassals];
        for (var i = 0; i < vassals; i++)
            (fds[i], ends[i]) = Hold(kind, $"{i}.ini");
        using var stop = new CancellationTokenSource();
        long answered = 0;
        var lost = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var clients = Enumerable
            .Range(0, vassals)
            .Select(i => new Thread(() => Request(ends[i], i, lost, ref answered, stop.Token)))
            .ToArray();
        foreach (var client in clients)
            client.Start();
        var (fell, stopped, thawed) = (0, 0, 0);
        var limit = Environment.TickCount64 + 400_000;
        while (fell < turns && lost.IsEmpty)
        {
            Assert.That(Environment.TickCount64, Is.LessThan(limit), $"{fell} turns only");
            for (var i = 0; i < vassals; i++)
            {
                if (_rig.IsRunning($"{i}.ini") || !ListeningSocket.HasConnection(fds[i]))
                    continue;
                _rig.Start($"{i}.ini", ++incarnations[i], [server, threads.ToString(CultureInfo.InvariantCulture)], [fds[i]]);
                Watch(5, $"{i}.ini", incarnations[i]);
            }
            _rig.Turn(1);
            foreach (var (vassal, @event) in _rig.Told)
            {
                Assert.That(@event, Is.TypeOf<VassalEvent.FellIdle>());
                fell++;
                var stops = dice.Next(4) != 0;
                if (stops)
                    _rig.Signal(vassal, Signals.Terminate);
                _rig.Desk.Thaw(vassal, Environment.TickCount64);
                _ = stops ? stopped++ : thawed++;
            }
            _rig.Told.Clear();
            _rig.ReapEnded();
        }
        stop.Cancel();
        // Who is still in the queue is answered by whoever is started for him.
        foreach (var client in clients)
        {
            while (!client.Join(1))
            {
                for (var i = 0; i < vassals; i++)
                {
                    if (!_rig.IsRunning($"{i}.ini") && ListeningSocket.HasConnection(fds[i]))
                        _rig.Start($"{i}.ini", ++incarnations[i], [server, "1"], [fds[i]]);
                }
                _rig.Turn(1);
                _rig.ReapEnded();
            }
        }
        TestContext.Out.WriteLine($"{fell} turns: {stopped} stopped, {thawed} let go on; {answered} requests answered");
        Assert.That(lost, Is.Empty);
        Assert.That(answered, Is.GreaterThan(turns / 4));
    }

    private static void Request(
        EndPoint end,
        int number,
        System.Collections.Concurrent.ConcurrentQueue<string> lost,
        ref long answered,
        CancellationToken stop
    )
    {
        var dice = new Random(number);
        var buffer = new byte[16];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // Around the moment at which the vassal falls idle, and now and then long after it.
                stop.WaitHandle.WaitOne(dice.Next(10) == 0 ? dice.Next(300) : dice.Next(60));
                using var client = Connect(end);
                client.ReceiveTimeout = 60_000;
                client.Send("hello\n"u8);
                var count = client.Receive(buffer);
                if (count == 6)
                    Interlocked.Increment(ref answered);
                else
                    lost.Enqueue($"client {number} got {count} bytes");
            }
            catch (SocketException e)
            {
                lost.Enqueue($"client {number}: {e.Message}");
            }
        }
    }

    private string Compile()
    {
        var program = _rig.Folder.PathOf("idle");
        var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Probes", "idle.c");
        var (status, complaints) = Child.Run("/usr/bin/cc", "-O2", "-pthread", "-o", program, source);
        Assert.That(status.Code, Is.Zero, complaints);
        return program;
    }

    private void Watch(long idle, string vassal = Vassal, int incarnation = 1) =>
        _rig.Desk.Begin(new Effect.WatchIdle(vassal, incarnation, _rig.Plan with { Idle = idle }), Environment.TickCount64);

    private (SafeFd Fd, EndPoint End) Hold(string kind, string vassal = Vassal)
    {
        if (kind == "path")
            return (_rig.HoldPath(vassal), new UnixDomainSocketEndPoint(_rig.Folder.PathOf($"{vassal}.sock")));
        var fd = _rig.Hold(vassal, SocketName.OfInternet(IPAddress.Loopback, 0), "127.0.0.1:0");
        return (fd, IPEndPoint.Parse(ListeningSocket.AddressOf(fd)!));
    }

    private static Socket Connect(EndPoint end)
    {
        var client = new Socket(end.AddressFamily, SocketType.Stream, end is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
        client.Connect(end);
        return client;
    }

    private void Ask(EndPoint end, bool needsAnswer = true)
    {
        using var client = Connect(end);
        client.Send("x"u8);
        if (!needsAnswer)
            return;
        // While the loop turns: the vassal may just have been frozen, and is let go on there.
        _rig.Until(() => client.Poll(0, SelectMode.SelectRead), "it is not answered");
        Assert.That(client.Receive(new byte[1]), Is.Zero);
    }
}
