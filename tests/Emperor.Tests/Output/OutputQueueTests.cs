using System.Text;
using Emperor.Core.Output;
using Emperor.Linux;
using Emperor.Output;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>Between who reads and who writes: bounded, and fair to those who print little.</summary>
[TestFixture]
public sealed class OutputQueueTests
{
    private static readonly byte[] Line = new byte[1000];

    [Test]
    public void Lines_come_out_as_they_went_in()
    {
        var queue = new OutputQueue();
        var (a, b) = (Source("a"), Source("b"));
        queue.Add(a, 1, LineEnd.Newline, false, "one"u8);
        queue.Add(b, 2, LineEnd.Split, true, "two"u8);
        var batch = new OutputBatch();
        Assert.That(queue.Take(ref batch), Is.True);
        Assert.That(
            batch.Lines,
            Is.EqualTo((QueuedLine[])[new QueuedLine(a, 1, LineEnd.Newline, false, 0, 3), new QueuedLine(b, 2, LineEnd.Split, true, 0, 3)])
        );
        Assert.That(Encoding.UTF8.GetString(batch.Text), Is.EqualTo("onetwo"));
        queue.Complete();
        Assert.That(queue.Take(ref batch), Is.False);
    }

    [Test]
    public void Who_floods_loses_lines_and_is_told_how_many_and_the_others_lose_none()
    {
        var queue = new OutputQueue();
        var (flood, quiet) = (Source("flood"), Source("quiet"));
        const int Lines = 20_000;
        for (var i = 0; i < Lines; i++)
            queue.Add(flood, 0, LineEnd.Newline, false, Line);
        queue.Add(quiet, 0, LineEnd.Newline, false, Line);
        queue.Complete();
        var batch = new OutputBatch();
        Assert.That(queue.Take(ref batch), Is.True);
        Assert.That(batch.Length, Is.LessThanOrEqualTo(OutputQueue.Share + Line.Length));
        Assert.That(batch.Lines.Count(l => l.Source == quiet), Is.EqualTo(1));
        var (written, news) = (batch.Lines.Count(l => l.Source == flood && l.Lost == 0), batch.Lines[^1]);
        Assert.That((news.Source, written + news.Lost), Is.EqualTo((flood, (long)Lines)));
        Assert.That(queue.Take(ref batch), Is.False);
    }

    [Test]
    public void All_together_are_bounded()
    {
        var queue = new OutputQueue();
        foreach (var source in Enumerable.Range(0, 40).Select(i => Source($"{i}")))
        {
            for (var i = 0; i < 3_000; i++)
                queue.Add(source, 0, LineEnd.Newline, false, Line);
        }
        var batch = new OutputBatch();
        Assert.That(queue.Take(ref batch), Is.True);
        Assert.That(batch.Length, Is.LessThanOrEqualTo(OutputQueue.MostBytes).And.GreaterThan(OutputQueue.MostBytes / 2));
        Assert.That(batch.Lines.Sum(l => l.Lost == 0 ? 1 : l.Lost), Is.EqualTo(40 * 3_000));
    }

    [Test]
    public void At_the_end_losses_that_cannot_be_told_are_tried_once()
    {
        var queue = new OutputQueue();
        var source = Source("a");
        queue.CountLost(source, 3);
        queue.Complete();
        var batch = new OutputBatch();
        Assert.That(queue.Take(ref batch), Is.True);
        queue.CountLost(source, batch.Lines[0].Lost);
        Assert.That(queue.Take(ref batch), Is.False);
    }

    [Test]
    public void The_history_of_a_vassal_outlives_its_processes_and_is_followed()
    {
        var histories = new OutputHistories();
        var (first, second) = (Source("a", 1), Source("a", 2));
        histories.Add(first, new LineHead(1, 10, 1, LineEnd.Newline, false), "one\x1b"u8);
        histories.Close(first);
        var calls = 0;
        using (var follower = histories.Follow("a", () => calls++)!)
        {
            histories.Add(second, new LineHead(2, 11, 2, LineEnd.Split, true), "two"u8);
            histories.Add(Source("b"), default, "else"u8);
            Assert.That(calls, Is.EqualTo(1));
            Assert.That(follower.TryTake(out var line, out _), Is.True);
            Assert.That(line, Is.EqualTo(new OutputLine("a", DateTimeOffset.FromUnixTimeMilliseconds(2), 11, 2, "… two …")));
            Assert.That(follower.TryTake(out _, out var lost), Is.False);
            Assert.That(lost, Is.Zero);
        }
        histories.Add(second, default, "three"u8);
        Assert.That(calls, Is.EqualTo(1));
        Assert.That(histories.Tail("a", 10).Select(l => l.Text), Is.EqualTo((string[])["one\\x1b", "… two …", "three"]));
        Assert.That(histories.Tail("a", 1).Select(l => l.Text), Is.EqualTo((string[])["three"]));
        Assert.That(histories.Tail("nobody", 10), Is.Empty);
    }

