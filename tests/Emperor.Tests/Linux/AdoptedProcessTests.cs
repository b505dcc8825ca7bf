using System.Globalization;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

/// <summary>Processes whose pidfd comes from an earlier emperor: another's children, which only their own parent can reap.</summary>
[TestFixture]
public sealed class AdoptedProcessTests
{
    private const int Patience = 20_000;

    // Before that the kernel writes down nothing, and only a parent that is slow to reap lets others see how its child has ended.
    private static readonly bool KernelRecordsEnds = Environment.OSVersion.Version >= new Version(6, 15);

    [TestCase("exit 0", "exit 0")]
    [TestCase("exit 26", "exit 26")]
    [TestCase("kill -TERM $$", "signal 15 (TERM)")]
    [TestCase("kill -KILL $$", "signal 9 (KILL)")]
    public void The_end_of_an_orphan_is_told_by_its_pidfd(string end, string words)
    {
        var (gate, opener) = Files.CreatePipe();
        using var process = Orphan($"read word <&3; {end}", gate, Files.OpenNull());
        Assert.That(process.IsChild, Is.False);
        Assert.That(process.HasEnded(out _), Is.False);
        Assert.That(process.Reap(out _), Is.False);
        opener.Dispose();
        var status = Child.WaitFor(process);
        Assert.That(status.ToString(), KernelRecordsEnds ? Is.EqualTo(words) : Is.AnyOf(words, ExitStatus.Unknown.ToString()));
        Assert.That(process.HasEnded(out var again), "it has been told before, and is told again");
        Assert.That(again, Is.EqualTo(status));
    }

    [TestCase("exit 26", "exit 26")]
    [TestCase("kill -SEGV $$", "signal 11 (SEGV)")]
    public void The_kernel_remembers_how_a_process_ended_that_its_parent_has_reaped(string end, string words)
    {
        var (gate, opener) = Files.CreatePipe();
        using var parent = ParentOf($"ulimit -c 0; read word <&3; {end}", "wait", gate, out var process, out var output);
        using (process)
        using (output)
        {
            Assert.That((process.IsChild, process.HasEnded(out _)), Is.EqualTo((false, false)));
            opener.Dispose();
            _ = Child.WaitFor(parent);
            Assert.That(process.HasEnded(out var status));
            Assert.That(status.ToString(), Is.EqualTo(KernelRecordsEnds ? words : ExitStatus.Unknown.ToString()));
            Assert.That(process.Reap(out var again));
            Assert.That(again, Is.EqualTo(status));
            // No other process or group of that number, should there be one by now, is meant.
            Assert.That(process.Signal(Signals.Kill), Is.EqualTo(Errno.NoProcess));
            Assert.That(process.SignalGroup(Signals.Kill), Is.EqualTo(Errno.NoProcess));
        }
    }

    [Test]
    public void How_a_process_ended_that_its_parent_does_not_reap_is_told_to_those_who_may_know()
    {
        Assert.That(Self.IsRoot, "this test needs root: it takes another user's rights");
        var (gate, opener) = Files.CreatePipe();
        using var parent = ParentOf("read word <&3; exit 26", "exec sleep 1000", gate, out var process, out var output);
        using (process)
        using (output)
        {
            opener.Dispose();
            var status = Child.WaitFor(process);
            var state = ProcFs.Stat(process.Pid)?.State;
            bool hasEnded;
            ExitStatus asOther;
            using (BorrowedRights.Take(65534, 65534, []))
                hasEnded = process.HasEnded(out asOther);
            _ = parent.Signal(Signals.Kill);
            _ = Child.WaitFor(parent);
            Assert.That((state, status), Is.EqualTo(('Z', new ExitStatus(26, false, false))));
            // The kernel would tell him 0, which he must not take for success.
            Assert.That((hasEnded, asOther), Is.EqualTo((true, ExitStatus.Unknown)));
            Assert.That((asOther.IsUnknown, status.IsUnknown), Is.EqualTo((true, false)));
            Assert.That(asOther.ToString(), Is.EqualTo("ended, nobody saw how"));
        }
    }

