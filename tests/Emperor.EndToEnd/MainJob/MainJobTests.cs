using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>What an emperor is for: Django projects in real uwsgi processes behind a real nginx, from links in a folder.</summary>
internal sealed class MainJobTests : SiteTest
{
    private const int Reloads = 5;

    [Test]
    public void Two_linked_projects_are_served()
    {
        GovernBoth();
        foreach (var project in new[] { Shop, Blog })
        {
            var page = AwaitServed(project);
            Assert.That(page.Project, Is.EqualTo(project.Name));
            Assert.That(ProcFs.CommandLine(page.Master), Does.EndWith($" --ini {FileOf(project)}"));
            Assert.That(ProcFs.Children(page.Master), Has.Count.EqualTo(DjangoProject.Workers));
        }
        Assert.That(Site.Get(Shop).Master, Is.Not.EqualTo(Site.Get(Blog).Master));
    }

    [Test]
    public void A_touch_reloads_and_no_request_of_a_steady_load_fails()
    {
        var daemon = GovernBoth();
        var master = AwaitServed(Shop).Master;
        var load = SteadyLoad.Start(Site, Shop);
        for (var i = 0; i < Reloads; i++)
        {
            var (mark, before, requests) = (daemon.Mark, load.Workers.ToHashSet(), load.Requests);
            Shop.Touch();
            daemon.AwaitVassal("shop.ini", $"reload of pid {master}", mark);
            daemon.AwaitVassal("shop.ini", $"pid {master} accepts requests", mark);
            Wait.Until(
                () => load.Workers.Any(worker => !before.Contains(worker)) && load.Requests > requests + 100,
                () => $"the load sees no new worker after reload {i + 1}\n{AllLogs()}"
            );
        }
        var result = load.Stop();
        TestContext.Out.WriteLine($"{Reloads} reloads: {result}");
        Assert.That(result.Failures, Is.Empty, AllLogs());
        Assert.That(Site.Get(Shop).Master, Is.EqualTo(master), "a graceful reload keeps the master's process");
        Assert.That(daemon.Count(" blog.ini: .*reload"), Is.Zero, AllLogs());
    }

    [Test]
    public void A_killed_master_comes_back_and_its_workers_are_gone()
    {
        GovernBoth();
        var (shop, blog) = (AwaitServed(Shop), AwaitServed(Blog));
        var workers = ProcFs.Children(shop.Master);
        Assert.That(workers, Does.Contain(shop.Worker));
        Native.Check(Native.Signal(shop.Master, Native.Kill), "kill");
        var successor = Site.Await(Shop, page => page.IsServed && page.Master != shop.Master && !workers.Contains(page.Worker), "has no successor");
        foreach (var worker in workers)
            AwaitEnd(worker);
        Assert.That(ProcFs.Children(successor.Master), Does.Contain(successor.Worker));
        Assert.That(Site.Get(Blog).Master, Is.EqualTo(blog.Master), "the other one was touched");
    }

    [Test]
    public void A_killed_worker_is_its_masters_affair()
    {
        var daemon = GovernBoth();
        var before = AwaitServed(Shop);
        var mark = daemon.Mark;
        Native.Check(Native.Signal(before.Worker, Native.Kill), "kill");
        AwaitEnd(before.Worker);
        Wait.Until(() => ProcFs.Children(before.Master).Count(ProcFs.IsAlive) == DjangoProject.Workers, AllLogs);
        Assert.That(Site.Get(Shop) is { Status: 200 } page && page.Master == before.Master, AllLogs);
        Assert.That(daemon.Lines.Skip(mark).Where(line => line.Contains(" shop.ini: ")), Is.Empty);
    }

    [Test]
    public void A_removed_link_stops_its_app_alone_and_a_new_one_brings_it_back()
    {
        GovernBoth();
        var (shop, blog) = (AwaitServed(Shop), AwaitServed(Blog));
        File.Delete($"{Vassals}/{FileOf(Shop)}");
        AwaitGone(Shop);
        AwaitEnd(shop.Master);
        Wait.Until(() => !File.Exists(Shop.Socket), () => $"the socket is left behind\n{AllLogs()}");
        Assert.That(Site.Get(Blog).Master, Is.EqualTo(blog.Master));

        Link(Shop);
        Assert.That(AwaitServed(Shop).Master, Is.Not.EqualTo(shop.Master));
        Assert.That(Site.Get(Blog).Master, Is.EqualTo(blog.Master));
    }

    [TestCase("", "empty")]
    [TestCase("\0\u0001\u0002\u0003 not a text", "binary")]
    [TestCase("[wsgi]\nmaster = true\n", "no section")]
    public void A_broken_file_leaves_the_app_serving_until_it_is_mended(string broken, string kind)
    {
        var daemon = GovernBoth();
        var before = AwaitServed(Shop);
        var mark = daemon.Mark;
        File.WriteAllText(Shop.Ini, broken);
        var words = daemon.AwaitVassal("shop.ini", "", mark);
        TestContext.Out.WriteLine($"{kind}: {words}");
        Assert.That(words, Does.Contain("WRN").Or.Contain("ERR"));
        Wait.While(() => Site.Get(Shop) is { IsServed: true } page && page.Master == before.Master, TimeSpan.FromSeconds(1), AllLogs);
        Assert.That(daemon.Lines.Skip(mark).Count(line => line.Contains("received message")), Is.Zero, AllLogs());

        var workers = ProcFs.Children(before.Master);
        File.WriteAllText(Shop.Ini, Shop.IniText);
        Site.Await(Shop, page => page.IsServed && !workers.Contains(page.Worker), "is not reloaded with the mended file");
    }

    [TestCase(Native.Terminate)]
    [TestCase(Native.Interrupt)]
    [TestCase(Native.Kill)]
    public void With_the_emperor_everything_of_it_goes(int signal)
    {
        var daemon = GovernBoth();
        Assert.That(Descendants(), Has.Count.GreaterThanOrEqualTo(2 * (1 + DjangoProject.Workers)));
        daemon.Signal(signal);
        var code = daemon.AwaitEnd();
        if (signal != Native.Kill)
        {
            Assert.That(code, Is.Zero, AllLogs());
            Assert.That(Descendants(), Is.Empty, AllLogs());
            Assert.That(File.Exists(Shop.Socket) || File.Exists(Blog.Socket), Is.False, "a socket is left behind");
        }
        Wait.Until(() => Descendants().Count == 0, () => $"something runs on\n{AllLogs()}");
        Assert.That(Site.Get(Shop).Status, Is.EqualTo(502));
        Assert.That(Site.Get(Blog).Status, Is.EqualTo(502));
    }
}