    [Test]
    public void A_follower_that_does_not_take_loses_lines_and_is_told_how_many()
    {
        var histories = new OutputHistories();
        using var follower = histories.Follow("a", () => { })!;
        var source = Source("a");
        for (var i = 0; i < OutputFollower.MostLines + 7; i++)
            histories.Add(source, default, "x"u8);
        var (taken, lost) = (0, 0L);
        while (follower.TryTake(out _, out lost))
            taken++;
        Assert.That((taken, lost), Is.EqualTo((OutputFollower.MostLines, 7L)));
        histories.Add(source, default, "y"u8);
        Assert.That(follower.TryTake(out var line, out _), Is.True);
        Assert.That(line!.Text, Is.EqualTo("y"));
    }

    [Test]
    public void Only_so_many_vassals_that_are_gone_are_remembered()
    {
        var histories = new OutputHistories();
        var lives = Source("lives");
        histories.Add(lives, default, "x"u8);
        for (var i = 0; i < 3 * OutputHistories.MostIdle; i++)
        {
            var source = Source($"{i}");
            histories.Add(source, default, "x"u8);
            histories.Close(source);
        }
        Assert.That(histories.Count, Is.LessThanOrEqualTo(OutputHistories.MostIdle + 1));
        Assert.That(histories.Tail("lives", 1), Has.Count.EqualTo(1));
        Assert.That(histories.Tail($"{(3 * OutputHistories.MostIdle) - 1}", 1), Has.Count.EqualTo(1));
        Assert.That(histories.Tail("0", 1), Is.Empty);
    }

    [Test]
    public void What_is_restored_is_forgotten_in_the_order_of_before_and_of_those_that_live_never()
    {
        var former = new OutputHistories();
        former.Add(Source("lives"), default, "x"u8);
        foreach (var name in (string[])["b", "a"])
        {
            var source = Source(name);
            former.Add(source, default, "x"u8);
            former.Close(source);
        }
        var left = former.Leave();
        Assert.That(left.Select(t => t.Vassal), Is.EqualTo((string[])["b", "a", "lives"]));
        var histories = new OutputHistories();
        histories.Restore(left);
        Assert.That(histories.Leave().Select(t => t.Vassal), Is.EqualTo((string[])["b", "a", "lives"]));
        // It never prints again.
        histories.Attach(Source("lives"));
        histories.Attach(Source("new"));
        for (var i = 0; histories.Tail("b", 1).Count > 0; i++)
            Close(histories, $"{i}");
        Assert.That(histories.Leave()[^1].Vassal, Is.EqualTo("lives"));
        for (var i = 0; i < 3 * OutputHistories.MostIdle; i++)
            Close(histories, $"{i}");
        Assert.That(histories.Tail("a", 1), Is.Empty);
        Assert.That(histories.Tail("lives", 1), Has.Count.EqualTo(1));
    }

    [Test]
    public void It_is_at_rest_when_all_is_written_and_losses_are_tried_once()
    {
        var queue = new OutputQueue();
        var source = Source("a");
        var rests = 0;
        queue.Add(source, 0, LineEnd.Newline, false, "one"u8);
        queue.Settle(() => rests++);
        Assert.That(queue.IsAtRest, Is.False);
        var batch = new OutputBatch();
        Assert.That(queue.Take(ref batch), Is.True);
        queue.CountLost(source, 1);
        Assert.That((queue.IsAtRest, rests, queue.LostOf(source)), Is.EqualTo((false, 0, 1L)), "it is being written");
        using var rest = new ManualResetEventSlim();
        queue.Settle(rest.Set);
        var news = new List<long>();
        var writer = new Thread(() =>
        {
            while (queue.Take(ref batch))
            {
                news.AddRange(batch.Lines.Select(l => l.Lost));
                queue.CountLost(source, batch.Lines[0].Lost);
            }
        });
        writer.Start();
        rest.Wait();
        Assert.That((queue.IsAtRest, queue.LostOf(source)), Is.EqualTo((true, 1L)));
        Assert.That(news, Is.EqualTo((long[])[1]));
        queue.GoOn();
        Assert.That(queue.IsAtRest, Is.False);
        queue.Complete();
        writer.Join();
    }

    private static void Close(OutputHistories histories, string vassal)
    {
        var source = Source(vassal);
        histories.Add(source, default, "x"u8);
        histories.Close(source);
    }

    private static OutputSource Source(string vassal, int incarnation = 1) => new(1, vassal, incarnation, 1, new SafeFd(-1));
}
