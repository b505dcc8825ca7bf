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
                Shared = new Dictionary<string, string> { ["/shared"] = Temp.Path },
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
    public void When_the_system_goes_down_vassals_end_in_order()
    {
        // The journal is in memory and goes with the machine; this file does not.
        Configure("logto = /shared/emperor.log");
        Vassal("a.ini", "stop-delay 1000", "accept");
        Machine.Run("systemctl restart emperor");
        Wait.Until(() => File.ReadAllText(Temp["emperor.log"]).Contains("accepts requests"), () => Machine.Journal(), Long);
        // The machine may be down before the command has come back.
        _ = Machine.Try("systemctl poweroff");
        Wait.Until(() => Machine.HasEnded, () => $"the machine does not go down\n{Machine.Console}", Long);
        Assert.That(
            File.ReadAllText(Temp["emperor.log"]),
            Does.Match(@"a\.ini: pid \d+ has ended \(exit 0\)").And.Contain("the emperor is buried")
        );
    }
}
