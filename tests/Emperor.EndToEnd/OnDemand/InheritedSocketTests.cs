using System.Text;
using Emperor.EndToEnd.Control;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>Sockets that a service manager has bound (sd_listen_fds(3)); a script stands for it.</summary>
internal sealed class InheritedSocketTests : OnDemandTest
{
    // NAME=PATH … -- PROGRAM …; a path that begins with "-" is not listened on, and LISTEN_PID is this process's or what PID says.
    private const string Manager = """
        import fcntl, os, socket, sys
        end = sys.argv.index('--')
        specs = [s.split('=', 1) for s in sys.argv[1:end]]
        high = []
        for name, path in specs:
            s = socket.socket(socket.AF_UNIX)
            s.bind(path.lstrip('-'))
            if not path.startswith('-'):
                s.listen(50)
            high.append(fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 200))
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.close(fd)
        os.environ.update(LISTEN_PID=os.environ.get('PID', str(os.getpid())), LISTEN_FDS=os.environ.get('COUNT', str(len(high))), LISTEN_FDNAMES=':'.join(n for n, _ in specs))
        os.execv(sys.argv[end + 1], sys.argv[end + 1:])
        """;

    [Test]
    public void A_socket_named_like_a_vassal_is_its_own_and_survives_it()
    {
        WriteServer("shop.ini", $"report {Temp["report"]}");
        WriteServer("blog.ini");
        Write("plain.ini");
        var daemon = StartWith([
            $"shop={Run}/s",
            $"blog.ini={Run}/b",
            $"nobody={Run}/n",
            $"emperor-stats.socket={Run}/st",
            $"bad=-{Run}/x",
        ]);
        daemon.AwaitAccepting("plain.ini");
        AwaitArmed(daemon, "shop.ini");
        daemon.Await("nobody uses the socket nobody .*/n. of the service manager: it fits no vassal");
        daemon.Await("descriptor 7 .bad. of the service manager is no stream socket that listens");
        var shop = Ask($"{Run}/s");
        Assert.That(Ask($"{Run}/b"), Is.Not.EqualTo(shop));
        var report = Report.Await(Temp["report"], Logs);
        Assert.That(report.Environment.Where(v => v.StartsWith("LISTEN_", StringComparison.Ordinal)), Is.Empty);
        Assert.That(report.Descriptors[0], Does.StartWith("socket:"));
        Assert.That(report.Descriptors, Has.Count.EqualTo(4), "descriptors besides 0, 1, 2 and the channel");

        File.Delete($"{Vassals}/shop.ini");
        daemon.AwaitVassal("shop.ini", "has ended");
        using var early = Connect($"{Run}/s");
        WriteServer("shop.ini");
        Assert.That(Answer(early), Is.Positive, "who came while the vassal was away");
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That($"{Run}/s", Does.Exist);
    }

    // Whoever writes a file there might not be allowed to bind what the operator has had bound (port 80).
    [Test]
    public void Under_a_tyrant_its_address_alone_gives_nobody_a_socket()
    {
        NeedRoot("vassals run as other users");
        const uint mallory = 61_002;
        foreach (var (name, path) in (ValueTuple<string, string>[])[("thief.ini", "www"), ("shop.ini", "shop")])
        {
            File.WriteAllText($"{Vassals}/{name}", $"[emperor]\nexec = sleep 600\nready = after 0\nsocket = {Run}/{path}\n");
            Native.Check(Native.ChangeOwner($"{Vassals}/{name}", mallory, mallory), "chown");
        }
        var daemon = StartWith([$"www={Run}/www", $"shop={Run}/shop"], "--emperor-tyrant");
        daemon.AwaitVassal("shop.ini", "is ready");
        daemon.AwaitVassal("thief.ini", "ERR|is there, and it is not known|somebody listens on|cannot be bound");
        Assert.That(daemon.Count("thief.ini: pid"), Is.Zero, Logs());
        Assert.That($"{Run}/www", Does.Exist);
    }

    [Test]
    public void It_goes_before_the_options()
    {
        WriteServer("shop.ini");
        WriteServer("blog.ini");
        StartWith([$"shop.socket={Run}/s"], "--emperor-on-demand-directory", Temp.Folder("other"));
        Assert.That(Ask($"{Run}/s"), Is.Positive);
        Assert.That(Ask($"{Temp["other"]}/blog.socket"), Is.Positive);
        Assert.That($"{Temp["other"]}/shop.socket", Does.Not.Exist);
    }

