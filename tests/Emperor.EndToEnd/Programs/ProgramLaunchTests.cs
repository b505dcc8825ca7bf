using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>What processes of programs are given when they start, and what goes with them when they end.</summary>
internal sealed class ProgramLaunchTests : EmperorTest
{
    // Answers each connection with its number, and leaves a process in another session, which only the end of all of it ends.
    private const string Server = """
        import os, socket, sys
        if os.fork() == 0:
            os.setsid()
            while True:
                socket.socketpair()[0].recv(1)
        listener = socket.socket(fileno=int(sys.argv[1]))
        assert os.environ["LISTEN_PID"] == str(os.getpid()), "LISTEN_PID"
        os.write(int(os.environ["UWSGI_EMPEROR_FD"]), b"\x05")
        while True:
            client, _ = listener.accept()
            try:
                client.sendall(b"%d\n" % os.getpid())
            except OSError:
                pass  # a probe does not wait for an answer
            client.close()
        """;

    private string Socket => Temp["app.sock"];

    [Test]
    public void The_socket_outlives_its_processes_and_all_of_a_process_goes_with_it()
    {
        NeedRoot("it makes cgroups");
        WriteProgram("app.ini", Socket);
        var daemon = Start();
        daemon.AwaitVassal("app.ini", "is ready after");
        var first = Ask();
        var folder = GroupOf(first);
        Assert.That(Path.GetFileName(folder), Does.StartWith("vassal-app.ini."));
        Assert.That(File.ReadAllLines($"{folder}/cgroup.procs"), Has.Length.EqualTo(2), "it and what came of it");
        Assert.That(GroupOf(daemon.Pid), Does.EndWith($"/emperor-{daemon.Pid}/emperor"));

        File.SetLastWriteTimeUtc($"{Vassals}/app.ini", DateTime.UtcNow.AddSeconds(5));
        daemon.AwaitVassal("app.ini", "it is reloaded");
        daemon.AwaitVassal("app.ini", $"pid {first} has ended");
        var second = Ask();
        Assert.That(second, Is.Not.EqualTo(first));
        Wait.Until(() => !Directory.Exists(folder), Logs);

        daemon.Stop();
        Assert.That(Directory.Exists(Path.GetDirectoryName(folder)), Is.False, "nothing of the emperor's groups is left");
        Assert.That(File.Exists(Socket), Is.False);
    }

    [Test]
    public void What_is_in_the_way_is_named()
    {
        WriteProgram("a.ini", Socket);
        var daemon = Start();
        daemon.AwaitVassal("a.ini", "is ready after");
        WriteProgram("b.ini", Socket);
        daemon.AwaitVassal("b.ini", "the socket .*/app.sock is that of vassal a.ini; give one of the two another address");
        using var other = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        other.Bind(new UnixDomainSocketEndPoint(Temp["other.sock"]));
        other.Listen();
        WriteProgram("c.ini", Temp["other.sock"]);
        daemon.AwaitVassal("c.ini", $"somebody listens on .*/other.sock already; .*, pid {Environment.ProcessId}");
    }

    [Test]
    public void A_uwsgi_vassal_has_the_limits_of_its_section_too()
    {
        NeedRoot("it makes cgroups");
        File.WriteAllText(
            Write("shop.ini", "accept"),
            Script("accept") + "\n[emperor]\noom-score-adj = 7\nmemory-max = 512M\nlimit-nofile = 99\n"
        );
        StartWith("shop.ini");
        var pid = Journal.Await("shop.ini", "start").Pid;
        Assert.That(File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim(), Is.EqualTo("7"));
        Assert.That(File.ReadAllText($"/proc/{pid}/limits"), Does.Match("Max open files +99 +99 "));
        Assert.That(Path.GetFileName(GroupOf(pid)), Does.StartWith("vassal-shop.ini."));
    }

    private void WriteProgram(string name, string socket)
    {
        Temp.Write("server.py", Server);
        Temp.Write(
            $"vassals/{name}",
            $"[emperor]\nexec = /usr/bin/python3 {Temp["server.py"]} %(fd)\nsocket = {socket}\nready = protocol\nready-timeout = 60\n"
        );
    }

    private int Ask()
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 60_000 };
        client.Connect(new UnixDomainSocketEndPoint(Socket));
        var buffer = new byte[64];
        return int.Parse(Encoding.ASCII.GetString(buffer, 0, client.Receive(buffer)), CultureInfo.InvariantCulture);
    }

    // The folder of a process's cgroup.
    private static string GroupOf(int pid)
    {
        var mount = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).First(fields => fields[2] == "cgroup2")[1];
        return mount + File.ReadLines($"/proc/{pid}/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
    }
}
