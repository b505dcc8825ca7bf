using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>--emperor-command-socket and --emperor-wait-for-command, which newer uWSGI has: datagrams that steer vassals.</summary>
internal sealed class CommandSocketTests : OptionTest
{
    private string Commands => Temp["commands"];

    private string Stats => Temp["stats"];

    [Test]
    public void A_suspended_vassal_waits_for_spawn_whatever_becomes_of_its_file()
    {
        Write("a.ini", "accept");
        Write("free.ini", "accept");
        var daemon = StartSocket("--emperor-wait-for-command", "--emperor-wait-for-command-ignore", "free.ini");
        daemon.AwaitAccepting("free.ini");
        daemon.Await("the emperor is ready$");
        Assert.That(Number("a.ini", "suspended"), Is.EqualTo(1));
        Assert.That(Number("free.ini", "suspended"), Is.Zero);
        Write("a.ini", "print the new one", "accept");
        daemon.AwaitVassal("a.ini", "its file has changed; it waits for the command spawn");
        daemon.Signal(Native.Hangup);
        Send("respawn", "a.ini");
        daemon.Await("respawn a.ini: it waits for the command spawn");
        Assert.That(Journal.Starts("a.ini"), Is.Zero);
        Send("spawn", "a.ini");
        daemon.Await(@"^\[a\.ini\] the new one$");
        daemon.AwaitAccepting("a.ini");
        Assert.That(Number("a.ini", "suspended"), Is.Zero);
        // Its death is no reason to suspend it again, as it is in uWSGI; a stop is.
        Native.Check(Native.Signal(Journal.AwaitStart("a.ini").Pid, Native.Kill), "kill");
        Wait.Until(() => Journal.Starts("a.ini") == 2, Logs);
        Send("stop", "a.ini");
        Journal.AwaitStop("a.ini");
        StatsClient.Await(Stats, "a.ini", v => v.GetProperty("state").GetString() == "suspended");
        var mark = daemon.Mark;
        Write("a.ini", "accept");
        daemon.AwaitVassal("a.ini", "its file has changed; it waits for the command spawn", mark);
        Wait.While(() => Journal.Starts("a.ini") == 2, TimeSpan.FromMilliseconds(500), Logs);
    }

    [Test]
    public void Respawn_reloads_stop_stops_spawn_starts_and_log_logs()
    {
        Write("a.ini", "accept");
        var daemon = StartSocket();
        daemon.AwaitAccepting("a.ini");
        Send("respawn", "a.ini");
        Journal.AwaitReload("a.ini");
        SendPairs(("command", "stop"), ("vassal", "a.ini"));
        Journal.AwaitStop("a.ini");
        StatsClient.Await(Stats, "a.ini", v => v.GetProperty("state").GetString() == "stopped");
        Send("spawn", "a.ini");
        Wait.Until(() => Journal.Starts("a.ini") == 2, Logs);
        SendPairs(("cmd", "log"), ("msg", "the deploy\nis done\u001b[31m"));
        daemon.Await(@" the deploy\\nis done\\x1b\[31m$");
        Send("spawn", "a.ini");
        daemon.Await("spawn a.ini: it is active already");
        Send("stop", "no-such.ini");
        daemon.Await("stop: there is no vassal no-such.ini");
        Assert.That(Counts(), Is.EqualTo((4, 2, 0, 0)));
    }

