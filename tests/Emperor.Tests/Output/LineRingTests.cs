using System.Text;
using Emperor.Core.Output;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>The last lines of a vassal, within bounds.</summary>
[TestFixture]
public sealed class LineRingTests
{
    [Test]
    public void An_empty_one_costs_nothing()
    {
        var ring = new LineRing(new MemoryBudget(1_000_000));
        Assert.That((ring.Count, ring.Size, ring.Last(10).Count), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public void The_last_200_lines_are_kept_in_order_with_what_is_known_of_them()
    {
        var ring = new LineRing(new MemoryBudget(1_000_000));
        for (var i = 0; i < 500; i++)
            ring.Add(new LineHead(1000 + i, i, -i, (LineEnd)(i % 4), i % 2 == 0), Encoding.UTF8.GetBytes($"line {i}"));
        var all = ring.Last(1000);
        Assert.That(all, Has.Count.EqualTo(LineRing.MostLines));
        for (var i = 0; i < all.Count; i++)
        {
            var number = 300 + i;
            Assert.That(all[i].Head, Is.EqualTo(new LineHead(1000 + number, number, -number, (LineEnd)(number % 4), number % 2 == 0)));
            Assert.That(Encoding.UTF8.GetString(all[i].Text), Is.EqualTo($"line {number}"));
        }
        Assert.That(ring.Last(3).Select(l => l.Head.Pid), Is.EqualTo((int[])[497, 498, 499]));
        Assert.That(ring.Last(0), Is.Empty);
        Assert.That(ring.Last(-1), Is.Empty);
    }

    [Test]
    public void Whatever_is_added_the_newest_lines_are_there_as_they_were() =>
        Prop.ForAll<ushort[]>(sizes =>
            {
                var budget = new MemoryBudget(1_000_000);
                var ring = new LineRing(budget);
                var added = sizes.Select((size, i) => Enumerable.Repeat((byte)i, size % (LineSplitter.Longest + 1)).ToArray()).ToList();
                foreach (var (text, i) in added.Select((t, i) => (t, i)))
                    ring.Add(new LineHead(i, 1, 1, LineEnd.Newline, false), text);
                var kept = ring.Last(int.MaxValue);
                Assert.That(kept.Zip(added.TakeLast(kept.Count), (l, t) => l.Text.AsSpan().SequenceEqual(t)), Has.All.True);
                Assert.That(kept, Has.Count.EqualTo(ring.Count).And.Count.GreaterThanOrEqualTo(Math.Min(3, added.Count)));
                Assert.That(ring.Size, Is.LessThanOrEqualTo(LineRing.MostBytes));
                ring.Clear();
                Assert.That((budget.Used, ring.Count, ring.Size), Is.EqualTo((0L, 0, 0)));
            })
            .Check(Seeded.Times(500));

    [Test]
    public void When_the_budget_is_used_up_each_still_has_its_last_words()
    {
        var budget = new MemoryBudget(64 * 1024);
        var rings = Enumerable.Range(0, 100).Select(_ => new LineRing(budget)).ToList();
        var text = new byte[100];
        for (var i = 0; i < 300; i++)
        {
            foreach (var ring in rings)
                ring.Add(new LineHead(i, 0, 0, LineEnd.Newline, false), text);
        }
        Assert.That(rings.Sum(r => (long)r.Size), Is.LessThanOrEqualTo((64 * 1024) + (100 * 512)));
        Assert.That(rings, Has.All.Matches<LineRing>(r => r!.Last(1)[0].Head.Time == 299));
        // A line that is larger than the ring may become is cut.
        rings[^1].Add(default, new byte[8000]);
        Assert.That(rings[^1].Last(1)[0].Text, Has.Length.GreaterThan(400).And.Length.LessThan(8000));
    }
}
