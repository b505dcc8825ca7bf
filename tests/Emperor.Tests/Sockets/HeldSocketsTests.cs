using System.Net;
using System.Net.Sockets;
using Emperor.Core.Programs;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Sockets;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Sockets;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class HeldSocketsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly EventLoop _loop = new();
    private readonly InheritedSockets _inherited = InheritedSockets.Receive([], 1, []);
    private readonly HeldSockets _sockets;

    public HeldSocketsTests() => _sockets = new HeldSockets(_loop, new SocketBinder(new Heirlooms()), _inherited, NoLog());

    public void Dispose()
    {
        _sockets.Dispose();
        _inherited.Dispose();
        _loop.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void A_changed_file_keeps_what_stays_the_same_with_all_that_waits_in_it()
    {
        var (a, b, c) = (Unix("a") with { Mode = 0x180 }, Unix("b"), Unix("c"));
        Hold([a, b]);
        using var waiting = Connect(a);
        var kept = _sockets.Of("app", a.Address);
        Hold([c, a with { Mode = 0x1B0, Backlog = 7 }]);
        Assert.That(_sockets.Of("app", a.Address), Is.SameAs(kept));
        Assert.That(ListeningSocket.HasConnection(kept!));
        Assert.That((int)File.GetUnixFileMode(a.Address), Is.EqualTo(0x1B0));
        Assert.That(File.Exists(b.Address), Is.False, "what went is closed, and its file is gone");
        Assert.That(_sockets.Of("app", b.Address), Is.Null);
        Assert.That(_sockets.Of("app", c.Address), Is.Not.Null);
    }

    [Test]
    public void What_went_is_kept_as_long_as_processes_have_it()
    {
        var (a, b) = (Unix("a"), Unix("b"));
        Hold([a, b]);
        Hold([a], keep: true);
        Assert.That(_sockets.Of("app", b.Address), Is.Not.Null);
        Hold([a]);
        Assert.That(_sockets.Of("app", b.Address), Is.Null);
    }

    [Test]
    public void All_or_nothing()
    {
        var (a, b) = (Unix("a"), Unix("b"));
        Hold([a]);
        var failure = _sockets.Hold("app", [a, b, new ProgramSocket("/no/such/folder/x", "x")], await: false, keep: false);
        Assert.That(failure, Does.Contain("cannot be bound").And.Contain("make its folder /no/such/folder"));
        Assert.That(_sockets.Of("app", a.Address), Is.Not.Null, "what was there is there");
        Assert.That(File.Exists(b.Address), Is.False, "what was made for this is gone");
    }

    [Test]
    public void Every_kind_of_address_is_had()
    {
        var name = $"@emperor-test-{Guid.NewGuid():N}";
        var held = HoldFree(() =>
            [new ProgramSocket(name, "a"), new ProgramSocket($"127.0.0.1:{FreePort()}", "b"), new ProgramSocket($"[::1]:{FreePort()}", "c")]
        );
        foreach (var socket in held)
            Assert.That(ListeningSocket.AddressOf(_sockets.Of("app", socket.Address)!), Is.EqualTo(socket.Address));
    }

    [Test]
    public void Who_has_the_address_is_named()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        var port = ((IPEndPoint)holder.LocalEndPoint!).Port;
        // This very process, so it is the emperor's own. It is looked for a tenth of a second, which on a busy machine may be too short.
        Assert.That(
            () => Refusal($"127.0.0.1:{port}"),
            Does.Contain("Address already in use").And.Contain("it is the emperor's own").After(60_000, 50)
        );
        Assert.That(
            () => SocketHolders.Find(SocketName.OfInternet(IPAddress.Any, port), TimeSpan.FromSeconds(10))?.Pid,
            Is.EqualTo(Self.Pid).After(60_000, 50)
        );
        Hold([Unix("a")], vassal: "other");
        Assert.That(Refusal(Unix("a").Address), Does.Contain("is that of vassal other"));
    }

    [Test]
    public void Another_process_that_has_it_is_named()
    {
        var path = _folder.PathOf("taken");
        var name = SocketName.OfPath(path);
        var fd = ListeningSocket.Bind(name, out _)!;
        _ = ListeningSocket.Listen(fd, 1);
        using var none = Files.OpenNull();
        using var holder = Child.Start(
            new SpawnRequest
            {
                Program = "/bin/sleep",
                Arguments = ["sleep", "60"],
                Environment = [],
                Descriptors = [none.Number, none.Number, none.Number, fd.Number],
            }
        );
        fd.Dispose();
        try
        {
            // The kernel lets the parent go on a little before the child has its program's name.
            Assert.That(
                () => SocketHolders.Find(name, TimeSpan.FromSeconds(10)),
                Is.EqualTo(new SocketHolder(holder.Pid, "sleep")).After(60_000, 50)
            );
            Assert.That(Refusal(path), Does.StartWith($"somebody listens on {path} already"));
        }
        finally
        {
            _ = holder.Signal(Signals.Kill);
            Child.WaitFor(holder);
        }
    }

    [Test]
    public void A_port_may_be_shared_when_both_want_it()
    {
        var socket = HoldFree(() => [new ProgramSocket($"127.0.0.1:{FreePort()}", "a") { ReusePort = true }])[0];
        Hold([socket], vassal: "other");
        Assert.That(_sockets.Hold("third", [socket with { ReusePort = false }], false, false), Does.Contain("is that of vassal app"));
    }

    [Test]
    public void The_first_connection_to_any_of_them_is_told_once()
    {
        var (a, b) = (Unix("a"), Unix("b"));
        Hold([a, b], await: true);
        using var one = Connect(a);
        using var two = Connect(b);
        Turn();
        Assert.That(_sockets.TakeKnocks(), Is.EqualTo(new[] { "app" }));
        Assert.That(Turn(), Is.Zero, "nobody is listened to any more");
        Hold([a, b], await: true);
        Turn();
        Assert.That(_sockets.TakeKnocks(), Is.EqualTo(new[] { "app" }), "what waits already knocks again");
    }

    [Test]
    public void A_file_that_a_program_has_removed_is_made_again_and_at_the_end_only_ones_own_is_removed()
    {
        var a = Unix("a");
        Hold([a]);
        File.Delete(a.Address);
        Hold([a]);
        Assert.That(File.Exists(a.Address));
        File.Delete(a.Address);
        File.WriteAllText(a.Address, "another's");
        _sockets.Unlisten("app");
        Assert.That(File.Exists(a.Address));
    }

    private void Hold(ProgramSocket[] sockets, bool await = false, bool keep = false, string vassal = "app") =>
        Assert.That(_sockets.Hold(vassal, sockets, await, keep), Is.Null);

    private string? Refusal(string address) => _sockets.Hold("app", [new ProgramSocket(address, "x")], await: false, keep: false);

    private int Turn()
    {
        List<Readiness> ready = [];
        _loop.Wait(ready, 0);
        foreach (var each in ready)
            _sockets.Knock(Token.IdOf(each.Token));
        return ready.Count;
    }

    private ProgramSocket Unix(string name) => new(_folder.PathOf(name), name);

    private static Socket Connect(ProgramSocket socket)
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(socket.Address));
        return client;
    }

    // Somebody else may take a port between its being found free and its being bound: then another one.
    private ProgramSocket[] HoldFree(Func<ProgramSocket[]> make)
    {
        for (var tries = 1; ; tries++)
        {
            var sockets = make();
            if (_sockets.Hold("app", sockets, await: false, keep: false) is not { } failure)
                return sockets;
            Assert.That(tries, Is.LessThan(20), failure);
        }
    }

    private static int FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static EmperorLog NoLog() => new(new LoggerConfiguration().CreateLogger());
}
