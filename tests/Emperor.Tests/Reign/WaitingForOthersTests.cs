using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

/// <summary>What becomes of a vassal while it waits for others (after).</summary>
[TestFixture]
public sealed class WaitingForOthersTests
{
    private readonly List<Effect> _effects = [];
    private Empire _empire = new(new EmpirePolicy());
    private long _now;

    private Instant Now => new(_now, 1_700_000_000_000 + _now);

    [SetUp]
    public void NewEmpire()
    {
        _empire = new Empire(new EmpirePolicy());
        _effects.Clear();
        _now = 1_000;
    }

    [Test]
    public void One_that_is_started_after_another_waits_until_that_is_ready()
    {
        Files(("web.ini", ["db.ini"]), ("db.ini", []));
        Assert.That((PhaseOf("db.ini"), PhaseOf("web.ini")), Is.EqualTo((Phase.Starting, Phase.Held)));
        Assert.That(Launched, Is.EqualTo(new[] { "db.ini" }));
        IsReady("db.ini");
        Assert.That(Launched, Is.EqualTo(new[] { "db.ini", "web.ini" }));
    }

    [Test]
    public void A_chain_comes_up_link_by_link_whatever_the_order_of_the_files()
    {
        Files(("a.ini", ["b.ini"]), ("b.ini", ["c.ini"]), ("c.ini", []));
        IsReady("c.ini");
        Assert.That(Launched, Is.EqualTo(new[] { "c.ini", "b.ini" }));
        IsReady("b.ini");
        Assert.That(Launched, Is.EqualTo(new[] { "c.ini", "b.ini", "a.ini" }));
    }

    [TestCase("missing")]
    [TestCase("stopped by hand")]
    [TestCase("of a broken file")]
    public void One_that_will_not_come_is_not_waited_for(string why)
    {
        if (why != "missing")
            Files(("db.ini", []));
        if (why == "stopped by hand")
        {
            Happens("db.ini", new VassalEvent.Ordered(OrderKind.Stop));
            Ends("db.ini");
        }
        else if (why == "of a broken file")
        {
            Happens("db.ini", new VassalEvent.FileGone());
            Ends("db.ini");
            Happens("db.ini", new VassalEvent.FileRefused("line 2: exek"));
        }
        Files(("web.ini", ["db.ini"]));
        Assert.That(PhaseOf("web.ini"), Is.EqualTo(Phase.Starting));
        var warnings = _effects.OfType<Effect.Note>().Where(n => n.Event == "after-missing").Select(n => n.Vassal);
        Assert.That(warnings, Is.EqualTo(why == "missing" ? new[] { "web.ini" } : []));
    }

    [Test]
    public void One_that_goes_while_it_is_waited_for_lets_the_other_start()
    {
        Files(("db.ini", []), ("web.ini", ["db.ini"]));
        Happens("db.ini", new VassalEvent.FileGone());
        Assert.That(PhaseOf("web.ini"), Is.EqualTo(Phase.Held));
        Ends("db.ini");
        Assert.That(PhaseOf("web.ini"), Is.EqualTo(Phase.Starting));
    }

    [Test]
    public void A_circle_is_refused_by_its_name_and_the_others_run()
    {
        Files(("a.ini", ["b.ini"]), ("b.ini", ["c.ini"]), ("c.ini", ["a.ini"]));
        var refused = _empire.Vassals.Values.Single(v => v.Phase == Phase.Refused);
        Assert.That(refused.RefusedChange, Does.Contain("-> ").And.Contain("a.ini").And.Contain("b.ini").And.Contain("c.ini"));
        Assert.That(_empire.Vassals.Values.Count(v => v.Phase is Phase.Starting or Phase.Held), Is.EqualTo(2));
        Files(("self.ini", ["self.ini"]));
        Assert.That(_empire.Vassals["self.ini"].RefusedChange, Does.Contain("self.ini -> self.ini"));
    }

    [Test]
    public void Told_twice_to_leave_it_waits_for_no_order()
    {
        Files(("db.ini", []), ("web.ini", ["db.ini"]));
        IsReady("db.ini");
        _empire.End(Now, _effects);
        _effects.Clear();
        _empire.End(Now, _effects);
        Assert.That(_effects.OfType<Effect.Kill>().Select(k => k.Vassal), Is.EquivalentTo(new[] { "db.ini", "web.ini" }));
    }

    private string[] Launched => [.. _effects.OfType<Effect.Launch>().Select(l => l.Vassal)];

    private Phase PhaseOf(string vassal) => _empire.Vassals[vassal].Phase;

    private void Files(params (string Name, string[] After)[] files)
    {
        List<(string Vassal, VassalEvent Event)> events =
        [
            .. files.Select(f =>
                (
                    f.Name,
                    (VassalEvent)
                        new VassalEvent.FileAccepted(
                            1,
                            Plan: new ProgramPlan
                            {
                                Exec = ["/bin/app"],
                                Folder = "/",
                                LaunchDigest = f.Name,
                                After = f.After,
                            }
                        )
                )
            ),
        ];
        _empire.Expect(events.Select(e => e.Vassal));
        foreach (var (vassal, @event) in events)
            Happens(vassal, @event);
        _empire.ExpectNoMore(Now, _effects);
        Happens("nobody", new VassalEvent.TimePassed());
    }

    private void Happens(string vassal, VassalEvent @event)
    {
        _empire.Handle(vassal, @event, Now, _effects);
        foreach (var launch in _effects.OfType<Effect.Launch>().ToArray())
        {
            if (
                _empire.Vassals.GetValueOrDefault(launch.Vassal)?.Members.Any(m => m.Incarnation == launch.Incarnation && m.Pid is null)
                == true
            )
                _empire.Handle(launch.Vassal, new VassalEvent.Spawned(launch.Incarnation, 100), Now, _effects);
        }
    }

    private void IsReady(string vassal) => Happens(vassal, new VassalEvent.BecameReady(_empire.Vassals[vassal].Incarnation));

    private void Ends(string vassal) =>
        Happens(vassal, new VassalEvent.Exited(_empire.Vassals[vassal].Incarnation, new ProcessEnd(0, false, "exit 0")));
}
