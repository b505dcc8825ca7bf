using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>Where sockets are said to be, what they look like, and what stands in their way.</summary>
internal sealed class OnDemandSocketTests : OnDemandTest
{
    private static readonly string[] ByFile = ["--emperor-on-demand-extension", ".socket"];

    private const UnixFileMode Everyone =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupWrite
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherWrite;

    [Test]
    public void Every_form_of_address_is_served()
    {
        var name = $"emperor-test-{Guid.NewGuid():N}";
        var (four, all, six) = (Ports.Free(), Ports.Free(), Ports.Free());
        var addresses = new Dictionary<string, (string Text, EndPoint EndPoint)>
        {
            ["path"] = ($"{Run}/path.sock\n", new UnixDomainSocketEndPoint($"{Run}/path.sock")),
            ["relative"] = ("relative.sock\n", new UnixDomainSocketEndPoint($"{Vassals}/relative.sock")),
            ["abstract"] = ($"@{name}\n", new UnixDomainSocketEndPoint($"\0{name}")),
            ["four"] = ($"127.0.0.1:{Text(four)}\nmore\n", new IPEndPoint(IPAddress.Loopback, four)),
            ["all"] = ($":{Text(all)}", new IPEndPoint(IPAddress.Loopback, all)),
            ["six"] = ($"[::1]:{Text(six)}\n", new IPEndPoint(IPAddress.IPv6Loopback, six)),
        };
        foreach (var (vassal, address) in addresses)
        {
            File.WriteAllText($"{Vassals}/{vassal}.ini.socket", address.Text);
            WriteServer($"{vassal}.ini");
        }
        Write("plain.ini");
        var daemon = Start(ByFile);
        daemon.AwaitAccepting("plain.ini");
        Assert.That(daemon.Count("on demand: it waits"), Is.EqualTo(addresses.Count), Logs());
        foreach (var (vassal, address) in addresses)
        {
            var pid = Ask(address.EndPoint);
            Assert.That(Journal.AwaitStart($"{vassal}.ini").Pid, Is.EqualTo(pid));
        }
    }

    [Test]
    public void A_changed_address_is_bound_instead_of_the_former_and_its_loss_starts_the_vassal_at_once()
    {
        File.WriteAllText($"{Vassals}/shop.ini.socket", $"{Run}/one.sock\n");
        WriteServer("shop.ini");
        var daemon = Start(ByFile);
        File.WriteAllText($"{Vassals}/shop.ini.socket", $"{Run}/two.sock\n");
        daemon.AwaitVassal("shop.ini", "waits for connections on .*/two.sock");
        Assert.That($"{Run}/one.sock", Does.Not.Exist);
        var pid = Ask($"{Run}/two.sock");
        daemon.AwaitAccepting("shop.ini");

        File.WriteAllText($"{Vassals}/shop.ini.socket", $"{Run}/three.sock\n");
        daemon.AwaitVassal("shop.ini", "its on-demand socket has changed");
        daemon.AwaitVassal("shop.ini", "waits for connections on .*/three.sock");
        var line = daemon.Mark;
        Assert.That(Ask($"{Run}/three.sock"), Is.Not.EqualTo(pid));
        daemon.AwaitAccepting("shop.ini", line);

        var mark = Journal.Mark;
        Write("shop.ini", "accept");
        File.Delete($"{Vassals}/shop.ini.socket");
        Journal.AwaitStart("shop.ini", mark);
        Wait.Until(() => !File.Exists($"{Run}/three.sock"), Logs);
    }

    [Test]
    public void Mode_and_owner_are_those_that_the_vassal_asks_for_and_else_everyone_may_connect()
    {
        NeedRoot("sockets are given to others");
        WriteServer("open.ini");
        Write("closed.ini", "serve", "accept");
        File.AppendAllText($"{Vassals}/closed.ini", "chmod-socket = 640\nchown-socket = daemon:nogroup\n");
        var daemon = StartInFolder();
        Assert.That(File.GetUnixFileMode($"{Run}/open.socket"), Is.EqualTo(Everyone));
        Assert.That(Look("closed"), Is.EqualTo("640 daemon nogroup"));
        Write("closed.ini", "serve", "accept");
        File.AppendAllText($"{Vassals}/closed.ini", "chmod-socket = 600\nchown-socket = nobody\n");
        Wait.Until(() => Look("closed") == "600 nobody nogroup", () => $"{Look("closed")}\n{Logs()}");
        Assert.That(Ask($"{Run}/closed.socket"), Is.Positive);
        File.AppendAllText($"{Vassals}/open.ini", "chown-socket = no-such-user\n");
        daemon.AwaitVassal("open.ini", "chown-socket = no-such-user: there is no user no-such-user; make it, or name another");
    }

