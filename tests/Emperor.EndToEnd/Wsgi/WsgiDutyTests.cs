using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>What uWSGI's master does besides keeping workers, done by the emperor for vassals of the built-in server.</summary>
internal sealed class WsgiDutyTests : EmperorTest
{
    private const string App = """
        import os, sys
        import part
        print("loaded", part.WORD)
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/hang":
                import time
                time.sleep(600)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"%s %d" % (part.WORD.encode(), os.getpid())]
        """;

    private string SocketPath => Temp["app.sock"];

    [Test]
    public void A_pidfile_leads_to_a_worker_through_reloads_and_goes_with_the_vassal()
    {
        var daemon = Govern("processes = 1", $"pidfile = {Temp["one.pid"]}", $"pidfile2 = {Temp["two.pid"]}");
        var first = Pid("one.pid");
        Assert.That(Ask(), Is.EqualTo($"one {first}"));
        Assert.That(Pid("two.pid"), Is.EqualTo(first));

        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        Wait.Until(() => Pid("one.pid") != first, Logs);
        Wait.Until(() => Ask() == $"one {Pid("one.pid")}", Logs);

        // Nobody is asked before the next one is there: what the victim had accepted is reset.
        var victim = Pid("one.pid");
        Native.Signal(victim, Native.Kill);
        Wait.Until(() => Pid("one.pid") is var next && next != 0 && next != victim, Logs);
        Wait.Until(() => Ask() == $"one {Pid("one.pid")}" && Pid("two.pid") == Pid("one.pid"), Logs);

        File.Delete($"{Vassals}/app.ini");
        Wait.Until(() => !File.Exists(Temp["one.pid"]) && !File.Exists(Temp["two.pid"]), Logs);
    }

    [TestCase("touch-reload")]
    [TestCase("touch-chain-reload")]
    public void A_file_that_is_touched_reloads_it(string option)
    {
        var daemon = Govern("processes = 2", $"{option} = {Temp["touch me"]}");
        WritePart("second");
        Temp.Write("touch me", "");
        daemon.AwaitVassal("app.ini", "touch me was touched, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");
        var mark = daemon.Mark;
        File.SetLastWriteTimeUtc(Temp["touch me"], DateTime.UtcNow.AddSeconds(9));
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
    }

    [Test]
    public void A_module_that_changes_reloads_it_and_a_broken_one_takes_nothing_down()
    {
        var daemon = Govern("processes = 2", "py-autoreload = 1");
        WritePart("second");
        daemon.AwaitVassal("app.ini", "project/part.py has changed, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");

        var mark = daemon.Mark;
        Temp.Write("project/part.py", "WORD = 'broken\n");
        daemon.AwaitVassal("app.ini", "the reload failed: .*; the former processes serve on", mark);
        AwaitAnswer("second ");
        mark = daemon.Mark;
        WritePart("mended it");
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
        AwaitAnswer("mended it ");
    }

