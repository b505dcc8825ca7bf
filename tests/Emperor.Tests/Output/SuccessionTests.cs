using System.Text;
using Emperor.Core.Output;
using Emperor.Core.Succession;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;
using Emperor.Succession;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>What vassals print while one emperor follows another: each line once, in order and whole.</summary>
[TestFixture]
[CancelAfter(300_000)]
public sealed class SuccessionTests
{
    private const string Vassal = "shop.ini";
    private const int Upgrades = 60;
    private const int PiecesOfReign = 60;

    private readonly List<Reign> _reigns = [];

    [TearDown]
    public void End()
    {
        // Those who have left are parked, and hold what they would not hold after execve(2): only now that all is read may they end.
        foreach (var reign in _reigns)
            reign.Dispose();
        _reigns.Clear();
    }

    [Test]
    public void Each_line_is_written_once_in_order_and_whole_over_many_upgrades(CancellationToken cancellation)
    {
        var reign = First();
        using var pipe = new OutputPipe();
        _ = reign.Output.Watch(pipe, Vassal, 3, 42);
        // What the printer has is its own: it may outlive a test that fails.
        var writing = Files.TakeOver(Files.DuplicateAbove(pipe.Write.Number, 3));
        pipe.Write.Dispose();
        // Not more of a reign than waits for the writer without a loss, however slow that is.
        var leave = new SemaphoreSlim(0);
        var isEnough = false;
        var lines = 0;
        var printer = new Thread(() =>
        {
            using (writing)
                lines = Print(writing, leave, () => Volatile.Read(ref isEnough));
        })
        {
            IsBackground = true,
        };
        printer.Start();
        var written = new List<string>();
        for (var i = 0; i < Upgrades; i++)
        {
            Fill(leave);
            // Somewhere in the middle of what it prints.
            reign.AwaitSome(i % 5, cancellation);
            var former = reign;
            reign = Next(former, cancellation);
            written.AddRange(former.Taken);
        }
        Volatile.Write(ref isEnough, true);
        Fill(leave);
        printer.Join();
        reign.AwaitEnd(Vassal, cancellation);
        _ = reign.Quiet(cancellation);
        written.AddRange(reign.Taken);
        Assert.That(lines, Is.GreaterThan(Upgrades));
        Assert.That(Whole(written), Is.EqualTo(Enumerable.Range(0, lines).Select(Text)).AsCollection);
    }

    [Test]
    public void A_line_that_is_cut_by_the_change_comes_out_whole(CancellationToken cancellation)
    {
        using var pipe = Cut(out var former, out var legacy, cancellation);
        Assert.Multiple(() =>
        {
            Assert.That((legacy.Incarnation, legacy.Pid, legacy.IsLeft, legacy.IsGuarded), Is.EqualTo((3, 42, false, true)));
            Assert.That(legacy.Log?.Path, Is.EqualTo("/nowhere/own.log"));
            Assert.That(former.Heirlooms.All.Select(k => k.Name), Is.EqualTo(new[] { legacy.Pipe }));
            Assert.That((Encoding.UTF8.GetString(legacy.Partial), legacy.Continues), Is.EqualTo(("tw", false)));
            Assert.That(legacy.Lost, Is.EqualTo(1), "what could not be written to that log");
        });
        _ = Files.WriteAll(pipe.Write.Number, "o\nthr"u8);
        var reign = Next(former, cancellation);
        reign.AwaitTail(Vassal, "two", cancellation);
        // Nothing more comes: it is told after a while, as if nobody had gone.
        reign.AwaitTail(Vassal, "thr", cancellation);
        var last = Next(reign, cancellation);
        Assert.That(last.Output.LegacyOf(Vassal).Single().Pipe, Is.EqualTo(legacy.Pipe));
        _ = Files.WriteAll(pipe.Write.Number, "ee\n"u8);
        last.AwaitTail(Vassal, "… ee", cancellation);
    }

    [Test]
    public void The_beginning_of_a_line_is_told_after_a_while_though_nothing_more_comes(CancellationToken cancellation)
    {
        var former = First();
        using var pipe = new OutputPipe();
        _ = former.Output.Watch(pipe, Vassal, 1, 42);
        _ = Files.WriteAll(pipe.Write.Number, "first\npassword: "u8);
        former.AwaitTail(Vassal, "first", cancellation);
        var reign = Next(former, cancellation);
        reign.AwaitTail(Vassal, "password: ", cancellation);
    }

