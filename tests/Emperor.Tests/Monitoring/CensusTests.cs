using Emperor.Core.Monitoring;
using NUnit.Framework;

namespace Emperor.Tests.Monitoring;

[TestFixture]
public sealed class CensusTests
{
    private readonly List<string> _conflicts = [];
    private readonly List<SettledChange> _settled = [];
    private Census _census = new();

    [SetUp]
    public void NewCensus()
    {
        _census = new Census();
        _conflicts.Clear();
    }

    [Test]
    public void The_first_scan_is_told_at_once()
    {
        _census.Observe(0, [File("a", 1), File("b", 1)], now: 100, settle: false, _conflicts);
        Assert.That(_census.NextDue, Is.EqualTo(100));
        Assert.That(Told(100), Is.EquivalentTo(new[] { Change("a", 1), Change("b", 1) }));
        Assert.That(_census.NextDue, Is.Null);
    }

    [Test]
    public void A_change_is_told_once_and_only_when_it_has_been_quiet()
    {
        Look(0, "a", 1, now: 100);
        Assert.That(Told(100 + Census.Quiet - 1), Is.Empty);
        Assert.That(Told(100 + Census.Quiet), Is.EqualTo(new[] { Change("a", 1) }));
        Look(0, "a", 1, now: 200);
        Assert.That(_census.NextDue, Is.Null);
        Assert.That(Told(10_000), Is.Empty);
    }

    [Test]
    public void An_older_time_is_a_change_too()
    {
        LookAndSettle("a", 5, now: 0);
        Look(0, "a", 4, now: 10_000);
        Assert.That(Told(11_000), Is.EqualTo(new[] { Change("a", 4) }));
    }

    [Test]
    public void What_is_put_back_before_it_was_told_is_no_change()
    {
        LookAndSettle("a", 1, now: 0);
        Look(0, "a", 2, now: 10_000);
        Look(0, "a", 1, now: 10_001);
        Assert.That(_census.NextDue, Is.Null);
        Assert.That(Told(20_000), Is.Empty);
    }

    [Test]
    public void What_comes_and_goes_before_it_was_told_is_not_told_and_leaves_nothing_behind()
    {
        Look(0, "a", 1, now: 0);
        Look(0, "a", null, now: 1);
        Assert.That((_census.NextDue, _census.Count), Is.EqualTo(((long?)null, 0)));
        Assert.That(Told(10_000), Is.Empty);
    }

    [Test]
    public void What_a_scan_does_not_find_again_is_gone_and_forgotten()
    {
        _census.Observe(0, [File("a", 1), File("b", 1)], 0, settle: false, _conflicts);
        _ = Told(0);
        _census.Observe(0, [File("b", 1)], 10_000, settle: true, _conflicts);
        Assert.That(Told(10_000 + Census.Quiet), Is.EqualTo(new[] { Gone("a") }));
        Assert.That(_census.Count, Is.EqualTo(1));
        Assert.That(_census.NamesOf(0), Is.EqualTo(new[] { "b" }));
    }

    [Test]
    public void A_file_that_a_look_has_found_survives_a_scan_that_finds_it_and_not_one_that_does_not()
    {
        LookAndSettle("a", 1, now: 0);
        _census.Observe(0, [File("a", 1)], 5_000, settle: true, _conflicts);
        Assert.That(_census.NextDue, Is.Null);
        _census.Observe(0, [], 6_000, settle: true, _conflicts);
        Assert.That(Told(7_000), Is.EqualTo(new[] { Gone("a") }));
    }

    [Test]
    public void No_change_waits_longer_than_the_longest_wait()
    {
        LookAndSettle("a", 0, now: 0);
        var now = 10_000L;
        for (var stamp = 1; Told(now).Length == 0; stamp++, now++)
        {
            Look(0, "a", stamp, now);
            Assert.That(now, Is.LessThanOrEqualTo(10_000 + Census.LongestWait));
        }
        Assert.That(now, Is.EqualTo(10_000 + Census.LongestWait));
    }

    [Test]
    public void A_file_that_is_written_for_a_second_costs_a_few_reloads()
    {
        var told = 0;
        for (var now = 0L; now < 1_000; now++)
        {
            if (now % 5 == 0)
                Look(0, "a", (int)now + 1, now);
            told += Told(now).Length;
        }
        Assert.That(told, Is.InRange(1, 4));
    }

