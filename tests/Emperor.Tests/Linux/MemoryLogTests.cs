using System.Buffers.Binary;
using System.Text;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class MemoryLogTests
{
    private const int Header = MemoryLog.HeaderSize;

    [Test]
    public void What_is_written_is_read_in_its_order_by_whoever_gets_the_descriptor()
    {
        using var log = MemoryLog.Create("log");
        byte[][] records = [Bytes("one"), [], Bytes("three\0"), new byte[100_000]];
        Append(log, records);
        Assert.That(log.Length, Is.EqualTo(records.Sum(r => Header + r.Length)));
        Assert.That(log.ReadAll(), Is.EqualTo(records));
        using var other = MemoryLog.Open(Handed(log));
        Assert.That(other.Length, Is.EqualTo(log.Length));
        log.Dispose();
        Assert.That(other.ReadAll(), Is.EqualTo(records));
        Append(other, [Bytes("next")]);
        Assert.That(other.ReadAll(), Is.EqualTo((byte[][])[.. records, Bytes("next")]));
    }

    [Test]
    public void A_record_is_laid_out_as_it_is_told()
    {
        // The checksum of "foobar" is from the test vectors of draft-eastlake-fnv.
        Assert.That(MemoryLog.Checksum(Bytes("foobar")), Is.EqualTo(0x85944171F73967E8));
        using var log = MemoryLog.Create("log");
        Append(log, [Bytes("foobar")]);
        Assert.That(Convert.ToHexString(Content(log)), Is.EqualTo("06000000" + "E86739F771419485" + Convert.ToHexString(Bytes("foobar"))));
    }

    [Test]
    public void What_is_not_whole_is_overwritten_and_nothing_of_it_comes_back()
    {
        using var log = MemoryLog.Create("log");
        Append(log, [Bytes("first")]);
        // A record cut off before its last byte, whose own bytes end in what is a whole record elsewhere.
        using var inner = MemoryLog.Create("inner");
        Append(inner, [Bytes("a ghost")]);
        byte[] cut = [.. new byte[8], .. Content(inner), 0];
        Append(log, [cut]);
        using var file = Handed(log);
        Truncate(file, log.Length - 1);
        using var next = MemoryLog.Open(Handed(log));
        Assert.That(next.ReadAll(), Is.EqualTo(new[] { Bytes("first") }));
        // It ends where the ghost begins.
        var between = new byte[8];
        Append(next, [between]);
        using var last = MemoryLog.Open(Handed(log));
        Assert.That(last.ReadAll(), Is.EqualTo(new[] { Bytes("first"), between }));
    }

    [Test]
    public void A_record_that_is_too_long_is_refused_and_one_of_the_utmost_length_is_not()
    {
        using var log = MemoryLog.Create("log");
        Assert.That(log.Append(new byte[MemoryLog.LongestRecord + 1]), Is.EqualTo(Errno.MessageTooLong));
        Assert.That((log.Length, log.Append(new byte[MemoryLog.LongestRecord])), Is.EqualTo((0L, default(Errno))));
        Assert.That(log.ReadAll().Single(), Has.Length.EqualTo(MemoryLog.LongestRecord));
    }

    [Test]
    public void A_log_takes_no_record_that_makes_it_too_long_and_a_shorter_one_still()
    {
        using var log = MemoryLog.Create("log", 3 * Header);
        Append(
            log,
            [
                [1],
            ]
        );
        Assert.That(log.Append(new byte[Header]), Is.EqualTo(Errno.NoSpace));
        Append(log, [new byte[Header - 1]]);
        Assert.That((log.Length, log.Append([])), Is.EqualTo((3L * Header, Errno.NoSpace)));
        Assert.That(log.ReadAll().Select(r => r.Length), Is.EqualTo([1, Header - 1]));
    }

    [Test]
    public void What_the_file_refuses_is_told_and_the_log_stays_as_it_was()
    {
        using var sealedFile = MemoryLog.Open(Files.CreateSealedFile("sealed", [1, 2, 3]));
        Assert.That((sealedFile.Length, sealedFile.Append([1])), Is.EqualTo((0L, Errno.NotPermitted)));
        var (read, write) = Files.CreateOutputPipe();
        using (write)
        using (var pipe = MemoryLog.Open(read))
        {
            Assert.That(pipe.ReadAll(), Is.Empty);
            Assert.That(pipe.Append([1]).Number, Is.Not.Zero);
        }
    }

    [Test]
    public void A_length_that_nothing_stands_behind_takes_no_memory()
    {
        using var log = MemoryLog.Create("log");
        using var file = Handed(log);
        var header = new byte[Header];
        foreach (var length in (uint[])[MemoryLog.LongestRecord, MemoryLog.LongestRecord + 1, int.MaxValue, uint.MaxValue])
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header, length);
            _ = Files.WriteAt(file, header, 0);
            var before = GC.GetAllocatedBytesForCurrentThread();
            using var read = MemoryLog.Open(Handed(log));
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1024 * 1024));
            Assert.That(read.Length, Is.Zero);
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void Whatever_has_happened_to_it_the_records_before_are_read_and_no_false_one(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            using var log = MemoryLog.Create("log");
            var records = Enumerable.Range(0, random.Next(1, 12)).Select(_ => Some(random)).ToArray();
            Append(log, records);
            using var file = Handed(log);
            var harmed = Harm(random, file, log.Length);
            var whole = records.TakeWhile((_, i) => records.Take(i + 1).Sum(r => Header + r.Length) <= harmed).ToArray();
            using var read = MemoryLog.Open(Handed(log));
            Assert.That(read.ReadAll(), Is.EqualTo(whole), $"seed {seed}, round {round}, harmed at {harmed}");
            Append(read, [Bytes("next")]);
            using var again = MemoryLog.Open(Handed(log));
            Assert.That(
                again.ReadAll(),
                Is.EqualTo((byte[][])[.. whole, Bytes("next")]),
                $"seed {seed}, round {round}, harmed at {harmed}"
            );
        }
    }

    [TestCase(4)]
    public void Bytes_of_any_kind_are_an_empty_log(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var bytes = Some(random);
            var file = Files.CreateMemoryFile("noise");
            Assert.That(Files.WriteAll(file.Number, bytes).Number, Is.Zero);
            using var log = MemoryLog.Open(file);
            Assert.That(log.ReadAll(), Is.Empty, $"seed {seed}, round {round}");
        }
    }

    // Cuts it off, changes a bit, or fills its rest with zeros or noise. Returns where.
    private static long Harm(Random random, SafeFd file, long length)
    {
        var at = random.NextInt64(length);
        var rest = new byte[length - at];
        switch (random.Next(4))
        {
            case 0:
                Truncate(file, at);
                return at;
            case 1:
                _ = Files.ReadAt(file, rest, at, out _);
                rest[0] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                _ = Files.ReadAt(file, rest, at, out _);
                // Where there were zeros before no harm is done.
                var same = rest.AsSpan().IndexOfAnyExcept((byte)0);
                at += same < 0 ? rest.Length : same;
                rest = new byte[length - at];
                break;
            default:
                _ = Files.ReadAt(file, rest.AsSpan(0, 1), at, out _);
                var first = (byte)~rest[0];
                random.NextBytes(rest);
                rest[0] = first;
                break;
        }
        Assert.That(Files.WriteAt(file, rest, at).Number, Is.Zero);
        return at;
    }

    private static byte[] Some(Random random)
    {
        var bytes = new byte[random.Next(4) == 0 ? random.Next(20_000) : random.Next(40)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static void Append(MemoryLog log, byte[][] records)
    {
        foreach (var record in records)
            Assert.That(log.Append(record).Number, Is.Zero);
    }

    private static SafeFd Handed(MemoryLog log) => new(Files.DuplicateAbove(log.Fd, 3));

    private static byte[] Content(MemoryLog log)
    {
        using var file = Handed(log);
        var bytes = new byte[log.Length];
        Assert.That((Files.ReadAt(file, bytes, 0, out var count), count), Is.EqualTo((default(Errno), bytes.Length)));
        return bytes;
    }

    private static void Truncate(SafeFd file, long length) => Assert.That(Native.FTruncate(file.Number, (nint)length), Is.Zero);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
