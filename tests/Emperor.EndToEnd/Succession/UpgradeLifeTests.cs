using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Vassals of all kinds notice nothing of upgrades, and obey as ever afterwards.</summary>
internal sealed class UpgradeLifeTests : UpgradeTest
{
    private const int Upgrades = 20;

    // From then on nothing more may be open than then.
    private const int Settled = 3;

    [Test]
    public void Scripted_vassals_notice_nothing_of_twenty_upgrades_and_obey_as_ever()
    {
        Write("a.ini", "fork 2", "daemon 1", "accept");
        Write("b.ini", "spawned", "accept", "loyal");
        var daemon = StartControlled("--emperor-stats", Temp["stats"]);
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitVassal("b.ini", "is loyal");
        var (before, journal) = (Descendants(), Journal.Mark);
        string[] open = [];
        for (var i = 1; i <= Upgrades; i++)
        {
            Upgrade(daemon);
            if (i == Settled)
                open = SteadyDescriptors(daemon, daemon.Pid);
        }
        AwaitDescriptors(daemon.Pid, open, Logs);
        AwaitNoZombie(daemon.Pid);
        Assert.That(Descendants(), Is.EquivalentTo(before), Logs());
        Assert.That(Journal.Lines.Skip(journal), Is.Empty, "the vassals have noticed");
        var stats = StatsClient.Read(Temp["stats"]);
        Assert.That(StatsClient.Vassal(stats, "b.ini").GetProperty("loyal").GetInt32(), Is.EqualTo(1));
        AssertObeyed(daemon);
    }

    private void AssertObeyed(EmperorProcess daemon)
    {
        var (a, b) = (Journal.AwaitStart("a.ini").Pid, Journal.AwaitStart("b.ini").Pid);
        Touch("a.ini");
        Journal.AwaitReload("a.ini");
        Assert.That(ProcFs.IsAlive(a));

        var mark = Journal.Mark;
        Native.Check(Native.Signal(b, Native.Kill), "kill");
        Journal.AwaitStart("b.ini", mark);
        daemon.AwaitVassal("b.ini", $"pid {b} has ended .*KILL");

        mark = Journal.Mark;
        Assert.That(Emperor("restart", "b.ini").Code, Is.Zero, Logs());
        Journal.AwaitStop("b.ini", mark);
        Journal.AwaitStart("b.ini", mark);

        mark = Journal.Mark;
        daemon.Signal(Native.Hangup);
        Journal.AwaitReload("a.ini", mark);
        Journal.AwaitReload("b.ini", mark);

        File.Delete($"{Vassals}/a.ini");
        Journal.AwaitStop("a.ini");
        Wait.Until(() => Descendants().Count == 1, () => $"the rest of a.ini lives\n{Logs()}");
        Write("c.ini", "accept");
        daemon.AwaitAccepting("c.ini");
        Assert.That(daemon.Stop(), Is.Zero);
        Journal.AwaitStop("c.ini");
        Assert.That(Descendants(), Is.Empty);
    }

    [Test]
    public void Programs_with_sockets_serve_on_and_obey_as_ever()
    {
        var (web, told) = (Temp["web.sock"], Temp["told.sock"]);
        WriteProgram("web.ini", [.. ServerLines, $"socket = {web}", "processes = 2", "ready = accept"]);
        WriteProgram("told.ini", [.. ServerLines, $"socket = {told}", "ready = notify"]);
        var daemon = StartControlled();
        AwaitCount(daemon, "web.ini", "is ready after", 2);
        AwaitReady(daemon, "told.ini");
        var before = Descendants();
        string[] open = [];
        using (new Visitor(web))
        using (new Visitor(told))
        {
            for (var i = 1; i <= Upgrades / 2; i++)
            {
                Upgrade(daemon);
                if (i == Settled)
                    open = SteadyDescriptors(daemon, daemon.Pid);
            }
        }
        AwaitDescriptors(daemon.Pid, open, Logs);
        AwaitNoZombie(daemon.Pid);
        Assert.That(Descendants(), Is.EquivalentTo(before), Logs());

        var mark = daemon.Mark;
        Touch("web.ini");
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        var former = Say(told);
        mark = daemon.Mark;
        Native.Check(Native.Signal(former, Native.Kill), "kill");
        Assert.That(AwaitReady(daemon, "told.ini", mark), Is.Not.EqualTo(former));
        mark = daemon.Mark;
        var formers = Descendants();
        daemon.Signal(Native.Hangup);
        daemon.AwaitVassal("web.ini", "it is reloaded", mark);
        daemon.AwaitVassal("told.ini", "it is reloaded", mark);
        // One of them may take a connection until it has seen that it is told to stop, and leave it without an answer.
        Wait.Until(() => !Descendants().Intersect(formers).Any(), Logs);
        Assert.That(formers, Has.No.Member(Say(web)).And.No.Member(Say(told)), Logs());
        File.Delete($"{Vassals}/web.ini");
        Wait.Until(() => Descendants().Count == 1 && !File.Exists(web), Logs);
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(told, Does.Not.Exist);
    }

    [Test]
    public void Programs_on_demand_are_started_by_connections_that_wait_and_stop_when_they_are_idle()
    {
        var address = Temp["app.sock"];
        WriteProgram("app.ini", [.. ServerLines, $"socket = {address}", "on-demand = true", "idle = 1s", "ready = accept"]);
        var daemon = StartControlled();
        Upgrade(daemon);
        Assert.That(Descendants(), Is.Empty, "nobody has connected");
        var first = Say(address);
        Upgrade(daemon);
        daemon.AwaitVassal("app.ini", "told to stop: nobody has used it for");
        Wait.Until(() => Descendants().Count == 0, Logs);
        // One that comes while the programs change is served too.
        var mark = daemon.Mark;
        daemon.Signal(Native.User2);
        Assert.That(Say(address), Is.Not.EqualTo(first));
        daemon.Await(Upgraded, mark);
        using (new Visitor(address))
        {
            for (var i = 0; i < 3; i++)
                Upgrade(daemon);
        }
        File.Delete($"{Vassals}/app.ini");
        Wait.Until(() => Descendants().Count == 0 && !File.Exists(address), Logs);
    }

    [Test]
    public void Vassals_on_demand_wait_on_for_their_connections()
    {
        var run = Temp.Folder("run");
        Write("shop.ini", "serve", "accept");
        Write("once.ini", "serve 1", "accept");
        var daemon = Start("--emperor-on-demand-directory", run);
        Upgrade(daemon);
        Assert.That(Journal.Lines, Is.Empty, "nobody has connected");
        var shop = Say($"{run}/shop.socket");
        var seen = new HashSet<int>();
        for (var i = 0; i < 5; i++)
        {
            var mark = daemon.Mark;
            daemon.Signal(Native.User2);
            Assert.That(Say($"{run}/shop.socket"), Is.EqualTo(shop));
            Assert.That(seen.Add(Say($"{run}/once.socket")), Logs());
            daemon.Await(Upgraded, mark);
        }
        Assert.That(Journal.Starts("shop.ini"), Is.EqualTo(1));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Directory.GetFileSystemEntries(run), Is.Empty);
    }
}
