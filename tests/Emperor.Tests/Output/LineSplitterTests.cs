using System.Text;
using Emperor.Core.Output;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>Lines of a stream, however it is cut.</summary>
[TestFixture]
public sealed class LineSplitterTests
{
    [TestCase("a\nb\n", "a/Newline b/Newline")]
    [TestCase("\n\na", "/Newline /Newline a/End")]
    [TestCase("a|b|\nc", "ab/Newline c/End")]
    [TestCase("a|!|b\n", "a/Pause +b/Newline")]
    [TestCase("a|!|\nb\n", "a/Pause +/Newline b/Newline")]
    [TestCase("a|!|b|!|c", "a/Pause +b/Pause +c/End")]
    [TestCase("!|a\n|!", "a/Newline")]
    [TestCase("a|>|b\n", "ab/Newline")]
    [TestCase("a|!|>|b|>|c\nd", "a/Pause +bc/Newline d/End")]
    [TestCase("a\n|>|b", "a/Newline b/End")]
    public void Lines_are_told_with_how_they_end(string chunks, string told) =>
        Assert.That(
            string.Join(' ', Split(chunks.Split('|').Select(Encoding.UTF8.GetBytes), isPause: c => c is [(byte)'!'])),
            Is.EqualTo(told)
        );

    [TestCase(0, 1)]
    [TestCase(1, 1)]
    [TestCase(LineSplitter.Longest, 1)]
    [TestCase(LineSplitter.Longest + 1, 2)]
    [TestCase(1_000_000, 123)]
    public void A_line_that_is_too_long_comes_in_pieces(int length, int pieces)
    {
        foreach (var chunk in (int[])[length < 10_000 ? 1 : 10, 100, LineSplitter.Longest - 1, LineSplitter.Longest, 65_536])
        {
            var taker = new Taker();
            var splitter = new LineSplitter();
            foreach (var part in Enumerable.Repeat((byte)'x', length).Append((byte)'\n').Chunk(chunk))
                splitter.Feed(part, taker);
            Assert.That(taker.Told, Has.Count.EqualTo(pieces), $"in chunks of {chunk}");
            Assert.That(taker.Told.Sum(t => t.Text.Length), Is.EqualTo(length));
            Assert.That(taker.Told.SkipLast(1).Select(t => t.End), Has.All.EqualTo(LineEnd.Split));
            Assert.That(taker.Told[^1].End, Is.EqualTo(LineEnd.Newline));
            Assert.That(splitter.HasPartial, Is.False);
        }
    }

    [Test]
    public void No_piece_ends_within_a_character(
        [Values("é", "€", "😀")] string character,
        [Range(0, 4)] int before,
        [Values(1, 7, 9000)] int chunk
    )
    {
        var text = new string('x', before) + string.Concat(Enumerable.Repeat(character, 9000));
        var taker = new Taker();
        var splitter = new LineSplitter();
        foreach (var part in Encoding.UTF8.GetBytes(text + "\n").Chunk(chunk))
            splitter.Feed(part, taker);
        Assert.That(taker.Told, Has.Count.GreaterThan(1));
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        Assert.That(string.Concat(taker.Told.Select(t => strict.GetString(t.Text))), Is.EqualTo(text));
    }

    [Test]
    public void Nothing_is_lost_and_nothing_added() =>
        Prop.ForAll<(byte Kind, byte Size)[]>(chunks =>
            {
                // Kinds: a pause, newlines, a long run, text, and bytes that begin a character of UTF-8 and do not end it.
                var parts = chunks.Select((c, i) => Part(c.Kind, c.Size, (byte)i)).ToList();
                var taker = new Taker();
                var splitter = new LineSplitter();
                foreach (var part in parts)
                {
                    if (part is null)
                        splitter.Flush(LineEnd.Pause, taker);
                    else
                        splitter.Feed(part, taker);
                    splitter = Next(splitter);
                }
                splitter.Flush(LineEnd.End, taker);
                byte[] stream = [.. parts.SelectMany(p => p ?? [])];
                byte[] back = [.. taker.Told.SelectMany(t => t.End == LineEnd.Newline ? [.. t.Text, (byte)'\n'] : t.Text)];
                // Not by Is.EqualTo, which takes its time for each of a hundred thousand bytes.
                Assert.That(back.AsSpan().SequenceEqual(stream), () => $"{Convert.ToHexString(back)} is not {Convert.ToHexString(stream)}");
                Assert.That(taker.Told.Select(t => t.Text.Length), Has.All.LessThanOrEqualTo(LineSplitter.Longest));
                for (var i = 1; i < taker.Told.Count; i++)
                    Assert.That(taker.Told[i].Continues, Is.EqualTo(taker.Told[i - 1].End is LineEnd.Split or LineEnd.Pause));
            })
            .Check(Seeded.Times(500));

    private static byte[]? Part(byte kind, byte size, byte fill) =>
        (kind % 5) switch
        {
            0 => null,
            1 => [.. Enumerable.Repeat((byte)'\n', size % 4)],
            2 => [.. Enumerable.Repeat(fill == '\n' ? (byte)0 : fill, size * 61)],
            3 => Encoding.UTF8.GetBytes($"line {size}\nand €"),
            _ => [0xF0, 0x9F, fill],
        };

    // Another one that goes on where this one has stopped.
    private static LineSplitter Next(LineSplitter splitter)
    {
        var next = new LineSplitter();
        next.GoOn(splitter.Partial, splitter.Continues);
        return next;
    }

    private static IEnumerable<string> Split(IEnumerable<byte[]> chunks, Func<byte[], bool> isPause)
    {
        var taker = new Taker();
        var splitter = new LineSplitter();
        foreach (var chunk in chunks)
        {
            if (isPause(chunk))
                splitter.Flush(LineEnd.Pause, taker);
            else if (chunk is [(byte)'>'])
                splitter = Next(splitter);
            else
                splitter.Feed(chunk, taker);
        }
        splitter.Flush(LineEnd.End, taker);
        return taker.Told.Select(t => $"{(t.Continues ? "+" : "")}{Encoding.UTF8.GetString(t.Text)}/{t.End}");
    }

    private sealed class Taker : ILineTaker
    {
        public List<(byte[] Text, LineEnd End, bool Continues)> Told { get; } = [];

        public void Take(ReadOnlySpan<byte> text, LineEnd end, bool continues) => Told.Add((text.ToArray(), end, continues));
    }
}
