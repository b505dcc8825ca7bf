using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>The stats socket, asked by real clients, as uWSGI's is.</summary>
internal sealed class StatsTests : EmperorTest
{
    private string Address => Temp["stats.sock"];

    [Test]
    public void The_document_has_uwsgis_keys_types_and_order_and_more_behind_them()
    {
        Write("good.ini", "spawned", "accept", "loyal");
        Write("bad.ini", "exit 3");
        var daemon = Start("--emperor-stats", Address);
        daemon.AwaitVassal("good.ini", "is loyal");
        StatsClient.Await(Address, "bad.ini", v => v.GetProperty("failures").GetInt32() > 1);
        var ours = StatsClient.Read(Address);
        Assert.That(daemon.Stop(), Is.Zero);

        var theirAddress = Temp["uwsgi.sock"];
        var uwsgi = Launch(
            new EmperorStart
            {
                Program = "/usr/bin/uwsgi",
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path, "--emperor-stats", theirAddress],
                Folder = Temp.Path,
            }
        );
        StatsClient.Await(theirAddress, "good.ini", v => v.GetProperty("loyal").GetInt32() == 1);
        var theirs = StatsClient.Read(theirAddress);
        Wait.Until(
            () => (theirs = StatsClient.Read(theirAddress)).GetProperty("blacklist").GetArrayLength() > 0,
            () => $"uwsgi has blacklisted nobody: {theirs}"
        );
        uwsgi.Signal(Native.Interrupt);
        uwsgi.AwaitEnd(TimeSpan.FromSeconds(60));

