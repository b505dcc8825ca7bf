using System.Globalization;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class SpawnTests
{
    [Test]
    public void Arguments_are_handed_over_byte_for_byte()
    {
        var (_, output) = Child.Run("/usr/bin/printf", "[%s]", "", "two words", "new\nline", "Käse €", "*");
        Assert.That(output, Is.EqualTo("[][two words][new\nline][Käse €][*]"));
    }

    [Test]
    public void The_environment_is_what_is_handed_over_and_nothing_else()
    {
        var (_, output) = Child.Run(
            (none, write) =>
                new SpawnRequest
                {
                    Program = "/usr/bin/env",
                    Arguments = ["env", "-0"],
                    Environment = ["A=1", "B=two words", "C=Käse"],
                    Descriptors = [none.Number, write.Number],
                }
        );
        Assert.That(output, Is.EqualTo("A=1\0B=two words\0C=Käse\0"));
    }

    [Test]
    public void The_working_folder_is_the_childs_alone()
    {
        var ours = Directory.GetCurrentDirectory();
        var (_, output) = Child.Run(
            (none, write) =>
                new SpawnRequest
                {
                    Program = "/bin/pwd",
                    Arguments = ["pwd"],
                    Environment = [],
                    WorkingDirectory = "/usr",
                    Descriptors = [none.Number, write.Number],
                }
        );
        Assert.That((output, Directory.GetCurrentDirectory()), Is.EqualTo(("/usr\n", ours)));
    }

    [Test]
    public void All_descriptors_but_those_handed_over_are_closed()
    {
        using var folder = new TemporaryFolder();
        using var leak = File.OpenRead(folder.Write("leak", "x"));
        using var extra = Files.OpenNull();
        Assert.That(Native.Fcntl(extra.Number, Constants.FSetFd, 0), Is.Zero, "not even one without close-on-exec");
        var (_, output) = Child.Run(
            (none, write) =>
                new SpawnRequest
                {
                    // The shell's, not those of ls, which opens the folder.
                    Program = "/bin/sh",
                    Arguments = ["sh", "-c", "ls /proc/$$/fd; :"],
                    Environment = ["PATH=/usr/bin:/bin"],
                    Descriptors = [none.Number, write.Number, write.Number, none.Number],
                }
        );
        Assert.That(output, Is.EqualTo("0\n1\n2\n3\n"));
    }

    [Test]
    public void Descriptors_arrive_in_their_places_although_their_numbers_are_each_others_places()
    {
        using var folder = new TemporaryFolder();
        using var none = Files.OpenNull();
        using var first = OpenFile(folder.Write("first", "1"));
        using var second = OpenFile(folder.Write("second", "2"));
        var (low, high) = (Math.Min(first.Number, second.Number), Math.Max(first.Number, second.Number));
        var (_, output) = Child.Run(
            (_, write) =>
            {
                var descriptors = Enumerable.Repeat(none.Number, Math.Max(high, 2) + 1).ToArray();
                (descriptors[1], descriptors[2]) = (write.Number, write.Number);
                (descriptors[first.Number], descriptors[second.Number]) = (second.Number, first.Number);
                return new SpawnRequest
                {
                    Program = "/bin/cat",
                    Arguments = ["cat", $"/proc/self/fd/{low}", $"/proc/self/fd/{high}"],
                    Environment = [],
                    Descriptors = descriptors,
                };
            }
        );
        Assert.That(output, Is.EqualTo(first.Number == low ? "21" : "12"));
    }

    [Test]
    public void A_child_has_every_signal_unmasked_and_at_its_default_although_the_runtime_ignores_some()
    {
        var status = StatusOf(Child.Run("/bin/cat", "/proc/self/status").Output);
        Assert.Multiple(() =>
        {
            Assert.That(Convert.ToUInt64(status["SigBlk"], 16), Is.Zero);
            // 32 and 33 are the C library's own: it leaves them ignored, and sets them anew in every program that has threads.
            Assert.That(Convert.ToUInt64(status["SigIgn"], 16) & ~(3UL << 31), Is.Zero);
            Assert.That(Convert.ToUInt64(status["SigCgt"], 16), Is.Zero);
        });
        // Without the reset the child would ignore SIGPIPE, as this process does.
        var ours = StatusOf(File.ReadAllText("/proc/self/status"));
        Assert.That(Convert.ToUInt64(ours["SigIgn"], 16) & (1UL << 12), Is.Not.Zero);
    }

    [Test]
    public void A_child_leads_its_own_session_and_process_group()
    {
        var fields = Child.Run("/bin/cat", "/proc/self/stat").Output.Split(' ');
        Assert.That((fields[4], fields[5]), Is.EqualTo((fields[0], fields[0])));
    }

    [TestCase("/nowhere/program", null, 2)]
    [TestCase("/etc/passwd", null, 13)]
    [TestCase("/bin/true", "/nowhere", 2)]
    public void What_cannot_be_started_is_told_with_the_kernels_error(string program, string? folder, int error)
    {
        var process = Spawn.Start(
            new SpawnRequest
            {
                Program = program,
                Arguments = ["x"],
                Environment = [],
                Descriptors = [],
                WorkingDirectory = folder,
            },
            out var told
        );
        Assert.That((process, told.Number), Is.EqualTo(((PidRef?)null, error)));
    }

    [Test]
    public void A_soft_limit_is_the_childs_alone()
    {
        var ours = Self.DescriptorLimit();
        var (_, output) = Child.Run(
            (none, write) =>
                new SpawnRequest
                {
                    Program = "/bin/sh",
                    Arguments = ["sh", "-c", "ulimit -Sn; ulimit -Hn"],
                    Environment = [],
                    Descriptors = [none.Number, write.Number],
                    SoftDescriptorLimit = 333,
                }
        );
        Assert.That(output, Is.EqualTo(string.Create(CultureInfo.InvariantCulture, $"333\n{Hard(ours.Hard)}\n")));
        Assert.That(Self.DescriptorLimit(), Is.EqualTo(ours));
    }

    [Test]
    public void A_soft_limit_is_restored_although_the_start_failed()
    {
        var ours = Self.DescriptorLimit();
        _ = Spawn.Start(
            new SpawnRequest
            {
                Program = "/nowhere",
                Arguments = ["x"],
                Environment = [],
                Descriptors = [],
                SoftDescriptorLimit = 333,
            },
            out _
        );
        Assert.That(Self.DescriptorLimit(), Is.EqualTo(ours));
    }

    [Test]
    public void The_limit_that_this_process_was_started_with_is_one_that_a_shell_would_hand_on()
    {
        var inherited = Self.InheritedDescriptorLimit();
        Assert.That(inherited, Is.InRange(1UL, Self.DescriptorLimit().Soft));
    }

    private static string Hard(ulong limit) => limit == ulong.MaxValue ? "unlimited" : limit.ToString(CultureInfo.InvariantCulture);

    private static SafeFd OpenFile(string path)
    {
        var fd = Native.Open(path, Constants.ORdOnly | Constants.OCloExec, 0);
        Assert.That(fd, Is.GreaterThanOrEqualTo(0));
        return new SafeFd(fd);
    }

    private static Dictionary<string, string> StatusOf(string text) =>
        text.Split('\n')
            .Select(l => l.Split(":\t", 2))
            .Where(p => p.Length == 2)
            .ToDictionary(p => p[0], p => p[1].Trim(), StringComparer.Ordinal);
}