    [Test]
    public void A_stale_socket_is_replaced_a_live_one_is_not_stolen_and_a_file_is_not_removed()
    {
        foreach (var name in (string[])["stale", "live", "file", "nowhere"])
            WriteServer($"{name}.ini");
        // The base library removes the file of a socket that it closes, unless it has another name by then.
        using (Listen($"{Run}/other"))
            Rename($"{Run}/other", $"{Run}/stale.socket");
        Assert.That($"{Run}/stale.socket", Does.Exist);
        File.WriteAllText($"{Run}/file.socket", "precious");
        var daemon = StartAround(out var live);
        Assert.That(Ask($"{Run}/stale.socket"), Is.Positive);
        daemon.AwaitVassal("live.ini", "somebody listens on .*/live.socket already; it is left alone");
        daemon.AwaitVassal("file.ini", "file.socket is there and is no socket");
        Assert.That(StateOf(daemon, "live.ini"), Does.Contain("backoff").And.Contain("somebody listens"));
        Wait.Until(() => StateOf(daemon, "file.ini").Contains("backoff"), Logs);

        live.Dispose();
        File.Delete($"{Run}/file.socket");
        Wait.Until(() => daemon.Count("(live|file).ini: on demand: it waits") == 2, Logs);
        Assert.That(daemon.Count("ERR live.ini"), Is.EqualTo(1), Logs());
        Assert.That(Ask($"{Run}/live.socket"), Is.Positive);
        Assert.That(Ask($"{Run}/file.socket"), Is.Positive);

        // What has taken its place meanwhile is not its own to remove.
        File.Delete($"{Run}/file.socket");
        File.WriteAllText($"{Run}/file.socket", "precious");
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(File.ReadAllText($"{Run}/file.socket"), Is.EqualTo("precious"));
    }

    [Test]
    public void A_socket_file_that_was_removed_is_made_again_when_the_vassal_waits()
    {
        Write("shop.ini", "serve 1", "accept");
        var daemon = StartInFolder();
        var client = Connect($"{Run}/shop.socket");
        File.Delete($"{Run}/shop.socket");
        Assert.That(Answer(client), Is.Positive);
        client.Dispose();
        daemon.AwaitVassal("shop.ini", "was removed or replaced");
        // The file is there a moment before somebody listens.
        Wait.Until(() => daemon.Count("shop.ini: on demand: it waits") == 2, Logs);
        Assert.That(Ask($"{Run}/shop.socket"), Is.Positive);
    }

    [TestCase("localhost:80", "config-error|host names are not looked up")]
    [TestCase("/no/such/folder/a.sock", "cannot be bound: No such file or directory .errno 2.; make its folder /no/such/folder")]
    [TestCase("192.0.2.1:80", "cannot be bound: Cannot assign requested address")]
    public void What_cannot_be_is_one_line_and_nobody_else_s_trouble(string address, string words)
    {
        File.WriteAllText($"{Vassals}/bad.ini.socket", address);
        WriteServer("bad.ini");
        Write("good.ini");
        var daemon = Start(ByFile);
        daemon.AwaitVassal("bad.ini", words);
        daemon.AwaitAccepting("good.ini");
        daemon.Await("the emperor is ready; not running: bad.ini");
        Assert.That(daemon.Count("ERR bad.ini"), Is.EqualTo(1), Logs());
    }

    [Test]
    public void Two_vassals_do_not_share_a_socket()
    {
        File.WriteAllText($"{Vassals}/a.ini.socket", $"{Run}/same.sock");
        File.WriteAllText($"{Vassals}/b.ini.socket", $"{Run}/same.sock");
        WriteServer("a.ini");
        WriteServer("b.ini");
        var daemon = Start(ByFile);
        daemon.Await(@"(a|b)\.ini: the socket .*/same.sock is that of vassal (a|b)\.ini; give one of the two another");
    }

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        return socket;
    }

    private EmperorProcess StartAround(out Socket live)
    {
        live = Listen($"{Run}/live.socket");
        return StartInFolder();
    }

    private string Look(string vassal)
    {
        var start = new System.Diagnostics.ProcessStartInfo("stat", ["-c", "%a %U %G", $"{Run}/{vassal}.socket"])
        {
            RedirectStandardOutput = true,
        };
        using var stat = System.Diagnostics.Process.Start(start)!;
        return stat.StandardOutput.ReadToEnd().Trim().ToString(CultureInfo.InvariantCulture);
    }
}
