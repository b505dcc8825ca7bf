using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>What an emperor knows of its vassals, and has begun with them, goes on with the next one.</summary>
internal sealed class UpgradeKeepsTests : UpgradeTest
{
    // Of now, of the process as the kernel tells it at this moment, and who has started it.
    private static readonly string[] Passing = ["since_ms", "uptime_ms", "last_end_ms", "retry_in_ms", "memory_bytes", "cpu_ms", "adopted"];

    [Test]
    public void What_status_stats_events_and_logs_tell_stays_the_same()
    {
        Write("loyal.ini", "print good morning", "spawned", "accept", "loyal");
        Write("bad.ini", "sleep 200", "exit 3");
        Write("stopped.ini", "accept");
        WriteProgram("slip.ini", "exec = sleep 600", "ready = after 0.1");
        var daemon = StartControlled("--emperor-throttle", "600000", "--emperor-max-throttle", "600000", "--emperor-stats", Temp["stats"]);
        daemon.AwaitVassal("loyal.ini", "is loyal");
        daemon.AwaitVassal("bad.ini", "next start in 600 s");
        AwaitReady(daemon, "slip.ini");
        daemon.AwaitAccepting("stopped.ini");
        Assert.That(Emperor("stop", "stopped").Code, Is.Zero);
        Assert.That(Emperor("restart", "loyal").Code, Is.Zero);
        WriteProgram("slip.ini", "exec = sleep 600", "redy = after 0.1");
        daemon.AwaitVassal("slip.ini", "not taken, and it goes on as it is");
        Wait.Until(() => Emperor("logs", "loyal").Output.Split("good morning").Length == 3, Logs);
        var (status, stats) = (Status(out var since), Stats());
        var (events, journal) = (Events(), Journal.Mark);
        Assert.That(events, Does.Contain("bad.ini"));

        for (var i = 1; i <= 2; i++)
        {
            Upgrade(daemon);
            Assert.That(Status(out var later), Is.EqualTo(status), Logs());
            Assert.That(Stats(), Is.EqualTo(stats));
            Assert.That(later, Has.All.GreaterThanOrEqualTo(0));
            for (var v = 0; v < since.Length; v++)
                Assert.That(later[v], Is.AtLeast(since[v]), "somebody has begun anew");
            Assert.That(Events(), Does.StartWith(events));
            Assert.That(Emperor("logs", "loyal").Output.Split("good morning"), Has.Length.EqualTo(3));
        }
        Assert.That(Journal.Mark, Is.EqualTo(journal));

        // The failures are still counted, and the backoff ends by the same orders.
        Assert.That(Emperor("retry", "bad").Code, Is.EqualTo(1));
        Assert.That((int)StatusOf("bad.ini")["failures"]!, Is.EqualTo(3));
        Assert.That(Emperor("start", "stopped").Code, Is.Zero);
        WriteProgram("slip.ini", "exec = sleep 600", "ready = after 0.1");
        Wait.Until(() => (string?)StatusOf("slip.ini")["refused_change"] is null, Logs);
    }

    [Test]
    public void A_backoff_ends_when_it_would_have()
    {
        Write("bad.ini", "exit 3");
        var daemon = Start("--emperor-throttle", "2000", "--emperor-max-throttle", "600000");
        daemon.AwaitVassal("bad.ini", "failure 2, next start in 2 s");
        Upgrade(daemon);
        daemon.AwaitVassal("bad.ini", "failure 3, next start in 4 s");
        var starts = Journal.Of("bad.ini", "start").Select(l => l.At).ToArray();
        Assert.That((starts[2] - starts[1]) / 1e9, Is.AtLeast(1.9));
    }