    [Test]
    public void The_quiet_time_doubles_with_each_change_of_a_burst_and_no_further_than_its_limit()
    {
        LookAndSettle("a", 0, now: 0);
        var now = 10L;
        var waits = new List<long>();
        for (var stamp = 1; stamp <= 12; stamp++)
        {
            Look(0, "a", stamp, now);
            waits.Add(_census.NextDue!.Value - now);
            now = _census.NextDue.Value;
            Assert.That(Told(now), Has.Length.EqualTo(1));
            now++;
        }
        Assert.That(waits, Is.EqualTo(new long[] { 4, 8, 16, 32, 64, 128, 256, 500, 500, 500, 500, 500 }));
        Look(0, "a", 99, now + Census.Burst);
        Assert.That(_census.NextDue, Is.EqualTo(now + Census.Burst + Census.Quiet), "the burst is over");
    }

    [Test]
    public void A_name_belongs_to_the_first_monitor_and_the_conflict_is_told_once()
    {
        Look(0, "a", 1, now: 0);
        for (var i = 0; i < 3; i++)
            _census.Observe(1, [File("a", 2)], 0, settle: true, _conflicts);
        Assert.That(_conflicts, Is.EqualTo(new[] { "a" }));
        Assert.That(Told(10), Is.EqualTo(new[] { Change("a", 1) }));
    }

    [Test]
    public void An_earlier_monitor_takes_a_name_over_and_gives_it_back()
    {
        _census.Observe(1, [File("a", 2)], 0, settle: false, _conflicts);
        Assert.That(Told(0), Is.EqualTo(new[] { Change("a", 2, monitor: 1) }));
        _census.Observe(0, [File("a", 1)], 5_000, settle: true, _conflicts);
        Assert.That(Told(6_000), Is.EqualTo(new[] { Change("a", 1) }));
        _census.Observe(0, [], 10_000, settle: true, _conflicts);
        Assert.That(Told(11_000), Is.EqualTo(new[] { Change("a", 2, monitor: 1) }));
        _census.Observe(1, [], 15_000, settle: true, _conflicts);
        Assert.That(Told(16_000), Is.EqualTo(new[] { Gone("a", monitor: 1) }));
    }

    [Test]
    public void The_same_file_in_the_folder_of_another_monitor_is_a_change_because_its_vassal_moves()
    {
        // Two hard links: every number of the stamp is the same.
        _census.Observe(0, [File("a", 1)], 0, settle: false, _conflicts);
        _census.Observe(1, [File("a", 1)], 0, settle: false, _conflicts);
        _ = Told(0);
        _census.Observe(0, [], 5_000, settle: true, _conflicts);
        Assert.That(Told(6_000), Is.EqualTo(new[] { Change("a", 1, monitor: 1) }));
    }

    [Test]
    public void A_postponed_change_is_told_again_after_its_time()
    {
        Look(0, "a", 1, now: 0);
        var change = Told(10).Single();
        _census.Postpone(change, now: 10, milliseconds: 100);
        Assert.That(_census.NextDue, Is.EqualTo(110));
        Assert.That(Told(109), Is.Empty);
        Assert.That(Told(110), Is.EqualTo(new[] { change }));
    }

    [Test]
    public void A_postponed_new_file_that_goes_meanwhile_is_forgotten()
    {
        Look(0, "a", 1, now: 0);
        _census.Postpone(Told(10).Single(), now: 10, milliseconds: 100);
        Look(0, "a", null, now: 50);
        Assert.That((_census.NextDue, _census.Count), Is.EqualTo(((long?)null, 0)));
    }

    [Test]
    public void A_postponed_change_that_is_put_back_is_none()
    {
        LookAndSettle("a", 1, now: 0);
        Look(0, "a", 2, now: 5_000);
        _census.Postpone(Told(5_010).Single(), now: 5_010, milliseconds: 100);
        Look(0, "a", 1, now: 5_050);
        Assert.That(Told(10_000), Is.Empty);
    }

    private static FileStamp Stamp(int state) => new(1, 7, 100, state, 0, 0);

    private static SeenFile File(string name, int state) => new(name, Stamp(state));

    private static SettledChange Change(string name, int state, int monitor = 0) => new(name, monitor, Stamp(state));

    private static SettledChange Gone(string name, int monitor = 0) => new(name, monitor, null);

    private void Look(int monitor, string name, int? state, long now) =>
        _census.ObserveOne(monitor, name, state is { } s ? Stamp(s) : null, now, _conflicts);

    private void LookAndSettle(string name, int state, long now)
    {
        Look(0, name, state, now);
        Assert.That(Told(now + Census.Quiet), Is.EqualTo(new[] { Change(name, state) }));
    }

    private SettledChange[] Told(long now)
    {
        _census.TakeSettled(now, _settled);
        return [.. _settled];
    }
}
