using System.Text;
using Emperor.Control;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Sockets;
using Emperor.Stats;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Succession;

/// <summary>The emperor's own sockets over an upgrade, with real sockets.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ServantsTests : IDisposable
{
    private const int Patience = 30_000;

    private readonly List<IDisposable> _open = [];
    private readonly Heirlooms _heirlooms = new();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        for (var i = _open.Count - 1; i >= 0; i--)
            _open[i].Dispose();
        _heirlooms.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void A_socket_that_was_left_is_gone_on_with_and_who_has_connected_meanwhile_waits_in_it()
    {
        var path = _folder.PathOf("c.sock");
        var former = Keep(ControlSocket.Open(path, false, new Servants([], _heirlooms), out _)!);
        _ = FileStatus.Get(path, follow: false, out var before);
        using var client = StreamConnection.Connect(SocketName.OfPath(path), out _);
        var next = Keep(ControlSocket.Open(path, false, new Servants([former.Legacy!], Jump.Over(_heirlooms)), out _)!);
        Assert.That(next.Listener.Accept(out _), Is.Not.Null);
        _ = FileStatus.Get(path, follow: false, out var after);
        Assert.That(after, Is.EqualTo(before));
        next.Dispose();
        Assert.That(path, Does.Not.Exist, "at its end the next one removes it");
    }

    [Test]
    public void One_of_another_address_is_closed_and_its_file_removed()
    {
        var former = Keep(ControlSocket.Open(_folder.PathOf("a.sock"), false, new Servants([], _heirlooms), out _)!);
        var next = Jump.Over(_heirlooms);
        var servants = new Servants([former.Legacy!], next);
        _ = Keep(ControlSocket.Open(_folder.PathOf("b.sock"), false, servants, out _)!);
        Assert.That(_folder.PathOf("a.sock"), Does.Not.Exist);
        Assert.That(_folder.PathOf("b.sock"), Does.Exist);
        Assert.That(next.All, Has.Count.EqualTo(1));
    }

    [Test]
    public void One_that_nobody_asks_for_is_closed_but_a_file_that_is_anothers_by_now_stays()
    {
        var former = Keep(ControlSocket.Open(_folder.PathOf("a.sock"), false, new Servants([], _heirlooms), out _)!);
        File.Delete(_folder.PathOf("a.sock"));
        using var other = ListeningSocket.Bind(SocketName.OfPath(_folder.PathOf("a.sock")), out _);
        var next = Jump.Over(_heirlooms);
        new Servants([former.Legacy!], next).CloseRest();
        Assert.That(_folder.PathOf("a.sock"), Does.Exist);
        Assert.That(next.All, Is.Empty);
    }

    [Test]
    public void One_whose_descriptor_is_lost_is_bound_anew()
    {
        var path = _folder.PathOf("a.sock");
        var former = Keep(ControlSocket.Open(path, false, new Servants([], _heirlooms), out _)!);
        // Its file is there, and it is not among what was left.
        var next = Keep(ControlSocket.Open(path, false, new Servants([former.Legacy!], new Heirlooms()), out var failure)!);
        Assert.That(next, Is.Not.Null, failure);
        Assert.That(next.Legacy, Is.Not.EqualTo(former.Legacy));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void The_command_socket_goes_on_with_what_was_sent_and_with_its_counts(bool isAbstract)
    {
        var name = isAbstract ? $"@emperor-test-{Guid.NewGuid():N}" : _folder.PathOf("k.sock");
        var former = Keep(CommandSocket.Open(name, new Servants([], _heirlooms), default, out var failure)!);
        Assert.That(former, Is.Not.Null, failure);
        using (var sender = UnixDatagram.Open(name))
            Assert.That(sender!.Send("nonsense").Number, Is.Zero);
        var counts = new CommandCounts(1, 2, 3, 4);
        var next = Keep(CommandSocket.Open(name, new Servants([former.Legacy], Jump.Over(_heirlooms)), counts, out _)!);
        using var logger = new LoggerConfiguration().CreateLogger();
        next.Turn(new Empire(new EmpirePolicy()), (_, _) => { }, new EmperorLog(logger));
        Assert.That(next.Counts, Is.EqualTo(counts with { Malformed = 4 }));
        next.Dispose();
        Assert.That(_folder.PathOf("k.sock"), Does.Not.Exist);
    }

    [Test]
    public void Stats_and_metrics_pass_on_and_who_connects_while_they_are_quiet_is_served_by_the_next()
    {
        var settings = new EmperorSettings
        {
            WorkingDirectory = _folder.Path,
            Monitors = ["/v"],
            StatsAddress = ServerAddress.Parse(_folder.PathOf("s.sock")),
            StatsMinified = true,
            MetricsAddress = ServerAddress.Parse(_folder.PathOf("m.sock")),
        };
        var (former, _) = Serve(settings, [], _heirlooms);
        Assert.That(former.Legacies.Select(l => l.Role), Is.EqualTo(new[] { "stats", "metrics" }));
        former.Pause();
        Until(() => former.IsQuiet);
        using var waiting = StreamConnection.Connect(SocketName.OfPath(_folder.PathOf("s.sock")), out _)!;
        var (next, turn) = Serve(settings, former.Legacies, Jump.Over(_heirlooms));
        Assert.That(ReadToEnd(waiting, turn), Does.StartWith("{").And.Contain("\"started\":5,"));
        Assert.That(next.Legacies, Is.EqualTo(former.Legacies));
    }

    [Test]
    public void Stats_are_served_again_when_nobody_goes_on_in_their_place()
    {
        var address = _folder.PathOf("s.sock");
        var settings = new EmperorSettings
        {
            WorkingDirectory = _folder.Path,
            Monitors = ["/v"],
            StatsAddress = ServerAddress.Parse(address),
        };
        var (server, turn) = Serve(settings, [], _heirlooms);
        for (var i = 0; i < 5; i++)
        {
            server.Pause();
            Until(() => server.IsQuiet);
            using var waiting = StreamConnection.Connect(SocketName.OfPath(address), out _)!;
            Assert.That(waiting.Wait(output: false, 50), Is.False);
            server.Resume();
            Assert.That(ReadToEnd(waiting, turn), Does.StartWith("{"));
        }
    }

    private T Keep<T>(T one)
        where T : IDisposable
    {
        _open.Add(one);
        return one;
    }

    private (StatsServer Server, Action Turn) Serve(EmperorSettings settings, IReadOnlyList<ServantLegacy> left, Heirlooms heirlooms)
    {
        var loop = Keep(new EventLoop());
        var desk = new SnapshotDesk(loop);
        var log = new EmperorLog(Keep(new LoggerConfiguration().CreateLogger()));
        var inherited = Keep(InheritedSockets.Receive([], Self.Pid, []));
        var server = StatsSetup.Start(settings, inherited, new Servants(left, heirlooms), 5_000, desk, log, out var failure);
        Assert.That(server, Is.Not.Null, failure);
        var empire = new Empire(new EmpirePolicy());
        return (Keep(server!), () => desk.Serve(() => empire.Snapshot(Clock.Now, true, default, [])));
    }

    private static string ReadToEnd(StreamConnection stream, Action turn)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        for (var until = Environment.TickCount64 + Patience; Environment.TickCount64 < until; )
        {
            turn();
            _ = stream.Wait(output: false, 5);
            switch (stream.Read(buffer, out var count))
            {
                case ChannelRead.Data:
                    text.Append(Encoding.UTF8.GetString(buffer, 0, count));
                    break;
                case ChannelRead.Closed:
                    return text.ToString();
            }
        }
        throw new TimeoutException("it has no end");
    }

    private static void Until(Func<bool> isSo) => Assert.That(() => isSo(), Is.True.After(Patience, 5));
}
