using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>What programs say by sd_notify(3), and what is asked of them when they are ready.</summary>
internal sealed class NotifyProgramTests : ProgramTest
{
    // Says what its words are, and on each SIGHUP what is in the file "next"; a message that begins with ! is said by a child with this as its number.
    private const string Speaker = """
        import os, signal, socket, sys, time
        def say(text):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            name = os.environ["NOTIFY_SOCKET"]
            s.connect("\0" + name[1:] if name[0] == "@" else name)
            s.send(text.replace("PID", str(os.getpid())).encode())
        def next(*_):
            for line in open("next").read().split("\n"):
                if line:
                    say(line.replace("|", "\n"))
        signal.signal(signal.SIGHUP, next)
        for word in sys.argv[1:]:
            if word == "fork":
                child = os.fork()
                if child == 0:
                    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
                    while True: time.sleep(1000)
                say("MAINPID=%d\nREADY=1" % child)
                time.sleep(1000)
            say(word.replace("|", "\n"))
        while True:
            time.sleep(1000)
        """;

    private string[] Lines(string words) =>
        [$"exec = /usr/bin/python3 -E -S {Temp.Write("speaker.py", Speaker)} {words}", $"chdir = {Temp.Path}", "ready = notify"];

    [Test]
    public void Reloading_of_its_own_is_a_reload()
    {
        WriteProgram("app.ini", [.. Lines("'STATUS=halfway' READY=1"), "reload = signal HUP"]);
        Temp.Write("next", "RELOADING=1\n");
        var daemon = StartControlled();
        var pid = AwaitReady(daemon, "app.ini");
        Native.Check(Native.Signal(pid, Native.Hangup), "kill");
        Wait.Until(() => (string)StatusOf("app.ini")["state"]! == "reloading", Logs);
        Temp.Write("next", "READY=1|STATUS=all is new\n");
        Native.Check(Native.Signal(pid, Native.Hangup), "kill");
        Wait.Until(() => (string)StatusOf("app.ini")["state"]! == "ready", Logs);

        // The emperor's own reload is the signal, and no process changes.
        Temp.Write("next", "RELOADING=1\nREADY=1\n");
        var (code, output, errors) = Emperor("reload", "app.ini");
        Assert.That(code, Is.Zero, output + errors);
        daemon.AwaitVassal("app.ini", "signal 1 to .*sent");
        Assert.That(Descendants(), Is.EqualTo(new[] { pid }));
    }

    [Test]
    public void A_watchdog_that_is_missed_is_a_SIGABRT_and_a_new_start()
    {
        WriteProgram("app.ini", [.. Lines("READY=1 WATCHDOG=1"), "watchdog = 3"]);
        var daemon = StartControlled();
        var pid = AwaitReady(daemon, "app.ini");
        var mark = daemon.Mark;
        Assert.That(ProcFs.Environment(pid), Does.Contain("WATCHDOG_USEC=3000000").And.Contain($"WATCHDOG_PID={pid}"));
        daemon.AwaitVassal("app.ini", $"pid {pid} is ended: it sent no WATCHDOG=1 for 3 s");
        daemon.AwaitVassal("app.ini", $@"pid {pid} has ended \(signal 6");
        Assert.That(AwaitReady(daemon, "app.ini", mark), Is.Not.EqualTo(pid));
    }

    [Test]
    public void Time_that_is_asked_for_is_given_and_silence_is_a_failed_start()
    {
        Temp.Write("next", "READY=1\n");
        // A busy machine's Python needs its time until it can ask for more.
        WriteProgram("slow.ini", [.. Lines("EXTEND_TIMEOUT_USEC=50000000"), "ready-timeout = 6"]);
        WriteProgram("mute.ini", [.. Lines("STATUS=nothing"), "ready-timeout = 1"]);
        var daemon = StartControlled();
        daemon.AwaitVassal("mute.ini", @"is ended: it was not ready in 1 s \(it has not sent READY=1 to NOTIFY_SOCKET\)");
        daemon.AwaitVassal("mute.ini", @"was not ready in 1 s .*", daemon.Mark);
        Wait.While(() => daemon.Count("slow.ini: .*not ready") == 0, TimeSpan.FromSeconds(7), daemon.Text);
        var pid = (int)StatusOf("slow.ini")["pid"]!;
        Native.Check(Native.Signal(pid, Native.Hangup), "kill");
        Assert.That(AwaitReady(daemon, "slow.ini"), Is.EqualTo(pid));
    }

