using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Programs;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>The emperor as the master of the built-in server's workers: templates and forks, limits, reloads under load, as many as there is to do.</summary>
internal sealed class WsgiMasterTests : ProgramTest
{
    private const string App = """
        import os, time
        loaded_by = os.getpid()
        def application(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/wait":
                while not os.path.exists(environ["QUERY_STRING"]):
                    time.sleep(0.01)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"%d %d %d" % (os.getpid(), os.getppid(), loaded_by) if path == "/who" else b"%d" % os.getpid()]
        """;

    private string Address { get; } = $"127.0.0.1:{Ports.Free()}";

    [Test]
    public void Workers_are_forked_from_a_template_that_leaves_and_are_the_emperors_own_children()
    {
        var daemon = StartApp("processes = 2");
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        var who = Who();
        Assert.That(who[1], Is.EqualTo(daemon.Pid));
        var template = who[2];
        Assert.That(template, Is.Not.EqualTo(who[0]), "it has not loaded the app itself");
        Wait.Until(() => !ProcFs.IsAlive(template), Logs);
        var workers = Workers(daemon);
        Assert.That(workers, Has.Count.EqualTo(2));
        foreach (var worker in workers)
        {
            Assert.That(ProcFs.Stat(worker)?.Session, Is.EqualTo(worker), "it leads a session of its own");
            Assert.That(
                File.ReadAllText($"/proc/{worker}/cmdline"),
                Does.EndWith("\0app.ini\0"),
                "who looks for it finds its vassal's name"
            );
        }
        // An end is seen as every child's, and another takes its place, of a template that is started for it.
        var mark = daemon.Mark;
        Native.Check(Native.Signal(workers[0], Native.Kill), "kill");
        daemon.AwaitVassal("app.ini", $"pid {workers[0]} has ended .signal 9 .KILL..; it is started again", mark);
        daemon.AwaitVassal("app.ini", "is ready after", mark);
        Assert.That(Who()[1], Is.EqualTo(daemon.Pid));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(daemon.Count("orphans"), Is.Zero, "none of them was taken for one that was left behind");
    }

    [Test]
    public void A_template_that_is_killed_is_followed_by_another()
    {
        WriteApp(App.Replace("import os, time", $"import os, time\nwhile not os.path.exists('{Temp["go"]}'): time.sleep(0.01)"));
        WriteIni("processes = 2");
        var daemon = StartWithoutUwsgi();
        var template = 0;
        Wait.Until(() => (template = Workers(daemon).FirstOrDefault()) > 0, Logs);
        Native.Check(Native.Signal(template, Native.Kill), "kill");
        daemon.AwaitVassal("app.ini", "the process that loads its app has ended .signal 9");
        File.WriteAllText(Temp["go"], "");
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        Assert.That(Who()[1], Is.EqualTo(daemon.Pid));
    }

    [Test]
    public void With_lazy_apps_each_loads_for_itself()
    {
        var daemon = StartApp("processes = 2", "lazy-apps = true");
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        var who = Who();
        Assert.That((who[1], who[2]), Is.EqualTo((daemon.Pid, who[0])));
    }

    [Test]
    public void A_worker_that_reaches_a_limit_leaves_when_its_successor_is_ready_and_no_request_waits_for_that()
    {
        var daemon = StartApp("processes = 1", "max-requests = 50", "min-worker-lifetime = 0");
        AwaitReady(daemon, "app.ini");
        var seen = new HashSet<int>();
        for (var i = 0; seen.Count < 4; i++)
        {
            Assert.That(i, Is.LessThan(100_000), Logs());
            seen.Add(Ask(Address));
        }
        AwaitCount(daemon, "app.ini", "is to be replaced: max-requests", 3);
        Assert.That(daemon.Count("app.ini: .*(failure|KILL)"), Is.Zero, Logs());
        Assert.That((int)StatusOf("app.ini")["deaths"]!, Is.Zero);
    }

    [Test]
    public void An_app_that_cannot_be_loaded_shows_its_traceback_and_starts_when_it_is_mended()
    {
        WriteApp("import nothing_of_that_name\n" + App);
        WriteIni("processes = 2");
        var daemon = StartWithoutUwsgi();
        daemon.AwaitVassal("app.ini", "its app cannot be loaded: hello:application: ModuleNotFoundError: .*nothing_of_that_name");
        var told = Emperor("explain", "app.ini").Output;
        Assert.That(told, Does.Contain("why its app could not be loaded").And.Contain("hello.py\", line 1, in <module>"));
        Assert.That(told, Does.Contain("the built-in one for WSGI").And.Not.Contain("no configuration file"));
        WriteApp(App);
        Touch("app.ini");
        AwaitReady(daemon, "app.ini");
        Assert.That(Emperor("explain", "app.ini").Output, Does.Not.Contain("why its app could not be loaded"));
        Assert.That((string?)StatusOf("app.ini")["kind"], Is.EqualTo("wsgi"));
    }

