using System.Diagnostics;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>
/// Reloads under as many requests as wrk can make: none may fail. What a server's own shutdown does to connections that are kept alive is not
/// the emperor's: gunicorn's threaded worker closes those that are idle, and a request that is under way to it at that moment is lost with any
/// supervisor. So it is not among these.
/// </summary>
internal sealed class OverlapLoadTests : ProgramTest
{
    private const int Reloads = 50;
    private const int FailedReloads = 5;

    private static readonly RealServer[] Servers = [RealServer.GunicornSync, RealServer.NodeJs];

    [TestCaseSource(nameof(Servers))]
    [Takes(60)]
    public void No_request_fails_over_reloads_and_failed_reloads(RealServer server)
    {
        Need(server.Program!);
        File.WriteAllText($"{Temp.Folder("app")}/{server.App.Name}", server.App.Text);
        var address = $"127.0.0.1:{Ports.Free()}";
        string[] lines =
        [
            .. server.Lines.Select(line => line.Replace("{dir}", Temp["app"])),
            $"socket = {address}",
            "ready-timeout = 50",
            "stop-timeout = 50",
        ];
        WriteProgram("web.ini", lines);
        var daemon = StartControlled();
        AwaitReady(daemon, "web.ini");

        using var client = Connect();
        using var load = WrkLoad.Start(address);
        for (var i = 1; i <= Reloads + FailedReloads; i++)
        {
            // Spread among those that work.
            var isToFail = i % ((Reloads / FailedReloads) + 1) == 0;
            if (isToFail)
            {
                var mark = daemon.Mark;
                WriteProgram("web.ini", [.. lines, "env = BROKEN=1"]);
                daemon.AwaitVassal("web.ini", "the reload failed: .* exit \\d; the former processes serve on", mark);
                WriteProgram("web.ini", lines);
                daemon.AwaitVassal("web.ini", "it is reloaded, after", mark);
                continue;
            }
            var reply = client.Ask("""{"v":1,"verb":"reload","names":["web.ini"],"timeout_ms":55000}""");
            Assert.That((bool)reply["ok"]!, $"reload {i}: {reply}\n{Logs()}");
            Assert.That(load.IsRunning, $"wrk has ended\n{load.Text}");
        }
        var text = load.Stop();
        TestContext.Out.WriteLine($"{server.Name}: {Reloads} reloads and {FailedReloads} that failed\n{text}");
        Assert.That(daemon.Count("web.ini: the reload failed"), Is.EqualTo(FailedReloads));
        Assert.That(daemon.Count("SIGKILL"), Is.Zero, daemon.Text());
        Assert.That(Number(Regex.Match(text, @"(\d+) requests in").Groups[1].Value), Is.GreaterThan(Reloads * 10), text);
        Assert.That(text, Does.Not.Contain("Socket errors").And.Not.Contain("Non-2xx"), Logs());
    }
}

/// <summary>wrk, at full load, until it is told to stop.</summary>
internal sealed class WrkLoad : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;

    private WrkLoad(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
    }

    public string Text => _process.HasExited ? _output.GetAwaiter().GetResult() : "";

    public bool IsRunning => !_process.HasExited;

    /// <summary>Sixteen connections that ask again as soon as they have their answer.</summary>
    public static WrkLoad Start(string address)
    {
        var info = new ProcessStartInfo("/usr/bin/wrk", ["-t1", "-c16", "-d600s", "--timeout", "30s", "--latency", $"http://{address}/"])
        {
            RedirectStandardOutput = true,
        };
        return new WrkLoad(Process.Start(info)!);
    }

    /// <summary>Ends it; it tells what it has seen until now.</summary>
    public string Stop()
    {
        Native.Check(Native.Signal(_process.Id, Native.Interrupt), "kill");
        Assert.That(_process.WaitForExit(30_000), "wrk does not end");
        return Text;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