        AssertBeginsAs(theirs, ours, "the document");
        AssertBeginsAs(StatsClient.Vassal(theirs, "good.ini"), StatsClient.Vassal(ours, "good.ini"), "a vassal");
        AssertBeginsAs(theirs.GetProperty("blacklist")[0], ours.GetProperty("blacklist")[0], "the blacklist");
        foreach (var key in (string[])["born", "last_mod", "loyal", "ready", "accepting", "cursed", "on_demand", "uid", "gid", "monitor"])
        {
            Assert.That(
                StatsClient.Vassal(ours, "good.ini").GetProperty(key).ToString(),
                Is.EqualTo(StatsClient.Vassal(theirs, "good.ini").GetProperty(key).ToString()),
                key
            );
        }
    }

    [Test]
    public void It_says_why_a_vassal_is_down_and_when_it_is_tried_again()
    {
        Write("bad.ini", "sleep 200", "exit 3");
        Start("--emperor-stats", Address, "--emperor-throttle", "60000");
        var bad = StatsClient.Await(Address, "bad.ini", v => v.GetProperty("state").GetString() == "backoff");
        Assert.Multiple(() =>
        {
            Assert.That(bad.GetProperty("pid").GetInt32(), Is.EqualTo(-1));
            Assert.That(bad.GetProperty("up").GetBoolean(), Is.False);
            Assert.That(bad.GetProperty("reason").GetString(), Does.Match(@"^exit 3 after [\d.]+ s; 2 failures in a row since "));
            Assert.That(bad.GetProperty("deaths").GetInt32(), Is.EqualTo(2));
            var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
            Assert.That(bad.GetProperty("next_retry").GetInt64(), Is.InRange(now, now + 61));
            var exit = bad.GetProperty("last_exit");
            Assert.That(exit.GetProperty("code").GetInt32(), Is.EqualTo(3));
            Assert.That(exit.GetProperty("signal").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(exit.GetProperty("lived_ms").GetInt64(), Is.InRange(150, 15_000));
        });
    }

    [Test]
    public void It_tells_of_a_signal_of_the_link_and_of_the_content_that_runs()
    {
        File.WriteAllText(Temp["real.ini"], "[uwsgi]\nx-do = spawned\nx-do = accept\nx-do = loyal\n");
        File.CreateSymbolicLink($"{Vassals}/a.ini", Temp["real.ini"]);
        var daemon = Start("--emperor-stats", Address);
        daemon.AwaitVassal("a.ini", "is loyal");
        var a = StatsClient.Vassal(StatsClient.Read(Address), "a.ini");
        var digest = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Temp["real.ini"])));
        Assert.That(a.GetProperty("path").GetString(), Is.EqualTo($"{Vassals}/a.ini"));
        Assert.That(a.GetProperty("target").GetString(), Is.EqualTo(Temp["real.ini"]));
        Assert.That((a.GetProperty("digest").GetString(), a.GetProperty("latest").GetBoolean()), Is.EqualTo((digest, true)));
        // A change that cannot be taken: what runs is no longer the latest.
        File.WriteAllText(Temp["real.ini"], "");
        a = StatsClient.Await(Address, "a.ini", v => !v.GetProperty("latest").GetBoolean());
        Assert.That(a.GetProperty("digest").GetString(), Is.EqualTo(digest));
        Assert.That(a.GetProperty("reason").GetString(), Does.Contain("its changed file was not taken: the file is empty"));
        File.WriteAllText(Temp["real.ini"], "[uwsgi]\nx-do = spawned\nx-do = accept\n");
        StatsClient.Await(Address, "a.ini", v => v.GetProperty("latest").GetBoolean() && v.GetProperty("reloads").GetInt32() > 0);
        Native.Check(Native.Signal(Journal.Of("a.ini", "start").Last().Pid, Native.Kill), "kill");
        a = StatsClient.Await(Address, "a.ini", v => v.GetProperty("last_exit").ValueKind == JsonValueKind.Object);
        Assert.That(a.GetProperty("last_exit").GetProperty("signal").GetString(), Is.EqualTo("KILL"));
        Assert.That(a.GetProperty("last_exit").GetProperty("code").ValueKind, Is.EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void It_tells_what_the_whole_tree_of_a_vassal_uses()
    {
        Write("tree.ini", "spawned", "accept", "fork 2");
        var daemon = Start("--emperor-stats", Address);
        daemon.AwaitAccepting("tree.ini");
        var tree = StatsClient.Await(
            Address,
            "tree.ini",
            // A round has only so much time for memory and descriptors; the next one goes on.
            v =>
                v.GetProperty("resources") is { ValueKind: JsonValueKind.Object } r
                && r.GetProperty("processes").GetInt32() == 3
                && r.GetProperty("descriptors").ValueKind == JsonValueKind.Number
                && r.GetProperty("memory") is { ValueKind: JsonValueKind.Number } memory
                && memory.GetInt64() > 10_000
        );
        var used = tree.GetProperty("resources");
        Assert.That(used.GetProperty("memory_kind").GetString(), Is.EqualTo("pss").Or.EqualTo("rss"));
        Assert.That(used.GetProperty("descriptors").GetInt32(), Is.GreaterThan(3));
        Assert.That(used.GetProperty("sockets").GetInt32(), Is.Positive, "it has its channel to the emperor");
        Assert.That(used.GetProperty("cpu_ms").GetInt64(), Is.GreaterThanOrEqualTo(0));
    }

    [TestCase("@{0}")]
    [TestCase("127.0.0.1:{1}")]
    [TestCase(":{1}")]
    [TestCase("localhost:{1}")]
    [TestCase("[::1]:{1}")]
    public void It_listens_where_it_is_told(string form)
    {
        var port = Ports.Free();
        var address = string.Format(System.Globalization.CultureInfo.InvariantCulture, form, $"emperor-{Guid.NewGuid():N}", port);
        Write("a.ini");
        Start("--emperor-stats-server", address);
        if (address[0] == '@')
        {
            Assert.That(StatsClient.Read(address).GetProperty("vassals").GetArrayLength(), Is.EqualTo(1));
            return;
        }
        using var client = new TcpClient(address[0] == '[' ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
        client.Connect(address[0] == '[' ? IPAddress.IPv6Loopback : IPAddress.Loopback, port);
        var document = JsonDocument.Parse(StatsClient.ReadAll(client.Client)).RootElement;
        Assert.That(document.GetProperty("vassals").GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public void Real_clients_read_it_pythons_json_over_the_socket_and_curl_over_http()
    {
        Write("a\"b.ini");
        var port = Ports.Free();
        Start("--emperor-stats", Address).AwaitAccepting("a\"b.ini");
        const string client = """
            import json, socket, sys
            s = socket.socket(socket.AF_UNIX)
            s.connect(sys.argv[1])
            d = json.load(s.makefile())
            print(d["vassals"][0]["id"], d["vassals"][0]["state"])
            """;
        Assert.That(Output("python3", "-c", client, Address), Is.EqualTo("a\"b.ini accepting\n"));
        Start("--emperor-stats", $"127.0.0.1:{port}", "--stats-http", "--stats-minified");
        var answer = Output("curl", "-sSi", $"http://127.0.0.1:{port}/");
        Assert.That(
            answer,
            Does.StartWith(
                "HTTP/1.0 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n\r\n{\"version\":"
            )
        );
        Assert.That(answer.Split("\r\n\r\n")[1], Does.Not.Contain('\n'));
    }

    [Test]
    public void Its_file_has_the_rights_asked_for_is_replaced_when_stale_kept_when_alive_and_removed_at_the_end()
    {
        NeedRoot("the socket gets another owner");
        Output("python3", "-c", "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", Address);
        Assert.That(Address, Does.Exist);
        var daemon = Start("--emperor-stats", Address, "--chmod-socket=640", "--chown-socket", "nobody:www-data");
        Assert.That(Output("stat", "-c", "%a %U %G", Address), Is.EqualTo("640 nobody www-data\n"));
        var thief = Launch("--emperor", Vassals, "--emperor-stats", Address);
        Assert.That(thief.AwaitEnd(), Is.EqualTo(4));
        thief.Await($"emperor-stats = {Address}: another program listens there; end it, or name another path");
        Assert.That(StatsClient.Read(Address).GetProperty("pid").GetInt32(), Is.EqualTo(daemon.Pid));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Address, Does.Not.Exist);
        File.WriteAllText(Address, "somebody's file");
        var stranger = Launch("--emperor", Vassals, "--emperor-stats", Address);
        Assert.That(stranger.AwaitEnd(), Is.EqualTo(4));
        stranger.Await("there is something that is no socket; remove it, or name another path");
        Assert.That(File.ReadAllText(Address), Is.EqualTo("somebody's file"));
    }

    [Test]
    public void It_is_served_while_the_emperor_stops()
    {
        Write("slow.ini", "spawned", "accept", "stop-delay 8000");
        var daemon = StartWith("slow.ini", "--emperor-stats", Address);
        daemon.Signal(Native.Terminate);
        var slow = StatsClient.Await(Address, "slow.ini", v => v.GetProperty("state").GetString() == "stopping");
        Assert.That(slow.GetProperty("reason").GetString(), Is.EqualTo("the emperor leaves"));
        Assert.That(slow.GetProperty("cursed").GetInt64(), Is.Positive);
        Assert.That(StatsClient.Read(Address).GetProperty("state").GetString(), Is.EqualTo("stopping"));
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [Test]
    public void A_thousand_clients_that_never_read_cost_the_loop_nothing_and_others_are_served()
    {
        // Large enough that no socket's buffer takes a document.
        for (var i = 0; i < 150; i++)
            File.WriteAllText($"{Vassals}/refused{i:d3}-{new string('x', 150)}.ini", "");
        Write("a.ini", "spawned", "accept", "loyal");
        var daemon = Start("--emperor-stats", Address);
        daemon.AwaitVassal("a.ini", "is loyal");
        var idle = new List<Socket>();
        using var stop = new CancellationTokenSource();
        var flood = new Thread(() =>
        {
            while (!stop.IsCancellationRequested && idle.Count < 1_000)
                idle.Add(StatsClient.Connect(Address));
        });
        flood.Start();
        try
        {
            var slowest = TimeSpan.Zero;
            for (var i = 0; i < 5; i++)
            {
                var (mark, line) = (Journal.Mark, daemon.Mark);
                var from = Stopwatch.GetTimestamp();
                Native.Check(Native.Signal(Journal.Of("a.ini", "start").Last().Pid, Native.Kill), "kill");
                Journal.AwaitStart("a.ini", mark);
                var took = Stopwatch.GetElapsedTime(from);
                slowest = took > slowest ? took : slowest;
                daemon.AwaitVassal("a.ini", "is loyal", line);
            }
            TestContext.Out.WriteLine($"slowest successor: {slowest.TotalMilliseconds:0.0} ms");
            // A client is let go after 5 s: that is what a death would wait for.
            Assert.That(slowest, Is.LessThan(TimeSpan.FromSeconds(4.5)), "a vassal's death waits for nobody's reading");
            // The oldest that do not read give way; when all have come, that is not the one who asks now.
            flood.Join();
            var document = StatsClient.Read(Address);
            Assert.That(document.GetProperty("vassals").GetArrayLength(), Is.EqualTo(151));
            TestContext.Out.WriteLine($"loop: {document.GetProperty("loop")}");
            Assert.That(document.GetProperty("loop").GetProperty("last_turn_ms").GetDouble(), Is.LessThan(4_000));
        }
        finally
        {
            stop.Cancel();
            flood.Join();
            idle.ForEach(s => s.Dispose());
        }
    }

    [Test]
    public void A_slow_reader_gets_a_whole_document_and_one_that_never_reads_is_dropped()
    {
        for (var i = 0; i < 300; i++)
            File.WriteAllText($"{Vassals}/refused{i:d3}-{new string('x', 200)}.ini", "");
        var daemon = Start("--emperor-stats", Address);
        // A file that is empty may still be written, so it is looked at once more before it is refused.
        Wait.Until(() => daemon.Count(@"ERR refused\d{3}-") >= 300, daemon.Text);
        using var never = StatsClient.Connect(Address);
        using var slow = StatsClient.Connect(Address);
        // Slower than it is written, and yet done before its 5 s are over, on a busy machine too.
        var text = new List<byte>();
        var buffer = new byte[16 * 1024];
        for (int count; (count = slow.Receive(buffer)) > 0; )
        {
            text.AddRange(buffer.AsSpan(0, count));
            Thread.Sleep(1);
        }
        Assert.That(JsonDocument.Parse(text.ToArray()).RootElement.GetProperty("vassals").GetArrayLength(), Is.EqualTo(300));
        // What was sent before can still be read, then comes the end: less than a document.
        Wait.Until(() => never.Poll(0, SelectMode.SelectError) || IsHungUp(never), () => "it was not dropped");
    }

    [Test]
    public void What_cannot_be_listened_on_is_told_at_the_start()
    {
        var daemon = Launch("--emperor", Vassals, "--emperor-stats", Temp["no/such/folder/s"]);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(4));
        daemon.Await("emperor-stats = .*/no/such/folder/s: No such file or directory");
        daemon = Launch("--emperor", Vassals, "--emperor-stats", "127.0.0.1:99999");
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(2));
        daemon.Await("\"emperor-stats\" has the value \"127.0.0.1:99999\", but needs an address");
    }

    // A socket that the other end has closed has room to write for ever, but writing fails.
    private static bool IsHungUp(Socket socket)
    {
        try
        {
            return socket.Send([0], SocketFlags.None) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static void AssertBeginsAs(JsonElement theirs, JsonElement ours, string what)
    {
        string[] Shape(JsonElement element) => [.. element.EnumerateObject().Select(p => $"{p.Name}: {p.Value.ValueKind}")];
        var (expected, found) = (Shape(theirs), Shape(ours));
        Assert.That(found.Take(expected.Length), Is.EqualTo(expected), $"{what} begins as uwsgi's");
    }

    private static string Output(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program} failed: {text}");
        return text;
    }
}