    [Test]
    public void A_module_that_changes_while_workers_are_forked_is_not_missed()
    {
        const string late = """
            import os, part
            def change():
                if not os.path.exists("once"):
                    open("once", "w").close()
                    os.utime(part.__file__, (4000000000, 4000000000))
            os.register_at_fork(after_in_child=change)
            def application(environ, start_response):
                start_response("200 OK", [])
                return [part.WORD.encode()]

            """;
        var daemon = GovernApp(late, "processes = 1", "py-autoreload = 1");
        daemon.AwaitVassal("app.ini", "project/part.py has changed, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
    }

    [Test]
    public void Its_log_is_where_its_file_says()
    {
        var log = Temp["app.log"];
        var daemon = Govern($"daemonize = {log}", "logfile-chmod = 600");
        _ = Ask();
        Wait.Until(() => File.Exists(log) && File.ReadAllText(log).Contains("GET / => generated"), Logs);
        Assert.That(File.ReadAllText(log), Does.Contain("loaded one\n"));
        Assert.That(Convert.ToString((int)File.GetUnixFileMode(log), 8), Is.EqualTo("600"));
        Assert.That(daemon.Count("loaded one|=> generated"), Is.Zero, Logs());
        // Rotated by others.
        Rename(log, log + ".1");
        daemon.Signal(Native.User1);
        Wait.Until(
            () =>
            {
                _ = Ask();
                return File.Exists(log) && File.ReadAllText(log).Contains("=> generated");
            },
            Logs
        );
    }

    [Test]
    public void A_log_behind_a_link_is_not_written_for_another_user()
    {
        NeedRoot("workers become another user");
        Temp.Folder("real");
        File.CreateSymbolicLink(Temp["linked"], Temp["real"]);
        var daemon = Govern($"logto = {Temp["linked/app.log"]}", $"pidfile = {Temp["linked/app.pid"]}", "uid = 65534");
        daemon.AwaitVassal("app.ini", "what it prints cannot be written to .*linked/app.log: it is reached by a symbolic link");
        daemon.AwaitVassal("app.ini", "its pidfile .*linked/app.pid cannot be written");
        AwaitAnswer("one ");
        Assert.That(Directory.EnumerateFiles(Temp["real"]), Is.Empty);
    }

    [Test]
    public void A_pipe_takes_commands()
    {
        var fifo = Temp["app.fifo"];
        var daemon = Govern("processes = 2", $"master-fifo = {fifo}", $"pidfile = {Temp["app.pid"]}");
        void Say(string command) => File.AppendAllText(fifo, command);

        WritePart("second");
        Say("r");
        daemon.AwaitVassal("app.ini", "app.fifo: \"r\": it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");

        Say("s\n");
        daemon.AwaitVassal("app.ini", @"worker 2 \(pid \d+\): \d+ requests, [01] of 1 threads busy");
        daemon.AwaitVassal("app.ini", @"socket .*app.sock \(uwsgi\): 0 of 100 connections wait");

        File.Delete(Temp["app.pid"]);
        Say("P");
        Wait.Until(() => File.Exists(Temp["app.pid"]), Logs);

        Say("z");
        daemon.AwaitVassal("app.ini", "there is no command \"z\" here");

        var mark = daemon.Mark;
        Say("R");
        daemon.AwaitVassal("app.ini", "is ready after", mark);

        Say("q");
        daemon.AwaitVassal("app.ini", "it was stopped by hand");
        Wait.Until(() => !File.Exists(fifo), Logs);
    }

    [Test]
    public void A_daemon_runs_beside_the_workers_and_ends_with_them()
    {
        NeedRoot("the daemon becomes another user");
        var mark = Temp["daemon"];
        File.SetUnixFileMode(Temp.Folder("out"), (UnixFileMode)0b111_111_111);
        var daemon = Govern(
            "uid = 65534",
            $"attach-daemon = echo \"daemon of $(id -u)\"; echo $$ > {Temp["out/pid"]}; exec sleep 600",
            $"attach-daemon2 = cmd=trap 'echo bye; exit' INT; echo $$ > {Temp["out/other"]}; while :; do sleep 0.05; done,stopsignal=2"
        );
        Wait.Until(() => File.Exists(Temp["out/pid"]) && File.ReadAllText(Temp["out/pid"]).EndsWith('\n'), Logs);
        daemon.Await(@"\[app.ini\] daemon of 65534");
        Wait.Until(() => File.Exists(Temp["out/other"]) && File.ReadAllText(Temp["out/other"]).EndsWith('\n'), Logs);
        var (first, other) = (Pid("out/pid"), Pid("out/other"));

        // It outlives a reload.
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        Assert.That(ProcFs.IsAlive(first) && ProcFs.IsAlive(other), Logs());

        _ = Native.Signal(first, Native.Kill);
        daemon.AwaitVassal("app.ini", @"its daemon .* has ended \(signal 9 \(KILL\)\); it is started again in 1 s");
        Wait.Until(() => Pid("out/pid") != first && Pid("out/pid") != 0, Logs);
        var second = Pid("out/pid");

        File.Delete($"{Vassals}/app.ini");
        Wait.Until(() => !ProcFs.IsAlive(second) && !ProcFs.IsAlive(other), Logs);
        daemon.Await(@"\[app.ini\] bye");
    }

    [Test]
    public void What_its_file_names_without_a_folder_is_in_that_of_chdir_as_with_uwsgi()
    {
        var daemon = Govern(
            "socket = near.sock",
            "stats = near.stats",
            "master-fifo = near.fifo",
            "pidfile2 = near.pid",
            "env = WORD=of the file",
            "env = PATH=/nonexistent",
            "attach-daemon = /bin/sh -c 'echo \"$WORD\" in \"$PWD\"; exec /bin/sleep 600'"
        );
        daemon.Await($@"\[app.ini\] of the file in {Temp["project"]}");
        Assert.That(WsgiClient.AskUwsgiAt(Temp["project/near.sock"], "GET", "/").Text, Does.StartWith("one "));
        Assert.That(Workers(Stats(Temp["project/near.stats"])), Has.Length.EqualTo(1));
        Assert.That(File.Exists(Temp["project/near.fifo"]) && Pid("project/near.pid") != 0, Logs());
    }

    [Test]
    public void Env_is_there_when_python_starts()
    {
        Temp.Folder("modules");
        Temp.Write("modules/part.py", "import time\nWORD = 'zone ' + time.strftime('%Z')\n");
        _ = Govern($"env = PYTHONPATH={Temp["modules"]}", "env = TZ=Asia/Tokyo", "pythonpath = /nonexistent", "single-interpreter = true");
        File.Delete(Temp["project/part.py"]);
        Touch(5);
        AwaitAnswer("zone JST ");
    }

    [Test]
    public void An_app_cannot_take_the_shared_memory_from_its_workers()
    {
        var daemon = Govern("processes = 2");
        Temp.Write(
            "project/part.py",
            """
            WORD = 'greedy'
            import os
            for fd in os.listdir('/proc/self/fd'):
                try:
                    if 'emperor-slots' in os.readlink('/proc/self/fd/' + fd):
                        os.ftruncate(int(fd), 0)
                except OSError as error:
                    print('cannot:', error.strerror)
            """
        );
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("greedy ");
        daemon.Await(@"\[app.ini\] cannot: Operation not permitted");
    }

    [Test]
    public void Processes_have_the_names_that_its_file_gives()
    {
        _ = Govern("processes = 2", "procname-prefix = blog-", "procname = w{}");
        // A template may leave meanwhile.
        var names = Descendants().Select(p => ProcFs.Status(p, "Name"));
        Assert.That(names, Does.Contain("blog-w1").And.Contains("blog-w2"));
        var lines = Descendants().Select(ProcFs.CommandLine);
        Assert.That(lines, Does.Contain("blog-w1").And.Contains("blog-w2"));
    }

    [Test]
    public void A_reload_that_would_lose_one_of_several_apps_takes_none_of_them_down()
    {
        // At the start what can be loaded serves.
        var daemon = Govern("processes = 1", $"mount = /part={Temp["project/other.py"]}", "manage-script-name = true");
        Assert.That(Ask("/part/x"), Does.StartWith("one "));
        daemon.AwaitVassal("app.ini", "its app cannot be loaded: .*other.py: FileNotFoundError: .*; the others serve");
        Temp.Write("project/other.py", "import part\ndef application(e, s): s('200 OK', []); return [b'other ' + part.WORD.encode()]\n");
        var mark = daemon.Mark;
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
        Wait.Until(() => Ask("/part/x") == "other one", Logs);

        Temp.Write("project/other.py", "import nothing_of_that_name\n");
        mark = daemon.Mark;
        Touch(9);
        daemon.AwaitVassal("app.ini", "the reload failed: .*nothing_of_that_name.*; the former processes serve on", mark);
        Assert.That((Ask("/part/x"), Ask()[..4]), Is.EqualTo(("other one", "one ")));
    }

    [Test]
    public void Stats_are_those_of_uwsgi()
    {
        Installed.Require();
        var port = Ports.Free();
        var daemon = Govern(
            "processes = 2",
            "threads = 2",
            "harakiri = 600",
            "worker-reload-mercy = 1",
            $"stats = {Temp["stats"]}",
            $"stats = 127.0.0.1:{port}",
            "attach-daemon = exec sleep 600"
        );
        daemon.AwaitVassal("app.ini", "its daemon .* runs");
        using var real = StartUwsgi();
        var (ours, theirs) = (Stats(Temp["stats"]), StatsOf(real));
        Assert.That(Shape(ours), Is.EqualTo(Shape(theirs)));

        for (var i = 0; i < 10; i++)
            _ = Ask();
        using var hanging = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        hanging.Connect(new UnixDomainSocketEndPoint(SocketPath));
        hanging.Send(WsgiClient.Packet("GET", "/hang?a=b", null));
        // A worker counts a request when it has been answered.
        Wait.Until(
            () =>
                Workers(ours = Stats(Temp["stats"])) is var now
                && now.Count(w => (string?)w["status"] == "busy") == 1
                && now.Sum(w => w["cores"]!.AsArray().Sum(c => (int)c!["in_request"]!)) == 1
                && now.Sum(w => (long)w["requests"]!) == 10
                && now.Sum(w => (long)w["apps"]![0]!["requests"]!) == 10,
            () => $"{ours}\n{Logs()}"
        );
        var busy = Workers(ours).Single(w => (string?)w["status"] == "busy");
        var core = busy["cores"]!.AsArray().Single(c => (int)c!["in_request"]! == 1)!;
        Assert.That(
            core["vars"]!.AsArray().Select(v => (string?)v),
            Does.Contain("REQUEST_URI=/hang?a=b").And.Contains("REQUEST_METHOD=GET")
        );
        Assert.That((long)core["req_info"]!["request_start"]!, Is.EqualTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Within(60));
        Assert.That(Workers(ours).Select(w => (int)w["pid"]!), Is.EquivalentTo(WorkersByLog(daemon)));
        Assert.That(Workers(ours).All(w => (long)w["rss"]! > 1_000_000 && (int)w["respawn_count"]! == 1), $"{ours}");
        Assert.That((string?)ours["sockets"]![0]!["name"], Is.EqualTo(SocketPath));
        Assert.That((int)ours["sockets"]![0]!["max_queue"]!, Is.EqualTo(100));

        // Over TCP the same, and for many at once, of whom some do not read.
        using var tcp = new TcpClient("127.0.0.1", port);
        Assert.That(Shape(JsonNode.Parse(tcp.GetStream())!.AsObject()), Is.EqualTo(Shape(ours)));
        var silent = Enumerable.Range(0, 40).Select(_ => new TcpClient("127.0.0.1", port)).ToList();
        Assert.That(Workers(Stats(Temp["stats"])), Has.Length.EqualTo(2));
        silent.ForEach(s => s.Dispose());
    }

    [Test]
    public void Stats_tell_of_a_full_queue_and_of_harakiri()
    {
        var daemon = Govern(
            "processes = 1",
            // Longer than it takes until all have connected and the queue has been looked at.
            "harakiri = 6",
            "listen = 8",
            $"stats = {Temp["stats"]}",
            "stats-http = true",
            "stats-min = true"
        );
        var before = (int)Workers(StatsOverHttp())[0]["pid"]!;
        var clients = new List<Socket>();
        for (var i = 0; i < 6; i++)
        {
            var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            client.Connect(new UnixDomainSocketEndPoint(SocketPath));
            if (i == 0)
            {
                client.Send(WsgiClient.Packet("GET", "/hang", null));
                Wait.Until(() => (string?)Workers(StatsOverHttp())[0]["status"] == "busy", Logs);
            }
            clients.Add(client);
        }
        Wait.Until(() => StatsOverHttp() is var s && ((int)s["listen_queue"]!, (int)s["sockets"]![0]!["queue"]!) == (5, 5), Logs);
        Wait.Until(() => (int)Workers(StatsOverHttp())[0]["harakiri_count"]! == 1, Logs);
        Wait.Until(() => (int)Workers(StatsOverHttp())[0]["pid"]! is var pid && pid != 0 && pid != before, Logs);
        Assert.That((int)Workers(StatsOverHttp())[0]["respawn_count"]!, Is.EqualTo(2));
        clients.ForEach(c => c.Dispose());
        _ = daemon;
    }

    private static JsonObject[] Workers(JsonObject stats) => [.. stats["workers"]!.AsArray().Select(w => w!.AsObject())];

    private static IEnumerable<int> WorkersByLog(EmperorProcess daemon) =>
        daemon
            .Lines.Select(l => System.Text.RegularExpressions.Regex.Match(l, @"app.ini: pid (\d+) is ready after"))
            .Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

    private static string ReadAll(string socket, string request = "")
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        client.Connect(new UnixDomainSocketEndPoint(socket));
        if (request.Length > 0)
            client.Send(Encoding.ASCII.GetBytes(request));
        using var stream = new NetworkStream(client);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static JsonObject Stats(string socket) => JsonNode.Parse(ReadAll(socket))!.AsObject();

    private JsonObject StatsOverHttp()
    {
        var answer = ReadAll(Temp["stats"], "GET / HTTP/1.0\r\n\r\n").Split("\r\n\r\n", 2);
        Assert.That(answer[0], Does.StartWith("HTTP/1.0 200 OK\r\n").And.Contains("application/json"));
        Assert.That(answer[1], Does.Not.Contain('\n'));
        return JsonNode.Parse(answer[1])!.AsObject();
    }

    // The keys in their order, with the kinds of their values; of a list its first member.
    private static string Shape(JsonNode? node) =>
        node switch
        {
            JsonObject o => "{" + string.Join(", ", o.Where(p => p.Key != "locks").Select(p => $"{p.Key}: {Shape(p.Value)}")) + "}",
            JsonArray { Count: > 0 } a => $"[{Shape(a[0])}]",
            JsonArray => "[]",
            _ => $"{node!.GetValueKind()}",
        };

    private UwsgiProcess StartUwsgi()
    {
        var stats = Temp["uwsgi.stats"];
        var process = Process.Start(
            new ProcessStartInfo(
                Installed.Uwsgi,
                [
                    "--plugin",
                    "python3",
                    "--master",
                    "--processes",
                    "2",
                    "--threads",
                    "2",
                    "--chdir",
                    Temp["project"],
                    "--module",
                    "hello",
                    "--socket",
                    Temp["uwsgi.sock"],
                    "--stats",
                    stats,
                    "--attach-daemon",
                    "exec sleep 600",
                    "--logto",
                    Temp["uwsgi.log"],
                ]
            )
        )!;
        var result = new UwsgiProcess(process, stats);
        Wait.Until(() => File.Exists(stats) && IsServing(stats), () => File.ReadAllText(Temp["uwsgi.log"]));
        return result;
    }

    private static JsonObject StatsOf(UwsgiProcess uwsgi) => Stats(uwsgi.Stats);

    private static bool IsServing(string stats)
    {
        try
        {
            return Workers(Stats(stats)).All(w => w["apps"]!.AsArray().Count > 0);
        }
        catch (Exception e) when (e is SocketException or System.Text.Json.JsonException or IOException)
        {
            return false;
        }
    }

    private sealed class UwsgiProcess(Process process, string stats) : IDisposable
    {
        public string Stats => stats;

        public void Dispose()
        {
            _ = Native.Signal(process.Id, Native.Quit);
            process.WaitForExit((int)Wait.Limit.TotalMilliseconds);
            process.Dispose();
        }
    }

    private EmperorProcess Govern(params string[] lines) => GovernApp(App + "\n", lines);

    private EmperorProcess GovernApp(string app, params string[] lines)
    {
        Temp.Folder("project");
        Temp.Write("project/hello.py", app);
        WritePart("one");
        File.WriteAllLines(
            $"{Vassals}/app.ini",
            [
                "[uwsgi]",
                $"chdir = {Temp["project"]}",
                "module = hello",
                "master = true",
                $"socket = {SocketPath}",
                "chmod-socket = 666",
                .. lines,
            ]
        );
        var daemon = Launch(
                new EmperorStart
                {
                    Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-server", "wsgi"],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();
        var count = lines.Contains("processes = 2") ? 2 : 1;
        Wait.Until(() => daemon.Count("app.ini: pid .* is ready after") == count, Logs);
        return daemon;
    }

    // Words differ in length: Python takes a module's old bytecode when time, in seconds, and size are the same.
    private void WritePart(string word) => Temp.Write("project/part.py", $"WORD = '{word}'\n");

    private void Touch(int seconds) => File.SetLastWriteTimeUtc($"{Vassals}/app.ini", DateTime.UtcNow.AddSeconds(seconds));

    private string Ask(string target = "/") => WsgiClient.AskUwsgiAt(SocketPath, "GET", target).Text;

    // One that leaves may still answer, as it has accepted a connection already.
    private void AwaitAnswer(string start) => Wait.Until(() => Ask().StartsWith(start, StringComparison.Ordinal), Logs);

    // 0 while it is being written.
    private int Pid(string file) =>
        File.Exists(Temp[file])
        && int.TryParse(File.ReadAllText(Temp[file]), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var pid)
            ? pid
            : 0;
}
