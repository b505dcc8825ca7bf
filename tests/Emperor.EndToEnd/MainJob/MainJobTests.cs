using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>What an emperor is for: Django projects in real uwsgi processes behind a real nginx, from links in a folder.</summary>
internal sealed class MainJobTests : SiteTest
{
    private const int RequestsBetween = 400;
    private const int QuickTouches = 10;

    private static readonly Dictionary<string, string> Broken = new()
    {
        ["empty"] = "",
        ["binary"] = "\u007fELF\u0002\u0001\0\0\u0003",
        ["without a section for uwsgi"] = "[wsgi]\nmaster = true\n",
    };

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
    [Takes(25)]
    public void Reloads_fail_no_request_of_a_steady_load()
    {
        var daemon = GovernBoth();
        var master = AwaitServed(Shop).Master;
        var load = SteadyLoad.Start(Site, Shop);
        Action[] reloads =
        [
            Shop.Touch,
            () => Native.TouchLink($"{Vassals}/{FileOf(Shop)}"),
            () => File.AppendAllText(Shop.Ini, "# changed\n"),
            () => Rename(Temp.Write("new.ini", Shop.IniText), Shop.Ini),
            () => daemon.Signal(Native.Hangup),
        ];
        foreach (var reload in reloads)
        {
            var (mark, before) = (daemon.Mark, load.Workers.ToHashSet());
            reload();
            daemon.AwaitVassal("shop.ini", $"reload of pid {master}", mark);
            daemon.AwaitVassal("shop.ini", $"pid {master} accepts requests", mark);
            var requests = load.Requests;
            Wait.Until(
                () => load.Workers.Any(worker => !before.Contains(worker)) && load.Requests > requests + RequestsBetween,
                () => $"the load sees no new worker after reload\n{AllLogs()}"
            );
        }
        var result = load.Stop();
        TestContext.Out.WriteLine($"{reloads.Length} reloads: {result}");
        Assert.That(result.Failures, Is.Empty, AllLogs());
        Assert.That(Site.Get(Shop).Master, Is.EqualTo(master), "a graceful reload keeps the master's process");
        Assert.That(daemon.Count(" blog.ini: reload"), Is.EqualTo(1), "only SIGHUP is for both");
    }

    [Test]
    public void Touches_faster_than_reloads_fail_no_request()
    {
        var daemon = GovernBoth();
        var master = AwaitServed(Shop).Master;
        var load = SteadyLoad.Start(Site, Shop);
        for (var i = 0; i < QuickTouches; i++)
        {
            Shop.Touch();
            Wait.While(() => true, TimeSpan.FromMilliseconds(150), AllLogs);
        }
        var (mark, before) = (daemon.Mark, load.Workers.ToHashSet());
        File.WriteAllText(Shop.Ini, Shop.IniText.Replace($"= {DjangoProject.Workers}\n", $"= {DjangoProject.Workers + 1}\n"));
        Wait.Until(
            () => ProcFs.Children(master).Count == DjangoProject.Workers + 1 && load.Workers.Any(worker => !before.Contains(worker)),
            () => $"the last change is not taken\n{AllLogs()}"
        );
        var result = load.Stop();
        TestContext.Out.WriteLine($"{QuickTouches} quick touches: {result}");
        Assert.That(result.Failures, Is.Empty, AllLogs());
        Assert.That(Site.Get(Shop).Master, Is.EqualTo(master));
    }

    [Test]
    public void A_killed_master_comes_back_and_its_workers_are_gone()
    {
        GovernBoth();
        var (shop, blog) = (AwaitServed(Shop), AwaitServed(Blog));
        var workers = ProcFs.Children(shop.Master);
        Assert.That(workers, Does.Contain(shop.Worker));
        Native.Check(Native.Signal(shop.Master, Native.Kill), "kill");
        var successor = Site.Await(
            Shop,
            page => page.IsServed && page.Master != shop.Master && !workers.Contains(page.Worker),
            "has no successor"
        );
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

    [TestCase("empty")]
    [TestCase("binary")]
    [TestCase("without a section for uwsgi")]
    public void A_broken_file_leaves_the_app_serving_until_it_is_mended(string kind)
    {
        var daemon = GovernBoth();
        var before = AwaitServed(Shop);
        var mark = daemon.Mark;
        File.WriteAllText(Shop.Ini, Broken[kind]);
        var words = daemon.AwaitVassal("shop.ini", "its changed file is not taken", mark);
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
