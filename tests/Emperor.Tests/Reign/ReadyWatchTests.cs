using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

/// <summary>When the emperor is ready, for each policy and each state of its vassals.</summary>
internal sealed class ReadyWatchTests
{
    private const long Start = 1_000_000;
    private const long Patience = 60_000;

    // The phase of a vassal of the first scan: what it means to "settled" and to "all", in time and when patience is over.
    private static readonly (Phase Phase, ReadyVerdict Settled, ReadyVerdict All, ReadyVerdict LateAll)[] Table =
    [
        (Phase.Waiting, ReadyVerdict.Ready, ReadyVerdict.Ready, ReadyVerdict.Ready),
        (Phase.Held, ReadyVerdict.Waiting, ReadyVerdict.Waiting, ReadyVerdict.Failed),
        (Phase.Starting, ReadyVerdict.Waiting, ReadyVerdict.Waiting, ReadyVerdict.Failed),
        (Phase.Running, ReadyVerdict.Ready, ReadyVerdict.Ready, ReadyVerdict.Ready),
        (Phase.Reloading, ReadyVerdict.Waiting, ReadyVerdict.Waiting, ReadyVerdict.Failed),
        (Phase.Cursed, ReadyVerdict.Waiting, ReadyVerdict.Waiting, ReadyVerdict.Failed),
        (Phase.Stopping, ReadyVerdict.Ready, ReadyVerdict.Ready, ReadyVerdict.Ready),
        (Phase.Killing, ReadyVerdict.Waiting, ReadyVerdict.Waiting, ReadyVerdict.Failed),
        (Phase.Backoff, ReadyVerdict.Ready, ReadyVerdict.Failed, ReadyVerdict.Failed),
        (Phase.Resting, ReadyVerdict.Ready, ReadyVerdict.Failed, ReadyVerdict.Failed),
        (Phase.Refused, ReadyVerdict.Ready, ReadyVerdict.Failed, ReadyVerdict.Failed),
        (Phase.Gone, ReadyVerdict.Ready, ReadyVerdict.Ready, ReadyVerdict.Ready),
    ];

    [Test]
    public void The_table_has_every_phase() => Assert.That(Table.Select(row => row.Phase), Is.EqualTo(Enum.GetValues<Phase>()));

    [TestCaseSource(nameof(Table))]
    public void One_vassal_under_each_policy((Phase Phase, ReadyVerdict Settled, ReadyVerdict All, ReadyVerdict LateAll) row)
    {
        Assert.That(Judge(ReadyPolicy.Settled, row.Phase, Start + 1), Is.EqualTo(row.Settled));
        Assert.That(Judge(ReadyPolicy.All, row.Phase, Start + 1), Is.EqualTo(row.All));
        Assert.That(Judge(ReadyPolicy.Settled, row.Phase, Start + Patience), Is.EqualTo(ReadyVerdict.Ready), "settled, late");
        Assert.That(Judge(ReadyPolicy.All, row.Phase, Start + Patience), Is.EqualTo(row.LateAll), "all, late");
        Assert.That(Judge(ReadyPolicy.Scan, row.Phase, Start + 1), Is.EqualTo(ReadyVerdict.Ready));
        Assert.That(Judge(ReadyPolicy.Immediate, row.Phase, Start + 1), Is.EqualTo(ReadyVerdict.Ready));
    }

    [TestCase(ReadyPolicy.Settled, ReadyVerdict.Waiting)]
    [TestCase(ReadyPolicy.All, ReadyVerdict.Waiting)]
    [TestCase(ReadyPolicy.Scan, ReadyVerdict.Waiting)]
    [TestCase(ReadyPolicy.Immediate, ReadyVerdict.Ready)]
    public void Before_the_first_scan_only_immediate_is_ready(ReadyPolicy policy, ReadyVerdict verdict)
    {
        var watch = new ReadyWatch(policy, Patience);
        Assert.That(watch.Judge(Empire(), Start), Is.EqualTo(verdict));
        Assert.That(watch.Deadline, Is.Null);
    }

