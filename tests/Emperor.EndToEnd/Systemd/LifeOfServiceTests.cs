using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>What systemd and the emperor make of each other while it governs.</summary>
internal sealed class LifeOfServiceTests : ServiceTest
{
    [Test]
    public void Reload_blocks_until_all_are_back()
    {
        // One of them takes longer than its turn; fourteen do not fit into one.
        for (var i = 10; i < 24; i++)
            Vassal($"v{i}.ini", Witness, i == 12 ? "reload-delay 6500" : "reload-delay 200", "accept");
        Start();
        AwaitMessages("EVENT=accepting", 14);
        Machine.Run("systemctl reload emperor");
        Assert.That(Witnessed("reload"), Is.EqualTo(14), "systemctl reload came back before the apps");
        AwaitMessages("EVENT=accepting", 28);
        Assert.That(Show("ActiveState"), Is.EqualTo("active"));
        AwaitShown("StatusText", text => text == "The Emperor is governing 14 vassals");
    }

    [Test]
    public void Reload_of_nothing_is_through_at_once()
    {
        Start();
        for (var i = 0; i < 3; i++)
            Machine.Run("systemctl reload emperor");
        Assert.That(Show("SubState"), Is.EqualTo("running"));
    }

    [Test]
    [Takes(30)]
    public void A_reload_that_takes_longer_than_systemd_s_patience_is_through_all_the_same()
    {
        // Within this time the emperor must have told systemd once that it goes on, on the slowest machine too.
        Edit("TimeoutStartSec=20");
        Vassal("slow.ini", Witness, "reload-delay 24000", "accept");
        Start();
        Machine.Run("systemctl reload emperor");
        Assert.That(Witnessed("reload"), Is.EqualTo(1), "systemctl reload came back before the app");
        AwaitMessages("EVENT=accepting", 2);
    }

    [TestCase("stop-delay 13000", "exit 0")]
    [TestCase("ignore-stop", "signal 9")]
    [Takes(20)]
    public void Stop_gives_the_vassals_their_mercy_though_TimeoutStopSec_is_shorter(string verb, string end)
    {
        Configure("reload-mercy = 16");
        Edit("TimeoutStopSec=10");
        Vassal("slow.ini", verb, "accept");
        Start();
        Machine.Run("systemctl stop emperor");
        Assert.That(Show("Result"), Is.EqualTo("success"), Machine.Journal());
        Assert.That(Messages("VASSAL=slow.ini EVENT=stopped"), Has.Exactly(1).Contains(end));
        // Without it the emperor itself was killed.
        AwaitMessages("EVENT=buried", 1);
        Assert.That(Running("test-vassal"), Is.Empty);
    }

    // The last is a unit from before there was a store.
    [TestCase("emperor-survive = upgrade", "")]
    [TestCase("emperor-survive = never", "")]
    [TestCase("", "KillMode=mixed", "FileDescriptorStoreMax=0", "UnsetEnvironment=FDSTORE")]
    public void After_kill_9_systemd_restarts_it_and_no_orphan_is_left_where_vassals_shall_not_outlive_it(
        string line,
        params string[] settings
    )
    {
        Configure(line);
        Edit(settings);
        Vassal("a.ini", "accept", "fork 2", "daemon 1", "daemon-clearenv 1");
        Start();
        Wait.Until(() => Running("test-vassal").Length == 5, () => Machine.Journal(), Long);
        var before = Running("test-vassal");
        // One that has left its session, and wiped its environment, is known as soon as the emperor has looked for such: by its session, whose leader has ended.
        Wait.Until(
            () =>
                Sessions("test-vassal") is { Length: 3 } sessions
                && sessions.All(s => Machine.Try($"grep -qw {s} /proc/$(pgrep -o -f emperor-guard)/fd/4").Code == 0),
            () => $"the guard knows {Machine.Try("cat /proc/$(pgrep -o -f emperor-guard)/fd/4").Output}\n{Machine.Journal()}",
            Long
        );
        Machine.Run($"kill -9 {MainPid}");
        AwaitShown("NRestarts", count => count == "1");
        AwaitShown("ActiveState", state => state == "active");
        Wait.Until(
            () => Running("test-vassal") is { Length: 5 } now && !now.Intersect(before).Any(),
            () => $"something of the first emperor lives on\n{Machine.Journal()}",
            Long
        );
        Assert.That(Show("NFileDescriptorStore"), Is.EqualTo("0"));
    }

    [Test]
    [Takes(30)]
    public void A_stopped_emperor_is_found_by_the_watchdog_and_restarted_and_its_vassals_live_on()
    {
        Edit("WatchdogSec=10");
        Vassal("a.ini", "accept");
        Start();
        var before = Running("test-vassal");
        Wait.While(() => Show("NRestarts") == "0", TimeSpan.FromSeconds(12), () => "a healthy emperor was restarted");
        Machine.Run($"kill -STOP {MainPid}");
        AwaitShown("NRestarts", count => count == "1");
        AwaitShown("ActiveState", state => state == "active");
        Assert.That(Messages("UNIT=emperor.service"), Has.Some.Contains("Watchdog timeout"));
        AwaitMessages("EVENT=adopted", 1);
        Assert.That(Running("test-vassal"), Is.EqualTo(before));
    }

    [Test]
    public void The_status_tells_what_is_not_well_and_when_it_is_well_again()
    {
        Vassal("shop.ini", "exit 1");
        Vassal("good.ini", "accept");
        Machine.Write($"{Vassals}/blog.ini", "nothing of uwsgi's\n");
        // What has failed twice stays as it is until it has been looked at twice.
        Configure("emperor-throttle = 50000");
        Start();
        AwaitShown(
            "StatusText",
            text =>
                System.Text.RegularExpressions.Regex.IsMatch(
                    text,
                    @"^The Emperor is governing 3 vassals; 2 not running: blog\.ini \(config error\), shop\.ini \(exit 1, retry in \d+s\)$"
                )
        );
        // It changes whenever the one that fails is tried again.
        var shown = "";
        Wait.Until(
            () => (shown = Machine.Run("systemctl status emperor")).Contains("Status: \"The Emperor is governing 3 vassals; 2 not running"),
            () => $"{shown}\n{Machine.Journal()}",
            Long
        );
        Vassal("blog.ini", "accept");
        Vassal("shop.ini", "accept");
        AwaitShown("StatusText", text => text == "The Emperor is governing 3 vassals");
    }

    [Test]
    public void The_journal_has_fields_and_priorities()
    {
        Vassal("shop.ini", "exit 7");
        Vassal("good.ini", "accept");
        Start();
        Wait.Until(() => Count("VASSAL=shop.ini EVENT=died") >= 2, () => Machine.Journal(), Long);
        Assert.That(Messages("-u emperor VASSAL=shop.ini EVENT=died PRIORITY=4 EXIT='exit 7'"), Has.Some.Contains("has ended (exit 7)"));
        AwaitMessages("-u emperor VASSAL=good.ini EVENT=accepting PRIORITY=6 INCARNATION=1", 1);
        Assert.That(Messages("VASSAL=good.ini"), Has.None.Contains("shop.ini"));
        AwaitMessages("-u emperor EVENT=ready", 1);
        Assert.That(Messages("-u emperor -p warning"), Has.All.StartsWith("shop.ini: "));
    }

    private string[] Sessions(string program) =>
        [
            .. Machine
                .Try($"ps -o sid= -C {program}")
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Distinct(),
        ];
}
