using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>An enabled service when the system boots, and the system's end.</summary>
internal sealed class BootTests : ServiceTest
{
    protected override MachineSetup Setup
    {
        get
        {
            var setup = WithService();
            return setup with
            {
                Links = new Dictionary<string, string>(setup.Links) { ["/etc/systemd/system/machine.target.wants/emperor.service"] = Unit },
                Files = setup.Files.Where(file => !file.Key.StartsWith(Vassals, StringComparison.Ordinal)).ToDictionary(),
                Removed = [.. setup.Removed, Vassals],
            };
        }
    }

    [Test]
    public void Without_its_folder_of_vassals_it_boots_and_takes_the_folder_when_it_is_there()
    {
        AwaitShown("ActiveState", state => state == "active");
        Assert.That(Show("StatusText"), Is.EqualTo("The Emperor is governing 0 vassals"));
        Assert.That(Machine.Try($"ls {Vassals}").Code, Is.Not.Zero);
        Vassal("a.ini", "accept");
        Wait.Until(() => Count("VASSAL=a.ini EVENT=accepting") == 1, () => Machine.Journal(), Long);
        AwaitShown("StatusText", text => text == "The Emperor is governing 1 vassals");
        Assert.That(Show("NRestarts"), Is.EqualTo("0"));
        Machine.Run($"rm -r {Vassals}");
        AwaitShown("StatusText", text => text == "The Emperor is governing 0 vassals");
    }

    [Test]
    public void It_stops_in_order_with_the_system()
    {
        AwaitShown("ActiveState", state => state == "active");
        Vassal("a.ini", "stop-delay 1000", "accept");
        Wait.Until(() => Count("VASSAL=a.ini EVENT=accepting") == 1, () => Machine.Journal(), Long);
        // What the vassal writes down at its end is in the machine's files, which are there until its last process is gone.
        Machine.Run("systemctl isolate --no-block rescue.target || true; systemctl stop emperor");
        Assert.That(Messages("VASSAL=a.ini EVENT=stopped"), Has.Exactly(1).Contains("exit 0"));
    }
}