    [Test]
    public void There_are_more_workers_while_all_are_busy_and_fewer_when_they_are_not()
    {
        var daemon = StartApp("processes = 3", "cheaper = 1", "cheaper-overload = 1");
        AwaitReady(daemon, "app.ini");
        Assert.That((int)StatusOf("app.ini")["copies"]!, Is.EqualTo(1));
        using (var first = Dial(Address))
        {
            var mark = daemon.Mark;
            first.Send(Encoding.ASCII.GetBytes($"GET /wait?{Temp["go"]} HTTP/1.1\r\nHost: t\r\n\r\n"));
            daemon.AwaitVassal("app.ini", "copy 2 of 3 is started: all 1 are busy", mark);
            daemon.AwaitVassal("app.ini", "is ready after", mark);
            Assert.That(Ask(Address), Is.GreaterThan(0), "the second one answers");
        }
        File.WriteAllText(Temp["go"], "");
        daemon.AwaitVassal("app.ini", "is told to stop: 0 of 2 are busy");
        Assert.That(Ask(Address), Is.GreaterThan(0));
    }

    [Test]
    public void An_idle_app_has_no_process_and_the_first_connection_starts_it()
    {
        var daemon = StartApp("processes = 2", "idle = 2");
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        var first = Ask(Address);
        daemon.AwaitVassal("app.ini", "on demand: it waits for connections on");
        Wait.Until(() => Workers(daemon).Count == 0, Logs);
        Assert.That(Ask(Address), Is.Not.EqualTo(first));
        AwaitCount(daemon, "app.ini", "is ready after", 4);
    }

    [Test]
    public void With_cheap_nothing_is_started_before_the_first_connection()
    {
        var daemon = StartApp("cheap = true");
        daemon.AwaitVassal("app.ini", "on demand: it waits for connections on");
        Assert.That(Workers(daemon), Is.Empty);
        Assert.That(Ask(Address), Is.GreaterThan(0));
    }

