using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>Emperor in the place of Debian's uwsgi-emperor service: its ini, and the command line of its /etc/init.d/uwsgi-emperor.</summary>
internal sealed class DebianShapeTests : SiteTest
{
    private const string WwwData = "33\t33\t33\t33";

    [Test]
    public void It_takes_the_place_of_the_service()
    {
        NeedRoot("it becomes www-data");
        Link(Shop);
        Link(Blog);
        // Their sockets are made by www-data in the projects' folders.
        foreach (var project in new[] { Shop, Blog })
            Native.Check(Native.ChangeOwner(project.Folder, 33, 33), "chown");
        var ini = Temp.Write(
            "emperor.ini",
            $"""
            [uwsgi]

            # enable master process manager
            master = true

            # spawn 2 uWSGI emperor worker processes
            workers = 2

            # automatically kill workers on master's death
            no-orphans = true

            # place timestamps into log
            log-date = true

            # user identifier of uWSGI processes
            uid = www-data

            # group identifier of uWSGI processes
            gid = www-data

            # vassals directory
            emperor = {Vassals}

            """
        );
        var (pidFile, log) = (Temp["uwsgi-emperor.pid"], Temp["emperor.log"]);
        var shell = Launch(
            new EmperorStart { Arguments = ["--ini", ini, "--die-on-term", "--pidfile", pidFile, "--daemonize", log], Folder = Temp.Path }
        );
        Assert.That(shell.AwaitEnd(), Is.Zero, () => ReadLog(log));
        var pid = int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture);
        try
        {
            foreach (var project in new[] { Shop, Blog })
            {
                var page = AwaitServed(project);
                AwaitIdle(page);
                Assert.That(ProcFs.Stat(page.Master)?.Parent, Is.EqualTo(pid));
                foreach (var process in new[] { pid, page.Master, page.Worker })
                {
                    Assert.That(ProcFs.Status(process, "Uid"), Is.EqualTo(WwwData));
                    Assert.That(ProcFs.Status(process, "Gid"), Is.EqualTo(WwwData));
                }
            }
            Wait.Until(() => ReadLog(log).Contains("spawned uWSGI worker 2"), () => $"what vassals print is in the log: {ReadLog(log)}");
            var text = ReadLog(log);
            Assert.That(text, Does.Not.Contain(" WRN ").And.Not.Contain(" ERR "), "every line of the service's ini is known");

            Native.Check(Native.Signal(pid, Native.Terminate), "kill");
            AwaitEnd(pid);
            Assert.That(Descendants(), Is.Empty, () => ReadLog(log));
        }
        finally
        {
            _ = Native.Signal(pid, Native.Kill);
        }
    }

    private static string ReadLog(string path) => File.Exists(path) ? File.ReadAllText(path) : "(no log)";
}
