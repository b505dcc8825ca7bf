using Emperor.Core.Programs;
using Emperor.Limits;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Limits;

[TestFixture]
public sealed class CGroupFilesTests
{
    private static IEnumerable<TestCaseData> Limits =>
        [
            Case(LimitRules.None, ""),
            Case(new LimitRules { MemoryMax = 300 << 20, MemoryHigh = 1000 }, "memory.max=314572800 memory.high=1000"),
            Case(new LimitRules { CpuMax = 1500 }, "cpu.max=150000 100000"),
            // The kernel takes no quota under a millisecond.
            Case(new LimitRules { CpuMax = 5 }, "cpu.max=1000 100000"),
            Case(new LimitRules { TasksMax = 7, IoWeight = 50 }, "pids.max=7 io.weight=default 50"),
            Case(
                new LimitRules
                {
                    OpenFiles = 7,
                    AddressSpace = 9,
                    Nice = 1,
                },
                ""
            ),
        ];

    [TestCaseSource(nameof(Limits))]
    public void Limits_become_what_the_files_take(LimitRules limits, string expected)
    {
        Assert.That(string.Join(' ', CGroupFiles.Of(limits).Select(f => $"{f.File}={f.Value}")), Is.EqualTo(expected));
        Assert.That(CGroupFiles.HasAny(limits), Is.EqualTo(expected.Length > 0));
        foreach (var file in CGroupFiles.Of(limits))
            Assert.That(CGroupFiles.Controllers, Does.Contain(file.Controller));
    }

    [TestCase(0L, "0")]
    [TestCase(1000L, "1000")]
    [TestCase(300L << 20, "300M")]
    [TestCase(1536L << 20, "1536M")]
    [TestCase(2L << 30, "2G")]
    [TestCase(4L << 50, "4096T")]
    public void Sizes_are_written_as_people_do(long bytes, string expected) => Assert.That(CGroupFiles.Size(bytes), Is.EqualTo(expected));

    [TestCase("shop.ini", "vassal-shop.ini.7")]
    [TestCase("/etc/a b/ü.ini", "vassal-_etc_a_b__.ini.7")]
    public void A_groups_name_is_plain(string vassal, string expected) =>
        Assert.That(VassalCGroups.NameOf(vassal, 7), Is.EqualTo(expected));

    [Test]
    public void A_groups_name_is_bounded() =>
        Assert.That(VassalCGroups.NameOf(new string('x', 4000), long.MaxValue), Has.Length.LessThan(255));

    [TestCase("low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n", 1)]
    [TestCase("oom 2\noom_kill 0", 0)]
    [TestCase("", null)]
    [TestCase("oom_kill x", null)]
    public void The_kernels_kills_for_want_of_memory_are_counted(string text, long? expected) =>
        Assert.That(CGroup.Value(text, "oom_kill"), Is.EqualTo(expected));

    private static TestCaseData Case(LimitRules limits, string expected) => new(limits, expected);
}
