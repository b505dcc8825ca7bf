using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>The daemon as a process: its files, its rights, its name, its exit codes.</summary>
internal sealed class ProcessTests : EmperorTest
{
    private const string Nobody = "65534";

    [TestCase("--pidfile")]
    [TestCase("--emperor-pidfile")]
    [TestCase("--pidfile2")]
    [TestCase("--safe-pidfile")]
    public void A_pidfile_is_written_and_removed(string option)
    {
        var file = Temp["run.pid"];
        var daemon = Start(option, file);
        Assert.That(File.ReadAllText(file), Is.EqualTo($"{daemon.Pid}\n"));
        daemon.Stop();
        Assert.That(file, Does.Not.Exist);
    }

    [Test]
    public void A_pidfile_that_is_another_s_by_now_is_left()
    {
        var file = Temp["run.pid"];
        var daemon = Start("--pidfile", file);
        File.WriteAllText(file, "1\n");
        daemon.Stop();
        Assert.That(File.ReadAllText(file), Is.EqualTo("1\n"));
    }

    [Test]
    public void A_daemonized_emperor_returns_when_it_governs()
    {
        var (file, log) = (Temp["run.pid"], Temp["emperor.log"]);
        Write("a.ini");
        var first = Launch("--emperor", Vassals, "--daemonize", log, "--pidfile", file);
        Assert.That(first.AwaitEnd(), Is.Zero);
        // The log never holds up the daemon, so its lines may come a moment later.
        Wait.Until(() => File.ReadAllText(log).Contains("the emperor is governing 1 vassals"), () => File.ReadAllText(log));
        var pid = int.Parse(File.ReadAllText(file));
        Assert.That(pid, Is.Not.EqualTo(first.Pid));
        Assert.That(ProcFs.Stat(pid)!.Value.Session, Is.EqualTo(pid), "its session is not its own");
        Assert.That(ProcFs.Environment(pid).Where(v => v.StartsWith("EMPEROR_DAEMON", StringComparison.Ordinal)), Is.Not.Empty);
        Journal.AwaitStart("a.ini");
        Write("b.ini");
        var b = Journal.AwaitStart("b.ini");
        Assert.That(ProcFs.Environment(b.Pid).Where(v => v.StartsWith("EMPEROR_DAEMON", StringComparison.Ordinal)), Is.Empty);
        Native.Check(Native.Signal(pid, Native.Terminate), "kill");
        Wait.Until(() => !ProcFs.IsAlive(pid), () => File.ReadAllText(log));
        Assert.That(file, Does.Not.Exist);
    }

    [Test]
    public void An_emperor_that_cannot_be_daemonized_says_why()
    {
        var log = Temp["emperor.log"];
        var first = Launch("--emperor", Vassals, "--daemonize", log, "--uid", "no-such-user");
        Assert.That(first.AwaitEnd(), Is.Not.Zero);
        first.Await("emperor.log says why|no-such-user");
        Assert.That(File.Exists(log) ? File.ReadAllText(log) : string.Join('\n', first.Lines), Does.Contain("no-such-user"));
    }

    [Test]
    public void A_daemonized_emperor_with_a_log_that_cannot_be_opened_says_so_to_the_terminal()
    {
        var first = Launch("--emperor", Vassals, "--daemonize", Temp["not/there.log"]);
        Assert.That(first.AwaitEnd(), Is.Not.Zero);
        first.Await("not/there.log cannot be opened");
    }

