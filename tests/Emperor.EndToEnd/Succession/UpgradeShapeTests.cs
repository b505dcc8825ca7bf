using System.Globalization;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Upgrades of emperors of all shapes: without rights, as process 1, as a daemon, as a tyrant, below another emperor.</summary>
internal sealed class UpgradeShapeTests : UpgradeTest
{
    private const uint Nobody = 65534;
    private const uint Alice = 61_001;

    [SetUp]
    public void OpenJournal()
    {
        NeedRoot("it becomes other users, and makes namespaces");
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Journal.Path, 0x1B6), "chmod");
    }

    [Test]
    public void A_plain_user_s()
    {
        Write("a.ini", "fork 1", "accept");
        var daemon = LaunchBy(["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "--"]);
        daemon.AwaitAccepting("a.ini");
        for (var i = 0; i < 2; i++)
            Upgrade(daemon);
        AssertObeyed(daemon, daemon.Pid);
    }

    [Test]
    public void Process_1_of_a_container()
    {
        Write("a.ini", "fork 1", "daemon 1", "accept");
        var daemon = LaunchBy(["unshare", "--fork", "--pid", "--mount", "--mount-proc", "--kill-child=SIGKILL"]);
        daemon.AwaitAccepting("a.ini");
        var pid = ProcFs.Children(daemon.Pid).Single();
        string[] open = [];
        for (var i = 0; i < 5; i++)
        {
            var mark = daemon.Mark;
            Native.Check(Native.Signal(pid, Native.User2), "kill");
            daemon.Await(Upgraded, mark);
            // It watches its folder from its first scan on.
            daemon.Await(Governing, mark);
            // It gets every process whose parent has ended, and must know its own from them.
            Command.Run("/", "nsenter", "--target", Text(pid), "--pid", "--mount", "sh", "-c", "(true &); (sleep 0.2 &)");
            if (i != 2)
                continue;
            // It has a descriptor of each of them, while they are there.
            Wait.Until(() => ProcFs.Children(pid).All(p => ProcFs.CommandLine(p) is not ("" or "sleep 0.2")), Logs);
            open = SteadyDescriptors(daemon, pid);
        }
        AwaitDescriptors(pid, open, Logs);
        AwaitNoZombie(pid);
        AssertObeyed(daemon, pid);
    }

    [Test]
    public void One_that_has_dropped_its_rights_and_keeps_its_files([Values(null, "setgid,setuid")] string? capabilities)
    {
        var (log, pidFile) = (Temp["emperor.log"], Temp["run.pid"]);
        Write("a.ini", "accept");
        Native.Check(Native.ChangeOwner(Temp.Path, Nobody, Nobody), "chown");
        string[] options = ["--uid", Text(Nobody), "--gid", Text(Nobody), "--logto", log, "--logfile-chmod", "600", "--pidfile", pidFile];
        var daemon = LaunchBy([], capabilities is null ? options : [.. options, "--cap", capabilities]);
        AwaitInLog(log, "a.ini: pid [0-9]+ accepts requests");
        var (rights, user) = (ProcFs.Status(daemon.Pid, "CapEff"), ProcFs.Status(daemon.Pid, "Uid"));
        for (var i = 1; i <= 2; i++)
        {
            daemon.Signal(Native.User2);
            AwaitInLog(log, Upgraded, i);
            Assert.That((ProcFs.Status(daemon.Pid, "CapEff"), ProcFs.Status(daemon.Pid, "Uid")), Is.EqualTo((rights, user)));
        }
        Assert.That(File.ReadAllText(pidFile), Is.EqualTo($"{daemon.Pid}\n"));
        Assert.That(daemon.Stop(), Is.Zero);
        AwaitInLog(log, "the emperor is buried");
        Assert.That(pidFile, Does.Not.Exist);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void A_daemon_follows_the_link_that_it_was_started_by()
    {
        var (log, pidFile, link, copy) = (Temp["emperor.log"], Temp["run.pid"], Temp["current"], Temp["copy"]);
        Assert.That(Run("cp", "-r", Path.GetDirectoryName(EmperorProcess.Program)!, copy).Code, Is.Zero);
        File.CreateSymbolicLink(link, EmperorProcess.Program);
        Write("a.ini", "accept");
        var first = LaunchAs(link, [], "--daemonize", log, "--pidfile", pidFile);
        Assert.That(first.AwaitEnd(), Is.Zero);
        AwaitInLog(log, "a.ini: pid [0-9]+ accepts requests");
        var pid = int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture);
        string[] programs = [$"{copy}/emperor", EmperorProcess.Program];
        for (var i = 0; i < programs.Length; i++)
        {
            Repoint(link, programs[i]);
            Native.Check(Native.Signal(pid, Native.User2), "kill");
            AwaitInLog(log, Upgraded, i + 1);
            Assert.That(new FileInfo($"/proc/{pid}/exe").LinkTarget, Is.EqualTo(programs[i]));
        }
        Native.Check(Native.Signal(pid, Native.Terminate), "kill");
        Wait.Until(() => !ProcFs.IsAlive(pid), () => File.ReadAllText(log));
        Journal.AwaitStop("a.ini");
        Assert.That(pidFile, Does.Not.Exist);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void A_tyrant_with_namespaces_and_a_name_of_its_own()
    {
        Native.Check(Native.ChangeOwner(Write("a.ini", "accept"), Alice, Alice), "chown");
        string[] options = ["--emperor-tyrant", "--emperor-use-clone", "pid", "--emperor-procname", "the emperor of all"];
        var daemon = LaunchBy([], options);
        daemon.AwaitAccepting("a.ini");
        var vassal = Descendants().Single();
        for (var i = 0; i < 2; i++)
        {
            Upgrade(daemon);
            Assert.That(ProcFs.CommandLine(daemon.Pid), Is.EqualTo("the emperor of all"));
        }
        var mark = daemon.Mark;
        Native.Check(Native.Signal(vassal, Native.Kill), "kill");
        daemon.AwaitAccepting("a.ini", mark);
        Assert.That(ProcFs.Status(Descendants().Single(), "Uid"), Is.EqualTo(string.Join('\t', Enumerable.Repeat(Alice, 4))));
        // Another's file is not that vassal's any more.
        mark = daemon.Mark;
        Native.Check(Native.ChangeOwner($"{Vassals}/a.ini", Nobody, Nobody), "chown");
        Touch("a.ini");
        daemon.AwaitVassal("a.ini", "", mark);
        Assert.That(daemon.Stop(), Is.Zero);
    }

    [Test]
    public void It_waits_for_a_hook_that_runs()
    {
        var (runs, wait) = (Temp["runs"], Temp.Write("wait", ""));
        Write("a.ini", "accept");
        var daemon = LaunchBy([], "--exec-as-emperor", $": >{runs}; while [ -e {wait} ]; do sleep 0.02; done");
        Wait.Until(() => File.Exists(runs), Logs);
        var mark = daemon.Mark;
        daemon.Signal(Native.User2);
        daemon.Await("an upgrade to what is now at .* was asked for", mark);
        Wait.While(() => daemon.Count(Upgraded) == 0, TimeSpan.FromSeconds(1), Logs);
        File.Delete(wait);
        daemon.Await(Upgraded, mark);
        Assert.That(daemon.Count("exec-as-emperor .* ended with exit 0"), Is.AtMost(1));
        AssertObeyed(daemon, daemon.Pid);
    }

    [Test]
    public void One_below_another_emperor_says_nothing_to_it()
    {
        var below = Temp.Folder("below");
        File.WriteAllText(
            $"{Vassals}/sub.ini",
            $"[uwsgi]\nemperor = {below}\nemperor-control = none\nemperor-wrapper = {TestVassal.VassalProgram.Path}\n"
        );
        Write($"{below}/app.ini", "reload-delay 1000", "accept", "on-reload accept");
        var lord = Launch(
            new EmperorStart
            {
                Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-wrapper", EmperorProcess.Program],
                Folder = Temp.Path,
            }
        );
        const string accepts = "^[^[]* sub.ini: pid [0-9]+ accepts requests";
        lord.Await(accepts);
        var sub = ProcFs.All().Single(p => ProcFs.CommandLine(p).Contains("sub.ini") && Descendants().Contains(p));
        for (var i = 1; i <= 2; i++)
        {
            Native.Check(Native.Signal(sub, Native.User2), "kill");
            Wait.Until(() => lord.Count(Upgraded) == i, Logs);
        }
        Assert.That(lord.Count(accepts), Is.EqualTo(1));
        // What it is told meanwhile it obeys and answers, once.
        var mark = lord.Mark;
        Touch("sub.ini");
        Journal.AwaitReload("app.ini");
        Native.Check(Native.Signal(sub, Native.User2), "kill");
        lord.Await(Upgraded, mark);
        lord.Await(accepts, mark);
        Assert.That(lord.Count(accepts), Is.EqualTo(2));
        File.Delete($"{Vassals}/sub.ini");
        Journal.AwaitStop("app.ini");
        Wait.Until(() => Descendants().Count == 0, Logs);
    }

    [Test]
    public void Emperor_serve()
    {
        Temp.Write(
            "test.py",
            "import os\ndef application(e, s):\n    s('200 OK', [('Content-Type', 'text/plain')])\n    return [b'%d' % os.getpid()]\n"
        );
        var address = $"127.0.0.1:{Ports.Free()}";
        var daemon = Launch(new EmperorStart { Arguments = ["serve", "--http", address, "--wsgi-file", "test.py"], Folder = Temp.Path });
        daemon.Await("test.py: pid .* is ready after");
        var pid = Ask(address);
        for (var i = 0; i < 2; i++)
        {
            Upgrade(daemon, Upgraded);
            Assert.That(Ask(address), Is.EqualTo(pid));
        }
        var mark = daemon.Mark;
        daemon.Signal(Native.Hangup);
        daemon.Await("it is reloaded", mark);
        // The former one may take a connection until it has seen that it is told to stop.
        daemon.Await($"pid {pid} has ended", mark);
        Assert.That(Ask(address), Is.Not.EqualTo(pid));
        Assert.That(daemon.Stop(), Is.Zero);
    }

    private EmperorProcess LaunchBy(string[] before, params string[] options) => LaunchAs(EmperorProcess.Program, before, options);

    private EmperorProcess LaunchAs(string program, string[] before, params string[] options) =>
        Launch(
            new EmperorStart
            {
                Program = program,
                Before = before,
                Arguments =
                [
                    "--emperor",
                    Vassals,
                    "--emperor-freq",
                    "600",
                    "--emperor-control",
                    "none",
                    "--emperor-wrapper",
                    TestVassal.VassalProgram.Path,
                    .. options,
                ],
                Folder = Temp.Path,
            }
        );

    // A reload, and the end.
    private void AssertObeyed(EmperorProcess daemon, int pid)
    {
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1), Logs());
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty);
        Touch("a.ini");
        Journal.AwaitReload("a.ini");
        Native.Check(Native.Signal(pid, Native.Terminate), "kill");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        Journal.AwaitStop("a.ini");
    }

    private static void AwaitInLog(string log, string pattern, int count = 1) =>
        Wait.Until(
            () => File.Exists(log) && File.ReadLines(log).Count(l => System.Text.RegularExpressions.Regex.IsMatch(l, pattern)) >= count,
            () => $"{log} has no {count} times \"{pattern}\"\n{(File.Exists(log) ? File.ReadAllText(log) : "")}"
        );
}