    [Test]
    public void What_somebody_left_behind_still_prints_is_read_on_and_a_process_that_ends_meanwhile_is_known(CancellationToken cancellation)
    {
        var former = First();
        using var left = new OutputPipe();
        using var ending = new OutputPipe();
        former.Output.NoteEnd(former.Output.Watch(left, Vassal, 1, 41));
        var second = former.Output.Watch(ending, Vassal, 2, 42);
        _ = former.Quiet(cancellation);
        former.Output.NoteEnd(second);
        _ = Files.WriteAll(ending.Write.Number, "last words"u8);
        ending.Write.Dispose();
        var reign = Next(former, cancellation);
        Assert.That(
            former.Output.LegacyOf(Vassal).Select(o => (o.Incarnation, o.IsLeft)),
            Is.EqualTo(new[] { (1, true), (2, true) }),
            "what is told does not hang on the reader's having looked"
        );
        reign.AwaitTail(Vassal, "last words", cancellation);
        reign.AwaitOpen(Vassal, 1, cancellation);
        _ = Files.WriteAll(left.Write.Number, "still here\n"u8);
        reign.AwaitTail(Vassal, "still here", cancellation);
        Assert.That(reign.Output.LegacyOf(Vassal).Single().IsLeft, Is.True);
        left.Write.Dispose();
        reign.AwaitEnd(Vassal, cancellation);
        Assert.That(reign.Heirlooms.All, Is.Empty);
    }

    [Test]
    public void A_pipe_that_has_not_come_is_gone_without_and_the_others_go_on(CancellationToken cancellation)
    {
        var reign = First();
        reign.Output.Inherit(Vassal, [new OutputLegacy("kept.output.7", 1, 42)]);
        using var pipe = new OutputPipe();
        var source = reign.Output.Watch(pipe, Vassal, 2, 43);
        _ = Files.WriteAll(pipe.Write.Number, "here\n"u8);
        reign.AwaitTail(Vassal, "here", cancellation);
        Assert.Multiple(() =>
        {
            Assert.That(reign.Output.LegacyOf(Vassal).Select(o => o.Incarnation), Is.EqualTo(new[] { 2 }));
            Assert.That(reign.Output.Find(Vassal, source.Heirloom), Is.SameAs(source));
            Assert.That(reign.Output.Find(Vassal, "kept.output.7"), Is.Null);
            Assert.That(reign.Output.Find(Vassal, null), Is.Null);
            Assert.That(reign.Output.LegacyOf("another.ini"), Is.Empty);
        });
    }

    [Test]
    public void A_log_that_is_slow_is_not_quiet_and_when_the_upgrade_is_called_off_all_goes_on(CancellationToken cancellation)
    {
        var reign = First();
        using var pipe = new OutputPipe();
        _ = reign.Output.Watch(pipe, Vassal, 1, 42);
        reign.Sink.Gate.Reset();
        _ = Files.WriteAll(pipe.Write.Number, "one\n"u8);
        reign.Sink.Waits.Wait(cancellation);
        using var quiet = new AutoResetEvent(false);
        reign.Output.Pause(() => quiet.Set());
        Assert.That(quiet.WaitOne(100), Is.False);
        Assert.That(reign.Output.IsQuiet, Is.False);
        reign.Output.Resume();
        _ = Files.WriteAll(pipe.Write.Number, "two\n"u8);
        reign.AwaitTail(Vassal, "two", cancellation);
        reign.Sink.Gate.Set();
        // Twice, as somebody might who tries again at once.
        reign.Output.Pause(() => { });
        reign.Output.Pause(() => quiet.Set());
        while (!reign.Output.IsQuiet)
        {
            WaitHandle.WaitAny([quiet, cancellation.WaitHandle]);
            cancellation.ThrowIfCancellationRequested();
        }
        Assert.That(reign.Taken, Is.EqualTo(new[] { "one", "two" }));
        _ = Files.WriteAll(pipe.Write.Number, "three\n"u8);
        reign.Output.Resume();
        reign.AwaitTail(Vassal, "three", cancellation);
    }