    [Test]
    public void Options_that_are_set_for_all_vassals_count_for_the_built_in_server_too()
    {
        WriteApp(App);
        WriteIni();
        var daemon = StartWithoutUwsgi("--vassal-set", "processes=2");
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        Assert.That(Workers(daemon), Has.Count.GreaterThanOrEqualTo(2));
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    [Takes(25)]
    public void No_request_fails_over_fifty_reloads(string protocol)
    {
        const int Reloads = 50;
        var socket = Temp["app.sock"];
        WriteApp(App);
        WriteIni("processes = 2", "threads = 2", "disable-logging = true", $"socket = {socket}", "chmod-socket = 666");
        var daemon = StartWithoutUwsgi();
        AwaitCount(daemon, "app.ini", "is ready after", 2);
        using var proxy = protocol == "uwsgi" ? UwsgiProxy.Start(Temp.Folder("nginx"), socket) : null;
        using var client = Connect();
        using var load = WrkLoad.Start(proxy?.Address ?? Address);
        for (var i = 1; i <= Reloads; i++)
        {
            var reply = client.Ask("""{"v":1,"verb":"reload","names":["app.ini"],"timeout_ms":55000}""");
            Assert.That((bool)reply["ok"]!, $"reload {i}: {reply}\n{Logs()}");
            Assert.That(load.IsRunning, $"wrk has ended\n{load.Text}");
        }
        var text = load.Stop();
        TestContext.Out.WriteLine($"{protocol}: {Reloads} reloads\n{text}");
        Assert.That(text, Does.Not.Contain("Socket errors").And.Not.Contain("Non-2xx"), Logs());
        Assert.That(daemon.Count("SIGKILL"), Is.Zero, daemon.Text());
        Assert.That(Number(Regex.Match(text, @"(\d+) requests in").Groups[1].Value), Is.GreaterThan(Reloads), text);
    }

    // As Django's and Flask's documentation, and Debian's packages, have them.
    [TestCase(
        "chdir = {files}; module = django_app:application; master = true; processes = 2; harakiri = 20; max-requests = 5000; vacuum = true"
    )]
    [TestCase("chdir = {files}; wsgi-file = flask_app.py; callable = application; master = true; processes = 2; threads = 2")]
    [TestCase("pythonpath = {files}; mount = /=flask_app:application; manage-script-name = true; plugins = python3; lazy-apps = true")]
    public void Apps_of_frameworks_are_served_behind_nginx_and_directly(string lines)
    {
        var socket = Temp["app.sock"];
        File.WriteAllLines(
            $"{Vassals}/app.ini",
            [
                "[uwsgi]",
                $"http-socket = {Address}",
                $"socket = {socket}",
                "chmod-socket = 666",
                .. lines.Replace("{files}", WsgiDriver.Files).Split("; "),
            ]
        );
        var daemon = StartWithoutUwsgi();
        AwaitReady(daemon, "app.ini");
        using var proxy = UwsgiProxy.Start(Temp.Folder("nginx"), socket);
        foreach (var place in new[] { Address, proxy.Address })
        {
            Assert.That(Get(place, "/hello"), Is.EqualTo("hello"));
            Assert.That(Get(place, "/etag"), Is.EqualTo("etag"));
        }
    }

    private EmperorProcess StartApp(params string[] lines)
    {
        WriteApp(App);
        WriteIni(lines);
        return StartWithoutUwsgi();
    }

    private EmperorProcess StartWithoutUwsgi(params string[] options) =>
        Launch(
                new EmperorStart
                {
                    Arguments =
                    [
                        "--emperor",
                        Vassals,
                        "--emperor-control",
                        ControlPath,
                        "--emperor-freq",
                        "600",
                        "--binary-path",
                        Temp["no-uwsgi"],
                        .. options,
                    ],
                    // Debian's python3, which has Debian's frameworks.
                    Environment = new Dictionary<string, string?> { ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin" },
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();

    private void WriteApp(string text)
    {
        // Python takes a module's old bytecode when time, in seconds, and size are the same.
        var folder = Temp.Folder("project");
        if (Directory.Exists($"{folder}/__pycache__"))
            Directory.Delete($"{folder}/__pycache__", recursive: true);
        File.WriteAllText($"{folder}/hello.py", text + "\n");
    }

    private void WriteIni(params string[] lines) =>
        File.WriteAllLines(
            $"{Vassals}/app.ini",
            ["[uwsgi]", $"chdir = {Temp["project"]}", "module = hello:application", $"http-socket = {Address}", .. lines]
        );

    // Workers and templates, those in whose sessions nobody else is.
    private static List<int> Workers(EmperorProcess daemon) =>
        [.. ProcFs.Children(daemon.Pid).Where(pid => ProcFs.CommandLine(pid).Contains("/proc/self/fd/") && ProcFs.IsAlive(pid))];

    private int[] Who() => [.. Get(Address, "/who").Split(' ').Select(Number)];
}

/// <summary>An nginx that asks a socket in the uwsgi protocol.</summary>
internal sealed class UwsgiProxy : IDisposable
{
    private readonly Process _process;

    private UwsgiProxy(Process process, string address) => (_process, Address) = (process, address);

    public string Address { get; }

    public static UwsgiProxy Start(string folder, string socket)
    {
        var address = $"127.0.0.1:{Ports.Free()}";
        string[] temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        File.WriteAllText(
            $"{folder}/nginx.conf",
            $$"""
            {{(Native.IsRoot ? "user root;" : "")}}
            daemon off; worker_processes 1; pid {{folder}}/pid; error_log {{folder}}/error.log;
            events { worker_connections 1024; }
            http {
                access_log off;
                {{string.Concat(temporary.Select(t => $"{t}_temp_path {folder}/{t}; "))}}
                server { listen {{address}}; location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:{{socket}}; } }
            }
            """
        );
        var process = Process.Start("/usr/sbin/nginx", ["-e", $"{folder}/start.log", "-c", $"{folder}/nginx.conf"]);
        Wait.Until(
            () => File.Exists($"{folder}/pid") && new FileInfo($"{folder}/pid").Length > 0,
            () => $"nginx does not start in {folder}"
        );
        return new UwsgiProxy(process, address);
    }

    public void Dispose()
    {
        _ = Native.Signal(_process.Id, Native.Terminate);
        _process.WaitForExit();
        _process.Dispose();
    }
}
