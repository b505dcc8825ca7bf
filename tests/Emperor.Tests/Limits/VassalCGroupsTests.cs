using Emperor.Core.Programs;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Servers;
using Emperor.Tests.Linux;
using Emperor.Tests.Servers;
using NUnit.Framework;

namespace Emperor.Tests.Limits;

/// <summary>With the kernel's own cgroups, in one of the test's own. A sleeping process stands for the emperor.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class VassalCGroupsTests : IDisposable
{
    private const string Emperor = "emperor";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _own = $"{CGroup.Own(out _)}/emperor-test-{Guid.NewGuid():N}";
    private readonly PidRef _emperor = Child.Shell("exec sleep 600");

    public VassalCGroupsTests()
    {
        Assert.That(CGroup.Make(_own).Number, Is.Zero, "this test needs root and a cgroup hierarchy of version 2");
        Assert.That(CGroup.Write(_own, "cgroup.procs", $"{_emperor.Pid}").Number, Is.Zero);
    }

    public void Dispose()
    {
        CGroup.Kill(_own);
        Child.WaitFor(_emperor);
        _emperor.Dispose();
        Until(() =>
        {
            foreach (var folder in Directory.EnumerateDirectories(_own, "*", SearchOption.AllDirectories).OrderByDescending(f => f.Length))
                _ = CGroup.Remove(folder);
            return CGroup.Remove(_own).Number == 0;
        });
    }

    [Test]
    public void A_process_joins_its_group_and_all_that_came_of_it_is_killed_with_it()
    {
        var groups = new VassalCGroups(_emperor.Pid, (_own, false));
        var group = groups.Make("shop.ini", 1, LimitRules.None, []);
        Assert.That(group?.Folder, Is.EqualTo($"{_own}/vassal-shop.ini.1"), groups.Obstacle);
        Assert.That(CGroup.Processes($"{_own}/{Emperor}"), Does.Contain(_emperor.Pid), "the emperor is in a leaf");
        Assert.That(CGroup.Processes(_own), Is.Empty);
        using var server = new ServerTest();
        // It prints and goes on in another session, which nobody would find by the first one's number.
        var plan = ServerTest.Plan(
            "grep ^0:: /proc/self/cgroup; setsid sh -c 'sleep 600 & sleep 600 >/dev/null 2>&1' >/dev/null 2>&1 & exit 0"
        );
        var output = server.Run(new ProgramLaunch { Plan = plan, CGroup = group!.Folder });
        Assert.That(output, Does.EndWith("/vassal-shop.ini.1"));
        Until(() => CGroup.Processes(group.Folder).Count >= 2);
        groups.Remove(group);
        Assert.That(Directory.Exists(group.Folder), "it is not empty");
        group.Kill();
        Until(() =>
        {
            groups.RemoveEmpty();
            return !Directory.Exists(group.Folder);
        });
    }

    [Test]
    public void Limits_are_written_or_it_is_said_that_they_are_not_and_why()
    {
        var groups = new VassalCGroups(_emperor.Pid, (_own, false));
        var problems = new List<string>();
        var group = groups.Make("shop.ini", 1, new LimitRules { MemoryMax = 64 << 20, TasksMax = 50 }, problems)!;
        foreach (var (controller, file, value) in new[] { ("memory", "memory.max", "67108864"), ("pids", "pids.max", "50") })
        {
            // Which of them the kernel lends to this machine is its affair.
            if (CGroup.Read(_own, "cgroup.controllers").Split([' ', '\n']).Contains(controller))
                Assert.That(CGroup.Read(group.Folder, file).Trim(), Is.EqualTo(value));
            else
                Assert.That(
                    problems,
                    Has.Some.Contains($"the controller \"{controller}\" cannot be used in {_own} (it is not available there)")
                );
            Assert.That(group.Controllers.Contains(controller), Is.EqualTo(groups.Has(controller)));
        }
        groups.Remove(group);
    }

    [Test]
    public void In_a_container_all_is_in_a_group_of_its_own_which_goes_with_the_emperor()
    {
        // What one that was killed has left.
        foreach (var left in new[] { "emperor-2147483646", "emperor-2147483646/emperor", "emperor-2147483646/vassal-a.1" })
            Assert.That(CGroup.Make($"{_own}/{left}").Number, Is.Zero);
        var groups = new VassalCGroups(_emperor.Pid, (_own, true));
        var group = groups.Make("shop.ini", 1, LimitRules.None, [])!;
        Assert.That(group.Folder, Is.EqualTo($"{_own}/emperor-{_emperor.Pid}/vassal-shop.ini.1"), groups.Obstacle);
        Assert.That(Directory.Exists($"{_own}/emperor-2147483646"), Is.False);
        groups.Remove(group);
        groups.Leave(null);
        Assert.That(Directory.EnumerateDirectories(_own), Is.Empty);
    }

    [Test]
    public void Where_none_can_be_made_it_is_said_why()
    {
        using var folder = new TemporaryFolder();
        var groups = new VassalCGroups(_emperor.Pid, (folder.PathOf("none"), false));
        Assert.That(groups.Make("shop.ini", 1, LimitRules.None, []), Is.Null);
        Assert.That(groups.Obstacle, Does.Contain("No such file or directory"));
    }

    private static void Until(Func<bool> isSo)
    {
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        for (; !isSo(); Thread.Sleep(5))
            Assert.That(System.Diagnostics.Stopwatch.GetElapsedTime(start), Is.LessThan(Patience));
    }
}
