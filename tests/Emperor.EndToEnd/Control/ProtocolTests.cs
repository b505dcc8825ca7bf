using System.Diagnostics;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>The control socket, and those who are not kind to it.</summary>
internal sealed class ProtocolTests : ControlTest
{
    [Test]
    public void Requests_are_answered_in_their_order_and_bear_their_numbers()
    {
        Write("a.ini");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        using var client = Connect();
        client.Send(
            "{\"v\":1,\"id\":1,\"verb\":\"names\"}\n\n{\"v\":1,\"id\":\"two\",\"verb\":\"status\"}\r\n{\"v\":1,\"id\":3,\"verb\":\"fly\"}\n"
        );
        var (first, second, third) = (client.Read()!, client.Read()!, client.Read()!);
        Assert.Multiple(() =>
        {
            Assert.That(((int)first["id"]!, (string)first["names"]![0]!), Is.EqualTo((1, "a.ini")));
            Assert.That(((string)second["id"]!, (string)second["vassals"]![0]!["state"]!), Is.EqualTo(("two", "accepting")));
            Assert.That(((int)third["id"]!, (string)third["error"]!["code"]!), Is.EqualTo((3, "unknown-verb")));
        });
    }

    [Test]
    public void A_client_that_only_reads_after_it_has_closed_its_output_gets_its_answer()
    {
        Write("a.ini");
        StartControlled();
        var (code, output, errors) = Run(
            "python3",
            "-c",
            "import socket,sys,json; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                + "s.sendall(b'{\"v\":1,\"verb\":\"status\"}\\n'); s.shutdown(socket.SHUT_WR); print(json.loads(s.makefile().read())['vassals'][0]['name'])",
            ControlPath
        );
        Assert.That((code, output), Is.EqualTo((0, "a.ini\n")), errors);
    }

    [Test]
    public void Malformed_huge_and_slow_requests_get_an_error_and_hold_up_nobody()
    {
        Write("a.ini");
        StartControlled();
        using var slow = Connect();
        slow.Send("{\"v\":1,");
        using (var malformed = Connect())
            Assert.That((string)malformed.Ask("\u0001\ufffd{{")["error"]!["code"]!, Is.EqualTo("malformed"));
        using (var binary = Connect())
        {
            binary.Send([.. Enumerable.Range(0, 200).Select(i => (byte)(i + 11)), (byte)'\n']);
            Assert.That((string)binary.Read()!["error"]!["code"]!, Is.EqualTo("malformed"));
        }
        using (var huge = Connect())
        {
            huge.Send(new string('x', 64 * 1024));
            Assert.That((string)huge.Read()!["error"]!["code"]!, Is.EqualTo("too-large"));
            Assert.That(huge.Read(), Is.Null, "and it is closed");
        }
        Assert.That((string)StatusOf("a.ini")["name"]!, Is.EqualTo("a.ini"), "others are served meanwhile");
        Assert.That((string)slow.Read()!["error"]!["code"]!, Is.EqualTo("too-slow"));
        Assert.That(slow.Read(), Is.Null);
    }

    [Test]
    public void A_thousand_clients_at_once_cost_the_vassals_nothing_and_leave_nothing()
    {
        Write("a.ini");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        var clients = new List<RawClient>();
        int Descriptors() => Directory.GetFiles($"/proc/{daemon.Pid}/fd").Length;
        int withFirst;
        using (var first = Connect())
        {
            _ = first.Ask("""{"v":1,"verb":"names"}""");
            withFirst = Descriptors();
        }
        // As long as it has a place, one of those that are to have one has none, and another gets it later.
        Wait.Until(() => Descriptors() < withFirst, () => "the first client's connection is kept");
        var before = Descriptors();
        try
        {
            var refused = 0;
            for (var i = 0; i < 1000; i++)
            {
                var client = Connect();
                clients.Add(client);
                if (i >= 256)
                {
                    Assert.That((string)client.Read()!["error"]!["code"]!, Is.EqualTo("too-many"));
                    refused++;
                }
            }
            Assert.That(refused, Is.EqualTo(744));
            Write("b.ini");
            daemon.AwaitAccepting("b.ini");
            Assert.That((string)clients[0].Ask("""{"v":1,"verb":"names"}""")["names"]![1]!, Is.EqualTo("b.ini"));
        }
        finally
        {
            clients.ForEach(c => c.Dispose());
        }
        Wait.Until(() => Descriptors() < before + 50, () => $"descriptors of clients are left: {Descriptors()}, before {before}");
        Assert.That((string)StatusOf("b.ini")["state"]!, Is.EqualTo("accepting"));
    }

