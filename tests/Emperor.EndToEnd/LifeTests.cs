using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>How vassals live: loyalty, death, respawn, patience.</summary>
internal sealed class LifeTests : EmperorTest
{
    [Test]
    public void The_log_tells_of_start_acceptance_and_loyalty()
    {
        Write("a.ini", "spawned", "accept", "loyal");
        var daemon = Start();
        var start = daemon.AwaitVassal("a.ini", @"pid \d+, start 1 \(new\)");
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitVassal("a.ini", @"pid \d+ is loyal");
        Assert.That(start, Does.Contain($"pid {Journal.AwaitStart("a.ini").Pid},"));
        Assert.That(StateOf(daemon, "a.ini"), Does.Contain(": loyal, pid"));
    }

    [Test]
    public void A_loyal_vassal_that_is_killed_is_started_again_at_once()
    {
        Write("a.ini", "spawned", "accept", "loyal");
        var daemon = Start();
        daemon.AwaitVassal("a.ini", "is loyal");
        for (var i = 0; i < 3; i++)
        {
            var (mark, line) = (Journal.Mark, daemon.Mark);
            Native.Check(Native.Signal(Journal.Of("a.ini", "start").Last().Pid, Native.Kill), "kill");
            Journal.AwaitStart("a.ini", mark);
            daemon.AwaitVassal("a.ini", "is loyal", line);
        }
        Assert.That(StateOf(daemon, "a.ini"), Does.Contain("failures 0, deaths 3"));
    }

    [Test]
    public void What_dies_before_it_is_loyal_waits_longer_each_time_up_to_the_most_and_delays_nobody()
    {
        Write("bad.ini", "exit 3");
        var daemon = Start("--emperor-throttle", "300", "--emperor-max-throttle", "700");
        daemon.AwaitVassal("bad.ini", @"\(exit 3\); failure 2, next start in 0.3 s");
        Write("good.ini");
        Journal.AwaitStart("good.ini");
        daemon.AwaitVassal("bad.ini", "failure 3, next start in 0.6 s");
        daemon.AwaitVassal("bad.ini", "failure 4, next start in 0.7 s");
        daemon.AwaitVassal("bad.ini", "failure 6, next start in 0.7 s");
        var starts = Journal.Of("bad.ini", "start").Select(l => l.At / 1_000_000).ToList();
        var waits = starts.Zip(starts.Skip(1), (a, b) => b - a).ToList();
        Assert.That(waits[1], Is.GreaterThanOrEqualTo(290), "milliseconds between the second and the third start");
        Assert.That(waits[2], Is.GreaterThanOrEqualTo(590));
        Assert.That(waits.Skip(3), Has.All.GreaterThanOrEqualTo(690), "the delay stays at its ceiling");
        Assert.That(StateOf(daemon, "bad.ini"), Does.Contain("deaths"));
    }

    [Test]
    public void Without_a_blacklist_what_dies_is_started_again_soon()
    {
        Write("bad.ini", "exit 3");
        Start("--emperor-no-blacklist", "--emperor-throttle", "60000");
        Wait.Until(() => Journal.Starts("bad.ini") >= 6, () => $"{Journal.Text()}\n{Logs()}");
    }

    [Test]
    public void A_changed_file_is_a_new_chance_at_once()
    {
        Write("a.ini", "exit 3");
        var daemon = Start("--emperor-throttle", "600000", "--emperor-max-throttle", "600000");
        daemon.AwaitVassal("a.ini", "next start in 600 s");
        Write("a.ini");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void SIGURG_forgives_all()
    {
        Write("a.ini", "exit 3");
        var daemon = Start("--emperor-throttle", "600000", "--emperor-max-throttle", "600000");
        daemon.AwaitVassal("a.ini", "next start in 600 s");
        var mark = Journal.Mark;
        daemon.Signal(Native.Urgent);
        Journal.AwaitStart("a.ini", mark);
        daemon.Await("all failures are forgiven");
    }

    [TestCase("exit 26", "exiled|exile|asks not to be started again")]
    [TestCase("byte 22", "stops of its own will|has ended")]
    public void A_vassal_that_wants_to_rest_stays_down_until_its_file_changes(string verb, string words)
    {
        Write("a.ini", "accept", "loyal", verb);
        var daemon = Start("--emperor-freq", "1", "--emperor-throttle", "10", "--emperor-max-throttle", "10");
        daemon.AwaitVassal("a.ini", words);
        Wait.Until(() => StateOf(daemon, "a.ini").Contains(": stopped, "), () => Logs());
        // uWSGI starts it again at its next scan; here another file makes the daemon scan twice.
        for (var i = 0; i < 2; i++)
        {
            Write($"other{i}.ini");
            daemon.AwaitAccepting($"other{i}.ini");
        }
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1), Journal.Text());
        var mark = Journal.Mark;
        Write("a.ini");
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void A_vassal_whose_heart_stops_is_killed_and_started_again()
    {
        Write("a.ini", "accept", "byte 26");
        var daemon = Start("--emperor-required-heartbeat", "1");
        daemon.AwaitVassal("a.ini", "SIGKILL to pid .*no heartbeat for 1 s");
        Wait.Until(() => Journal.Starts("a.ini") >= 2, () => Logs());
    }

