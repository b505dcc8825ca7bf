using System.Text.RegularExpressions;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Programs;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Upgrades under as many requests as wrk can make of each kind of server: none may fail, and no process changes.</summary>
internal sealed class UpgradeLoadTests : UpgradeTest
{
    private const int Upgrades = 10;

    private const string App = """
        import os
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
            return [b"ok"]
        """;

    [Test]
    public void The_built_in_server_s_workers()
    {
        var address = WriteApp("http-socket");
        var daemon = StartControlled("--emperor-server", "wsgi");
        Wait.Until(() => daemon.Count("is ready after") == 2, Logs);
        AssertServes(daemon, address);
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        var worker = Descendants().Max();
        mark = daemon.Mark;
        Native.Check(Native.Signal(worker, Native.Kill), "kill");
        AwaitReady(daemon, "web.ini", mark);
        Assert.That(daemon.Stop(), Is.Zero);
    }

    [Test]
    public void Uwsgi()
    {
        Need("uwsgi");
        var address = WriteApp("plugin = python3\nmaster = true\nhttp-socket");
        var daemon = Launch(
            new EmperorStart
            {
                Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-control", ControlPath],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("web.ini");
        AssertServes(daemon, address);
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
        var address = $"127.0.0.1:{Nginx.FreePort()}";
        WriteProgram(
            "web.ini",
            [.. server.Lines.Select(line => line.Replace("{dir}", Temp["app"])), $"socket = {address}", "ready-timeout = 50"]
        );
        var daemon = StartControlled();
        AwaitReady(daemon, "web.ini");
        AssertServes(daemon, address);
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
    }

    // Processes stay the same from where all are there.
    private void AssertServes(EmperorProcess daemon, string address)
    {
        Get(address);
        var before = Descendants();
        Wait.Until(() => before.SequenceEqual(before = Descendants()) && before.Count > 1, Logs);
        using var load = WrkLoad.Start(address);
        for (var i = 0; i < Upgrades; i++)
            Upgrade(daemon);
        Assert.That(load.IsRunning, load.Text);
        var text = load.Stop();
        TestContext.Out.WriteLine(text);
        Assert.That(Number(Regex.Match(text, @"(\d+) requests in").Groups[1].Value), Is.GreaterThan(Upgrades * 10), text);
        Assert.That(text, Does.Not.Contain("Socket errors").And.Not.Contain("Non-2xx"), Logs());
        Assert.That(Descendants(), Is.EquivalentTo(before), Logs());
        AwaitNoZombie(daemon.Pid);
    }

    private string WriteApp(string socketOption)
    {
        var address = $"127.0.0.1:{Nginx.FreePort()}";
        Temp.Write("app.py", App);
        File.WriteAllText(
            $"{Vassals}/web.ini",
            $"[uwsgi]\n{socketOption} = {address}\nprocesses = 2\nchdir = {Temp.Path}\nwsgi-file = app.py\ndisable-logging = true\n"
        );
        return address;
    }
}
