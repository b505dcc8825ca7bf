using System.Net.Sockets;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>The turns that a reload can take, and what becomes of the sockets.</summary>
internal sealed class OverlapTests : ProgramTest
{
    // Says its number to whoever connects to its first socket. With a file "wait" it waits for that to go before it is ready, with BROKEN it fails.
    private const string Server = """
        import os, signal, socket, sys, time
        if os.environ.get("BROKEN"):
            sys.exit(3)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while os.path.exists("wait"):
            time.sleep(0.01)
        listener = socket.socket(fileno=3)
        while True:
            client, _ = listener.accept()
            try:
                client.sendall(b"%d\n" % os.getpid())
            except OSError:
                pass  # a probe does not wait for an answer
            client.close()
        """;

    private string[] Lines =>
        [
            $"exec = /usr/bin/python3 -E -S {Temp.Write("server.py", Server)}",
            $"chdir = {Temp.Path}",
            "ready = accept",
            "ready-timeout = 50",
        ];

    [Test]
    public void A_reload_that_fails_is_told_everywhere_and_the_old_process_serves_on()
    {
        var address = Temp["web.sock"];
        using var systemd = NotifySocket.Bind(Temp["notify"]);
        WriteProgram("web.ini", [.. Lines, $"socket = {address}"]);
        var environment = new Dictionary<string, string?> { ["NOTIFY_SOCKET"] = systemd.Address };
        var daemon = Launch(environment, "--emperor", Vassals, "--emperor-control", ControlPath).AwaitGoverning();
        var pid = AwaitReady(daemon, "web.ini");

        var mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "env = BROKEN=1"]);
        daemon.AwaitVassal(
            "web.ini",
            "the reload failed: the new process ended before it was ready: exit 3; the former processes serve on",
            mark
        );
        Assert.That(Say(address), Is.EqualTo(pid));
        var status = StatusOf("web.ini");
        Assert.That((string)status["reason"]!, Does.Contain("its last reload failed: the new process ended before it was ready: exit 3"));
        Assert.That(Emperor("status", "web.ini").Output, Does.Contain("its last reload failed"));
        Assert.That(Emperor("explain", "web.ini").Output, Does.Contain("its last reload failed"));
        systemd.AwaitStatus("1 reload failed: web.ini (");

        var (code, output, errors) = Emperor("reload", "web.ini");
        Assert.That(code, Is.Not.Zero, output);
        Assert.That(
            errors,
            Does.Contain($"the reload failed: the new process ended before it was ready: exit 3; the former process serves on (pid {pid})")
        );

        // What dies is started again as it was when it worked.
        mark = daemon.Mark;
        Native.Check(Native.Signal(pid, Native.Kill), "kill");
        var next = AwaitReady(daemon, "web.ini", mark);
        Assert.That(Say(address), Is.EqualTo(next));

        WriteProgram("web.ini", [.. Lines, $"socket = {address}"]);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        Wait.Until(
            () => systemd.Messages.LastOrDefault(m => m["STATUS"] is not null)?["STATUS"] == "The Emperor is governing 1 vassals",
            systemd.Text
        );
        Assert.That((string)StatusOf("web.ini")["reason"]!, Is.EqualTo("it is ready"));
    }

    [Test]
    public void A_second_change_supersedes_a_reload()
    {
        var address = Temp["web.sock"];
        WriteProgram("web.ini", [.. Lines, $"socket = {address}"]);
        var daemon = StartControlled();
        var first = AwaitReady(daemon, "web.ini");

        var wait = Temp.Write("wait", "");
        var mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "env = N=2"]);
        daemon.AwaitVassal("web.ini", "start 2", mark);
        Assert.That(Say(address), Is.EqualTo(first));
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "env = N=3"]);
        daemon.AwaitVassal("web.ini", "the reload under way is superseded", mark);
        daemon.AwaitVassal("web.ini", "start 3", mark);
        Assert.That(Say(address), Is.EqualTo(first));
        File.Delete(wait);
        var third = AwaitReady(daemon, "web.ini", mark);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        daemon.AwaitVassal("web.ini", $"pid {first} has ended", mark);
        Assert.That(ProcFs.Environment(third), Does.Contain("N=3"));
        Assert.That(Say(address), Is.EqualTo(third));
        Wait.Until(() => Descendants().Count == 1, Logs);
    }

    [Test]
    public void A_slip_is_told_with_its_line_and_cure_and_touches_nothing_that_runs()
    {
        var address = Temp["web.sock"];
        WriteProgram("web.ini", [.. Lines, $"socket = {address}"]);
        var daemon = StartControlled();
        var pid = AwaitReady(daemon, "web.ini");
        const string told = "there is no key \"memroy-max\" in section .emperor.; did you mean \"memory-max\"";
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "memroy-max = 1G"]);
        daemon.AwaitVassal("web.ini", $"not taken, and it goes on as it is: line 7: {told}");
        Assert.That((Say(address), (string)StatusOf("web.ini")["state"]!), Is.EqualTo((pid, "ready")));
        WriteProgram("new.ini", "exec = sleep 1000", "memroy-max = 1G");
        daemon.AwaitVassal("new.ini", $"line 3: {told}");
        Assert.That((string)StatusOf("new.ini")["state"]!, Is.EqualTo("config-error"));
    }

    [Test]
    public void Copies_are_rolled_one_at_a_time_and_never_fewer_serve()
    {
        var address = Temp["web.sock"];
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "processes = 3"]);
        var daemon = StartControlled();
        AwaitCount(daemon, "web.ini", "is ready after", 3);
        var mark = daemon.Mark;
        Assert.That(Emperor("reload", "web.ini").Code, Is.Zero);
        Wait.Until(() => Descendants().Count == 3, Logs);
        // Of the lines that tell of processes: one more is ready before one less is there, and before another is started. One that was told
        // to stop may take its time.
        var (serving, starting) = (3, 0);
        foreach (var line in daemon.Lines.Skip(mark))
        {
            starting += line.Contains(", start ") ? 1 : 0;
            Assert.That(starting, Is.InRange(0, 1), daemon.Text());
            if (line.Contains("is ready after"))
                (serving, starting) = (serving + 1, starting - 1);
            serving -= line.Contains("has ended (") ? 1 : 0;
            Assert.That(serving, Is.AtLeast(3), daemon.Text());
        }

        // One fewer: the surplus one goes. Two more come.
        mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "processes = 2"]);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        Wait.Until(() => Descendants().Count == 2, Logs);
        mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {address}", "processes = 4"]);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        Wait.Until(() => Descendants().Count == 4, Logs);
    }

    [Test]
    public void Sockets_that_stay_are_kept_new_ones_are_bound_and_others_closed()
    {
        var (stays, goes, comes) = (Temp["stays.sock"], Temp["goes.sock"], $"127.0.0.1:{Ports.Free()}");
        WriteProgram("web.ini", [.. Lines, $"socket = {stays}", $"socket = {goes}"]);
        var daemon = StartControlled();
        var first = AwaitReady(daemon, "web.ini");
        var inode = Inode(stays);
        Assert.That(ProcFs.Environment(first), Does.Contain("LISTEN_FDS=2").And.Contain($"LISTEN_PID={first}"));

        var mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {stays}", $"socket = api={comes}"]);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        var second = AwaitReady(daemon, "web.ini", mark);
        // Until then it may take a connection that is meant for its successor.
        daemon.AwaitVassal("web.ini", $"pid {first} has ended", mark);
        Assert.That(Inode(stays), Is.EqualTo(inode));
        Wait.Until(() => !File.Exists(goes), Logs);
        using (Dial(comes)) { }
        Assert.That(ProcFs.Environment(second), Does.Contain("LISTEN_FDNAMES=web:api"));

        // One that cannot be bound: the reload fails, the reason names who has it, and the sockets are as before.
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        other.Listen();
        mark = daemon.Mark;
        WriteProgram("web.ini", [.. Lines, $"socket = {stays}", $"socket = {other.LocalEndPoint}"]);
        var line = daemon.AwaitVassal("web.ini", "the reload failed", mark);
        Assert.That(line, Does.Contain($"{other.LocalEndPoint}").And.Contain($"pid {Environment.ProcessId}"));
        Assert.That((Say(stays), Inode(stays)), Is.EqualTo((second, inode)));
        using (Dial(comes)) { }
    }

    [Test]
    public void One_of_a_program_without_sockets_whose_new_program_fails_is_started_again_as_it_was()
    {
        WriteProgram("job.ini", "exec = sleep 1000", "ready = after 0.1", "reload = restart");
        var daemon = StartControlled();
        AwaitReady(daemon, "job.ini");
        var mark = daemon.Mark;
        // Later than it takes to end.
        WriteProgram("job.ini", "exec = sh -c 'exit 7'", "ready = after 5", "reload = restart");
        daemon.AwaitVassal("job.ini", "the reload failed: .*exit 7; the former program is started again", mark);
        var pid = AwaitReady(daemon, "job.ini", mark);
        Assert.That(ProcFs.CommandLine(pid), Does.EndWith("sleep 1000"));
    }

    private static int Say(string address)
    {
        using var socket = Dial(address);
        return Number(StatsClient.ReadAll(socket).Trim());
    }

    private static string Inode(string path) => Command.Run("/", "stat", "-c", "%i", path).Trim();
}