    [Test]
    public void Another_process_of_it_can_become_the_main_one()
    {
        WriteProgram("app.ini", [.. Lines("fork"), "stop-timeout = 50"]);
        var daemon = StartControlled();
        daemon.AwaitVassal("app.ini", "is ready after");
        Wait.Until(() => Descendants().Count == 2, Logs);
        daemon.Stop();
        Assert.That(daemon.Count("SIGKILL"), Is.Zero, daemon.Text());
    }

    [Test]
    public void Who_is_not_its_process_is_not_believed()
    {
        WriteProgram("app.ini", [.. Lines("STATUS=starting"), "ready-timeout = 50"]);
        var daemon = StartControlled();
        daemon.AwaitVassal("app.ini", "start 1");
        var pid = 0;
        Wait.Until(() => Descendants() is [var only] && (pid = only) != 0 && ProcFs.CommandLine(pid).Contains("speaker"), Logs);
        var name = ProcFs.Environment(pid).First(v => v.StartsWith("NOTIFY_SOCKET=", StringComparison.Ordinal))["NOTIFY_SOCKET=".Length..];
        Assert.That(name, Does.StartWith("@"));
        using (var forger = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified))
        {
            forger.Connect(new UnixDomainSocketEndPoint($"\0{name[1..]}"));
            forger.Send("READY=1"u8);
            forger.Send(Encoding.ASCII.GetBytes($"MAINPID={Environment.ProcessId}"));
        }
        // Its own word comes behind the forged one in the same queue: when that is heard, the forged one has been.
        Temp.Write("next", "READY=1\n");
        Wait.While(() => daemon.Count("is ready after") == 0, TimeSpan.FromSeconds(1), daemon.Text);
        Wait.Until(() => ProcFs.Catches(pid, Native.Hangup), Logs);
        Native.Check(Native.Signal(pid, Native.Hangup), "kill");
        Assert.That(AwaitReady(daemon, "app.ini"), Is.EqualTo(pid));
    }

    [TestCase("http /health", "500")]
    [TestCase("exec test ! -e ill", "test exits with 1|exit")]
    public void One_that_is_ill_is_started_again(string check, string words)
    {
        Temp.Write(
            "server.py",
            """
            import http.server, os, socket
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(500 if os.path.exists("ill") else 200)
                    self.end_headers()
                def log_message(self, *_): pass
            server = http.server.HTTPServer(("", 0), Handler, bind_and_activate=False)
            server.socket = socket.socket(fileno=3)
            server.serve_forever()
            """
        );
        WriteProgram(
            "app.ini",
            $"exec = /usr/bin/python3 {Temp["server.py"]}",
            $"chdir = {Temp.Path}",
            $"socket = 127.0.0.1:{Ports.Free()}",
            "ready = http /",
            $"health = {check}",
            "health-interval = 200ms",
            "health-failures = 2"
        );
        var daemon = StartControlled();
        var pid = AwaitReady(daemon, "app.ini");
        Wait.While(() => ProcFs.IsAlive(pid), TimeSpan.FromSeconds(2), daemon.Text);
        var mark = daemon.Mark;
        var ill = Temp.Write("ill", "");
        daemon.AwaitVassal("app.ini", $"pid {pid} is ended: .*({words})", mark);
        File.Delete(ill);
        Assert.That(AwaitReady(daemon, "app.ini", mark), Is.Not.EqualTo(pid));
    }
}
