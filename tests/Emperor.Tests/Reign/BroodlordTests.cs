using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

[TestFixture]
public sealed class BroodlordTests
{
    private readonly List<Effect> _effects = [];
    private Empire _empire = new(new EmpirePolicy());
    private long _now;

    private Instant Now => new(_now, 1_700_000_000_000 + _now);

    private IEnumerable<string> Zergs => _empire.Vassals.Values.Where(v => v.Lord is not null).Select(v => v.Name);

    [SetUp]
    public void NewEmpire()
    {
        _empire = new Empire(new EmpirePolicy { Broodlord = 3 });
        _effects.Clear();
        _now = 1_000;
    }

    [Test]
    public void A_call_starts_a_zerg_with_the_lord_s_file_and_owner_and_a_number()
    {
        Begin("a.ini");
        Say("a.ini", VassalMessage.Reinforce);
        var spawn = _effects.OfType<Effect.Spawn>().Single(s => s.Lord is not null);
        Assert.Multiple(() =>
        {
            Assert.That(spawn.Vassal, Is.EqualTo("a.ini:zerg"));
            Assert.That(spawn.Lord, Is.EqualTo("a.ini"));
            Assert.That(spawn.ZergNumber, Is.EqualTo(1));
            Assert.That(spawn.Owner, Is.EqualTo(new VassalOwner(1000, 1001)));
            Assert.That(spawn.Source, Is.SameAs(_empire.Vassals["a.ini"].Source));
        });
    }

    [Test]
    public void There_are_never_more_than_allowed_of_all_lords_and_a_zerg_s_call_is_its_lord_s()
    {
        Begin("a.ini");
        Begin("b.ini");
        Say("a.ini", VassalMessage.Reinforce);
        Spawned("a.ini:zerg");
        Say("a.ini:zerg", VassalMessage.Reinforce);
        Say("b.ini", VassalMessage.Reinforce);
        Say("b.ini", VassalMessage.Reinforce);
        Assert.That(Zergs, Is.EquivalentTo(new[] { "a.ini:zerg", "a.ini:zerg-2", "b.ini:zerg" }));
        Assert.That(
            _effects.OfType<Effect.Spawn>().Where(s => s.Lord is not null).Select(s => s.ZergNumber),
            Is.EqualTo(new[] { 1, 2, 3 })
        );
    }

    [Test]
    public void A_place_is_free_again_when_a_zerg_has_stopped_of_its_own_will_or_was_stopped_by_hand()
    {
        Begin("a.ini");
        for (var i = 0; i < 3; i++)
            Say("a.ini", VassalMessage.Reinforce);
        foreach (var zerg in Zergs.ToArray())
            Spawned(zerg);
        Say("a.ini:zerg", VassalMessage.Stopping);
        Assert.That(Zergs.Count(), Is.EqualTo(3), "it has not ended yet");
        Exit("a.ini:zerg", 0);
        Handle("a.ini:zerg-2", new VassalEvent.Ordered(OrderKind.Stop));
        Exit("a.ini:zerg-2", 0);
        Exit("a.ini:zerg-3", ProcessEnd.ExileCode);
        Assert.That(Zergs, Is.Empty);
        Say("a.ini", VassalMessage.Reinforce);
        Assert.That(Zergs, Is.EqualTo(new[] { "a.ini:zerg" }));
    }

    [Test]
    public void One_that_dies_keeps_its_number_and_waits_as_any_vassal_that_fails()
    {
        Begin("a.ini");
        Say("a.ini", VassalMessage.Reinforce);
        Spawned("a.ini:zerg");
        Exit("a.ini:zerg", 1);
        Assert.That(_effects.OfType<Effect.Spawn>().Last(), Has.Property("ZergNumber").EqualTo(1).And.Property("Incarnation").EqualTo(2));
        Spawned("a.ini:zerg");
        Exit("a.ini:zerg", 1);
        Assert.That(_empire.Vassals["a.ini:zerg"].Phase, Is.EqualTo(Phase.Backoff));
        Say("a.ini", VassalMessage.Reinforce);
        Assert.That(Zergs, Is.EquivalentTo(new[] { "a.ini:zerg", "a.ini:zerg-2" }));
    }

    [TestCase("its file is gone")]
    [TestCase("it dies")]
    [TestCase("it is stopped by hand")]
    [TestCase("it reloads")]
    [TestCase("it is replaced")]
    public void Zergs_end_with_their_lord_and_those_of_others_stay(string how)
    {
        Begin("a.ini");
        Begin("b.ini");
        Say("a.ini", VassalMessage.Reinforce);
        Say("a.ini", VassalMessage.Reinforce);
        Say("b.ini", VassalMessage.Reinforce);
        foreach (var zerg in Zergs.ToArray())
            Spawned(zerg);
        _now += 60_000;
        VassalEvent @event = how switch
        {
            "its file is gone" => new VassalEvent.FileGone(),
            "it dies" => new VassalEvent.Exited(1, new ProcessEnd(9, true, "signal 9 (KILL)")),
            "it is stopped by hand" => new VassalEvent.Ordered(OrderKind.Stop),
            "it reloads" => new VassalEvent.FileAccepted(2),
            _ => new VassalEvent.Ordered(OrderKind.Restart),
        };
        Handle("a.ini", @event);
        Assert.That(_empire.Vassals["a.ini:zerg"].Phase, Is.EqualTo(Phase.Stopping));
        Assert.That(_empire.Vassals["a.ini:zerg-2"].Phase, Is.EqualTo(Phase.Stopping));
        Assert.That(_empire.Vassals["b.ini:zerg"].Phase, Is.EqualTo(Phase.Starting));
        Exit("a.ini:zerg", 0);
        Exit("a.ini:zerg-2", 0);
        Assert.That(Zergs, Is.EqualTo(new[] { "b.ini:zerg" }));
    }

