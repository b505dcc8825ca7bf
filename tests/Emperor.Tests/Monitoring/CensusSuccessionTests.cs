using Emperor.Core.Monitoring;
using NUnit.Framework;

namespace Emperor.Tests.Monitoring;

/// <summary>One census goes on where another has ended: only what really differs is told.</summary>
[TestFixture]
public sealed class CensusSuccessionTests
{
    private readonly List<string> _conflicts = [];
    private readonly List<SettledChange> _settled = [];

    [SetUp]
    public void NoConflicts() => _conflicts.Clear();

    [Test]
    public void The_first_scan_tells_what_has_come_changed_and_gone_and_nothing_else()
    {
        var census = new Census([("same", 0, Stamp(1)), ("changed", 0, Stamp(1)), ("gone", 0, Stamp(1))]);
        Assert.That(census.NextDue, Is.Null, "nothing is known to differ before somebody has looked");
        census.Observe(0, [File("same", 1), File("changed", 2), File("new", 1)], now: 100, settle: false, _conflicts);
        var expected = new[] { Change("changed", 2), Change("gone", null), Change("new", 1) };
        Assert.That(Told(census, 100), Is.EquivalentTo(expected));
        Assert.That(census.NextDue, Is.Null);
        Assert.That(census.Told, Is.EquivalentTo(new[] { ("same", 0, Stamp(1)), ("changed", 0, Stamp(2)), ("new", 0, Stamp(1)) }));
        Assert.That(_conflicts, Is.Empty);
    }

    [Test]
    public void A_look_at_one_file_tells_the_same()
    {
        var census = new Census([("same", 0, Stamp(1)), ("gone", 0, Stamp(1))]);
        census.ObserveOne(0, "same", Stamp(1), now: 100, _conflicts);
        census.ObserveOne(0, "gone", null, now: 100, _conflicts);
        Assert.That(Told(census, 1_000), Is.EqualTo(new[] { Change("gone", null) }));
    }

    [Test]
    public void A_change_soon_after_the_succession_is_none_of_a_burst()
    {
        var census = new Census([("a", 0, Stamp(1))]);
        census.ObserveOne(0, "a", Stamp(2), now: 0, _conflicts);
        Assert.That(census.NextDue, Is.EqualTo(Census.Quiet));
    }

    [Test]
    public void What_was_seen_and_not_told_yet_is_not_left()
    {
        var census = new Census();
        census.Observe(0, [File("a", 1), File("b", 1)], now: 0, settle: false, _conflicts);
        _ = Told(census, 0);
        census.Observe(0, [File("a", 2), File("new", 1)], now: 10, settle: true, _conflicts);
        Assert.That(census.Told, Is.EquivalentTo(new[] { ("a", 0, Stamp(1)), ("b", 0, Stamp(1)) }));
        var next = new Census(census.Told);
        next.Observe(0, [File("a", 2), File("new", 1)], now: 20, settle: false, _conflicts);
        Assert.That(Told(next, 20), Is.EquivalentTo(new[] { Change("a", 2), Change("b", null), Change("new", 1) }));
    }

    [Test]
    public void What_was_about_to_be_told_again_is_told_by_the_next()
    {
        var census = new Census([("a", 0, Stamp(1)), ("b", 0, Stamp(1))]);
        census.Observe(0, [File("a", 1), File("b", 1)], now: 0, settle: false, _conflicts);
        census.TellAgain("a", now: 0);
        var next = new Census(census.Told);
        next.Observe(0, [File("a", 1), File("b", 1)], now: 10, settle: false, _conflicts);
        Assert.That(Told(next, 10), Is.EqualTo(new[] { Change("a", 1) }));
    }

    [Test]
    public void What_was_postponed_is_told_by_the_next()
    {
        var census = new Census();
        census.Observe(0, [File("a", 1)], now: 0, settle: false, _conflicts);
        census.Postpone(Told(census, 0)[0], now: 0, milliseconds: 100);
        Assert.That(census.Told, Is.Empty);
    }

    [Test]
    public void Among_several_monitors_the_first_that_has_it_counts_as_ever()
    {
        var census = new Census([("moved", 0, Stamp(1)), ("taken", 1, Stamp(1)), ("both", 0, Stamp(1))]);
        census.Observe(0, [File("taken", 5), File("both", 1)], now: 0, settle: false, _conflicts);
        census.Observe(1, [File("moved", 7), File("taken", 1), File("both", 2)], now: 0, settle: false, _conflicts);
        Assert.That(
            Told(census, 0),
            Is.EquivalentTo(new[] { new SettledChange("moved", 1, Stamp(7)), new SettledChange("taken", 0, Stamp(5)) })
        );
        Assert.That(_conflicts, Is.EquivalentTo(new[] { "taken", "both" }));
    }

    [Test]
    public void What_a_monitor_had_that_is_no_more_is_gone_when_that_is_said()
    {
        var census = new Census([("kept", 7, Stamp(1)), ("gone", 7, Stamp(1))]);
        census.Observe(0, [File("kept", 1)], now: 0, settle: false, _conflicts);
        census.Observe(7, [], now: 0, settle: false, _conflicts);
        Assert.That(Told(census, 0), Is.EquivalentTo(new[] { new SettledChange("kept", 0, Stamp(1)), new SettledChange("gone", 7, null) }));
    }

    private SettledChange[] Told(Census census, long now)
    {
        census.TakeSettled(now, _settled);
        return [.. _settled];
    }

    private static FileStamp Stamp(long modified) => new(1, 1, 1, modified, 0, 0);

    private static SeenFile File(string name, long modified) => new(name, Stamp(modified));

    private static SettledChange Change(string name, long? modified) => new(name, 0, modified is { } m ? Stamp(m) : null);
}
