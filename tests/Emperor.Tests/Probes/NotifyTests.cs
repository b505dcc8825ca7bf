using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Probes;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class NotifyTests : IDisposable
{
    private const string Vassal = "a.ini";

    // Sends its arguments as messages, with what sockets Python has.
    private const string Prelude = """
        import os, socket, sys, time, array
        name = os.environ['NOTIFY_SOCKET']
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect('\0' + name[1:])
        def say(text): s.send(text.encode())

        """;

    private readonly ProbeRig _rig = new();

    public void Dispose() => _rig.Dispose();

    [Test]
    public void What_a_process_says_is_heard_in_its_order()
    {
        Run(
            "say('STATUS=warming up'); say('READY=1\\nSTATUS=at work\\nWATCHDOG_USEC=2000000'); say('WATCHDOG=1'); say('STOPPING=1'); time.sleep(60)"
        );
        _rig.Until(() => _rig.Heard.Any(n => n.Stopping), "nothing is heard");
        Assert.That(
            _rig.Heard,
            Is.EqualTo(
                new[]
                {
                    new Notification { Status = "warming up" },
                    new Notification
                    {
                        Ready = true,
                        Status = "at work",
                        WatchdogInterval = 2000,
                    },
                    new Notification { Watchdog = true },
                    new Notification { Stopping = true },
                }
            )
        );
    }

    [Test]
    public void A_child_a_grandchild_and_a_daemon_that_detached_itself_are_heard()
    {
        Run(
            """
            if os.fork() == 0:
                say('STATUS=child')
                if os.fork() == 0:
                    say('STATUS=grandchild')
                    time.sleep(60)
                time.sleep(60)
            r, w = os.pipe()
            if os.fork() == 0:
                os.setsid()
                me = os.getpid()
                if os.fork() == 0:
                    # Whoever becomes its parent then.
                    while os.getppid() == me: time.sleep(0.001)
                    say('STATUS=daemon')
                    # Nobody kills it with the others: it ends when they have.
                    os.close(w)
                    os.read(r, 1)
                os._exit(0)
            os.wait()
            time.sleep(60)
            """
        );
        _rig.Until(() => _rig.Heard.Count() == 3, "not all are heard");
        Assert.That(_rig.Heard.Select(n => n.Status), Is.EquivalentTo(new[] { "child", "grandchild", "daemon" }));
    }

    [Test]
    public void A_stranger_is_not_believed_and_told_of_once()
    {
        var name = RunNamed("time.sleep(60)");
        using var stranger = UnixDatagram.Open(name)!;
        for (var i = 0; i < 5; i++)
            Assert.That(stranger.Send("READY=1").Number, Is.Zero);
        _rig.Until(() => _rig.Log.Count > 0, "nothing is told");
        _rig.Never(() => _rig.Told.Count > 0, "a stranger is believed", 200);
        Assert.That(_rig.Log, Has.Count.EqualTo(1).And.One.Contains("is not believed"));
    }

    [Test]
    public void One_vassal_is_not_believed_at_the_socket_of_another()
    {
        var name = RunNamed("time.sleep(60)");
        _rig.Python("b.ini", 1, Prelude + "say('READY=1')\ntime.sleep(60)", [], $"NOTIFY_SOCKET={name}");
        _rig.Until(() => _rig.Log.Count > 0, "nothing is told");
        Assert.That(_rig.Told, Is.Empty);
    }

    [Test]
    public void A_stranger_does_not_keep_the_process_itself_from_being_heard()
    {
        var name = RunNamed("time.sleep(0.5); say('READY=1'); time.sleep(60)");
        using var stranger = UnixDatagram.Open(name)!;
        for (var i = 0; i < 8; i++)
            _ = stranger.Send("READY=1");
        _rig.Until(() => _rig.Told.Count > 0, "it is not heard");
        Assert.That(_rig.Heard.Single().Ready);
    }

    [Test]
    public void A_sender_that_has_ended_is_not_believed()
    {
        // It is heard by nobody until its child has ended and is reaped.
        Run(
            """
            if os.fork() == 0:
                say('READY=1')
                os._exit(0)
            os.wait()
            open('done', 'w').close()
            time.sleep(60)
            """
        );
        Assert.That(() => File.Exists(_rig.Folder.PathOf("done")), Is.True.After(60_000, 10));
        _rig.Until(() => _rig.Log.Count > 0, "nothing is told");
        Assert.That(_rig.Told, Is.Empty);
        Assert.That(_rig.Log, Has.One.Contains("had ended"));
    }

    [Test]
    public void A_main_process_is_taken_over_only_when_it_is_its_own()
    {
        var main = Run(
            string.Create(
                CultureInfo.InvariantCulture,
                $"say('MAINPID={Self.Pid}\\nSTATUS=other'); child = os.fork() or time.sleep(60); say('MAINPID=%d\\nSTATUS=own' % child); time.sleep(60)"
            )
        );
        _rig.Until(() => _rig.Heard.Count() == 2, "not all is heard");
        var heard = _rig.Heard.ToArray();
        Assert.That(heard[0], Is.EqualTo(new Notification { Status = "other" }));
        Assert.That(ProcFs.Stat(heard[1].MainPid!.Value)?.Session, Is.EqualTo(main.Pid));
        Assert.That(_rig.Log, Has.One.Contains("MAINPID"));
    }

    [Test]
    public void Descriptors_that_are_sent_along_are_closed_at_once()
    {
        var before = Directory.GetFiles("/proc/self/fd").Length;
        Run(
            """
            for i in range(3):
                r, w = os.pipe()
                for text in (b'FDSTORE=1', b'BARRIER=1'):
                    s.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [w] * 100))])
                os.close(w)
                # The end comes when the last of them is closed.
                os.read(r, 1)
            say('READY=1')
            time.sleep(60)
            """
        );
        _rig.Until(() => _rig.Told.Count > 0, "the barrier does not fall");
        Assert.That(_rig.Heard.Single().Ready);
        Assert.That(Directory.GetFiles("/proc/self/fd"), Has.Length.LessThan(before + 50));
    }

    [Test]
    public void What_is_no_message_is_passed_over()
    {
        Run(
            "s.send(b'READY=1' + b'x' * 5000); s.send(b'READY=1\\0STATUS=x'); s.send(b''); s.send(bytes(range(256))); say('STATUS=end'); time.sleep(60)"
        );
        _rig.Until(() => _rig.Told.Count > 0, "the last is not heard");
        Assert.That(_rig.Heard.Single(), Is.EqualTo(new Notification { Status = "end" }));
        Assert.That(_rig.Log, Has.One.Contains("4096"));
    }

    [Test]
    public void A_flood_is_heard_a_little_of_each_second_and_others_are_heard_meanwhile()
    {
        Run("while True: say('STATUS=flood')");
        var other = _rig.Desk.Notify.Open("b.ini", 1);
        _rig.Python("b.ini", 1, Prelude + "while True:\n  say('WATCHDOG=1')\n  time.sleep(0.1)", [], $"NOTIFY_SOCKET={other}");
        _rig.Until(() => _rig.Log.Any(l => l.Contains("flooded", StringComparison.Ordinal)), "the flood is not seen");
        var (before, seconds) = (_rig.Heard.Count(n => n.Status is not null), Environment.TickCount64 / 1000);
        var heard = _rig.Heard.Count(n => n.Watchdog);
        _rig.Until(() => _rig.Heard.Count(n => n.Watchdog) > heard + 20, "the other is not heard");
        var passed = (Environment.TickCount64 / 1000) - seconds + 1;
        Assert.That(_rig.Heard.Count(n => n.Status is not null) - before, Is.InRange(1, passed * 256));
        Assert.That(_rig.Log, Has.Count.EqualTo(1), "told once");
    }

    [Test]
    public void Last_words_are_heard()
    {
        Run("say('STATUS=farewell'); open('said', 'w').close(); time.sleep(60)");
        Assert.That(() => File.Exists(_rig.Folder.PathOf("said")), Is.True.After(60_000, 10));
        _rig.End(Vassal, 1);
        Assert.That(_rig.Desk.Outcomes.Single().Event, Has.Property("Message").EqualTo(new Notification { Status = "farewell" }));
    }

    [Test]
    public void Thousands_of_them_cost_little()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 2000; i++)
            Assert.That(_rig.Desk.Notify.Open(Vassal, i), Does.StartWith("@"));
        TestContext.Out.WriteLine($"2000 sockets in {clock.ElapsedMilliseconds} ms");
        for (var i = 0; i < 2000; i++)
            _rig.Desk.Notify.Close(Vassal, i);
        Assert.That(clock.ElapsedMilliseconds, Is.LessThan(20_000));
    }

    private PidRef Run(string script) => Run(script, _rig.Desk.Notify.Open(Vassal, 1));

    private PidRef Run(string script, string name) => _rig.Python(Vassal, 1, Prelude + script, [], $"NOTIFY_SOCKET={name}");

    // Returns the socket's name.
    private string RunNamed(string script)
    {
        var name = _rig.Desk.Notify.Open(Vassal, 1);
        Run(script, name);
        return name;
    }
}