    [Test]
    public void A_vassal_whose_heart_beats_lives_on()
    {
        Write("a.ini", "heartbeat 200", "accept");
        Write("b.ini", "accept", "byte 26");
        var daemon = Start("--emperor-required-heartbeat", "5");
        daemon.AwaitVassal("b.ini", "no heartbeat for 5 s");
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void A_vassal_that_closes_its_channel_is_cursed_killed_and_replaced()
    {
        Write("a.ini", "accept", "close");
        var daemon = Start("--emperor-curse-tolerance", "1");
        Journal.Await("a.ini", "closed");
        Wait.Until(() => StateOf(daemon, "a.ini").Contains(": cursed, "), () => Logs());
        daemon.AwaitVassal("a.ini", "SIGKILL to pid .*closed its channel 1 s ago");
        Wait.Until(() => Journal.Starts("a.ini") >= 2, () => Logs());
    }

    [Test]
    public void A_vassal_that_does_not_stop_is_killed_after_the_tolerance()
    {
        Write("a.ini", "ignore-stop", "accept");
        var daemon = StartWith("a.ini", "--emperor-curse-tolerance", "1");
        File.Delete($"{Vassals}/a.ini");
        daemon.AwaitVassal("a.ini", "told to stop: its file is gone");
        daemon.AwaitVassal("a.ini", "SIGKILL to pid .*did not stop in time");
        daemon.AwaitVassal("a.ini", "has ended");
    }

    [Test]
    public void A_file_that_comes_back_while_its_vassal_stops_starts_when_the_old_one_is_gone()
    {
        Write("a.ini", "stop-delay 700", "accept");
        var daemon = StartWith("a.ini");
        File.Delete($"{Vassals}/a.ini");
        daemon.AwaitVassal("a.ini", "told to stop");
        var mark = Journal.Mark;
        Write("a.ini");
        Journal.AwaitStart("a.ini", mark);
        var lines = Journal.Lines.ToList();
        var stop = lines.FindIndex(l => l.Event == "stop");
        Assert.That(
            stop,
            Is.InRange(0, lines.FindLastIndex(l => l.Event == "start") - 1),
            "two of one vassal ran at once\n" + Journal.Text()
        );
    }

    [Test]
    public void A_graceful_shutdown_sends_byte_2()
    {
        StartWith("a.ini", "--emperor-graceful-shutdown");
        File.Delete($"{Vassals}/a.ini");
        Journal.Await("a.ini", "byte", "2");
    }

    [Test]
    public void Changes_during_a_reload_are_told_together_afterwards()
    {
        Write("a.ini", "reload-delay 3000", "accept");
        var daemon = StartWith("a.ini");
        var mark = Journal.Mark;
        File.SetLastWriteTimeUtc($"{Vassals}/a.ini", DateTime.UtcNow);
        Journal.AwaitReload("a.ini", mark);
        for (var i = 1; i <= 5; i++)
            File.SetLastWriteTimeUtc($"{Vassals}/a.ini", DateTime.UtcNow.AddMinutes(-i));
        daemon.AwaitVassal("a.ini", "reload of pid .*its file had changed meanwhile");
        Wait.Until(() => Journal.Of("a.ini", "reload").Count() == 2, () => $"{Journal.Text()}\n{Logs()}");
        Wait.Until(() => StateOf(daemon, "a.ini").Contains(": accepting, "), () => Logs());
        Assert.That(Journal.Of("a.ini", "byte").Count(), Is.LessThanOrEqualTo(3), Journal.Text());
    }
}