    [Test]
    public void Lines_that_cannot_be_written_are_told_of_by_the_next_emperor(CancellationToken cancellation)
    {
        var former = First();
        former.Sink.Fails = true;
        using var pipe = new OutputPipe();
        _ = former.Output.Watch(pipe, Vassal, 1, 42);
        _ = Files.WriteAll(pipe.Write.Number, "one\ntwo\n"u8);
        former.AwaitTail(Vassal, "two", cancellation);
        Assert.That(former.Quiet(cancellation).Single().Lost, Is.EqualTo(2));
        var reign = Next(former, cancellation);
        while (!reign.Taken.Contains("(2 lost)"))
            Rest(cancellation);
    }

    [Test]
    public void Last_lines_pass_on_and_go_on(CancellationToken cancellation)
    {
        var former = First();
        using var pipe = new OutputPipe();
        using (var gone = new OutputPipe())
        {
            _ = former.Output.Watch(gone, "gone.ini", 1, 41);
            _ = Files.WriteAll(gone.Write.Number, "farewell"u8);
        }
        former.AwaitTail("gone.ini", "farewell", cancellation);
        _ = former.Output.Watch(pipe, Vassal, 1, 42);
        _ = Files.WriteAll(pipe.Write.Number, "\e[1mone\n"u8);
        former.AwaitTail(Vassal, "\\x1b[1mone", cancellation);
        var before = former.Output.Tail(Vassal, 10);
        var reign = Next(former, cancellation);
        Assert.That(reign.Output.Tail(Vassal, 10), Is.EqualTo(before));
        Assert.That(reign.Output.Tail("gone.ini", 10), Is.EqualTo(former.Output.Tail("gone.ini", 10)).And.Count.EqualTo(1));
        _ = Files.WriteAll(pipe.Write.Number, "two\n"u8);
        reign.AwaitTail(Vassal, "two", cancellation);
        Assert.That(reign.Output.Tail(Vassal, 10).Select(l => l.Text), Is.EqualTo(new[] { "\\x1b[1mone", "two" }));
    }

    // A vassal that has printed "one", a newline and "tw", and an emperor who has read that and stopped. On a machine that stood still meanwhile the "tw" has
    // waited too long and is a line; then the next one tries it.
    private OutputPipe Cut(out Reign former, out OutputLegacy legacy, CancellationToken cancellation)
    {
        while (true)
        {
            former = First();
            var pipe = new OutputPipe();
            _ = former.Output.Watch(pipe, Vassal, 3, 42, new OwnLog(new LogRule("/nowhere/own.log", null, 0), true));
            _ = Files.WriteAll(pipe.Write.Number, "one\ntw"u8);
            former.AwaitTail(Vassal, "one", cancellation);
            legacy = former.Quiet(cancellation).Single();
            if (!former.Output.Tail(Vassal, 5).Any(l => l.Text == "tw"))
                return pipe;
            pipe.Dispose();
        }
    }

    private static string Text(int number) =>
        $"line {number} {new string('x', number % 97)}{(number % 500 == 0 ? new string('y', 20_000) : "")}";

    // In pieces that have nothing to do with lines, as a program that prints to a pipe does.
    private static int Print(SafeFd pipe, SemaphoreSlim leave, Func<bool> isEnough)
    {
        var random = new Random(7);
        var waiting = new List<byte>();
        var line = 0;
        for (; !isEnough(); line++)
        {
            waiting.AddRange(Encoding.UTF8.GetBytes(Text(line) + "\n"));
            for (var size = random.Next(1, 3_000); size <= waiting.Count; size = random.Next(1, 3_000))
            {
                leave.Wait();
                _ = Files.WriteAll(pipe.Number, waiting.Take(size).ToArray());
                waiting.RemoveRange(0, size);
            }
        }
        _ = Files.WriteAll(pipe.Number, waiting.ToArray());
        return line;
    }

    // What a slow printer has not used of one reign is not added to the next.
    private static void Fill(SemaphoreSlim leave)
    {
        var missing = PiecesOfReign - leave.CurrentCount;
        if (missing > 0)
            leave.Release(missing);
    }

    // What was told in pieces put together again, as it is done with the marks.
    private static List<string> Whole(List<string> pieces)
    {
        var lines = new List<string>();
        foreach (var piece in pieces)
        {
            if (piece.StartsWith('+'))
                lines[^1] += piece[1..];
            else
                lines.Add(piece);
        }
        return lines;
    }

    private static void Rest(CancellationToken cancellation)
    {
        cancellation.WaitHandle.WaitOne(1);
        cancellation.ThrowIfCancellationRequested();
    }