    [Test]
    public void A_child_of_our_own_is_reaped_as_ever()
    {
        using var former = Child.Shell("exit 3");
        using var process = Adopt(former);
        Assert.That(process.IsChild);
        Assert.That(Child.WaitFor(process).ToString(), Is.EqualTo("exit 3"));
        Assert.That(ProcFs.Stat(process.Pid), Is.Null);
        Assert.That(process.HasEnded(out _), Is.False, "it is reaped");
    }

    [Test]
    public void A_child_that_was_reaped_before_it_is_adopted_has_ended()
    {
        using var former = Child.Shell("exit 3");
        _ = Child.WaitFor(former);
        using var process = Adopt(former);
        Assert.That(process.IsChild, Is.False);
        Assert.That(process.HasEnded(out var status));
        Assert.That(status, Is.EqualTo(KernelRecordsEnds ? new ExitStatus(3, false, false) : ExitStatus.Unknown));
    }

    [Test]
    public void A_signal_to_the_group_of_an_orphan_reaches_all_of_it_also_after_its_leader_s_end()
    {
        var (gate, opener) = Files.CreatePipe();
        var (read, held) = Files.CreatePipe();
        using (read)
        {
            using var process = Orphan("sleep 1000 & read word <&3", gate, held);
            Assert.That(process.SignalGroup(Signals.Continue).Number, Is.Zero);
            opener.Dispose();
            _ = Child.WaitFor(process);
            Assert.That(Files.IsReadable(read.Number), Is.False, "what it has started lives");
            Assert.That(process.SignalGroup(Signals.Kill).Number, Is.Zero);
            AssertEnds(read);
        }
    }

    [Test]
    public void A_status_is_read_as_wait_tells_it()
    {
        int[] statuses = [0, 26 << 8, 255 << 8, 15, 11 | 0x80];
        Assert.That(
            statuses.Select(s => ExitStatus.FromWait(s).ToString()),
            Is.EqualTo(["exit 0", "exit 26", "exit 255", "signal 15 (TERM)", "signal 11 (SEGV), core dumped"])
        );
    }

    // The leader of a session of its own, as vassals are, whose parent has ended. Takes over both descriptors, its 3 and 4.
    private static PidRef Orphan(string script, SafeFd gate, SafeFd held)
    {
        using (gate)
        using (held)
        {
            const string start = "setsid sh -c \"$0\" > /dev/null 2>&1 & printf %08d $!";
            var (_, output) = Child.Run(
                (none, write) => Request(start, script, none.Number, write.Number, write.Number, gate.Number, held.Number)
            );
            return Adopt(output);
        }
    }

    // A process of ours that has one of its own.
    private static PidRef ParentOf(string script, string then, SafeFd gate, out PidRef process, out SafeFd output)
    {
        (output, var write) = Files.CreatePipe();
        using (gate)
        using (write)
        using (var none = Files.OpenNull())
        {
            var start = $"setsid sh -c \"$0\" & printf %08d $!; {then}";
            var parent = Child.Start(Request(start, script, none.Number, write.Number, write.Number, gate.Number));
            var number = new byte[8];
            Assert.That(Files.ReadUntilClosed(output, number, Patience), Is.EqualTo(number.Length));
            process = Adopt(System.Text.Encoding.ASCII.GetString(number));
            return parent;
        }
    }

    private static SpawnRequest Request(string start, string script, params int[] descriptors) =>
        new()
        {
            Program = "/bin/sh",
            Arguments = ["sh", "-c", start, script],
            Environment = ["PATH=/usr/bin:/bin"],
            Descriptors = descriptors,
        };

    private static PidRef Adopt(string number)
    {
        using var opened = PidRef.Open(int.Parse(number, CultureInfo.InvariantCulture), out var error);
        Assert.That(opened, Is.Not.Null, error.ToString());
        return Adopt(opened!);
    }

    // As an emperor does that gets the descriptor of the one before it.
    private static PidRef Adopt(PidRef former) => PidRef.Adopt(former.Pid, new SafeFd(Files.DuplicateAbove(former.Fd, 3)));

    private static void AssertEnds(SafeFd read)
    {
        Assert.That(() => Files.IsReadable(read.Number), Is.True.After(Patience, 5));
        Assert.That((Files.Read(read, new byte[1], out var count), count), Is.EqualTo((default(Errno), 0)));
    }
}
