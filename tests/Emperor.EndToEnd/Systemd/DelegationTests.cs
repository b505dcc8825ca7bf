using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>The unit says Delegate=yes: below its cgroup the emperor makes one for each process of a program.</summary>
internal sealed class DelegationTests : ServiceTest
{
    private const string Place = "/system.slice/emperor.service";

    [Test]
    public void Each_process_of_a_program_has_a_group_in_that_of_the_service_and_it_goes_with_the_process()
    {
        Vassal("old.ini", "accept");
        Machine.Write(
            $"{Vassals}/app.ini",
            "[emperor]\nexec = sh -c 'setsid sleep 1000 & printf \"\\005\" >&3; exec sleep 1001'\nready = protocol\nready-timeout = 60\n"
        );
        Start();
        AwaitMessages("-u emperor --grep 'app.ini: .*is ready after'", 1);
        string Group(string pid) => Machine.Run($"sed -n 's/^0:://p' /proc/{pid}/cgroup");
        Assert.That(Group($"{MainPid}"), Does.EndWith($"{Place}/emperor"));
        Assert.That(
            Running("test-vassal").Select(Group),
            Is.All.EndsWith($"{Place}/emperor"),
            "plain uwsgi vassals stay where the emperor is"
        );
        string[] sleepers = [];
        Wait.Until(() => (sleepers = Running("sleep")).Length == 2, Machine.Journal, Long);
        Assert.That(sleepers.Select(Group), Is.All.EndsWith($"{Place}/vassal-app.ini.1").Or.EndsWith($"{Place}/vassal-app.ini.2"));
        Assert.That(sleepers.Select(Group).Distinct().ToArray(), Has.Length.EqualTo(1));
        var folder = Machine.Run($"grep -l '^{sleepers[0]}$' $(find /sys/fs/cgroup -path '*emperor.service*' -name cgroup.procs)");

        Machine.Run($"rm {Vassals}/app.ini");
        Wait.Until(() => Machine.Try($"test -e {folder}").Code != 0, Machine.Journal, Long);
        Wait.Until(() => Running("sleep").Length == 0, Machine.Journal, Long);

        Machine.Run("systemctl restart emperor");
        Assert.That(Show("ActiveState"), Is.EqualTo("active"));
    }

    [Test]
    public void The_group_is_made_ready_for_the_next_emperor_which_divides_it_again()
    {
        // Its failure counts here. The second line tells where the first has run.
        var unit = File.ReadAllText($"{Deploy}/emperor.service").Replace("ExecStopPost=-", "ExecStopPost=");
        Machine.Write(Unit, unit);
        Edit("ExecStopPost=/bin/cp /proc/self/cgroup /run/post");
        Machine.Write($"{Vassals}/app.ini", "[emperor]\nexec = sleep 1001\nprocesses = 2\nmemory-max = 100M\n");
        Start();
        Wait.Until(() => Running("sleep").Length == 2, Machine.Journal, Long);
        string Group(string pid) => Machine.Run($"sed -n 's/^0:://p' /proc/{pid}/cgroup");
        var (before, groups) = (Running("sleep"), Running("sleep").Select(Group).ToArray());
        Assert.That(groups, Is.All.Contains($"{Place}/vassal-app.ini."));
        Machine.Run($"kill -9 {MainPid}");
        AwaitMessages("EVENT=adopted", 1);

        Assert.That(Machine.Run("sed -n s/^0:://p /run/post"), Does.EndWith($"{Place}/.control"));
        Assert.That(Messages("UNIT=emperor.service"), Has.None.Contains("Control process exited"));
        Assert.That((Running("sleep"), Running("sleep").Select(Group)), Is.EqualTo((before, groups)));
        Assert.That(Group($"{MainPid}"), Does.EndWith($"{Place}/emperor"));
        Machine.Run($"kill -9 {before[0]}");
        Wait.Until(() => Running("sleep") is { Length: 2 } now && !now.Contains(before[0]), Machine.Journal, Long);
        Assert.That(Running("sleep").Select(Group), Is.All.Contains($"{Place}/vassal-app.ini."));
        Assert.That(Running("sleep").Select(Group), Is.Unique);
        Assert.That(
            Machine.Run($"find /sys/fs/cgroup -path '*{Place}/vassal-*' -type d | wc -l"),
            Is.EqualTo("2"),
            "that of the dead one is gone"
        );
    }
}
