using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>What vassals outlive, and what they do not.</summary>
internal sealed class EndOfServiceTests : SuccessionTest
{
    [SetUp]
    public void MakeVassals()
    {
        Vassal("a.ini", Witness, "accept", "fork 2", "daemon 1", "daemon-clearenv 1");
        Vassal("b.ini", Witness, "accept");
        Machine.Write(
            $"{Vassals}/app.ini",
            "[emperor]\nexec = sh -c 'setsid sleep 1001 & printf \"\\005\" >&$UWSGI_EMPEROR_FD; exec sleep 1002'\nready = protocol\nsocket = /run/uwsgi/app.sock\n"
        );
    }

    [Test]
    public void Reload_and_upgrade_and_a_crash_stop_nothing_and_restart_stops_all_and_stop_leaves_nothing()
    {
        Edit(AtOnce);
        var before = StartAll();
        Machine.Run("systemctl reload emperor");
        Assert.That(Witnessed("reload"), Is.EqualTo(2));
        Machine.Run("emperor upgrade");
        AwaitSubjects();
        Assert.That(Subjects.Intersect(before).ToArray(), Has.Length.GreaterThanOrEqualTo(6), "those of the two that reload in place");
        before = Subjects;

        KillEmperor();
        Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
        Machine.Run("systemctl restart emperor", Long);
        AwaitSubjects();
        Assert.That(Subjects.Intersect(before), Is.Empty);
        Assert.That(Count("EVENT=buried"), Is.EqualTo(1));

        KillEmperor();
        Machine.Run("systemctl stop emperor");
        Assert.That(Show("Result"), Is.EqualTo("success"));
        AwaitMessages("EVENT=buried", 2);
        AwaitNothingLeft();
        Assert.That(Machine.Run("ls /run/uwsgi; find /run/emperor -type s"), Is.Empty);
        Assert.That(Witnessed("stop"), Is.EqualTo(4), "each was told, twice");
    }

    [Test]
    public void A_guard_that_is_killed_is_replaced_and_does_its_work_after_the_next_crash_when_systemd_gives_up()
    {
        Machine.Write("/etc/systemd/system/emperor.service.d/limit.conf", "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n");
        Edit(AtOnce);
        _ = StartAll();
        KillEmperor();
        var guard = Guards.Single();
        Machine.Run($"kill -9 {guard}");
        Wait.Until(() => Guards is [var other] && other != guard, Machine.Journal, Long);
        var before = Subjects;
        KillEmperor();
        Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());

        Machine.Run($"kill -9 {MainPid}");
        AwaitShown("ActiveState", state => state == "failed");
        AwaitNothingLeft();
    }

    [TestCase("emperor-required-heartbeat = nonsense")]
    [TestCase("uid = nobody-of-that-name")]
    public void A_slip_in_its_configuration_and_a_crash_end_no_vassal(string slip)
    {
        Edit(AtOnce);
        var before = StartAll();
        Machine.Run($"echo '{slip}' >>{Ini}");
        for (var i = 1; i <= 2; i++)
        {
            KillEmperor();
            Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
            Assert.That(Messages("-u emperor -p err"), Has.Some.Contains("this one governs by the options of that one"));
        }
        // Asked for by an operator, who sees what comes of it, it is what it always was.
        Assert.That(Machine.Try("systemctl restart emperor").Code, Is.Not.Zero);
        AwaitNothingLeft();
    }

    [Test]
    public void When_systemd_gives_up_after_too_many_starts_nothing_is_left()
    {
        Machine.Write("/etc/systemd/system/emperor.service.d/limit.conf", "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n");
        Edit(AtOnce);
        var before = StartAll();
        KillEmperor();
        Assert.That(Subjects, Is.EquivalentTo(before));
        Machine.Run($"kill -9 {MainPid}");
        AwaitShown("ActiveState", state => state == "failed");
        AwaitNothingLeft();
    }

    [Test]
    public void An_emperor_that_is_killed_while_it_leaves_leaves_nothing()
    {
        Vassal("slow.ini", Witness, "stop-delay 30000", "accept");
        Configure("reload-mercy = 40");
        Start();
        AwaitMessages("EVENT=accepting", 4);
        AwaitListed();
        var stop = Machine.Start("systemctl stop emperor");
        Wait.Until(() => Witnessed("byte 0") == 3, Machine.Journal, Long);
        Machine.Run($"kill -9 {MainPid}");
        _ = stop.Await(Long);
        AwaitNothingLeft();
        Assert.That(Show("ActiveState"), Is.EqualTo("failed").Or.EqualTo("inactive"));
        // Nor does the next one take over what is gone.
        Machine.Run("systemctl start emperor");
        Assert.That(Count("EVENT=adopted"), Is.Zero);
    }

    private string[] StartAll()
    {
        Start();
        AwaitMessages("EVENT=accepting", 3);
        AwaitSubjects();
        AwaitListed();
        return Subjects;
    }

    // Five of a.ini, one of b.ini, two of app.ini.
    private void AwaitSubjects() => Wait.Until(() => Subjects.Length == 8, () => Machine.Run("ps -ef") + Machine.Journal(), Long);
}
