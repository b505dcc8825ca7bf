using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>What the other tests build on.</summary>
internal sealed class MachineTests : MachineTest
{
    [Test]
    public void A_machine_boots_with_systemd_and_with_nothing_of_the_outer_system_s_services()
    {
        Assert.That(Machine.Run("systemctl is-system-running --wait"), Is.EqualTo("running"));
        Assert.That(Machine.Run("emperor --version"), Does.StartWith("emperor "));
        var result = Machine.Try("echo out; echo err >&2; exit 7");
        Assert.That((result.Code, result.Output, result.Errors), Is.EqualTo((7, "out\n", "err\n")));
        var services = Machine.Run("systemctl list-units --type=service --state=running --plain --no-legend | cut -d' ' -f1").Split('\n');
        Assert.That(services, Is.SubsetOf((string[])["dbus.service", "systemd-journald.service", "systemd-logind.service"]));
    }

    [Test]
    public void What_is_written_in_a_machine_stays_there()
    {
        Machine.Write("/etc/emperor-test/inside", "here\n");
        Assert.That(Machine.Run("cat /etc/emperor-test/inside"), Is.EqualTo("here"));
        Assert.That(File.Exists("/etc/emperor-test/inside"), Is.False);
    }
}
