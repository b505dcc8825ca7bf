using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>A test with two Django projects, an nginx before them, and a vassals folder that links to their files.</summary>
internal abstract class SiteTest : EmperorTest
{
    protected DjangoProject Shop { get; private set; } = null!;

    protected DjangoProject Blog { get; private set; } = null!;

    protected Site Site { get; private set; } = null!;

    private Nginx? _nginx;

    [SetUp]
    public void MakeSite()
    {
        Installed.Require();
        Shop = DjangoProject.Create(Temp, "shop");
        Blog = DjangoProject.Create(Temp, "blog");
        _nginx = Nginx.Start(Temp["nginx"], [Shop, Blog]);
        Site = new Site(_nginx, AllLogs);
    }

    [TearDown]
    public void EndSite()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed)
            TestContext.Out.WriteLine(_nginx?.Log);
        Site?.Dispose();
        _nginx?.Dispose();
    }

    /// <summary>Links a project into the vassals folder, as NAME.ini.</summary>
    protected void Link(DjangoProject project) => Link(FileOf(project), project.Ini);

    protected static string FileOf(DjangoProject project) => $"{project.Name}.ini";

    /// <summary>Starts an emperor over the vassals folder whose vassals are the installed uwsgi.</summary>
    protected EmperorProcess Govern(params string[] options) =>
        Launch(new EmperorStart { Arguments = ["--emperor", Vassals, .. options], Folder = Temp.Path }).AwaitGoverning();

    /// <summary>The same with both projects linked and serving.</summary>
    protected EmperorProcess GovernBoth()
    {
        Link(Shop);
        Link(Blog);
        var daemon = Govern();
        AwaitIdle(AwaitServed(Shop));
        AwaitIdle(AwaitServed(Blog));
        return daemon;
    }

    /// <summary>Waits until all workers of a project wait for requests.</summary>
    protected void AwaitIdle(Page page) => AwaitIdle(page.Master, DjangoProject.Workers);

    protected Page AwaitServed(DjangoProject project) => Site.Await(project, page => page.IsServed, "is not served");

    protected Page AwaitGone(DjangoProject project) => Site.Await(project, page => page.Status == 502, "is served still");

    /// <summary>Waits until a process has ended.</summary>
    protected void AwaitEnd(int pid) =>
        Wait.Until(() => !ProcFs.IsAlive(pid), () => $"{pid} ({ProcFs.CommandLine(pid)}) lives on\n{AllLogs()}");

    protected string AllLogs() => $"{Logs()}\n{_nginx?.Log}";
}
