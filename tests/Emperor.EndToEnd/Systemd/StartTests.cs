using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>systemctl start, under each policy of --emperor-ready.</summary>
internal sealed class StartTests : ServiceTest
{
    [TestCase("settled", true)]
    [TestCase("all", false)]
    [TestCase("scan", true)]
    [TestCase("immediate", true)]
    public void A_failing_vassal_under_each_policy(string policy, bool succeeds)
    {
        // After the second failure it stays as it is until it is told of.
        Configure($"emperor-ready = {policy}", "emperor-throttle = 50000");
        Edit("Restart=no");
        Vassal("bad.ini", "exit 3");
        Vassal("good.ini", "accept");
        var result = Machine.Try("systemctl start emperor");
        Assert.That(result.Code == 0, Is.EqualTo(succeeds), result.Text);
        if (succeeds)
        {
            AwaitShown("StatusText", text => text.Contains("governing 2 vassals; 1 not running: bad.ini (exit 3, retry in "));
            Assert.That(Show("ActiveState"), Is.EqualTo("active"));
            return;
        }
        AwaitShown("ActiveState", state => state == "failed");
        Assert.That(Show("StatusText"), Does.Contain("bad.ini (exit 3").And.Contain("emperor-ready=all").And.Not.Contain("good.ini"));
        Assert.That(Show("StatusErrno"), Is.EqualTo("125"));
        Assert.That(Show("ExecMainStatus"), Is.EqualTo("3"));
        Assert.That(Messages("EVENT=not-ready PRIORITY=3"), Has.Some.Contains("bad.ini"));
        Assert.That(Running("test-vassal"), Is.Empty);
    }

    [TestCase("settled", true)]
    [TestCase("all", false)]
    [Takes(30)]
    public void A_vassal_that_never_gets_ready_is_waited_for_and_no_longer(string policy, bool succeeds)
    {
        // TimeoutStartSec alone would end a start that is still within the emperor's own time.
        Edit("Restart=no", "TimeoutStartSec=20");
        Configure($"emperor-ready = {policy}", "emperor-ready-timeout = 26");
        Vassal("never.ini", "sleep 600000");
        Vassal("good.ini", "accept");
        var start = Machine.Start("systemctl start emperor");
        AwaitShown("StatusText", text => text.Contains("Starting 2 vassals; 1 to come: never.ini"));
        Assert.That(Show("ActiveState"), Is.EqualTo("activating"));
        var result = start.Await();
        Assert.That(result.Code == 0, Is.EqualTo(succeeds), result.Text);
        var ready = AwaitMessages("EVENT=ready EVENT=not-ready", 1);
        Assert.That(ready, Has.Some.Contains("never.ini (not ready in time)"));
        if (succeeds)
            AwaitShown("StatusText", text => text == "The Emperor is governing 2 vassals; 1 not running: never.ini (not ready in time)");
    }

    [TestCase("scan")]
    [TestCase("immediate")]
    public void Policies_that_do_not_wait_for_answers_do_not(string policy)
    {
        Configure($"emperor-ready = {policy}");
        Vassal("never.ini", "sleep 600000");
        var clock = Stopwatch.StartNew();
        Start();
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(50)), "emperor-ready-timeout is 60 s");
        Assert.That(Messages("EVENT=accepting"), Is.Empty);
    }

    [Test]
    public void With_a_faulty_configuration_the_unit_fails_at_once_and_says_why()
    {
        Machine.Write(Ini, "[uwsgi]\nemperor = /etc/uwsgi/vassals\nemperor-throttle = soon\nuid = nobody-of-that-name\n");
        var result = Machine.Try("systemctl start emperor");
        Assert.That(result.Code, Is.Not.Zero);
        Assert.That(AwaitShown("ActiveState", state => state != "deactivating"), Is.EqualTo("failed"));
        Assert.That(Show("NRestarts"), Is.EqualTo("0"), "a new start would not mend it");
        Assert.That(Show("StatusText"), Does.Contain("uid").Or.Contain("emperor-throttle"));
        Assert.That(Show("StatusErrno"), Is.EqualTo("22"));
    }

    [Test]
    [Takes(15)]
    public void An_emperor_that_cannot_live_is_given_up()
    {
        Configure("emperor-ready = all");
        Machine.Write("/etc/systemd/system/emperor.service.d/limit.conf", "[Unit]\nStartLimitBurst=5\n");
        Edit("RestartSec=100ms");
        Vassal("bad.ini", "exit 3");
        Assert.That(Machine.Try("systemctl start emperor").Code, Is.Not.Zero);
        AwaitShown("ActiveState", state => state == "failed" && Count("EVENT=start") == 5);
        Assert.That(Show("SubState"), Is.EqualTo("failed"));
        Assert.That(Running("emperor"), Is.Empty);
        Machine.Run($"rm {Vassals}/bad.ini; systemctl reset-failed emperor; systemctl start emperor");
    }

    [Test]
    public void Restarts_by_hand_are_not_taken_for_a_loop()
    {
        Vassal("a.ini", "accept");
        for (var i = 0; i < 8; i++)
            Machine.Run("systemctl restart emperor");
        Assert.That(Show("StatusText"), Is.EqualTo("The Emperor is governing 1 vassals"));
    }
}
