using Emperor.Core;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using Emperor.Tests.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

/// <summary>Vassals that are started after others, and end before them.</summary>
[TestFixture, FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StartOrderTests
{
    private static readonly Instant Now = new(1_000, 1_700_000_001_000);

    private readonly Empire _empire = new(new EmpirePolicy());
    private readonly List<Effect> _effects = [];

    [Test]
    public void Whichever_a_scan_finds_first_waits_for_the_other([Values] bool userFirst)
    {
        string[] names = userFirst ? ["app.ini", "db.ini"] : ["db.ini", "app.ini"];
        _empire.Expect(names);
        foreach (var name in names)
            IsFound(name, name == "app.ini" ? ["db.ini"] : []);
        _empire.ExpectNoMore(Now, _effects);
        Assert.That(Launched(), Is.EqualTo(new[] { "db.ini" }));
        Assert.That(_effects.OfType<Effect.Note>().Select(n => n.Event), Does.Not.Contain("after-missing"));
        IsReady("db.ini");
        Assert.That(Launched(), Is.EqualTo(new[] { "db.ini", "app.ini" }));
    }

    [Test]
    public void What_a_scan_has_found_and_did_not_bring_is_not_waited_for()
    {
        _empire.Expect(["app.ini", "db.ini"]);
        IsFound("app.ini", ["db.ini"]);
        Assert.That(Launched(), Is.Empty);
        _empire.ExpectNoMore(Now, _effects);
        Assert.That(Launched(), Is.EqualTo(new[] { "app.ini" }));
    }

    [Test]
    public void A_circle_is_named_and_its_others_start()
    {
        _empire.Expect(["a.ini", "b.ini"]);
        IsFound("a.ini", ["b.ini"]);
        IsFound("b.ini", ["a.ini"]);
        _empire.ExpectNoMore(Now, _effects);
        Assert.That(_empire.Vassals["b.ini"].Reason, Does.StartWith("after: b.ini -> a.ini -> b.ini is a circle"));
        Assert.That(Launched(), Is.EqualTo(new[] { "a.ini" }));
    }

    [Test]
    public void At_the_end_the_order_is_the_other_way_round()
    {
        IsFound("disk.ini", []);
        IsReady("disk.ini");
        IsFound("db.ini", ["disk.ini"]);
        IsReady("db.ini");
        IsFound("app.ini", ["db.ini", "disk.ini"]);
        IsReady("app.ini");
        IsFound("alone.ini", []);
        _effects.Clear();
        _empire.End(Now, _effects);
        Assert.That(Told(), Is.EquivalentTo(new[] { "app.ini", "alone.ini" }));
        Exits("app.ini");
        Assert.That(Told().Last(), Is.EqualTo("db.ini"));
        Exits("db.ini");
        Assert.That(Told().Last(), Is.EqualTo("disk.ini"));
        Exits("disk.ini");
        Exits("alone.ini");
        Assert.That((_empire.IsBuried, Told().Count), Is.EqualTo((true, 4)));
    }

    [Test]
    public void Without_processes_all_of_an_order_ends_at_once()
    {
        IsFound("db.ini", []);
        IsFound("app.ini", ["db.ini"]);
        _empire.Handle("db.ini", new VassalEvent.SpawnFailed(1, "no program"), Now, _effects);
        _empire.End(Now, _effects);
        Assert.That(_empire.IsBuried);
    }

    private void IsFound(string name, string[] after)
    {
        var plan = ProgramPatient.Blog with { Sockets = [], After = after };
        _empire.Handle(name, new VassalEvent.FileAccepted(1, Plan: plan), Now, _effects);
    }

    private void IsReady(string name)
    {
        _empire.Handle(name, new VassalEvent.Spawned(1, 100), Now, _effects);
        _empire.Handle(name, new VassalEvent.BecameReady(1), Now, _effects);
    }

    private void Exits(string name) => _empire.Handle(name, new VassalEvent.Exited(1, new ProcessEnd(0, false, "exit 0")), Now, _effects);

    private string[] Launched() => [.. _effects.OfType<Effect.Launch>().Select(e => e.Vassal)];

    private List<string> Told() => [.. _effects.OfType<Effect.Signal>().Select(e => e.Vassal)];
}