    [Test]
    public void The_emperors_own_servers_serve_on_those_of_their_names_though_no_option_asks_for_it()
    {
        WriteServer("shop.ini");
        var daemon = StartWith(
            [
                $"shop={Run}/s",
                $"stats={Run}/stats",
                $"emperor-stats.socket={Run}/more",
                $"metrics={Run}/metrics",
                $"emperor-control={Run}/control",
            ],
            new Dictionary<string, string?> { ["UWSGI_EMPEROR_CONTROL"] = null }
        );
        AwaitArmed(daemon, "shop.ini");
        foreach (var stats in new[] { $"{Run}/stats", $"{Run}/more" })
        {
            var shop = StatsClient.Vassal(StatsClient.Read(stats), "shop.ini");
            Assert.That(shop.GetProperty("on_demand").GetString(), Is.EqualTo($"{Run}/s"));
            Assert.That(shop.GetProperty("state").GetString(), Is.EqualTo("on-demand"));
            Assert.That((shop.GetProperty("pid").GetInt32(), shop.GetProperty("up").GetBoolean()), Is.EqualTo((-1, true)));
        }
        Assert.That(
            Metrics($"{Run}/metrics"),
            Does.Contain("emperor_vassal_state{vassal=\"shop.ini\",emperor_vassal_state=\"on-demand\"} 1\n")
        );
        using (var client = new RawClient($"{Run}/control"))
        {
            Assert.That((string?)client.Ask("""{"v":1,"verb":"status"}""")["vassals"]![0]!["state"], Is.EqualTo("on-demand"));
            Assert.That((bool)client.Ask("""{"v":1,"verb":"stop","names":["shop"]}""")["ok"]!);
            Assert.That((bool)client.Ask("""{"v":1,"verb":"start","names":["shop"]}""")["ok"]!);
        }
        Assert.That(Ask($"{Run}/s"), Is.Positive);
        Assert.That(daemon.Count("nobody uses the socket"), Is.Zero, Logs());
        Assert.That(daemon.Stop(), Is.Zero);
        foreach (var socket in new[] { "s", "stats", "more", "metrics", "control" })
            Assert.That($"{Run}/{socket}", Does.Exist, "it is the service manager's");
    }

    [Test]
    public void A_control_socket_that_is_not_wanted_is_not_served_and_one_that_is_asked_for_elsewhere_is_not_opened()
    {
        var daemon = StartWith([$"control={Run}/control"], "--emperor-control", "none");
        daemon.Await("nobody uses the socket control ");
        var other = StartWith([$"control={Run}/handed"], "--emperor-control", Temp["asked"]);
        other.Await("emperor-control = .* is not opened: the service manager has handed over ");
        Assert.That(Temp["asked"], Does.Not.Exist);
        using var client = new RawClient($"{Run}/handed");
        Assert.That((bool)client.Ask("""{"v":1,"verb":"status"}""")["ok"]!);
    }

    [Test]
    public void What_is_meant_for_another_process_is_not_taken()
    {
        WriteServer("shop.ini");
        var daemon = StartWith([$"shop={Run}/s"], new Dictionary<string, string?> { ["PID"] = "1" });
        daemon.AwaitAccepting("shop.ini");
        Assert.That(daemon.Count("on demand"), Is.Zero, Logs());
    }

    [TestCase("5")]
    [TestCase("20")]
    [TestCase("200")]
    public void A_count_that_is_too_high_costs_the_emperor_none_of_its_own_descriptors(string count)
    {
        WriteServer("shop.ini");
        var daemon = StartWith([$"shop={Run}/s"], new Dictionary<string, string?> { ["COUNT"] = count });
        AwaitArmed(daemon, "shop.ini");
        daemon.Await("WRN LISTEN_FDS says that descriptor 4 .unknown. is handed over, and it is not");
        Assert.That(Ask($"{Run}/s"), Is.Positive);
        Assert.That(daemon.Stop(), Is.Zero, Logs());
    }

    [Test]
    public void A_daemon_gets_them_too()
    {
        WriteServer("shop.ini");
        var (log, pidFile) = (Temp["log"], Temp["pid"]);
        var first = StartInManager([$"shop={Run}/s"], [], "--daemonize", log, "--pidfile", pidFile);
        Assert.That(first.AwaitEnd(), Is.Zero, first.Text());
        var daemon = int.Parse(File.ReadAllText(pidFile));
        try
        {
            Assert.That(Ask($"{Run}/s"), Is.Positive, File.ReadAllText(log));
        }
        finally
        {
            Native.Check(Native.Signal(daemon, Native.Terminate), "kill");
            Wait.Until(() => !ProcFs.IsAlive(daemon), () => File.ReadAllText(log));
        }
        Assert.That($"{Run}/s", Does.Exist);
    }

    private static string Metrics(string path)
    {
        using var socket = StatsClient.Connect(path);
        socket.Send(Encoding.ASCII.GetBytes("GET /metrics HTTP/1.0\r\n\r\n"));
        return StatsClient.ReadAll(socket);
    }

    private EmperorProcess StartWith(string[] sockets, params string[] options) => StartInManager(sockets, [], options).AwaitGoverning();

    private EmperorProcess StartWith(string[] sockets, Dictionary<string, string?> environment) =>
        StartInManager(sockets, environment).AwaitGoverning();

    private EmperorProcess StartInManager(string[] sockets, Dictionary<string, string?> environment, params string[] options) =>
        Launch(
            new EmperorStart
            {
                Before = ["/usr/bin/python3", "-c", Manager, .. sockets, "--"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path, .. options],
                Environment = environment,
                Folder = Temp.Path,
            }
        );
}
