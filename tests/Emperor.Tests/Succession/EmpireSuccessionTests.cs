using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>An empire goes on where another has ended.</summary>
[TestFixture]
public sealed class EmpireSuccessionTests
{
    private static readonly EmpirePolicy Policy = new() { ReloadsAtOnce = 1, Broodlord = 3 };

    private readonly List<Effect> _effects = [];
    private Empire _empire = new(Policy);
    private long _now = 1_000_000;

    [SetUp]
    public void NewEmpire()
    {
        _empire = new Empire(Policy);
        _effects.Clear();
        _now = 1_000_000;
    }

    [Test]
    public void The_first_begins_with_nothing()
    {
        var reign = _empire.LegacyOf();
        Assert.That((reign.IsEnding, reign.LastZerg, reign.ToEnd.Count), Is.EqualTo((false, 0, 0)));
        Assert.That(_empire.Vassals, Is.Empty);
        Assert.That(_empire.NextDeadline, Is.Null);
    }

    [Test]
    public void Vassals_and_deadlines_are_the_same()
    {
        Run("a.ini", "b.ini");
        Do("b.ini", new VassalEvent.FileGone());
        var due = _empire.NextDeadline;
        Assert.That(due, Is.Not.Null);
        var before = _empire.Vassals["a.ini"];
        Succeed();
        Assert.That(_empire.Vassals["a.ini"].ToString(), Is.EqualTo(before.ToString()));
        Assert.That(_empire.NextDeadline, Is.EqualTo(due));
        _now = due!.Value;
        _empire.TimePassed(Now, _effects);
        Assert.That(_effects.OfType<Effect.Kill>().Single().Vassal, Is.EqualTo("b.ini"));
    }

