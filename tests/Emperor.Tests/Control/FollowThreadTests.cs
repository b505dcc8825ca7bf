using Emperor.Core.Control;
using NUnit.Framework;

namespace Emperor.Tests.Control;

[TestFixture]
public sealed class FollowThreadTests
{
    private static readonly ControlReply Leaving = ControlReply.Failed(null, ControlProtocol.Upgrading, "") with { Since = 42 };

    [Test]
    public void Events_go_on_after_the_number_that_the_emperor_has_said()
    {
        var thread = new FollowThread(
            new ControlRequest
            {
                Verb = "events",
                Follow = true,
                Count = 5,
            },
            1_000
        );
        thread.Break(Leaving);
        Assert.That((thread.Request.Since, thread.Request.Follow), Is.EqualTo((42L, true)));
    }

    [Test]
    public void Lines_that_were_told_are_not_told_again_and_no_other_is_left_out()
    {
        var thread = new FollowThread(
            new ControlRequest
            {
                Verb = "logs",
                Follow = true,
                Count = 2,
            },
            1_000
        );
        // The same text twice in one millisecond, and once more after it was asked again.
        Assert.That(New(thread, ("a", 990, "x"), ("a", 1_005, "y"), ("a", 1_005, "y"), ("b", 1_001, "z")), Is.All.True);
        thread.Break(Leaving);
        Assert.That(thread.Request.Count, Is.GreaterThan(1_000));
        Assert.That(
            New(
                thread,
                ("a", 980, "w"),
                ("a", 990, "x"),
                ("b", 1_001, "z"),
                ("c", 995, "before all"),
                ("c", 1_003, "first of c"),
                ("a", 1_005, "y"),
                ("a", 1_005, "y"),
                ("a", 1_005, "y"),
                ("a", 1_006, "y"),
                ("b", 1_001, "other")
            ),
            Is.EqualTo(new[] { false, false, false, false, true, false, false, true, true, true })
        );
        thread.Break(Leaving);
        Assert.That(
            New(thread, ("a", 1_005, "y"), ("a", 1_006, "y"), ("a", 1_006, "y"), ("b", 1_001, "z"), ("b", 1_001, "other")),
            Is.EqualTo(new[] { false, false, true, false, false })
        );
    }

    private static bool[] New(FollowThread thread, params (string Vassal, long Time, string Text)[] lines) =>
        [.. lines.Select(l => thread.IsNew(new ControlReply { Line = new LineView(l.Vassal, l.Time, l.Text) }))];
}
