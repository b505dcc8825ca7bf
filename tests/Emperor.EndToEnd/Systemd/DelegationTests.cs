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
}
