using Emperor.Control;
using Emperor.Core.Control;
using Emperor.Core.Vassals;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>The control socket over an upgrade, with real sockets.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class AskerTests : IDisposable
{
    private static readonly UpgradeReport Report = new("0.1.0", "0.2.0", 180, 50, []);

    private readonly Heirlooms _heirlooms = new();
    private readonly TemporaryFolder _folder = new();
    private readonly ControlRig _rig;

    public AskerTests() => _rig = new ControlRig(_folder.PathOf("c.sock"), _heirlooms);

    public void Dispose()
    {
        _rig.Dispose();
        _heirlooms.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void All_who_ask_are_answered_by_the_next_emperor_on_the_same_connection()
    {
        var clients = new[] { "7", "\"x\"" }.Select(id => _rig.Connect().Ask($$"""{"v":1,"id":{{id}},"verb":"upgrade"}""")).ToArray();
        Asker[] askers = [_rig.TakeAsker(), _rig.TakeAsker()];
        foreach (var asker in askers)
            asker.Tell("probing");
        _rig.FallQuiet();
        foreach (var asker in askers)
            asker.Tell("leaving");
        var left = askers.Select(a => a.Leave(_heirlooms)!).ToArray();
        using var next = Jump.Over(_heirlooms);
        foreach (var legacy in left)
            Asker.Inherit(legacy, next)!.Succeed(Report);
        foreach (var client in clients)
        {
            Assert.That(client.Next(), Has.Property("Phase").EqualTo("probing").And.Property("More").True);
            Assert.That(client.Next(), Has.Property("Phase").EqualTo("leaving").And.Property("More").True);
            var last = client.Next()!;
            Assert.That((last.Ok, last.More, last.Upgrade!.Sentence()), Is.EqualTo((true, false, Report.Sentence())));
        }
        Assert.That(left.Select(l => l.Id), Is.EquivalentTo(new[] { "7", "\"x\"" }));
        Assert.That(next.All.Select(k => k.Name), Has.None.Contains("asker"));
    }

    [Test]
    public void When_nobody_goes_on_in_its_place_the_reason_is_told_and_all_is_as_before()
    {
        var client = _rig.Connect().Ask("""{"v":1,"verb":"upgrade"}""");
        var asker = _rig.TakeAsker();
        _rig.FallQuiet();
        Assert.That(asker.Leave(_heirlooms), Is.Not.Null);
        asker.Refuse("it is no program");
        _rig.Desk.Resume();
        Assert.That(client.Next()!.Error, Is.EqualTo(new ControlError("refused", "it is no program")));
        Assert.That(_heirlooms.All.Select(k => k.Name), Has.None.Contains("asker"));
        client.Ask("""{"v":1,"verb":"names"}""");
        _rig.Until(() => client.HasAnswer);
        Assert.That(client.Next()!.Names, Is.Empty);
    }

    [Test]
    public void Who_has_gone_before_it_began_has_not_asked()
    {
        _rig.Connect().Ask("""{"v":1,"verb":"upgrade"}""").Stream.Dispose();
        // When a later one has been answered, its end has been seen.
        for (var i = 0; i < 2; i++)
        {
            var other = _rig.Connect().Ask("""{"v":1,"verb":"names"}""");
            _rig.Until(() => other.HasAnswer);
        }
        _rig.Until(() => true);
        Assert.That(_rig.Desk.TakeUpgrade(), Is.Null);
    }

    [Test]
    public void A_lost_connection_is_nobody() =>
        Assert.That(Asker.Inherit(new Core.Succession.AskerLegacy("kept.asker.9", null), new Heirlooms()), Is.Null);

    [Test]
    public void A_follower_is_told_to_ask_again_and_who_comes_meanwhile_waits_for_the_next_emperor()
    {
        _rig.Events.Post(NoteLevel.Information, "one", null, 0, "first");
        var follower = _rig.Connect().Ask("""{"v":1,"verb":"events","follow":true}""");
        Assert.That(follower.Next()!.Event!.Text, Is.EqualTo("first"));
        _rig.FallQuiet();
        var last = follower.Next()!;
        Assert.That((last.Error!.Code, last.Since), Is.EqualTo(("upgrading", 1L)));

        var (legacy, events) = (_rig.Socket.Legacy!, _rig.Events.Events);
        using var again = new ControlRig(_rig.Path, Jump.Over(_heirlooms), [legacy], events);
        var client = again.Connect().Ask("""{"v":1,"verb":"events","follow":true,"since":1}""");
        again.Events.Post(NoteLevel.Information, "two", null, 0, "second");
        Assert.That(client.Next()!.Event, Has.Property("Seq").EqualTo(2).And.Property("Text").EqualTo("second"));
        Assert.That(again.Socket.Legacy, Is.EqualTo(legacy), "the same socket is left to the next but one");
    }

    [Test]
    public void Orders_that_are_not_given_yet_are_the_next_emperors()
    {
        foreach (var name in new[] { "a", "b", "c" })
            _rig.Handle(name, new VassalEvent.FileAccepted(1));
        var client = _rig.Connect().Ask("""{"v":1,"id":3,"verb":"restart","all":true}""");
        _rig.Until(() => _rig.Ordered.Count == 1);
        _rig.FallQuiet();
        Assert.That(client.Next()!.Error!.Code, Is.EqualTo("upgrading"));
        Assert.That(client.Next(), Is.Null, "it is cut off");
        var left = _rig.Desk.Orders;
        Assert.That(left.Single().Vassals, Is.EqualTo(new[] { "b", "c" }));

        using var next = new ControlRig(_folder.PathOf("d.sock"), new Heirlooms());
        foreach (var name in new[] { "b", "c" })
            next.Handle(name, new VassalEvent.FileAccepted(1));
        next.Desk.Inherit(left);
        next.Until(() => next.Ordered.Count == 1);
        Assert.That(next.Ordered, Is.EqualTo(new[] { "b" }));
        Assert.That(next.Desk.Orders.Single().Vassals, Is.EqualTo(new[] { "c" }));
    }

    [Test]
    public void Who_is_being_answered_is_answered_first()
    {
        var client = _rig.Connect().Ask("""{"v":1,"verb":"names"}""");
        _rig.FallQuiet();
        Assert.That(client.Next()!.Names, Is.Empty);
    }

    [Test]
    public void It_can_fall_quiet_again_and_again()
    {
        for (var i = 0; i < 20; i++)
        {
            _rig.FallQuiet();
            var client = _rig.Connect().Ask("""{"v":1,"verb":"names"}""");
            _rig.Desk.Resume();
            if (i % 2 == 0)
                continue;
            _rig.Until(() => client.HasAnswer);
            Assert.That(client.Next()!.Names, Is.Empty);
        }
    }
}
