using Emperor.Control;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Control;

/// <summary>Events over a change of emperors.</summary>
[TestFixture]
public sealed class EventFeedTests
{
    [Test]
    public void What_is_kept_and_what_waits_passes_on_and_the_numbers_go_on()
    {
        var former = new EventFeed([]);
        Post(former, "one");
        _ = former.Take();
        Post(former, "two");
        Assert.That(former.Events.Select(e => (e.Sequence, e.Text)), Is.EqualTo(new[] { (1L, "one"), (2L, "two") }));
        var legacy = LegacyText.Read(LegacyText.Write(new Legacy { Program = "1", Events = former.Events }));
        var next = new EventFeed(legacy.Events);
        Assert.That(next.Events, Is.EqualTo(former.Events));
        Post(next, "three");
        Assert.That(next.Take().After(1, out var missed)?.Text, Is.EqualTo("two"));
        Assert.That(missed, Is.Zero);
        Assert.That(next.Take().Newest, Is.EqualTo(3));
        Assert.That(next.Events.Select(e => e.Text), Is.EqualTo(new[] { "one", "two", "three" }));
    }

    [Test]
    public void They_are_told_in_order_and_once_while_another_thread_takes_them()
    {
        var feed = new EventFeed([]);
        using var stop = new CancellationTokenSource();
        var taker = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
                _ = feed.Take();
        });
        taker.Start();
        for (var i = 1; i <= 2_000; i++)
        {
            Post(feed, "x");
            if (i % 20 == 0)
                Assert.That(feed.Events.Select(e => e.Sequence), Is.EqualTo(Enumerable.Range(1, i).Select(n => (long)n)));
        }
        stop.Cancel();
        taker.Join();
    }

    private static void Post(EventFeed feed, string text) => feed.Post(NoteLevel.Information, "test", "a.ini", 1, text);
}