    [Test]
    public void A_reload_that_is_half_done_is_finished_and_the_former_process_is_told_to_stop_then()
    {
        var address = Temp["web.sock"];
        WriteProgram("web.ini", [.. ServerLines, $"socket = {address}", "ready = notify", "processes = 2"]);
        var daemon = StartControlled();
        AwaitCount(daemon, "web.ini", "is ready after", 2);
        var former = Descendants();
        var wait = Temp.Write("wait", "");
        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "start 3", mark);
        for (var i = 0; i < 2; i++)
            Upgrade(daemon);
        Assert.That(Descendants(), Is.SupersetOf(former), "the former ones serve until the new ones are ready");
        Assert.That(former, Has.Member(Say(address)));
        mark = daemon.Mark;
        File.Delete(wait);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        Wait.Until(() => Descendants().Count == 2 && !Descendants().Intersect(former).Any(), Logs);
        Assert.That(daemon.Count("web.ini: .*, start "), Is.EqualTo(4));
    }

    [Test]
    public void A_vassal_that_reloads_or_stops_meanwhile_is_waited_for()
    {
        Write("a.ini", "reload-delay 1500", "accept", "on-reload accept");
        Write("b.ini", "stop-delay 1500", "accept");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitAccepting("b.ini");
        var mark = daemon.Mark;
        Touch("a.ini");
        File.Delete($"{Vassals}/b.ini");
        Journal.AwaitReload("a.ini");
        Journal.Await("b.ini", "byte", "0");
        Upgrade(daemon);
        daemon.AwaitAccepting("a.ini", mark);
        daemon.AwaitVassal("b.ini", @"has ended \(exit 0\)", mark);
        Assert.That(Journal.Of("a.ini", "reload").Count(), Is.EqualTo(1));
        Assert.That(Journal.Of("b.ini", "byte").Count(), Is.EqualTo(1));
    }

    [Test]
    public void Files_that_change_come_or_go_around_the_moment_are_acted_on_once()
    {
        const int rounds = 6;
        Write("a.ini", "accept");
        Write("kept.ini", "accept");
        var daemon = StartWith("a.ini");
        daemon.AwaitAccepting("kept.ini");
        var span = Time(daemon);
        for (var i = 0; i < rounds; i++)
        {
            var (mark, said) = (Journal.Mark, daemon.Mark);
            daemon.Signal(Native.User2);
            Thread.Sleep(span * i / rounds);
            Touch("a.ini");
            Write($"new-{i}.ini", "accept");
            if (i > 0)
                File.Delete($"{Vassals}/new-{i - 1}.ini");
            daemon.Await(Upgraded, said);
            Journal.AwaitReload("a.ini", mark);
            Journal.AwaitStart($"new-{i}.ini", mark);
            if (i > 0)
                Journal.AwaitStop($"new-{i - 1}.ini", mark);
        }
        Upgrade(daemon);
        Assert.That(Journal.Of("a.ini", "reload").Count(), Is.EqualTo(rounds), Journal.Text());
        for (var i = 0; i < rounds; i++)
            Assert.That(Journal.Starts($"new-{i}.ini"), Is.EqualTo(1));
        Assert.That(Journal.Lines.Count(l => l.Vassal == "kept.ini"), Is.EqualTo(1));
    }

    private string Events() => Emperor("events", "--lines", "1000").Output;

    private string Status(out long[] since)
    {
        using var client = Connect();
        var vassals = client.Ask("""{"v":1,"verb":"status"}""")["vassals"]!.AsArray();
        since = [.. vassals.Select(v => (long)v!["since_ms"]!)];
        foreach (var vassal in vassals)
        {
            foreach (var passing in Passing)
                vassal!.AsObject().Remove(passing);
        }
        return vassals.ToJsonString();
    }

    // uWSGI's keys, which have no times that pass but moments.
    private string Stats()
    {
        string[] keys =
        [
            "id",
            "pid",
            "born",
            "last_mod",
            "last_heartbeat",
            "loyal",
            "ready",
            "accepting",
            "last_loyal",
            "last_accepting",
            "last_ready",
            "first_run",
            "last_run",
            "cursed",
            "zerg",
            "on_demand",
            "uid",
            "gid",
            "monitor",
            "respawns",
        ];
        var document = JsonNode.Parse(StatsClient.Read(Temp["stats"]).GetRawText())!;
        var vassals = document["vassals"]!.AsArray();
        return document["blacklist"]!.ToJsonString()
            + string.Join('\n', vassals.Select(v => string.Join(' ', keys.Select(key => $"{key}={v![key]?.ToJsonString()}"))));
    }
}
