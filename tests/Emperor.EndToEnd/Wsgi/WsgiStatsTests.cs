using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>The stats of a vassal of the built-in server, in uWSGI's format.</summary>
internal sealed class WsgiStatsTests : WsgiDutyTest
{
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

    private static IEnumerable<int> WorkersByLog(EmperorProcess daemon) =>
        daemon
            .Lines.Select(l => System.Text.RegularExpressions.Regex.Match(l, @"app.ini: pid (\d+) is ready after"))
            .Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));

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
}
