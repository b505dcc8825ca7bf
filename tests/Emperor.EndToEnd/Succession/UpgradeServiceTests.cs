using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Whoever asks the emperor itself while it upgrades is answered, by the old one or the new one.</summary>
internal sealed class UpgradeServiceTests : UpgradeTest
{
    private const int Upgrades = 4;

    [Test]
    public void Nobody_who_asks_for_status_stats_or_metrics_is_refused()
    {
        var (stats, metrics) = (Temp["stats"], $"127.0.0.1:{Ports.Free()}");
        Write("a.ini", "accept");
        var daemon = StartControlled("--emperor-stats", stats, "--emperor-metrics", metrics);
        daemon.AwaitAccepting("a.ini");
        Repeat(
            daemon,
            () => Asked(() => StatsClient.Vassal(JsonDocument.Parse(Whole(stats)).RootElement, "a.ini").ValueKind == JsonValueKind.Object),
            () => Asked(() => Page(metrics, "/metrics").Contains("emperor_vassal_up")),
            () => Asked(() => Page(metrics, "/-/healthy").Split("\r\n\r\n") is [_, not ""]),
            () =>
                Asked(() =>
                {
                    using var client = Connect();
                    client.Send("""{"v":1,"verb":"status"}""" + "\n");
                    return client.Read()?["vassals"]?.AsArray().Count == 1;
                })
        );
        using var end = Connect();
        Assert.That((bool)end.Ask("""{"v":1,"verb":"status"}""")["ok"]!);
        Assert.That(Journal.Lines, Has.Count.EqualTo(1));
    }

    [Test]
    public void No_command_by_a_datagram_is_lost()
    {
        var commands = Temp["commands"];
        Write("a.ini", "accept");
        var daemon = Start("--emperor-command-socket", commands);
        daemon.AwaitAccepting("a.ini");
        var sent = 0;
        Repeat(
            daemon,
            () =>
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
                socket.Connect(new UnixDomainSocketEndPoint(commands));
                socket.Send(Packet(("cmd", "log"), ("msg", $"word {++sent} of it")));
                Thread.Sleep(20);
            }
        );
        daemon.Await($"word {sent} of it");
        for (var i = 1; i <= sent; i++)
            Assert.That(daemon.Count($"word {i} of it"), Is.EqualTo(1), Logs());
    }

    [Test]
    public void An_address_that_cannot_be_had_is_no_reason_to_end_vassals()
    {
        var stats = Temp["stats"];
        Write("a.ini", "accept");
        var ini = Temp.Write("emperor.ini", $"[uwsgi]\nemperor = {Vassals}\nemperor-stats = {stats}\n");
        var daemon = Launch("--ini", ini).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        File.WriteAllText(ini, File.ReadAllText(ini).Replace(stats, "/proc/none/stats"));
        Upgrade(daemon);
        daemon.Await("/proc/none/stats.*; the emperor goes on without that");
        Assert.That(stats, Does.Not.Exist);
        File.WriteAllText(ini, File.ReadAllText(ini).Replace("/proc/none/stats", stats));
        Upgrade(daemon);
        Assert.That(Whole(stats), Does.Contain("a.ini"));
        Assert.That(Journal.Lines, Has.Count.EqualTo(1));
    }

    [Test]
    public void An_order_that_is_under_way_is_carried_on()
    {
        Write("a.ini", "stop-delay 1500", "accept");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        using var client = Connect();
        client.Send("""{"v":1,"verb":"restart","names":["a.ini"]}""" + "\n");
        Journal.Await("a.ini", "byte", "0");
        Upgrade(daemon);
        Wait.Until(() => Journal.Starts("a.ini") == 2, Logs);
    }

    // Each asks again and again, all at once, while the emperor upgrades; what one throws is told.
    private static void Repeat(EmperorProcess daemon, params Action[] asks)
    {
        using var end = new CancellationTokenSource();
        var tasks = asks.Select(ask =>
                Task.Factory.StartNew(
                    () =>
                    {
                        while (!end.IsCancellationRequested)
                            ask();
                    },
                    TaskCreationOptions.LongRunning
                )
            )
            .ToArray();
        for (var i = 0; i < Upgrades; i++)
            Upgrade(daemon);
        end.Cancel();
        Assert.DoesNotThrow(() => Task.WaitAll(tasks), daemon.Text());
    }

    // Who is in the middle of it for longer than half a second when the programs change, because the machine is slow, is cut off. Not twice in a row.
    private static void Asked(Func<bool> ask) => Assert.That(IsAnswered(ask) || IsAnswered(ask), "cut off twice");

    // Who is not even let in is refused, and that throws.
    private static bool IsAnswered(Func<bool> ask)
    {
        try
        {
            return ask();
        }
        catch (Exception e)
            when (e is JsonException or SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown })
        {
            return false;
        }
    }

    // Head and body; nothing for who was cut off. Any other status would be a refusal.
    private static string Page(string address, string path)
    {
        using var socket = Dial(address);
        socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        var text = StatsClient.ReadAll(socket);
        Assert.That(text, Is.Empty.Or.Match("^HTTP/1.[01] 200 "), $"GET {path} from {address}");
        return text;
    }

    private static string Whole(string address)
    {
        using var socket = Dial(address);
        return StatsClient.ReadAll(socket);
    }

    private static byte[] Packet(params (string Key, string Value)[] pairs)
    {
        var body = new List<byte>();
        foreach (var (key, value) in pairs)
        {
            foreach (var text in new[] { key, value })
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                body.AddRange([(byte)bytes.Length, (byte)(bytes.Length >> 8), .. bytes]);
            }
        }
        return [0, (byte)body.Count, (byte)(body.Count >> 8), 0, .. body];
    }
}
