using Emperor.Core.Control;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Control;

[TestFixture]
public sealed class EventRingTests
{
    [Test]
    public void It_keeps_the_newest_and_says_how_many_were_missed()
    {
        var ring = Ring(capacity: 3, 1, 2, 3, 4, 5);
        Assert.Multiple(() =>
        {
            Assert.That(ring.Newest, Is.EqualTo(5));
            Assert.That((ring.After(0, out var missed)!.Sequence, missed), Is.EqualTo((3L, 2L)));
            Assert.That((ring.After(3, out missed)!.Sequence, missed), Is.EqualTo((4L, 0L)));
            Assert.That(ring.After(5, out _), Is.Null);
            Assert.That(ring.After(99, out _), Is.Null);
            Assert.That(new EventRing(3).After(0, out _), Is.Null);
        });
    }

    [Test]
    public void What_was_lost_before_it_came_shows_as_missed()
    {
        var ring = Ring(capacity: 10, 1, 2, 7);
        Assert.That((ring.After(2, out var missed)!.Sequence, missed), Is.EqualTo((7L, 4L)));
    }

    [Test]
    public void The_last_that_fit_come_in_their_order()
    {
        var ring = Ring(capacity: 4, 1, 2, 3, 4, 5, 6);
        Assert.That(ring.Last(2, e => e.Sequence % 2 == 0).Select(e => e.Sequence), Is.EqualTo(new[] { 4L, 6L }));
        Assert.That(ring.Last(9, _ => true).Select(e => e.Sequence), Is.EqualTo(new[] { 3L, 4L, 5L, 6L }));
    }

    private static EventRing Ring(int capacity, params long[] numbers)
    {
        var ring = new EventRing(capacity);
        foreach (var number in numbers)
            ring.Add(new EmperorEvent(number, 0, NoteLevel.Information, "died", "a.ini", 1, "it died"));
        return ring;
    }
}