    [TestCase(Nobody, Nobody)]
    [TestCase("nobody", "nogroup")]
    public void Uid_and_gid_drop_root_s_rights(string user, string group)
    {
        NeedRoot("only root can become another");
        var report = Temp["report"];
        Temp.Write("report", "");
        Native.Check(Native.ChangeOwner(report, 65534, 65534), "chown");
        Native.Check(Native.ChangeOwner(Temp.Path, 65534, 65534), "chown");
        Write("a.ini", $"report {report}", "accept");
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Temp["journal"], 0x1B6), "chmod");
        var daemon = StartWith("a.ini", "--uid", user, "--gid", group);
        Assert.That(ProcFs.Status(daemon.Pid, "Uid").Split('\t'), Has.All.EqualTo(Nobody));
        Assert.That(ProcFs.Status(daemon.Pid, "Gid").Split('\t'), Has.All.EqualTo(Nobody));
        Assert.That(ProcFs.Status(daemon.Pid, "Groups").Split(' ', StringSplitOptions.RemoveEmptyEntries), Is.SubsetOf((string[])[Nobody]));
        Assert.That(ProcFs.Status(daemon.Pid, "CapEff"), Is.EqualTo("0000000000000000"));
        var seen = Report.Read(report);
        Assert.That(
            (seen.Number("uid"), seen.Number("euid"), seen.Number("gid"), seen.Number("egid")),
            Is.EqualTo((65534L, 65534L, 65534L, 65534L))
        );
    }

    [TestCase("--uid", "no-such-user")]
    [TestCase("--gid", "no-such-group")]
    public void An_unknown_user_or_group_is_an_error(string option, string name)
    {
        NeedRoot("without root's rights both are ignored, as in uWSGI");
        var daemon = Launch("--emperor", Vassals, option, name);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(1));
        daemon.Await($"{name}: there is no such");
    }

    [TestCase("--uid", "user")]
    [TestCase("--gid", "group")]
    public void A_user_or_group_that_cannot_be_looked_up_now_may_be_there_at_the_next_start(string option, string kind)
    {
        NeedRoot("without root's rights both are ignored, as in uWSGI");
        var daemon = Launch(
            new EmperorStart
            {
                // Without its files no source of users answers; to the C library that is not the same as no such user.
                Before = ["unshare", "--mount", "sh", "-ec", "mount -t tmpfs none /etc; exec \"$@\"", "sh"],
                Arguments = ["--emperor", Vassals, option, "daemon"],
                Folder = Temp.Path,
            }
        );
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(4), daemon.Text());
        daemon.Await($"{option[2..]} = daemon: it cannot be told whether there is such a {kind}");
    }

    [Test]
    public void Umask_and_chdir_are_the_vassals_too()
    {
        var report = Temp["report"];
        var folder = Temp.Folder("elsewhere");
        Write("a.ini", $"report {report}", "accept");
        var daemon = Launch("--emperor", "../vassals", "--umask", "027", "--chdir", folder, "--pidfile", "here.pid").AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        Assert.That(Temp["here.pid"], Does.Exist, "as in uWSGI, a relative pidfile is relative to the folder of the start");
        Assert.That(Report.Read(report).Number("umask"), Is.EqualTo(23));
        Assert.That(ProcFs.Status(daemon.Pid, "Umask"), Is.EqualTo("0027"));
    }

    [Test]
    public void A_folder_to_change_to_that_is_not_there_is_an_error()
    {
        var daemon = Launch("--emperor", Vassals, "--chdir", Temp["nowhere"]);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(4));
        daemon.Await("chdir = .*nowhere");
    }

    [Test]
    public void The_name_of_the_process_is_what_was_asked_for()
    {
        var daemon = Start("--emperor-procname", "his-majesty");
        Assert.That(ProcFs.CommandLine(daemon.Pid), Is.EqualTo("his-majesty"));
        Assert.That(ProcFs.Status(daemon.Pid, "Name"), Is.EqualTo("his-majesty"));
    }

    [Test]
    public void The_guard_is_one_short_line_among_the_processes()
    {
        var daemon = Start();
        Assert.That(ProcFs.CommandLine(daemon.NoteGuard()), Has.Length.LessThan(150).And.Not.Contains("\n"));
    }

    [TestCase("--version", "^emperor [0-9]+\\.[0-9]+\\.[0-9]+$")]
    [TestCase("--help", "--emperor-wrapper")]
    public void Questions_are_answered_with_exit_code_0(string option, string answer)
    {
        var daemon = Ask(option);
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        daemon.Await(answer);
    }

    [Test]
    public void An_unknown_option_ends_with_code_2_and_the_nearest_name()
    {
        var daemon = Ask("--emperor", Vassals, "--emperor-wraper", "/bin/true");
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(2));
        daemon.Await("emperor-wraper.*emperor-wrapper");
    }

    [Test]
    public void No_options_at_all_is_an_error_with_a_hint()
    {
        var daemon = Ask();
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(2));
        daemon.Await("emperor --emperor /etc");
    }

    [Test]
    public void An_option_that_only_uwsgi_has_is_one_warning()
    {
        var daemon = Start("--master", "--no-orphans", "--log-date", "--die-on-term", "--http-socket", ":0");
        Assert.That(daemon.Count("WRN .*http-socket"), Is.EqualTo(1));
        Assert.That(daemon.Count("WRN"), Is.EqualTo(1));
    }

    [Test]
    public void An_ini_file_governs_as_the_command_line_does()
    {
        var ini = Temp.Write("emperor.ini", $"[uwsgi]\nemperor = {Vassals}\nemperor-wrapper = {TestVassal.VassalProgram.Path}\n");
        Write("a.ini");
        Ask("--ini", ini).AwaitGoverning();
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void An_ini_file_that_is_not_there_is_an_error()
    {
        var daemon = Ask("--ini", Temp["none.ini"]);
        Assert.That(daemon.AwaitEnd(), Is.Not.Zero);
        daemon.Await("none.ini");
    }

    private EmperorProcess Ask(params string[] arguments) => Launch(new EmperorStart { Arguments = arguments, Folder = Temp.Path });
}
