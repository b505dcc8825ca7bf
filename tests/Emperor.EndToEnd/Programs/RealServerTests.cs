using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>The servers that people run: each starts, is known to be ready, is reloaded without a gap, comes back when it dies, and stops.</summary>
internal sealed class RealServerTests : ProgramTest
{
    [TestCaseSource(typeof(RealServer), nameof(RealServer.All))]
    public void A_server_lives_its_life(RealServer server)
    {
        if (server.Program is not null)
            Need(server.Program);
        File.WriteAllText($"{Temp.Folder("app")}/{server.App.Name}", server.App.Text);
        var socket = Temp["web.sock"];
        WriteProgram(
            "web.ini",
            [
                .. server.Lines.Select(line => line.Replace("{dir}", Temp["app"])),
                $"socket = {socket}",
                "stop-timeout = 50",
                "env = DOTNET_EnableDiagnostics=0",
            ]
        );
        var daemon = StartControlled();
        var first = AwaitReady(daemon, "web.ini");
        Assert.That(IsOf(first, Ask(socket)), "its own process answers");
        var inode = InodeOf(socket);

        var mark = daemon.Mark;
        Touch("web.ini");
        var second = AwaitReady(daemon, "web.ini", mark);
        daemon.AwaitVassal("web.ini", "it is reloaded, after", mark);
        daemon.AwaitVassal("web.ini", $"pid {first} has ended \\(", mark);
        Assert.That(IsOf(second, Ask(socket)), "the new process answers");

        mark = daemon.Mark;
        Native.Check(Native.Signal(second, Native.Kill), "kill");
        daemon.AwaitVassal("web.ini", @"has ended \(signal 9", mark);
        // Nobody takes it for the moment, and it waits.
        var pid = Ask(socket);
        var third = AwaitReady(daemon, "web.ini", mark);
        Assert.That(IsOf(third, pid), "the connection waited for the next process");
        Assert.That(InodeOf(socket), Is.EqualTo(inode), "it is one socket all the time");

        var (code, _, errors) = Emperor("reload", "web.ini");
        Assert.That(code, Is.Zero, errors);

        mark = daemon.Mark;
        File.Delete($"{Vassals}/web.ini");
        daemon.AwaitVassal("web.ini", "all of it has ended", mark);
        Assert.That(daemon.Lines.Skip(mark).Count(l => l.Contains("SIGKILL")), Is.Zero, "it stops when it is told to");
        Wait.Until(() => Descendants().Count == 0 && !File.Exists(socket), Logs);
    }

    [Test]
    public void Redis_says_itself_when_it_is_ready_and_its_user_is_started_after_it()
    {
        Need("redis-server");
        var redis = Temp["redis.sock"];
        WriteProgram(
            "db.ini",
            $"exec = redis-server --supervised systemd --port 0 --unixsocket {redis} --dir {Temp.Folder("data")} --save 60 1",
            "ready = notify"
        );
        WriteProgram("web.ini", "exec = sleep 1000", "ready = after 0.1", "after = db.ini");
        var daemon = StartControlled();
        var first = AwaitReady(daemon, "db.ini");
        AwaitReady(daemon, "web.ini");
        Assert.That(Redis(redis, "SET key value"), Is.EqualTo("+OK"));
        // It has a socket of its own: the old one ends first, and keeps what it knows.
        var mark = daemon.Mark;
        Assert.That(Emperor("reload", "db.ini").Code, Is.Zero);
        var second = AwaitReady(daemon, "db.ini", mark);
        Assert.That((second == first, Redis(redis, "GET key")), Is.EqualTo((false, "$5")));

        mark = daemon.Mark;
        Native.Check(Native.Signal(second, Native.Kill), "kill");
        AwaitReady(daemon, "db.ini", mark);
        Assert.That(Redis(redis, "PING"), Is.EqualTo("+PONG"));

        mark = daemon.Mark;
        daemon.Stop();
        var lines = daemon.Lines.Skip(mark).ToList();
        var web = lines.FindIndex(l => l.Contains(" web.ini: all of it has ended"));
        var database = lines.FindIndex(l => l.Contains(" db.ini: ") && l.Contains("told to stop"));
        Assert.That((web >= 0, database > web), Is.EqualTo((true, true)), daemon.Text());
    }

    [Test]
    public void A_shell_script_is_ready_when_a_command_of_it_says_so_and_overlaps_without_a_socket()
    {
        Temp.Write(
            "worker.sh",
            """
            [ -z "$BROKEN" ] || exit 3
            trap 'kill $!; rm -f ready.$$; exit 0' TERM
            echo "$$ $GREETING" >ready.$$
            while :; do sleep 1000 & wait $!; done
            """
        );
        string[] lines =
        [
            $"exec = sh {Temp["worker.sh"]}",
            $"chdir = {Temp.Path}",
            "reload = overlap",
            "ready = exec sh -c 'test -s ready.$MAINPID'",
        ];
        WriteProgram("worker.ini", [.. lines, "env = GREETING=hello world"]);
        var daemon = StartControlled();
        var first = AwaitReady(daemon, "worker.ini");
        Assert.That(File.ReadAllText(Temp[$"ready.{first}"]), Is.EqualTo($"{first} hello world\n"));

        var mark = daemon.Mark;
        WriteProgram("worker.ini", [.. lines, "env = GREETING=again"]);
        var second = AwaitReady(daemon, "worker.ini", mark);
        daemon.AwaitVassal("worker.ini", $"pid {first} has ended", mark);
        Assert.That(File.ReadAllText(Temp[$"ready.{second}"]), Is.EqualTo($"{second} again\n"));
        Assert.That(File.Exists(Temp[$"ready.{first}"]), Is.False);

        mark = daemon.Mark;
        Native.Check(Native.Signal(second, Native.Kill), "kill");
        var third = AwaitReady(daemon, "worker.ini", mark);
        Assert.That(third, Is.Not.EqualTo(second));
        daemon.Stop();
        Assert.That(Descendants(), Is.Empty);
    }

    private static bool IsOf(int pid, int answering) => answering == pid || ProcFs.Stat(answering)?.Parent == pid;

    private static string InodeOf(string path) => MainJob.Command.Run("/", "stat", "-c", "%i", path).Trim();

    // The first line of its answer.
    private static string Redis(string address, string command)
    {
        using var socket = Dial(address);
        socket.Send(System.Text.Encoding.ASCII.GetBytes(command + "\r\n"));
        var buffer = new byte[4096];
        return System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer)).Split("\r\n")[0];
    }
}
