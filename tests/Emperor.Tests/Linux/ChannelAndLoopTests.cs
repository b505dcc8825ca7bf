using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class ChannelAndLoopTests
{
    private readonly List<Readiness> _ready = [];

    [Test]
    public void A_channel_carries_bytes_both_ways_and_says_when_there_is_none()
    {
        var (ours, theirs) = Channel.Create();
        using (ours)
        using (theirs)
        {
            var buffer = new byte[8];
            Assert.That(ours.Read(buffer, out var count), Is.EqualTo(ChannelRead.Nothing));
            Assert.That(ours.Send(7).Number, Is.Zero);
            Assert.That(Files.ReadUntilClosed(theirs, buffer.AsSpan(0, 1), 1_000), Is.EqualTo(1));
            Assert.That(buffer[0], Is.EqualTo(7));
            Assert.That(Files.WriteAll(theirs.Number, [1, 2, 3]).Number, Is.Zero);
            Assert.That((ours.Read(buffer, out count), count), Is.EqualTo((ChannelRead.Data, 3)));
        }
    }

    [Test]
    public void A_vassal_that_does_not_read_is_an_error_and_not_a_wait()
    {
        var (ours, theirs) = Channel.Create();
        using (ours)
        using (theirs)
        {
            var sent = 0;
            Errno error;
            while ((error = ours.Send(1)).Number == 0)
                Assert.That(++sent, Is.LessThan(1_000_000));
            Assert.That(error, Is.EqualTo(Errno.Again));
            Assert.That(sent, Is.GreaterThan(100));
        }
    }

    [Test]
    public void A_closed_end_is_told_after_what_was_said_before_and_raises_no_signal()
    {
        var (ours, theirs) = Channel.Create();
        using (ours)
        {
            using (theirs)
                Assert.That(Files.WriteAll(theirs.Number, [17]).Number, Is.Zero);
            var buffer = new byte[8];
            Assert.That(ours.Read(buffer, out _), Is.EqualTo(ChannelRead.Data));
            Assert.That(ours.Read(buffer, out _), Is.EqualTo(ChannelRead.Closed));
            Assert.That(ours.Send(0), Is.EqualTo(Errno.BrokenPipe));
        }
    }

    [Test]
    public void The_loop_tells_what_is_readable_again_until_it_is_read()
    {
        using var loop = new EventLoop();
        var (ours, theirs) = Channel.Create();
        using (ours)
        using (theirs)
        {
            loop.Add(ours.Fd, 42);
            loop.Wait(_ready, 0);
            Assert.That(_ready, Is.Empty);
            _ = Files.WriteAll(theirs.Number, [1]);
            for (var i = 0; i < 2; i++)
            {
                loop.Wait(_ready, 5_000);
                Assert.That(_ready, Is.EqualTo(new[] { new Readiness(42, true, false) }));
            }
            _ = ours.Read(new byte[8], out _);
            loop.Wait(_ready, 0);
            Assert.That(_ready, Is.Empty);
        }
    }

    [Test]
    public void A_muted_descriptor_tells_its_end_and_nothing_else()
    {
        using var loop = new EventLoop();
        var (ours, theirs) = Channel.Create();
        using (ours)
        {
            using (theirs)
            {
                loop.Add(ours.Fd, 42);
                loop.Mute(ours.Fd, 42, muted: true);
                _ = Files.WriteAll(theirs.Number, [1]);
                loop.Wait(_ready, 0);
                Assert.That(_ready, Is.Empty);
                loop.Mute(ours.Fd, 42, muted: false);
                loop.Wait(_ready, 5_000);
                Assert.That(_ready, Has.Count.EqualTo(1));
                loop.Mute(ours.Fd, 42, muted: true);
            }
            loop.Wait(_ready, 5_000);
            Assert.That(_ready, Is.EqualTo(new[] { new Readiness(42, true, true) }));
        }
    }

    [Test]
    public void What_is_removed_is_not_told_and_may_be_removed_again()
    {
        using var loop = new EventLoop();
        var (ours, theirs) = Channel.Create();
        using (ours)
        using (theirs)
        {
            loop.Add(ours.Fd, 42);
            _ = Files.WriteAll(theirs.Number, [1]);
            loop.Remove(ours.Fd);
            loop.Remove(ours.Fd);
            loop.Wait(_ready, 0);
            Assert.That(_ready, Is.Empty);
            Assert.That(Assert.Throws<LinuxException>(() => loop.Mute(ours.Fd, 42, muted: true))!.Error, Is.EqualTo(Errno.NoEntry));
        }
    }

    [Test]
    public void More_descriptors_than_fit_into_one_turn_all_get_theirs()
    {
        using var loop = new EventLoop();
        List<IDisposable> owned = [];
        const int many = 700;
        for (var i = 0; i < many; i++)
        {
            var (ours, theirs) = Channel.Create();
            owned.AddRange([ours, theirs]);
            loop.Add(ours.Fd, (ulong)i);
            _ = Files.WriteAll(theirs.Number, [1]);
        }
        HashSet<ulong> told = [];
        for (var turn = 0; turn < 2; turn++)
        {
            loop.Wait(_ready, 5_000);
            Assert.That(_ready, Has.Count.EqualTo(512));
            told.UnionWith(_ready.Select(r => r.Token));
        }
        owned.ForEach(o => o.Dispose());
        Assert.That(told, Has.Count.EqualTo(many), "those that were not told come first in the next turn");
    }

    [Test]
    public void Whatever_another_thread_posts_before_it_wakes_the_loop_is_found_in_that_turn()
    {
        const int many = 50_000;
        using var loop = new EventLoop();
        var posted = new ConcurrentQueue<int>();
        var poster = new Thread(() =>
        {
            for (var i = 0; i < many; i++)
            {
                posted.Enqueue(i);
                loop.Wake();
                // Lets the loop fall asleep now and then.
                if (i % 50 == 0)
                    Thread.Yield();
            }
        });
        poster.Start();
        var taken = 0;
        while (taken < many)
        {
            loop.Wait(_ready, 10_000);
            Assert.That(_ready, Is.Empty, "a wake is nobody's readiness");
            // Before the look: afterwards it may have posted the last of them, and its wake is for the next turn.
            var isOver = poster.Join(0);
            var before = taken;
            while (posted.TryDequeue(out _))
                taken++;
            if (taken == before && isOver)
                Assert.That(posted.IsEmpty && taken == many, "a wake was lost");
        }
        poster.Join();
    }

    [Test]
    public void No_wake_is_lost_while_the_loop_takes_in_another()
    {
        const int many = 20_000;
        using var loop = new EventLoop();
        var posted = new int[2];
        var taken = new int[2];
        var isOver = false;
        // Each posts again only when the last was taken, so that a lost wake is followed by no other.
        Thread[] posters =
        [
            .. Enumerable
                .Range(0, 2)
                .Select(me => new Thread(() =>
                {
                    for (var i = 1; i <= many && !Volatile.Read(ref isOver); i++)
                    {
                        Volatile.Write(ref posted[me], i);
                        loop.Wake();
                        // On a machine with fewer processors than threads it lets the others go on; a sleep would let no two wakes meet.
                        var spinner = new SpinWait();
                        while (Volatile.Read(ref taken[me]) < i && !Volatile.Read(ref isOver))
                            spinner.SpinOnce(sleep1Threshold: -1);
                    }
                })),
        ];
        Array.ForEach(posters, p => p.Start());
        var isLost = false;
        while (!isLost && taken.Sum() < 2 * many)
        {
            var clock = Stopwatch.StartNew();
            loop.Wait(_ready, 5_000);
            isLost = clock.Elapsed > TimeSpan.FromSeconds(4.5) && (posted[0] > taken[0] || posted[1] > taken[1]);
            for (var i = 0; i < taken.Length; i++)
                Volatile.Write(ref taken[i], Volatile.Read(ref posted[i]));
        }
        Volatile.Write(ref isOver, true);
        Array.ForEach(posters, p => p.Join());
        Assert.That(isLost, Is.False, "something was posted, and the loop slept on");
    }

    [Test]
    public void A_wake_before_the_wait_ends_it_at_once()
    {
        using var loop = new EventLoop();
        loop.Wake();
        loop.Wake();
        var clock = Stopwatch.StartNew();
        loop.Wait(_ready, 30_000);
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)));
        loop.Wait(_ready, 0);
        Assert.That(_ready, Is.Empty);
    }

    [Test]
    public void A_wake_after_the_end_wakes_nobody_and_writes_to_no_descriptor_that_has_its_number_now()
    {
        var (ours, theirs) = Channel.Create();
        using (ours)
        using (theirs)
        {
            for (var i = 0; i < 100; i++)
            {
                var others = Wakers();
                var loop = new EventLoop();
                var number = Wakers().Except(others).Single();
                loop.Dispose();
                using var successor = new SafeFd(Files.DuplicateAbove(theirs.Number, number));
                // The runtime may have been faster.
                if (successor.Number != number)
                    continue;
                loop.Wake();
                loop.Wake();
                Assert.That(ours.Read(new byte[8], out _), Is.EqualTo(ChannelRead.Nothing));
                return;
            }
        }
        Assert.Fail("its number is never free");
    }

    [Test]
    public void A_signal_does_not_end_the_wait_nor_make_it_longer()
    {
        const int timeout = 500;
        using var taken = PosixSignalRegistration.Create((PosixSignal)Signals.Urgent, context => context.Cancel = true);
        using var loop = new EventLoop();
        nint id = 0;
        var clock = new Stopwatch();
        var waiter = new Thread(() =>
        {
            Volatile.Write(ref id, OwnThread.Id);
            clock.Start();
            loop.Wait(_ready, timeout);
            clock.Stop();
        });
        waiter.Start();
        // Each of them would begin the time anew.
        var patience = Stopwatch.StartNew();
        while (!waiter.Join(5) && patience.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (Volatile.Read(ref id) is not 0 and var thread)
                _ = OwnThread.Signal(thread, Signals.Urgent);
        }
        loop.Wake();
        waiter.Join();
        // The system's clock ticks every few milliseconds.
        Assert.That(clock.ElapsedMilliseconds, Is.InRange(timeout - 20, 50_000));
        Assert.That(_ready, Is.Empty);
    }

    // The numbers of all eventfds.
    private static int[] Wakers() =>
        [
            .. Directory
                .GetFiles("/proc/self/fd")
                .Where(f => new FileInfo(f).LinkTarget?.Contains("eventfd", StringComparison.Ordinal) == true)
                .Select(f => int.Parse(Path.GetFileName(f), CultureInfo.InvariantCulture)),
        ];
}
