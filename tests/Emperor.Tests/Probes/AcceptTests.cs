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
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept", 1500);
        Assert.That(_rig.Desk.OpenNow, Is.LessThanOrEqualTo(1));
    }

    [TestCase("c, _ = l.accept(); c.close(); time.sleep(600)", TestName = "It closes at once")]
    [TestCase("c, _ = l.accept(); c.send(b'220 hello\\r\\n'); time.sleep(600)", TestName = "It speaks first")]
    [TestCase("c, _ = l.accept(); c.send(b'220 hello\\r\\n'); c.close(); time.sleep(600)", TestName = "It speaks and closes")]
    [TestCase("os.fork() or l.accept(); time.sleep(600)", TestName = "A child accepts")]
    [TestCase("os.fork() or (os.setsid(), l.accept()); time.sleep(600)", TestName = "A child in a session of its own accepts")]
    [TestCase("time.sleep(0.3)\nfor i in range(4): os.fork()\nl.accept(); time.sleep(600)", TestName = "One of many children accepts")]
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
        _rig.Never(() => _rig.IsReady(Vassal, 2), "the new one is ready because of the old one", 1500);
        Assert.That(_rig.ProblemOf(Vassal, 2), Does.Contain("another process"));
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
        var path = _rig.Folder.PathOf($"{Vassal}.sock");
        List<UnixStream> waiting = [];
        while (UnixStream.Connect(path, out _) is { } connection)
            waiting.Add(connection);
        _rig.Python(Vassal, 1, Prelude + "wait_for('go')\n" + AcceptForEver, [socket]);
        _rig.AwaitReady(Vassal, 1, new ReadyRule(ReadyWay.Accept));
        _rig.Never(() => _rig.Told.Count > 0, "it is ready though it does not accept");
        Assert.That(_rig.ProblemOf(Vassal, 1), Does.Contain("full"));
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
        var threads = Directory.GetDirectories("/proc/self/task").Length;
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
        Assert.That(Directory.GetDirectories("/proc/self/task").Length, Is.LessThan(threads + 10));
        Assert.That(_rig.Told, Has.Count.EqualTo(1));
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
