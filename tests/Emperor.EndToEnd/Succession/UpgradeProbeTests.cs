using Emperor.EndToEnd.Control;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>A program that cannot be the next emperor is found out before anything depends on it.</summary>
internal sealed class UpgradeProbeTests : UpgradeTest
{
    private string ProgramLink => Temp["emperor"];

    [TestCase("not executable", "Permission denied")]
    [TestCase("gone", "No such file or directory")]
    [TestCase("/bin/true", "tried, it ended with exit 0, and it says nothing")]
    [TestCase(
        "#!/bin/sh\necho 'error while loading shared libraries' >&2\nexit 1\n",
        "exit 1, and it says \"error while loading shared libraries\""
    )]
    [TestCase("#!/bin/sh\nkill -9 $$\n", "KILL")]
    [TestCase("#!/bin/sh\nexec sleep 600\n", "it has not answered in 1 s")]
    [TestCase("#!/bin/sh\necho 'emperor-probe: no its format is 9' >&2\n", ": its format is 9")]
    public void One_that_does_not_answer_is_not_gone_on_with(string program, string reason)
    {
        Write("a.ini", "accept");
        var isHung = reason.StartsWith("it has not answered", StringComparison.Ordinal);
        var daemon = StartByLink(isHung ? "1000" : null);
        var journal = Journal.Mark;
        Replace(program);
        AssertRefused(daemon, reason);
        Wait.Until(() => Descendants().Count == 1, () => $"what was tried is still there\n{Logs()}");

        // All goes on, and the next one that can is taken.
        Touch("a.ini");
        Journal.AwaitReload("a.ini", journal);
        if (isHung)
            return;
        Replace(EmperorProcess.Program);
        Upgrade(daemon);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void Nor_one_that_does_not_like_its_configuration()
    {
        Write("a.ini", "accept");
        var ini = Temp.Write("emperor.ini", $"[uwsgi]\nemperor = {Vassals}\nemperor-control = {ControlPath}\n");
        var daemon = Launch("--ini", ini).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        var text = File.ReadAllText(ini);
        File.WriteAllText(ini, text + "emperor-throttle = soon\n");
        AssertRefused(daemon, "emperor-throttle");
        File.WriteAllText(ini, text + "emperor-throttle = 5\n");
        Upgrade(daemon);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [TestCase("uid = nobody-of-that-name", "there is no such user")]
    [TestCase("gid = nobody-of-that-name", "there is no such group")]
    [TestCase("uid = daemon", "becomes another user only by a restart")]
    [TestCase("emperor = amqp://localhost", "there is no such monitor")]
    [TestCase("chdir = /nonexistent", "there is no such folder")]
    [TestCase("vassal-log-dir = /etc/passwd/none", "/etc/passwd is no folder")]
    [TestCase("logto = /proc/none/emperor.log", "may not write there")]
    [TestCase("logto = 127.0.0.1:514", "logging to a UDP address")]
    public void Nor_one_that_could_not_start_with_it(string line, string reason)
    {
        NeedRoot("it changes its user");
        Write("a.ini", "accept");
        var ini = Temp.Write("emperor.ini", $"[uwsgi]\nemperor = {Vassals}\nemperor-control = {ControlPath}\n");
        var daemon = Launch("--ini", ini).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        File.AppendAllText(ini, $"{line}\n");
        AssertRefused(daemon, reason);
        Assert.That(Descendants(), Has.Count.EqualTo(1));
    }

    [Test]
    public void A_working_folder_that_was_removed_is_no_end()
    {
        var folder = Temp.Folder("release");
        Write("a.ini", "accept");
        var daemon = Launch("--emperor", Vassals, "--chdir", folder, "--emperor-control", ControlPath).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        Directory.Delete(folder);
        AssertRefused(daemon, "there is no such folder");
        Directory.CreateDirectory(folder);
        Upgrade(daemon);
        Assert.That(new FileInfo($"/proc/{daemon.Pid}/cwd").LinkTarget, Is.EqualTo(folder));
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void What_is_put_there_after_the_trial_is_tried_itself()
    {
        Write("a.ini", "accept");
        var daemon = StartByLink();
        var next = ProgramLink + ".next";
        Replace($"#!/bin/sh\nln -s /bin/true {next}\nmv -T {next} {ProgramLink}\necho 'emperor-probe: yes 9.9.9'\n");
        AssertRefused(daemon, "tried, it ended with exit 0, and it says nothing");
        Assert.That(Descendants(), Has.Count.EqualTo(1));
    }

    [Test]
    public void What_a_link_leads_to_now_is_executed()
    {
        var copy = Temp["copy"];
        Assert.That(Run("cp", "-r", Path.GetDirectoryName(EmperorProcess.Program)!, copy).Code, Is.Zero);
        Write("a.ini", "accept");
        var daemon = StartByLink();
        Repoint(ProgramLink, $"{copy}/emperor");
        Upgrade(daemon);
        Assert.That(Executed(daemon), Is.EqualTo($"{copy}/emperor"));
        // A file in the place of the one that runs, as a package does it.
        Executable.Copy($"{copy}/emperor", $"{copy}/emperor.new");
        Rename($"{copy}/emperor.new", $"{copy}/emperor");
        Assert.That(Executed(daemon), Does.EndWith("(deleted)"));
        Upgrade(daemon);
        Assert.That(Executed(daemon), Is.EqualTo($"{copy}/emperor"));
        Repoint(ProgramLink, EmperorProcess.Program);
        Upgrade(daemon);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void Emperor_upgrade_tells_what_has_come_of_it_to_all_who_ask()
    {
        Write("a.ini", "accept");
        Write("b.ini", "accept");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitAccepting("b.ini");
        var (code, output, errors) = Emperor("upgrade");
        Assert.That(code, Is.Zero, errors + Logs());
        const string sentence = @"upgraded from \d+\.\d+\.\d+ to \d+\.\d+\.\d+ in \d+\.\d\d s: 2 vassals carried over, none restarted";
        Assert.That(output, Does.Match($"^{sentence}\n$"));
        (code, output, errors) = Emperor("upgrade", "--json");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], Does.Contain("\"carried\":2"));
        Assert.That(output, Does.Contain("\"phase\":\"probing\"").And.Contain("\"phase\":\"leaving\""));

        // Those who ask at whatever moment, and one of them who goes. Who connects and does not ask at once may be cut off when the programs change.
        var askers = new List<RawClient>();
        for (var i = 0; i < 12; i++)
        {
            var asker = Connect();
            askers.Add(asker);
            asker.Send("""{"v":1,"id":7,"verb":"upgrade"}""" + "\n");
            Thread.Sleep(25);
        }
        askers[^1].Dispose();
        foreach (var asker in askers[..^1])
        {
            var last = asker.Read();
            while (last is not null && (bool?)last["more"] == true)
                last = asker.Read();
            Assert.That((int?)last?["upgrade"]?["carried"], Is.EqualTo(2), $"{last}\n{Logs()}");
            Assert.That((int?)last!["id"], Is.EqualTo(7));
            asker.Dispose();
        }
        Assert.That(Journal.Lines, Has.Count.EqualTo(2));
    }

    [Test]
    public void Where_vassals_shall_not_survive_there_is_no_upgrade()
    {
        Write("a.ini", "accept");
        var daemon = StartControlled("--emperor-survive", "never");
        daemon.AwaitAccepting("a.ini");
        AssertRefused(daemon, "--emperor-survive=never");
    }

    private EmperorProcess StartByLink(string? limit = null)
    {
        Replace(EmperorProcess.Program);
        var daemon = Launch(
            new EmperorStart
            {
                Program = ProgramLink,
                Arguments =
                [
                    "--emperor",
                    Vassals,
                    "--emperor-freq",
                    "600",
                    "--emperor-control",
                    ControlPath,
                    "--emperor-wrapper",
                    TestVassal.VassalProgram.Path,
                ],
                Environment = new Dictionary<string, string?> { ["EMPEROR_PROBE_LIMIT"] = limit },
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("a.ini");
        return daemon;
    }

    // In one step: what is at the path is never nothing.
    private void Replace(string program)
    {
        if (program == "gone")
        {
            File.Delete(ProgramLink);
            return;
        }
        var next = ProgramLink + ".new";
        if (program.StartsWith('/'))
        {
            File.CreateSymbolicLink(next, program);
            Rename(next, ProgramLink);
            return;
        }
        if (program == "not executable")
            File.WriteAllText(next, program);
        else
            Executable.Write(next, program);
        Rename(next, ProgramLink);
    }

    private void AssertRefused(EmperorProcess daemon, string reason)
    {
        var mark = daemon.Mark;
        var (code, output, errors) = Emperor("upgrade");
        Assert.That((code, output), Is.EqualTo((1, "")), Logs());
        Assert.That(errors, Does.Contain(reason));
        Assert.That(daemon.Await("no upgrade, and all goes on as it is: ", mark), Does.Contain(reason));
        // By a signal nobody but the log is told.
        mark = daemon.Mark;
        daemon.Signal(Native.User2);
        Assert.That(daemon.Await("no upgrade, and all goes on as it is: ", mark), Does.Contain(reason));
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty);
    }

    private static string? Executed(EmperorProcess daemon) => new FileInfo($"/proc/{daemon.Pid}/exe").LinkTarget;
}
