using System.Diagnostics;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>What a bad vassal does harms no other, and nothing of it outlives it.</summary>
internal sealed class HarmlessTests : EmperorTest
{
    [Test]
    public void A_deaf_vassal_is_stopped_all_the_same()
    {
        Write("a.ini", "never-read", "accept");
        var daemon = StartWith("a.ini", "--emperor-curse-tolerance", "1");
        for (var i = 1; i <= 20; i++)
            File.SetLastWriteTimeUtc($"{Vassals}/a.ini", DateTime.UtcNow.AddMinutes(-i));
        Write("b.ini");
        Journal.AwaitStart("b.ini");
        File.Delete($"{Vassals}/a.ini");
        daemon.AwaitVassal("a.ini", "has ended");
    }

    [Test]
    public void Bytes_that_mean_nothing_are_told_once_and_ignored()
    {
        Write("a.ini", "garbage 500", "accept", "garbage 500", "loyal");
        var daemon = Start();
        daemon.AwaitVassal("a.ini", "is loyal");
        Assert.That(daemon.Count("WRN a.ini: it sends bytes that mean nothing"), Is.EqualTo(1));
    }

    [TestCase("bytes 5 20000000")]
    [TestCase("garbage 20000000")]
    [TestCase("bytes 1 20000000")]
    public void A_flood_of_bytes_costs_the_daemon_little_and_delays_nobody(string verb)
    {
        Write("flood.ini", "accept", verb);
        var daemon = Start("--emperor-curse-tolerance", "1");
        daemon.AwaitVassal("flood.ini", "it floods the emperor");
        var (before, clock) = (daemon.Cpu, Stopwatch.StartNew());
        for (var i = 0; i < 5; i++)
        {
            Write($"v{i}.ini");
            daemon.AwaitAccepting($"v{i}.ini");
        }
        // Muted and heard again twice.
        Wait.While(() => !daemon.HasEnded, TimeSpan.FromSeconds(2), Logs);
        Assert.That((daemon.Cpu - before) / clock.Elapsed.TotalSeconds, Is.LessThan(0.5), "the share of a processor that the daemon used");
        Assert.That(daemon.Count("it floods the emperor"), Is.EqualTo(1));
        File.Delete($"{Vassals}/flood.ini");
        daemon.AwaitVassal("flood.ini", "is told to stop");
        daemon.AwaitVassal("flood.ini", "has ended");
    }

    [TestCase("fork 3")]
    [TestCase("daemon 3")]
    public void Children_end_with_a_vassal_that_is_stopped(string verb)
    {
        Write("a.ini", verb, "accept");
        var daemon = StartWith("a.ini");
        Assert.That(Descendants(), Has.Count.GreaterThanOrEqualTo(4));
        File.Delete($"{Vassals}/a.ini");
        Journal.AwaitStop("a.ini");
        AwaitChildless(daemon);
    }

    [TestCase("fork 3")]
    [TestCase("daemon 3")]
    public void Children_end_with_a_vassal_that_is_killed(string verb)
    {
        Write("a.ini", verb, "accept", "loyal");
        var daemon = Start();
        daemon.AwaitVassal("a.ini", "is loyal");
        var old = Descendants().Where(p => ProcFs.CommandLine(p).Contains("a.ini")).ToList();
        Assert.That(old, Has.Count.EqualTo(4), "a vassal and three of its children");
        var mark = Journal.Mark;
        Native.Check(Native.Signal(Journal.AwaitStart("a.ini").Pid, Native.Kill), "kill");
        Journal.AwaitStart("a.ini", mark);
        Wait.Until(() => !old.Any(ProcFs.IsAlive), () => $"of {string.Join(' ', old)} some live\n{Logs()}");
        Wait.Until(() => Descendants().Count(p => ProcFs.CommandLine(p).Contains("a.ini")) == 4, () => "the new ones are not there");
    }

    [Test]
    public void A_daemon_that_wipes_its_environment_ends_with_the_emperor_at_the_latest()
    {
        Write("a.ini", "daemon-clearenv 2", "accept");
        var daemon = StartWith("a.ini");
        var daemons = Journal.Lines.Where(l => l.Event == "daemon").Select(l => l.Pid).ToList();
        Assert.That(daemons, Has.Count.EqualTo(2));
        daemon.Stop();
        Wait.Until(() => !daemons.Any(ProcFs.IsAlive), () => $"they live after the emperor\n{Logs()}");
    }

    [Test]
    public void A_daemon_that_wipes_its_environment_outlives_the_death_of_other_vassals()
    {
        Write("a.ini", "daemon-clearenv 2", "accept");
        Write("b.ini", "fork 1", "accept", "loyal");
        var daemon = StartWith("a.ini");
        daemon.AwaitVassal("b.ini", "is loyal");
        var daemons = Journal.Lines.Where(l => l is { Event: "daemon", Vassal: "a.ini" }).Select(l => l.Pid).ToList();
        Assert.That(daemons, Has.Count.EqualTo(2));
        for (var i = 0; i < 3; i++)
        {
            var (mark, line) = (Journal.Mark, daemon.Mark);
            Native.Check(Native.Signal(Journal.Of("b.ini", "start").Last().Pid, Native.Kill), "kill");
            Journal.AwaitStart("b.ini", mark);
            daemon.AwaitVassal("b.ini", "is loyal", line);
        }
        Assert.That(daemons.Where(ProcFs.IsAlive), Is.EquivalentTo(daemons), Logs());
    }

    [Test]
    public void A_child_that_keeps_the_channel_open_does_not_hide_its_vassal_s_death()
    {
        Write("a.ini", "accept", "loyal", "child-keeps-fd 3");
        var daemon = Start();
        daemon.AwaitVassal("a.ini", @"has ended \(exit 3\)");
        Wait.Until(() => Journal.Starts("a.ini") >= 2, () => Logs());
    }

    [Test]
    public void No_zombie_is_left_after_many_deaths()
    {
        Write("a.ini", "fork 2", "daemon 1", "accept", "loyal", "sleep 20", "signal 9");
        Write("b.ini", "daemon-clearenv 1", "accept", "loyal", "exit 0");
        var daemon = Start("--emperor-no-blacklist", "--emperor-throttle", "1");
        Wait.Until(() => Journal.Starts("a.ini") >= 8 && Journal.Starts("b.ini") >= 8, () => $"{Journal.Text()}\n{Logs()}");
        File.Delete($"{Vassals}/a.ini");
        File.Delete($"{Vassals}/b.ini");
        Wait.Until(
            () => !ProcFs.Children(daemon.Pid).Any(p => ProcFs.Stat(p)?.State == 'Z'),
            () => "zombies: " + string.Join(' ', ProcFs.Children(daemon.Pid)) + $"\n{Logs()}"
        );
    }

    private void AwaitChildless(EmperorProcess daemon)
    {
        Wait.Until(
            () => Descendants().Count == 0,
            () => $"left: {string.Join(", ", Descendants().Select(p => $"{p} {ProcFs.CommandLine(p)}"))}\n{Logs()}"
        );
        Wait.Until(
            () => ProcFs.Children(daemon.Pid).SequenceEqual(daemon.Guards),
            () => $"the emperor still has children: {string.Join(' ', ProcFs.Children(daemon.Pid))}"
        );
    }
}