    [Test]
    public void A_client_that_never_reads_costs_the_others_nothing()
    {
        for (var i = 0; i < 50; i++)
            Write($"vassal{i:00}.ini");
        StartControlled();
        using var deaf = Connect();
        // As many requests as it can send before the daemon stops reading it.
        deaf.Send(string.Concat(Enumerable.Repeat("{\"v\":1,\"verb\":\"status\"}\n", 500)));
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 20; i++)
            Assert.That((string)StatusOf("vassal01.ini")["name"]!, Is.EqualTo("vassal01.ini"));
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)));
    }

    [Test]
    public void Who_sends_thousands_of_requests_in_one_go_holds_up_only_himself()
    {
        const int Clients = 32;
        const int Requests = 5_000;
        Write("a.ini");
        StartControlled().AwaitAccepting("a.ini");
        using var begun = new CountdownEvent(Clients);
        var answers = 0;
        var hostile = Enumerable
            .Range(0, Clients)
            .Select(_ => new Thread(() =>
            {
                using var socket = StatsClient.Connect(ControlPath);
                socket.Send(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("x\n", Requests))));
                var buffer = new byte[64 * 1024];
                var mine = 0;
                for (int count; mine < Requests && (count = socket.Receive(buffer)) > 0; )
                {
                    var lines = buffer.AsSpan(0, count).Count((byte)'\n');
                    if (mine == 0)
                        begun.Signal();
                    mine += lines;
                    Interlocked.Add(ref answers, lines);
                }
            }))
            .ToList();
        hostile.ForEach(h => h.Start());
        Assert.That(begun.Wait(Wait.Limit));
        using var client = Connect();
        Assert.That((string)client.Ask("""{"v":1,"verb":"names"}""")["names"]![0]!, Is.EqualTo("a.ini"));
        var before = Volatile.Read(ref answers);
        hostile.ForEach(h => h.Join());
        TestContext.Out.WriteLine($"answered after {before} of {answers} other requests");
        Assert.That(before, Is.LessThan(Clients * Requests / 2), "it waited until the others had all that they wanted");
        Assert.That(answers, Is.EqualTo(Clients * Requests), "and these get their answers too");
    }

    [Test]
    public void Events_are_followed_as_they_come()
    {
        Write("a.ini");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        using var client = Connect();
        client.Send("{\"v\":1,\"verb\":\"events\",\"count\":1}\n");
        var last = (long)client.Read()!["event"]!["seq"]!;
        while ((bool)client.Read()!["more"]!)
        {
            // Another event may have come meanwhile.
        }
        client.Send($"{{\"v\":1,\"id\":5,\"verb\":\"events\",\"since\":{last},\"follow\":true,\"names\":[\"b*\"]}}\n");
        Write("b.ini");
        var words = new List<string>();
        while (words.Count < 2)
            words.Add((string)client.Read()!["event"]!["event"]!);
        Assert.That(words, Is.EqualTo(new[] { "spawned", "accepting" }));
    }

    [Test]
    public void A_second_emperor_does_not_steal_a_living_socket_and_replaces_a_dead_one()
    {
        Write("a.ini");
        var first = StartControlled();
        var second = Launch("--emperor", Temp.Folder("others"), "--emperor-control", ControlPath);
        Assert.That(second.AwaitEnd(), Is.EqualTo(4));
        second.Await("another emperor listens there");
        Assert.That((string)StatusOf("a.ini")["name"]!, Is.EqualTo("a.ini"));
        first.Signal(Native.Kill);
        first.AwaitEnd();
        Assert.That(ControlPath, Does.Exist, "a killed emperor leaves it");
        StartControlled();
        Assert.That((string)StatusOf("a.ini")["name"]!, Is.EqualTo("a.ini"));
    }

    [Test]
    public void The_socket_goes_with_the_emperor_and_no_file_is_taken_for_one()
    {
        var daemon = StartControlled();
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(File.Exists(ControlPath), Is.False);
        File.WriteAllText(ControlPath, "mine");
        var other = Launch("--emperor", Vassals, "--emperor-control", ControlPath);
        Assert.That(other.AwaitEnd(), Is.EqualTo(4));
        other.Await("is there, and is no socket");
        Assert.That(File.ReadAllText(ControlPath), Is.EqualTo("mine"));
    }

    [Test]
    public void Other_users_may_connect_and_are_told_that_they_may_not()
    {
        NeedRoot("it becomes another user");
        Write("a.ini");
        StartControlled();
        var asNobody = new[] { "--reuid", "65534", "--regid", "65534", "--clear-groups", "--" };
        foreach (var verb in new[] { "status", "stop" })
        {
            var (code, _, errors) = Run("setpriv", [.. asNobody, EmperorProcess.Program, verb, "a.ini", "--socket", ControlPath]);
            Assert.That(code, Is.EqualTo(1), errors);
            Assert.That(errors, Does.Contain("user 65534 may neither see nor steer vassals here, only root may"));
        }
        Assert.That(Journal.Of("a.ini", "stop"), Is.Empty);
    }

    [Test]
    public void The_user_of_the_emperor_may_steer_it()
    {
        NeedRoot("it becomes another user");
        File.WriteAllText(Journal.Path, "");
        Native.Check(Native.ChangeMode(Journal.Path, 0x1B6), "chmod");
        Write("a.ini");
        var daemon = StartControlled("--uid", "65534", "--gid", "65534");
        daemon.AwaitAccepting("a.ini");
        var (code, _, errors) = Run(
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "--",
            EmperorProcess.Program,
            "stop",
            "a",
            "--socket",
            ControlPath
        );
        Assert.That(code, Is.Zero, errors);
        Journal.AwaitStop("a.ini");
    }

    [Test]
    public void Bytes_at_random_are_answered_or_closed_and_nothing_else()
    {
        Write("a.ini");
        StartControlled();
        var random = new Random(4);
        var good = Encoding.UTF8.GetBytes("{\"v\":1,\"id\":\"a\",\"verb\":\"status\",\"names\":[\"a.ini\"],\"all\":true}\n");
        for (var i = 0; i < 200; i++)
        {
            var bytes = good.ToArray();
            for (var j = random.Next(4); j > 0; j--)
                bytes[random.Next(bytes.Length - 1)] = (byte)random.Next(256);
            using var client = Connect();
            client.Send(bytes);
            client.Send("\n");
            // A line's end among the bytes makes two requests of one.
            Assert.That(client.Read()?["v"], Is.Not.Null);
        }
        Assert.That((string)StatusOf("a.ini")["name"]!, Is.EqualTo("a.ini"));
    }
}