    [Test]
    public void What_is_no_packet_is_dropped_and_counted()
    {
        Write("a.ini", "accept");
        var daemon = StartSocket();
        daemon.AwaitAccepting("a.ini");
        var whole = Packet(("cmd", "stop"), ("vassal", "a.ini"));
        byte[][] broken =
        [
            [],
            [0],
            [0, 0, 0, 0],
            whole[..^1],
            [.. whole, 0],
            [0, 0xFF, 0xFF, 0, .. whole[4..]],
            [0, 4, 0, 0, 0xFF, 0xFF, (byte)'c', (byte)'m'],
            Packet(("cmd", "stop")),
            Packet(("cmd", "stop"), ("vassal", "")),
            Packet(("cmd", "destroy"), ("vassal", "a.ini")),
            Packet(("cmd", "log")),
            Packet(("vassal", "a.ini")),
            [.. whole[..^5], 0xFF, 0xFE, 0xFF, 0xFE, 0xFF],
            Packet(("cmd", "log"), ("msg", new string('x', 5000))),
        ];
        // An empty datagram is one, too.
        foreach (var datagram in broken)
            SendRaw(datagram);
        Wait.Until(() => Counts().Malformed == broken.Length, () => $"{Counts()}\n{Logs()}");
        // From a seed, every one of them whole or not.
        var random = new Random(7);
        for (var i = 0; i < 2000; i++)
        {
            var noise = whole.ToArray();
            noise[random.Next(noise.Length)] ^= (byte)(1 << random.Next(8));
            noise[4 + 2] = (byte)'x';
            SendRaw(noise);
        }
        Wait.Until(() => Counts().Malformed == broken.Length + 2000, () => $"{Counts()}\n{Logs()}");
        Assert.That(daemon.Count("a datagram that is no command is dropped"), Is.EqualTo(1));
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty, "it was told something");
    }

    [Test]
    public void Only_the_emperor_s_own_user_is_obeyed()
    {
        NeedRoot("another user writes");
        Write("a.ini", "accept");
        var name = $"emperor-test-{Guid.NewGuid():N}";
        var daemon = Start("--emperor-command-socket", $"@{name}", "--emperor-stats", Stats);
        daemon.AwaitAccepting("a.ini");
        // An abstract name has no file that keeps anybody out.
        using var sender = Process.Start(
            "setpriv",
            [
                .. (string[])["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", "/usr/bin/python3", "-c"],
                $"import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(bytes.fromhex('{Convert.ToHexString(Packet(("cmd", "stop"), ("vassal", "a.ini")))}'), '\\0{name}')",
            ]
        )!;
        sender.WaitForExit();
        Assert.That(sender.ExitCode, Is.Zero);
        Wait.Until(() => Counts().Forbidden == 1, Logs);
        daemon.Await("a command of user [0-9]+ is dropped");
        Assert.That(daemon.Count("a command of user [0-9]+ is dropped"), Is.EqualTo(1));
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty);
    }

    [Test]
    public void The_socket_is_the_emperor_s_alone_replaces_a_dead_one_and_spares_a_live_one()
    {
        Write("a.ini", "accept");
        var first = StartSocket();
        Assert.That((int)File.GetUnixFileMode(Commands), Is.EqualTo(0x180));
        var second = Launch("--emperor", Vassals, "--emperor-command-socket", Commands);
        second.Await("somebody receives there; name another path");
        Assert.That(second.AwaitEnd(), Is.EqualTo(4));
        first.Signal(Native.Kill);
        first.AwaitEnd();
        Assert.That(Commands, Does.Exist);
        var third = StartSocket();
        Send("respawn", "a.ini");
        third.Await("respawn a.ini");
        Assert.That(third.Stop(), Is.Zero);
        Assert.That(Commands, Does.Not.Exist);
        File.WriteAllText(Commands, "not a socket");
        var fourth = Launch("--emperor", Vassals, "--emperor-command-socket", Commands);
        fourth.Await("is there, and is no socket");
        fourth.AwaitEnd();
        Assert.That(File.ReadAllText(Commands), Is.EqualTo("not a socket"));
        var fifth = Launch("--emperor", Vassals, "--emperor-command-socket", "127.0.0.1:4000");
        fifth.Await("over UDP it could not be told who gives a command");
        fifth.AwaitEnd();
    }

    [Test]
    public void Waiting_without_a_socket_has_no_effect_and_a_warning()
    {
        Write("a.ini", "accept");
        var daemon = Start("--emperor-wait-for-command");
        daemon.Await("emperor-wait-for-command has no effect without emperor-command-socket");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_program_of_a_section_emperor_waits_and_obeys_as_well()
    {
        Temp.Write("vassals/a.ini", $"[emperor]\nexec = sh -c 'echo $$ >>{Temp["starts"]}; exec sleep 600'\nready = after 0\n");
        int Starts() => File.Exists(Temp["starts"]) ? File.ReadAllLines(Temp["starts"]).Length : 0;
        var daemon = StartSocket("--emperor-wait-for-command");
        daemon.AwaitVassal("a.ini", "it waits for the command spawn");
        daemon.Signal(Native.Hangup);
        Send("respawn", "a.ini");
        daemon.Await("respawn a.ini: it waits for the command spawn");
        Assert.That((Starts(), Number("a.ini", "suspended")), Is.EqualTo((0, 1)));
        Send("spawn", "a.ini");
        daemon.AwaitVassal("a.ini", "is ready");
        Wait.Until(() => Starts() == 1, Logs);
        Native.Check(Native.Signal(int.Parse(File.ReadAllLines(Temp["starts"])[0]), Native.Kill), "kill");
        Wait.Until(() => Starts() == 2, Logs);
        Send("stop", "a.ini");
        StatsClient.Await(Stats, "a.ini", v => v.GetProperty("state").GetString() == "suspended");
        File.SetLastWriteTimeUtc($"{Vassals}/a.ini", DateTime.UtcNow.AddMinutes(1));
        daemon.AwaitVassal("a.ini", "its file has changed; it waits for the command spawn");
        Send("spawn", "a.ini");
        Wait.Until(() => Starts() == 3, Logs);
    }

    private EmperorProcess StartSocket(params string[] options) =>
        Start(["--emperor-command-socket", Commands, "--emperor-stats", Stats, .. options]);

    private int Number(string vassal, string key) => StatsClient.Vassal(StatsClient.Read(Stats), vassal).GetProperty(key).GetInt32();

    private (int Obeyed, int Refused, int Malformed, int Forbidden) Counts()
    {
        var counts = StatsClient.Read(Stats).GetProperty("command_socket");
        int Of(string key) => counts.GetProperty(key).GetInt32();
        return (Of("obeyed"), Of("refused"), Of("malformed"), Of("forbidden"));
    }

    private void Send(string command, string vassal) => SendPairs(("cmd", command), ("vassal", vassal));

    private void SendPairs(params (string Key, string Value)[] pairs) => SendRaw(Packet(pairs));

    private void SendRaw(byte[] datagram)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.SendTo(datagram, new UnixDomainSocketEndPoint(Commands));
    }

    private static byte[] Packet(params (string Key, string Value)[] pairs)
    {
        var body = new List<byte>();
        foreach (var text in pairs.SelectMany(p => new[] { p.Key, p.Value }))
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            body.AddRange([(byte)bytes.Length, (byte)(bytes.Length >> 8), .. bytes]);
        }
        return [0, (byte)body.Count, (byte)(body.Count >> 8), 0, .. body];
    }
}
