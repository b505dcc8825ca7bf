using System.Diagnostics;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>
/// Reloads under as many requests as wrk can make: none may fail. What a server's own shutdown does to connections that are kept alive is not
/// the emperor's: gunicorn's threaded worker closes those that are idle, and a request that is under way to it at that moment is lost with any
/// supervisor. So it stands behind an nginx here, which asks over a new connection each time, as nginx does by default, and never twice.
/// </summary>
internal sealed class OverlapLoadTests : ProgramTest
{
    private const int FailedReloads = 5;

    private static readonly (RealServer Server, int Reloads, bool IsBehindNginx)[] Loads =
    [
        (RealServer.GunicornSync, 50, false),
        (RealServer.NodeJs, 50, false),
    ];

    private static IEnumerable<TestCaseData> Cases =>
        Loads.Select(load => new TestCaseData(load.Server, load.Reloads, load.IsBehindNginx).SetArgDisplayNames(load.Server.Name));

    [TestCaseSource(nameof(Cases))]
    public void No_request_fails_over_reloads_and_failed_reloads(RealServer server, int reloads, bool isBehindNginx)
    {
        Need(server.Program!);
        File.WriteAllText($"{Temp.Folder("app")}/{server.App.Name}", server.App.Text);
        var address = isBehindNginx ? Temp["web.sock"] : $"127.0.0.1:{Nginx.FreePort()}";
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
        using var proxy = isBehindNginx ? PlainProxy.Start(Temp.Folder("nginx"), address) : null;

        using var client = Connect();
        using var load = WrkLoad.Start(proxy?.Address ?? address);
        for (var i = 1; i <= reloads + FailedReloads; i++)
        {
            // Spread among those that work.
            var isToFail = i % ((reloads / FailedReloads) + 1) == 0;
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
        TestContext.Out.WriteLine($"{server.Name}: {reloads} reloads and {FailedReloads} that failed\n{text}");
        Assert.That(daemon.Count("web.ini: the reload failed"), Is.EqualTo(FailedReloads));
        Assert.That(daemon.Count("SIGKILL"), Is.Zero, daemon.Text());
        Assert.That(Number(Regex.Match(text, @"(\d+) requests in").Groups[1].Value), Is.GreaterThan(reloads * 10), text);
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

/// <summary>An nginx in front of one socket, that asks each request of it once, over a new connection.</summary>
internal sealed class PlainProxy : IDisposable
{
    private readonly Process _process;

    private PlainProxy(Process process, string address) => (_process, Address) = (process, address);

    public string Address { get; }

    public static PlainProxy Start(string folder, string socket)
    {
        var address = $"127.0.0.1:{Nginx.FreePort()}";
        File.WriteAllText(
            $"{folder}/nginx.conf",
            $$"""
            daemon off;
            {{(Native.IsRoot ? "user root;" : "")}}
            worker_processes 1;
            pid {{folder}}/nginx.pid;
            error_log {{folder}}/error.log notice;
            events { worker_connections 256; }
            http {
                access_log off;
                client_body_temp_path {{folder}}/body;
                proxy_temp_path {{folder}}/proxy;
                fastcgi_temp_path {{folder}}/fastcgi;
                uwsgi_temp_path {{folder}}/uwsgi;
                scgi_temp_path {{folder}}/scgi;
                keepalive_requests 1000000000;
                server {
                    listen {{address}};
                    location / {
                        proxy_pass http://unix:{{socket}}:;
                        proxy_next_upstream off;
                    }
                }
            }

            """
        );
        var process = Process.Start(Installed.Nginx, ["-p", folder, "-c", $"{folder}/nginx.conf", "-e", $"{folder}/error.log"]);
        Wait.Until(
            () => process.HasExited || (File.Exists($"{folder}/nginx.pid") && new FileInfo($"{folder}/nginx.pid").Length > 0),
            () => "nginx does not start"
        );
        Assert.That(process.HasExited, Is.False, "nginx does not start");
        return new PlainProxy(process, address);
    }

    public void Dispose()
    {
        if (!_process.HasExited && Native.Signal(_process.Id, Native.Terminate) == 0 && !_process.WaitForExit(10_000))
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
