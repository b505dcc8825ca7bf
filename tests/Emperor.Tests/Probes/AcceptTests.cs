using System.Net;
using Emperor.Core.Programs;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Probes;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class AcceptTests : IDisposable
{
    private const string Vassal = "a.ini";

    // Descriptor 3 is the listening socket.
    internal const string Prelude = """
        import os, socket, sys, time, select, threading
        l = socket.socket(fileno=3)
        def wait_for(path):
            while not os.path.exists(path): time.sleep(0.005)

        """;

    internal const string AcceptForEver = """
        while True:
            c, _ = l.accept()
            c.recv(1)
            c.close()
        """;

    private ProbeRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [TestCase("path")]
    [TestCase("abstract")]
    [TestCase("tcp4")]
    [TestCase("tcp6")]
    public void A_program_is_ready_when_it_accepts_and_not_before(string kind)
    {
        var socket = Hold(kind);
        _rig.Python(Vassal, 1, Prelude + "wait_for('go')\n" + AcceptForEver, [socket]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept");
        File.WriteAllText(_rig.Folder.PathOf("go"), "");
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready though it accepts");
        Assert.That(_rig.Told, Has.Count.EqualTo(1));
        _rig.Until(() => _rig.Desk.OpenNow == 0, "the connection is not closed");
    }

    [TestCase("time.sleep(600)")]
    [TestCase("e = select.epoll(); e.register(3, select.EPOLLIN); time.sleep(600)")]
    public void A_program_that_listens_and_never_accepts_is_not_ready(string script)
    {
        _rig.Python(Vassal, 1, Prelude + script, [_rig.HoldPath(Vassal)]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept");
        Assert.That(_rig.Desk.OpenNow, Is.LessThanOrEqualTo(1));
    }

    // Whoever closes at once may do so between the look at the connection and that at its holder; as servers do, these accept again. The others keep it.
    [TestCase("while True: l.accept()[0].close()", TestName = "It closes at once")]
    [TestCase("c, _ = l.accept(); c.send(b'220 hello\\r\\n'); time.sleep(600)", TestName = "It speaks first")]
    [TestCase(
        "while True:\n c, _ = l.accept()\n try: c.send(b'220 hello\\r\\n')\n except OSError: pass\n c.close()",
        TestName = "It speaks and closes"
    )]
    [TestCase("c = os.fork() or l.accept(); time.sleep(600)", TestName = "A child accepts")]
    // Nobody kills it with its parent: it ends when that has.
    [TestCase(
        "r, w = os.pipe()\nif os.fork() == 0:\n os.setsid(); os.close(w)\n c = l.accept(); os.read(r, 1); os._exit(0)\ntime.sleep(600)",
        TestName = "A child in a session of its own accepts"
    )]
    [TestCase("time.sleep(0.3)\nfor i in range(4): os.fork()\nc = l.accept(); time.sleep(600)", TestName = "One of many children accepts")]
    public void Whoever_of_a_program_accepts_makes_it_ready(string script)
    {
        _rig.Python(Vassal, 1, Prelude + script, [_rig.HoldPath(Vassal)]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
    }

    [Test]
    public void What_the_old_generation_accepts_does_not_make_the_new_one_ready([Values("path", "tcp4")] string kind)
    {
        var socket = Hold(kind);
        _rig.Python(Vassal, 1, Prelude + AcceptForEver, [socket]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => _rig.IsReady(Vassal, 1), "the first is not ready");
        _rig.Python(Vassal, 2, Prelude + "wait_for('go')\n" + AcceptForEver, [socket]);
        _rig.AwaitReady(Vassal, 2, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => HasProblem(2, "another process"), "it is not told who has accepted");
        _rig.Never(() => _rig.IsReady(Vassal, 2), "the new one is ready because of the old one");
        File.WriteAllText(_rig.Folder.PathOf("go"), "");
        _rig.Until(() => _rig.IsReady(Vassal, 2), "the new one is not ready");
    }

    [TestCase(
        "False",
        "e = select.epoll(); e.register(3, select.EPOLLIN)\nwhile True:\n  e.poll()\n  time.sleep(0.05)\n  try: l.accept()\n  except BlockingIOError: pass"
    )]
    [TestCase("True", "while True: l.accept()[0].close()")]
    public void A_new_generation_that_waits_is_ready_though_the_old_one_takes_connections(string blocks, string script)
    {
        var socket = _rig.HoldPath(Vassal);
        // It takes a connection before others can, and closes it at once. Whether the socket blocks is the same for both.
        var greedy = $"l.setblocking({blocks})\nwhile True:\n  try: l.accept()[0].close()\n  except BlockingIOError: pass";
        _rig.Python(Vassal, 1, Prelude + "open('old', 'w').close()\n" + greedy, [socket]);
        Assert.That(() => File.Exists(_rig.Folder.PathOf("old")), Is.True.After(60_000, 10));
        _rig.Python(Vassal, 2, Prelude + script, [socket]);
        _rig.AwaitReady(Vassal, 2, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => _rig.IsReady(Vassal, 2), "the new one is not ready");
    }

    [Test]
    public void A_socket_whose_queue_is_full_is_ready_when_there_is_room_again()
    {
        var socket = _rig.HoldPath(Vassal, backlog: 1);
        var name = SocketName.OfPath(_rig.Folder.PathOf($"{Vassal}.sock"));
        List<StreamConnection> waiting = [];
        while (StreamConnection.Connect(name, out _) is { } connection)
            waiting.Add(connection);
        _rig.Python(Vassal, 1, Prelude + "wait_for('go')\n" + AcceptForEver, [socket]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => HasProblem(1, "full"), "it is not told that the queue is full");
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept");
        File.WriteAllText(_rig.Folder.PathOf("go"), "");
        waiting.ForEach(w => w.Dispose());
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
    }

    [Test]
    public void A_socket_that_hands_out_only_what_has_sent_something_is_accepted_from()
    {
        var socket = Hold("tcp4");
        _rig.Python(
            Vassal,
            1,
            Prelude + "l.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)\nwait_for('go')\nl.accept()",
            [socket]
        );
        Assert.That(() => ListenerFacts.Of(socket)!.Defers, Is.True.After(60_000, 10));
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept");
        File.WriteAllText(_rig.Folder.PathOf("go"), "");
        _rig.Until(() => _rig.IsReady(Vassal, 1), "it is not ready");
    }

    [Test]
    public void One_that_is_told_to_stop_is_not_looked_at_any_more()
    {
        _rig.Python(Vassal, 1, Prelude + "wait_for('go')\n" + AcceptForEver, [_rig.HoldPath(Vassal)]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(() => _rig.Desk.OpenNow == 1, "nothing is tried");
        _rig.Desk.End(Vassal, 1);
        File.WriteAllText(_rig.Folder.PathOf("go"), "");
        _rig.Until(() => _rig.Desk.OpenNow == 0, "the connection is not given up");
        _rig.Never(() => _rig.Told.Count > 0, "it is ready", 300);
    }

    [Test]
    public void Hundreds_that_wait_take_one_thread_and_a_bounded_number_of_connections()
    {
        const int many = 500;
        _rig.Dispose();
        _rig = new ProbeRig(mostConnections: 64);
        Assert.That(() => Threads("probes"), Is.Zero.After(10_000, 10), "the kernel's threads end a moment after the runtime's");
        var threads = Threads();
        // One process that accepts from the last of all these sockets only, and from all when it is told.
        var sockets = Enumerable.Range(0, many).Select(i => _rig.HoldPath($"{i}.ini")).ToArray();
        const string script = """
            import os, socket, select, time
            ls = [socket.socket(fileno=3 + i) for i in range(int(os.environ['MANY']))]
            ls[-1].accept()
            while not os.path.exists('go'): time.sleep(0.01)
            while True:
                for l in select.select(ls, [], [])[0]: l.accept()
            """;
        for (var i = 0; i < many; i++)
        {
            if (i < many - 1)
                _rig.Start($"{i}.ini", 1, ["/bin/sleep", "600"], []);
            else
                _rig.Python($"{i}.ini", 1, script, sockets, $"MANY={many}");
        }
        var most = 0;
        for (var i = 0; i < many; i++)
            _rig.AwaitReady($"{i}.ini", 1, new ReadyRule(ReadyWay.Accept));
        _rig.Until(
            () =>
            {
                most = Math.Max(most, _rig.Desk.OpenNow);
                return _rig.IsReady($"{many - 1}.ini", 1);
            },
            "the last one never has its turn"
        );
        Assert.That(most, Is.InRange(2, 64));
        Assert.That(Threads("probes"), Is.EqualTo(1));
        Assert.That(Threads(), Is.LessThan(threads + 10));
        Assert.That(_rig.Told, Has.Count.EqualTo(1));
    }

    private bool HasProblem(int incarnation, string words) =>
        _rig.ProblemOf(Vassal, incarnation)?.Contains(words, StringComparison.Ordinal) == true;

    // The threads of this process: those with a name, or all but the runtime's own, which come and go as it likes.
    private static int Threads(string? name = null)
    {
        var count = 0;
        foreach (var task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                var comm = File.ReadAllText($"{task}/comm").Trim();
                if (name is null ? !comm.StartsWith(".NET", StringComparison.Ordinal) : comm == name)
                    count++;
            }
            catch (IOException)
            {
                // It has ended since.
            }
        }
        return count;
    }

    private SafeFd Hold(string kind)
    {
        var name = $"emperor-test-{Guid.NewGuid():N}";
        if (kind is "path")
            return _rig.HoldPath(Vassal);
        if (kind is "abstract")
            return _rig.Hold(Vassal, SocketName.OfAbstract(name), $"@{name}");
        // Any free port, and all addresses.
        var address = kind == "tcp4" ? IPAddress.Any : IPAddress.IPv6Any;
        return _rig.Hold(Vassal, SocketName.OfInternet(address, 0), "127.0.0.1:0");
    }
}
