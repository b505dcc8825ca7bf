using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

/// <summary>What the program that this one becomes is to have: descriptors under numbers that are out of the way, and signals that wait for it.</summary>
[TestFixture]
public sealed class InheritanceTests
{
    private const int Lowest = 700;

    [Test]
    public void A_descriptor_gets_a_second_number_that_outlives_the_execution()
    {
        using var file = Files.CreateMemoryFile("second");
        using var second = new SafeFd(Files.DuplicateAbove(file.Number, Lowest));
        Assert.That(second.Number, Is.GreaterThanOrEqualTo(Lowest));
        Assert.That((Files.IsInherited(second.Number), Files.IsInherited(file.Number)), Is.EqualTo((true, false)));
        _ = FileStatus.Get(file.Number, out var one);
        _ = FileStatus.Get(second.Number, out var other);
        Assert.That((one.Device, one.Inode), Is.EqualTo((other.Device, other.Inode)));
    }

    [Test]
    public void A_descriptor_that_is_moved_is_closed_where_it_was_and_no_child_gets_it()
    {
        var (read, write) = Files.CreateOutputPipe();
        using (read)
        {
            var moved = Files.MoveAbove(write, Lowest);
            Assert.That(moved.Number, Is.GreaterThanOrEqualTo(Lowest));
            Assert.That(write.IsClosed);
            Assert.That(Files.IsInherited(moved.Number), Is.False);
            Assert.That(Files.Read(read, new byte[1], out _), Is.EqualTo(Errno.Again));
            moved.Dispose();
            Assert.That((Files.Read(read, new byte[1], out var count), count), Is.EqualTo((default(Errno), 0)));
        }
    }

    [Test]
    public void Where_no_number_is_left_a_descriptor_stays_where_it_is()
    {
        using var file = Files.CreateMemoryFile("stays");
        var error = Assert.Throws<LinuxException>(() => Files.MoveAbove(file, int.MaxValue))!;
        Assert.That(error.Error, Is.EqualTo(Errno.Invalid));
        Assert.That(Files.IsOpen(file.Number));
        Assert.Throws<LinuxException>(() => Files.DuplicateAbove(file.Number, int.MaxValue));
    }

    [Test]
    public void A_signal_is_held_and_released_for_the_calling_thread()
    {
        ulong[] masks = new ulong[3];
        Errno sent = default;
        var pending = 0UL;
        OwnThread.Run(() =>
        {
            masks[0] = Mask("SigBlk:");
            Self.HoldSignals(Signals.Urgent, Signals.User2);
            masks[1] = Mask("SigBlk:");
            // By default it does nothing, so that its coming harms nobody.
            sent = OwnThread.Signal(Signals.Urgent);
            pending = Mask("SigPnd:");
            Self.ReleaseSignals(Signals.Urgent);
            masks[2] = Mask("SigBlk:");
        });
        Assert.That(sent.Number, Is.Zero);
        Assert.That(
            masks,
            Is.EqualTo(new[] { masks[0], masks[0] | Bit(Signals.Urgent) | Bit(Signals.User2), masks[0] | Bit(Signals.User2) })
        );
        Assert.That(masks[0] & (Bit(Signals.Urgent) | Bit(Signals.User2)), Is.Zero);
        Assert.That(pending, Is.EqualTo(Bit(Signals.Urgent)), "it waits");
        Assert.That(Mask("SigBlk:") & Bit(Signals.User2), Is.Zero, "this thread is another");
    }

    private static ulong Bit(int signal) => 1UL << (signal - 1);

    private static ulong Mask(string name)
    {
        var line = File.ReadAllLines("/proc/thread-self/status").Single(l => l.StartsWith(name, StringComparison.Ordinal));
        return Convert.ToUInt64(line[name.Length..].Trim(), 16);
    }
}
