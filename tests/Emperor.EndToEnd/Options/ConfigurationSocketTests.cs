using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>
/// The socket over which a vassal gets its configuration (UWSGI_EMPEROR_FD_CONFIG, emperor://). In uwsgi 2.0.21 only monitors without files use it, so
/// its emperor is given a vassal by ZeroMQ.
/// </summary>
internal sealed class ConfigurationSocketTests : OptionTest
{
    private const string Configuration = "[uwsgi]\nmaster = true\n";

    // Writes down what it was given, asks for its configuration by byte 2, and obeys.
    private const string Vassal = """
        #!/usr/bin/python3
        import json, os, struct, sys
        def packet(fd):
            head = b""
            while len(head) < 4: head += os.read(fd, 4 - len(head))
            left, body = struct.unpack("<H", head[1:3])[0], b""
            while len(body) < left: body += os.read(fd, left - len(body))
            return [head.hex(), body.decode()]
        lord, configuration = int(os.environ["UWSGI_EMPEROR_FD"]), int(os.environ["UWSGI_EMPEROR_FD_CONFIG"])
        first = packet(configuration)
        os.write(lord, b"\x02")
        seen = json.dumps([sys.argv[1:], os.getcwd(), first, packet(configuration)])
        open(os.environ["RECORD"] + ".new", "w").write(seen)
        os.rename(os.environ["RECORD"] + ".new", os.environ["RECORD"])
        os.write(lord, b"\x01\x05\x11")
        while os.read(lord, 1) not in (b"", b"\x00", b"\x02"): pass

        """;

    [Test]
    public void A_vassal_gets_the_same_packets_as_from_uwsgi()
    {
        Assert.That("/usr/lib/uwsgi/plugins/emperor_zeromq_plugin.so", Does.Exist, "the package uwsgi-core is not as it was");
        var wrapper = Script("vassal", Vassal);
        var port = Ports.Free();
        var theirs = Record(
            Uwsgi,
            "--plugin",
            "emperor_zeromq",
            "--emperor",
            $"zmq://tcp://127.0.0.1:{port}",
            "--emperor-wrapper",
            wrapper,
            () => Push(port, "touch", "a.ini", Configuration)
        );
        File.WriteAllText($"{Vassals}/a.ini", Configuration);
        var ours = Record(
            EmperorProcess.Program,
            "--emperor",
            Vassals,
            "--emperor-force-config-pipe",
            "--emperor-wrapper",
            wrapper,
            "--vassal-output=capture",
            () => { }
        );
        Assert.That(ours[0].GetRawText(), Is.EqualTo(theirs[0].GetRawText()), "argv");
        Assert.That(ours[2].GetRawText(), Is.EqualTo(theirs[2].GetRawText()), "what is sent at the start");
        Assert.That(ours[3].GetRawText(), Is.EqualTo(theirs[3].GetRawText()), "what is sent at byte 2");
        Assert.That(ours[2][0].GetString(), Is.EqualTo($"73{Configuration.Length:x2}0000"), "modifier1 115");
    }

    // uwsgi 2.0.21's emperor sends it twice at a reload, and the vassal is one change behind from the second on.
    [Test]
    public void A_real_uwsgi_has_the_newest_configuration_after_each_reload()
    {
        var path = $"{Vassals}/a.ini";
        File.WriteAllText(path, Generation("one"));
        var daemon = StartReal("--emperor-force-config-pipe");
        daemon.Await(@"^\[a\.ini\] this is generation one$");
        daemon.AwaitAccepting("a.ini");
        foreach (var generation in (string[])["two", "three", "four"])
        {
            var mark = daemon.Mark;
            File.WriteAllText(path, Generation(generation));
            daemon.Await($@"^\[a\.ini\] this is generation {generation}$", mark);
            daemon.AwaitAccepting("a.ini", mark);
        }
    }

    // A file is not read by who cannot read it: the vassal's user never sees the path.
    [Test]
    public void A_file_that_is_too_large_to_be_sent_is_refused_with_the_cure()
    {
        File.WriteAllText($"{Vassals}/a.ini", Configuration + new string('#', 70_000));
        var daemon = Start("--emperor-force-config-pipe");
        daemon.AwaitVassal("a.ini", "larger than 65535 bytes.*make it smaller");
        File.WriteAllText($"{Vassals}/a.ini", Configuration);
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void One_that_asks_without_end_and_never_reads_harms_only_itself()
    {
        Write("greedy.ini", "accept", "bytes 2 20000", "byte 5", "byte 2", "byte 5", "byte 2");
        var daemon = Start("--emperor-force-config-pipe", "--emperor-wrapper", TestVassal.VassalProgram.Path);
        daemon.AwaitAccepting("greedy.ini");
        Write("other.ini");
        daemon.AwaitAccepting("other.ini");
    }

    private static string Generation(string name) =>
        $"[uwsgi]\nprint = this is generation {name}\nmaster = true\nsocket = @emperor-test-%n-{Environment.ProcessId}\n";

    private JsonElement Record(string program, params object[] words)
    {
        var record = Temp["record"];
        File.Delete(record);
        var daemon = Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = [.. words.OfType<string>()],
                Folder = Temp.Path,
                Environment = new Dictionary<string, string?>
                {
                    ["RECORD"] = record,
                    ["UWSGI_EMPEROR_CONTROL"] = program == Uwsgi ? null : "none",
                },
            }
        );
        words.OfType<Action>().Single()();
        var seen = JsonDocument.Parse(string.Join('\n', Recorded(record))).RootElement;
        daemon.Signal(Native.Interrupt);
        daemon.AwaitEnd();
        return seen;
    }

    // ZMTP 3.0 (rfc.zeromq.org, 23/ZMTP) without security: a greeting, the command READY, and one message of several frames.
    private void Push(int port, params string[] parts)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
        Wait.Until(() => TryConnect(client, port), () => $"nobody listens on port {port}\n{Logs()}");
        byte[] greeting = [0xFF, .. new byte[8], 0x7F, 3, 0, .. "NULL"u8, .. new byte[16 + 32]];
        client.Send(greeting);
        Read(client, 64);
        byte[] ready = [5, .. "READY"u8, 11, .. "Socket-Type"u8, 0, 0, 0, 4, .. "PUSH"u8];
        client.Send([4, (byte)ready.Length, .. ready]);
        Read(client, Read(client, 2)[1]);
        for (var i = 0; i < parts.Length; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(parts[i]);
            client.Send([(byte)(i < parts.Length - 1 ? 1 : 0), (byte)bytes.Length, .. bytes]);
        }
        client.Shutdown(SocketShutdown.Send);
        // Until it has been taken in.
        Wait.Quietly(() => client.Poll(1000, SelectMode.SelectRead), TimeSpan.FromSeconds(5));
    }

    private static bool TryConnect(Socket socket, int port)
    {
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static byte[] Read(Socket socket, int count)
    {
        var buffer = new byte[count];
        for (var length = 0; length < count; )
        {
            var got = socket.Receive(buffer, length, count - length, SocketFlags.None);
            Assert.That(got, Is.Positive, "uwsgi's ZeroMQ monitor has closed the connection");
            length += got;
        }
        return buffer;
    }
}
