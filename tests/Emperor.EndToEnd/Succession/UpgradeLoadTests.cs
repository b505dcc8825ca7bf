using System.Text.RegularExpressions;
using Emperor.EndToEnd.Programs;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Upgrades under as many requests as wrk can make of each kind of server: none may fail, and no process changes.</summary>
internal sealed class UpgradeLoadTests : UpgradeTest
{
    private const int Upgrades = 10;

    private const string App = """
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2"), MORE])
            return [b"ok"]
        """;

    [Test]
    public void The_built_in_server_s_workers()
    {
        var address = WriteApp("http-socket");
        var daemon = StartControlled("--emperor-server", "wsgi");
        Wait.Until(() => daemon.Count("is ready after") == 2, Logs);
        AssertServes(daemon, address, processes: 2);
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        var worker = Number(Regex.Match(daemon.Lines.Last(l => l.Contains("is ready after")), @"pid (\d+) is").Groups[1].Value);
        mark = daemon.Mark;
        Native.Check(Native.Signal(worker, Native.Kill), "kill");
        AwaitReady(daemon, "web.ini", mark);
        Assert.That(daemon.Stop(), Is.Zero);
    }

    [Test]
    public void Uwsgi()
    {
        Need("uwsgi");
        // Its http-socket ends each connection with its answer, and the load shall know that.
        var address = WriteApp("plugin = python3\nmaster = true\nhttp-socket", "(\"Connection\", \"close\")");
        var daemon = Launch(
            new EmperorStart
            {
                Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-control", ControlPath],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("web.ini");
        AssertServes(daemon, address, processes: 2);
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitAccepting("web.ini", mark);
    }

    [Test]
    public void Gunicorn()
    {
        var server = RealServer.GunicornSync;
        Need(server.Program!);
        File.WriteAllText($"{Temp.Folder("app")}/{server.App.Name}", server.App.Text);
        var address = $"127.0.0.1:{Ports.Free()}";
        WriteProgram(
            "web.ini",
            [.. server.Lines.Select(line => line.Replace("{dir}", Temp["app"])), $"socket = {address}", "ready-timeout = 50"]
        );
        var daemon = StartControlled();
        AwaitReady(daemon, "web.ini");
        AssertServes(daemon, address, processes: 3);
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
    }

    private void AssertServes(EmperorProcess daemon, string address, int processes)
    {
        Get(address);
        Wait.Until(() => Serving(daemon).Count == processes, Logs);
        var before = Serving(daemon);
        using var load = WrkLoad.Start(address);
        for (var i = 0; i < Upgrades; i++)
            Upgrade(daemon);
        Assert.That(load.IsRunning, load.Text);
        var text = load.Stop();
        TestContext.Out.WriteLine(text);
        Assert.That(Number(Regex.Match(text, @"(\d+) requests in").Groups[1].Value), Is.GreaterThan(Upgrades * 10), text);
        Assert.That(text, Does.Not.Contain("Socket errors").And.Not.Contain("Non-2xx"), Logs());
        Assert.That(Serving(daemon), Is.EquivalentTo(before), Logs());
        AwaitNoZombie(daemon.Pid);
    }

    // But for a template, which leaves when it is not needed for a while.
    private List<int> Serving(EmperorProcess daemon) =>
        [.. Descendants().Where(p => daemon.Count($"pid: {p} \\(default app\\)") == 0 || daemon.Count($"pid {p} is ready") > 0)];

    private string WriteApp(string socketOption, string header = "(\"X-Header\", \"1\")")
    {
        var address = $"127.0.0.1:{Ports.Free()}";
        Temp.Write("app.py", App.Replace("MORE", header));
        File.WriteAllText(
            $"{Vassals}/web.ini",
            $"[uwsgi]\n{socketOption} = {address}\nprocesses = 2\nchdir = {Temp.Path}\nwsgi-file = app.py\ndisable-logging = true\n"
        );
        return address;
    }
}