    [TestCase("a.ini:zerg", "a.ini")]
    [TestCase("/v/a.ini:zerg-12", "/v/a.ini")]
    [TestCase("a.ini:zerg:zerg", "a.ini:zerg")]
    [TestCase("a.ini", null)]
    [TestCase(":zerg", null)]
    [TestCase("a.ini:zerg.ini", null)]
    [TestCase("a.ini:zerg-", null)]
    [TestCase("a.ini:zerg-2x", null)]
    public void A_zerg_s_name_tells_its_lord(string name, string? lord) => Assert.That(ZergName.LordOf(name), Is.EqualTo(lord));

    [Test]
    public void At_the_end_all_end_and_no_call_is_heard()
    {
        Begin("a.ini");
        Say("a.ini", VassalMessage.Reinforce);
        Spawned("a.ini:zerg");
        _empire.End(Now, _effects);
        Say("a.ini", VassalMessage.Reinforce);
        Exit("a.ini:zerg", 0);
        Exit("a.ini", 0);
        Assert.That(_empire.IsBuried);
    }

    [Test]
    public void Without_the_option_and_from_an_earlier_process_nothing_comes_of_a_call()
    {
        Begin("a.ini");
        Handle("a.ini", new VassalEvent.Received(7, VassalMessage.Reinforce));
        Assert.That(Zergs, Is.Empty);
        _empire = new Empire(new EmpirePolicy());
        Begin("a.ini");
        Say("a.ini", VassalMessage.Reinforce);
        Assert.That(Zergs, Is.Empty);
    }

    [Test]
    public void Histories_from_a_seed_never_have_more_than_allowed_nor_a_zerg_without_a_lord_that_has_a_process()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            NewEmpire();
            var random = new Random(seed);
            string[] lords = ["a.ini", "b.ini", "c.ini"];
            foreach (var lord in lords)
                Begin(lord);
            for (var step = 0; step < 200; step++)
            {
                var names = _empire.Vassals.Keys.ToArray();
                if (names.Length == 0)
                    break;
                Disturb(names[random.Next(names.Length)], random);
                _now += random.Next(3_000);
                _empire.TimePassed(Now, _effects);
                _effects.Clear();
                Assert.That(Zergs.Count(), Is.LessThanOrEqualTo(3), $"seed {seed}");
                foreach (var zerg in _empire.Vassals.Values.Where(v => v.Lord is not null))
                {
                    var lives = _empire.Vassals.TryGetValue(zerg.Lord!, out var lord) && lord.HasProcess;
                    Assert.That(
                        lives || zerg.Phase is Phase.Stopping or Phase.Killing,
                        $"seed {seed}: {zerg.Name} is {zerg.Phase} without its lord"
                    );
                }
            }
        }
    }

    private void Disturb(string name, Random random)
    {
        var incarnation = _empire.Vassals[name].Incarnation;
        Handle(
            name,
            random.Next(11) switch
            {
                0 or 1 or 2 or 3 => new VassalEvent.Received(incarnation, VassalMessage.Reinforce),
                4 => new VassalEvent.Received(incarnation, VassalMessage.Accepting),
                5 => new VassalEvent.Received(incarnation, VassalMessage.Stopping),
                6 => new VassalEvent.Exited(incarnation, new ProcessEnd(random.Next(2), false, "exit")),
                7 => new VassalEvent.HungUp(incarnation),
                8 => new VassalEvent.Ordered((OrderKind)random.Next(5)),
                9 => new VassalEvent.ReloadAsked(),
                _ => new VassalEvent.SpawnFailed(incarnation, "nothing is there"),
            }
        );
    }

    private void Begin(string name)
    {
        var source = new VassalSource($"/v/{name}", $"/v/{name}", "/v", 0, 0, "d") { RunsAs = new VassalOwner(1000, 1001) };
        Handle(name, new VassalEvent.FileAccepted(1, source));
        Spawned(name);
        Say(name, VassalMessage.Accepting);
    }

    private void Spawned(string name) => Handle(name, new VassalEvent.Spawned(_empire.Vassals[name].Incarnation, 100));

    private void Say(string name, byte message) => Handle(name, new VassalEvent.Received(_empire.Vassals[name].Incarnation, message));

    private void Exit(string name, int code) =>
        Handle(name, new VassalEvent.Exited(_empire.Vassals[name].Incarnation, new ProcessEnd(code, false, $"exit {code}")));

    private void Handle(string name, VassalEvent @event) => _empire.Handle(name, @event, Now, _effects);
}
