using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>An emperor that is killed under systemd: the next one goes on with its vassals.</summary>
internal sealed class CrashTests : ServiceTest
{
    [Test]
    public void Vassals_outlive_a_killed_emperor_and_obey_the_next_one()
    {
        Vassal("a.ini", Witness, "accept", "fork 2", "daemon 1");
        Vassal("b.ini", Witness, "accept");
        Start();
        Wait.Until(() => Running("test-vassal").Length == 5, () => Machine.Journal(), Long);
        var before = Running("test-vassal");

        KillEmperor(1);
        AwaitMessages("EVENT=adopted", 1);
        Assert.That(Running("test-vassal"), Is.EquivalentTo(before), Machine.Journal());
        Assert.That(Witnessed("start"), Is.EqualTo(2));

        Machine.Run($"touch {Vassals}/a.ini");
        Wait.Until(() => Witnessed("reload") == 1, () => Machine.Journal(), Long);
    }

    private void KillEmperor(int nth)
    {
        Machine.Run($"kill -9 {MainPid}");
        AwaitShown("NRestarts", count => count == $"{nth}");
        AwaitShown("ActiveState", state => state == "active");
    }
}