    [Test]
    public void Reloads_that_wait_for_their_turn_are_let_through()
    {
        Run("a.ini", "b.ini", "c.ini");
        _empire.ReloadAll(Now, _effects);
        Assert.That(_empire.Vassals["a.ini"].Phase, Is.EqualTo(Phase.Reloading));
        Succeed();
        Assert.That(_empire.ReloadsLeft(_now), Is.EqualTo(3));
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Accepting));
        Assert.That(_empire.Vassals["b.ini"].Phase, Is.EqualTo(Phase.Reloading), "its turn has come");
        Succeed();
        _now += Policy.ReloadTurn;
        _empire.TimePassed(Now, _effects);
        Assert.That(_empire.Vassals["c.ini"].Phase, Is.EqualTo(Phase.Reloading), "the turn of b.ini is over");
        Assert.That(_empire.ReloadTimes.Counts.Sum(), Is.EqualTo(1));
    }

    [Test]
    public void The_end_goes_on_in_its_order()
    {
        Accept("db.ini", after: []);
        Accept("app.ini", after: ["db.ini"]);
        Do("db.ini", new VassalEvent.Received(1, VassalMessage.Accepting));
        Do("app.ini", new VassalEvent.Spawned(1, 7));
        _empire.End(Now, _effects, gracefully: true);
        Assert.That(Stopped(), Is.EqualTo(new[] { "app.ini" }));
        Succeed();
        Assert.That(_empire.IsEnding);
        Do("app.ini", new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")));
        Assert.That(Stopped(), Is.EqualTo(new[] { "db.ini" }));
        Assert.That(_effects.OfType<Effect.Send>().Single().Message, Is.EqualTo(EmperorMessage.StopGracefully));
    }

    [Test]
    public void Zergs_are_counted_and_dismissed_with_their_lord()
    {
        Run("a.ini");
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Reinforce));
        Succeed();
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Reinforce));
        Assert.That(_empire.Vassals.Values.Max(v => v.ZergNumber), Is.EqualTo(2));
        Do("a.ini:zerg", new VassalEvent.Spawned(1, 8));
        Do("a.ini:zerg", new VassalEvent.Dismissed("its lord ends"));
        Do("a.ini:zerg", new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")));
        Succeed();
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Reinforce));
        Assert.That(_empire.Vassals["a.ini:zerg"].ZergNumber, Is.EqualTo(3), "a number is not given twice");
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Reinforce));
        Assert.That(_empire.Vassals, Has.Count.EqualTo(4), "one more than may be");
        Do("a.ini", new VassalEvent.FileGone());
        Assert.That(Stopped(), Is.SupersetOf(new[] { "a.ini", "a.ini:zerg", "a.ini:zerg-2" }));
        Do("a.ini", new VassalEvent.Received(1, VassalMessage.Reinforce));
        Assert.That(_empire.LegacyOf().LastZerg, Is.EqualTo(4));
    }

    [Test]
    public void Who_is_held_and_waits_for_nobody_any_more_is_started_after_the_first_scan()
    {
        Accept("db.ini", after: []);
        Accept("app.ini", after: ["db.ini"]);
        Assert.That(_empire.Vassals["app.ini"].Phase, Is.EqualTo(Phase.Held));
        // The journal has nothing of the one that it waits for.
        Succeed(except: "db.ini");
        _empire.Expect([]);
        Assert.That(_empire.Vassals["app.ini"].Phase, Is.EqualTo(Phase.Held));
        _empire.ExpectNoMore(Now, _effects);
        Assert.That(_empire.Vassals["app.ini"].Phase, Is.EqualTo(Phase.Starting));
    }

    [Test]
    public void Who_has_not_been_told_of_the_end_is_told()
    {
        Run("a.ini");
        var legacy = Legacy() with
        {
            Empire = new EmpireLegacy
            {
                Reign = new ReignLegacy { IsEnding = true, ToEnd = ["a.ini", "gone.ini"] },
            },
        };
        _empire = new Empire(Policy, legacy);
        _empire.TimePassed(Now, _effects);
        Assert.That(Stopped(), Is.EqualTo(new[] { "a.ini" }));
        Do("a.ini", new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")));
        Assert.That(_empire.IsBuried);
    }

    [Test]
    public void What_does_not_fit_together_is_refused()
    {
        Run("a.ini");
        var legacy = Legacy();
        var vassal = legacy.Vassals[0];
        Assert.Throws<LegacyException>(() => _ = new Empire(Policy, legacy with { Vassals = [vassal, vassal] }));
        Assert.Throws<LegacyException>(() => _ = new Empire(Policy, legacy with { Vassals = [vassal with { Name = "b.ini" }] }));
        Assert.Throws<LegacyException>(() =>
            _ = new Empire(Policy, legacy with { Vassals = [vassal with { State = vassal.State! with { Plan = 1 } }] })
        );
    }

    private Instant Now => new(_now, 1_700_000_000_000 + _now);

    private string[] Stopped() => [.. _effects.OfType<Effect.Send>().Select(s => s.Vassal)];

    private void Do(string vassal, VassalEvent @event)
    {
        _effects.Clear();
        _empire.Handle(vassal, @event, Now, _effects);
    }

    private void Run(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            Do(name, new VassalEvent.FileAccepted(1));
            Do(name, new VassalEvent.Spawned(1, 7));
            Do(name, new VassalEvent.Received(1, VassalMessage.Accepting));
        }
        _now += 10_000;
    }

    private void Accept(string name, IReadOnlyList<string> after) =>
        Do(
            name,
            new VassalEvent.FileAccepted(
                1,
                Plan: new ProgramPlan
                {
                    Folder = "/",
                    LaunchDigest = "",
                    After = after,
                    Ready = new ReadyRule(ReadyWay.Protocol),
                }
            )
        );

    private Legacy Legacy(string? except = null) => Inheritance.Of(_empire, except);

    private void Succeed(string? except = null)
    {
        _empire = new Empire(Policy, LegacyText.Read(LegacyText.Write(Legacy(except))));
        _effects.Clear();
        _empire.TimePassed(Now, _effects);
        Assert.That(_effects, Is.Empty, "a new emperor is nothing that happens to a vassal");
    }
}