    private Reign First()
    {
        var reign = new Reign(new Heirlooms(), []);
        _reigns.Add(reign);
        reign.Output.Resume();
        return reign;
    }

    // The descriptors are dup'ed, as they are for execve(2).
    private Reign Next(Reign former, CancellationToken cancellation)
    {
        var outputs = former.Quiet(cancellation);
        var legacy = LegacyText.Read(
            LegacyText.Write(
                new Legacy
                {
                    Program = "1",
                    Tails = former.Output.Tails(),
                    Vassals = [new VassalLegacy { Name = Vassal, Outputs = outputs }],
                }
            )
        );
        var reign = new Reign(
            new Heirlooms(former.Heirlooms.All.Select(k => (k.Name, Files.TakeOver(Files.DuplicateAbove(k.Fd, 3))))),
            legacy.Tails
        );
        _reigns.Add(reign);
        foreach (var vassal in legacy.Vassals)
            reign.Output.Inherit(vassal.Name, vassal.Outputs);
        Assert.That(reign.Heirlooms.CloseRest(), Is.Zero);
        reign.Output.Resume();
        return reign;
    }

    private sealed class Reign : IDisposable
    {
        public Reign(Heirlooms heirlooms, IReadOnlyList<TailLegacy> tails)
        {
            Heirlooms = heirlooms;
            Output = new VassalOutput(Sink, heirlooms, new EmperorLog(Serilog.Core.Logger.None));
            Output.Restore(tails);
        }

        public Heirlooms Heirlooms { get; }

        public VassalOutput Output { get; }

        public Sink Sink { get; } = new();

        public IReadOnlyList<string> Taken
        {
            get
            {
                lock (Sink.Lines)
                    return [.. Sink.Lines];
            }
        }

        public IReadOnlyList<OutputLegacy> Quiet(CancellationToken cancellation)
        {
            using var quiet = new AutoResetEvent(false);
            Output.Pause(() => quiet.Set());
            while (!Output.IsQuiet)
            {
                WaitHandle.WaitAny([quiet, cancellation.WaitHandle]);
                cancellation.ThrowIfCancellationRequested();
            }
            // Before it is paused again, which tries once more to tell of losses: meanwhile nobody knows of them.
            var legacy = Output.LegacyOf(Vassal);
            // The event is disposed, and nobody is to set it.
            Output.Pause(() => { });
            return legacy;
        }

        // Looked for now and then, and not followed: an event that the reader sets would have to outlive this. And not only at the last line, as more may have
        // come while the machine stood still.
        public void AwaitTail(string vassal, string text, CancellationToken cancellation)
        {
            while (!Output.Tail(vassal, 5).Any(l => l.Text == text))
                Rest(cancellation);
        }

        public void AwaitSome(int lines, CancellationToken cancellation)
        {
            while (Taken.Count < lines)
            {
                cancellation.ThrowIfCancellationRequested();
                Thread.Yield();
            }
        }

        public void AwaitEnd(string vassal, CancellationToken cancellation) => AwaitOpen(vassal, 0, cancellation);

        public void AwaitOpen(string vassal, int count, CancellationToken cancellation)
        {
            while (Output.LegacyOf(vassal).Count != count)
                Rest(cancellation);
        }

        public void Dispose()
        {
            Sink.Gate.Set();
            Output.Dispose();
        }
    }

    private sealed class Sink : IOutputSink
    {
        public List<string> Lines { get; } = [];

        public ManualResetEventSlim Gate { get; } = new(true);

        public ManualResetEventSlim Waits { get; } = new();

        public bool Fails { get; set; }

        public void Write(OutputBatch batch, Action<QueuedLine> lost)
        {
            if (!Gate.IsSet)
                Waits.Set();
            Gate.Wait();
            var at = 0;
            foreach (var line in batch.Lines)
            {
                if (Fails)
                    lost(line);
                var text = line.Lost > 0 ? $"({line.Lost} lost)" : Encoding.UTF8.GetString(batch.Text.Slice(at, line.Length));
                at += line.Length;
                lock (Lines)
                    Lines.Add(line.Continues ? $"+{text}" : text);
            }
        }

        public void Reopen()
        {
            // It has no files.
        }

        public void Dispose()
        {
            Gate.Dispose();
            Waits.Dispose();
        }
    }
}