    [TestCase(ReadyPolicy.Settled)]
    [TestCase(ReadyPolicy.All)]
    [TestCase(ReadyPolicy.Scan)]
    public void An_empty_folder_is_ready_at_once(ReadyPolicy policy)
    {
        var watch = new ReadyWatch(policy, Patience);
        watch.Begin([], Start);
        Assert.That((watch.Judge(Empire(), Start), watch.Deadline), Is.EqualTo((ReadyVerdict.Ready, (long?)null)));
    }

    [Test]
    public void Who_has_settled_stays_so_and_who_comes_later_is_not_waited_for()
    {
        var watch = new ReadyWatch(ReadyPolicy.Settled, Patience);
        watch.Begin(["a", "b"], Start);
        Assert.That(watch.Judge(Empire(("a", Phase.Running), ("b", Phase.Starting)), Start + 1), Is.EqualTo(ReadyVerdict.Waiting));
        Assert.That(watch.WaitingFor, Is.EqualTo(new[] { "b" }));
        Assert.That(watch.Deadline, Is.EqualTo(Start + Patience));
        var later = Empire(("a", Phase.Starting), ("b", Phase.Backoff), ("c", Phase.Starting));
        Assert.That(watch.Judge(later, Start + 2), Is.EqualTo(ReadyVerdict.Ready));
        Assert.That(watch.Failed, Is.EqualTo(new[] { "b" }));
        Assert.That(watch.Deadline, Is.Null);
    }

    [Test]
    public void Where_none_may_fail_the_first_failure_gives_the_others_a_few_seconds()
    {
        var watch = new ReadyWatch(ReadyPolicy.All, Patience);
        watch.Begin(["a", "b", "c"], Start);
        var first = Empire(("a", Phase.Starting), ("b", Phase.Refused), ("c", Phase.Starting));
        Assert.That(watch.Judge(first, Start + 10), Is.EqualTo(ReadyVerdict.Waiting));
        Assert.That(watch.Deadline, Is.EqualTo(Start + 10 + ReadyWatch.Aftermath));
        var second = Empire(("a", Phase.Backoff), ("b", Phase.Refused), ("c", Phase.Starting));
        Assert.That(watch.Judge(second, Start + 500), Is.EqualTo(ReadyVerdict.Waiting));
        Assert.That(watch.Judge(second, Start + 9 + ReadyWatch.Aftermath), Is.EqualTo(ReadyVerdict.Waiting));
        Assert.That(watch.Judge(second, Start + 10 + ReadyWatch.Aftermath), Is.EqualTo(ReadyVerdict.Failed));
        Assert.That(watch.Failed, Is.EqualTo(new[] { "a", "b" }), "c had its time before it");
    }

    [Test]
    public void A_failure_near_the_end_of_patience_does_not_prolong_it()
    {
        var watch = new ReadyWatch(ReadyPolicy.All, Patience);
        watch.Begin(["a", "b"], Start);
        var vassals = Empire(("a", Phase.Starting), ("b", Phase.Backoff));
        Assert.That(watch.Judge(vassals, Start + Patience - 1), Is.EqualTo(ReadyVerdict.Waiting));
        Assert.That(watch.Deadline, Is.EqualTo(Start + Patience));
        Assert.That(watch.Judge(vassals, Start + Patience), Is.EqualTo(ReadyVerdict.Failed));
        Assert.That(watch.Failed, Is.EqualTo(new[] { "a", "b" }));
    }

    private static ReadyVerdict Judge(ReadyPolicy policy, Phase phase, long now)
    {
        var watch = new ReadyWatch(policy, Patience);
        watch.Begin(["a"], Start);
        return watch.Judge(Empire(("a", phase)), now);
    }

    private static Dictionary<string, VassalState> Empire(params (string Name, Phase Phase)[] vassals) =>
        vassals.ToDictionary(v => v.Name, v => new VassalState { Name = v.Name, Phase = v.Phase });
}
