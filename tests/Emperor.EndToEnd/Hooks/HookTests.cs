using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Hooks;

/// <summary>What runs when vassals, or the emperor, start and end.</summary>
internal sealed class HookTests : HookTest
{
    // All that a hook may see and that is the same under both emperors; one line, written at once.
    private string Look(string name) =>
        $"echo \"{name} $# $1 $(pwd) $(id -u) $UWSGI_VASSALS_DIR\" >>{Temp["looks"]}; env | grep ^UWSGI_VASSAL_ | sort >{Temp[$"env-{name}"]}";

    [Test]
    public void Hooks_run_in_the_same_order_with_the_same_environment_as_with_uwsgi_s_emperor([Values(false, true)] bool tyrant)
    {
        var file = WriteOwned("a.ini", Alice);
        File.WriteAllText(Temp["looks"], "");
        _ = Native.ChangeMode(Temp["looks"], 0b110_110_110);
        _ = Native.ChangeMode(Temp.Path, 0b111_111_111);
        string[] options =
        [
            .. tyrant ? ["--emperor-tyrant"] : Array.Empty<string>(),
            "--vassals-start-hook",
            Program("start", Look("start")),
            "--vassals-stop-hook",
            Program("stop", Look("stop")),
            "--exec-as-vassal",
            Look("exec"),
            "--hook-as-vassal",
            $"exec:{Look("hook")}",
            "--exec-as-emperor",
            Look("emperor"),
        ];
        var looks = new List<string[]>();
        var reports = new List<Report>();
        foreach (var program in (string[])[Uwsgi, EmperorProcess.Program])
        {
            File.WriteAllText(Temp["looks"], "");
            var daemon = StartOne(program, options);
            reports.Add(ReportOf("a.ini"));
            var environment = LinesOf(Temp["env-emperor"], 3);
            Assert.That(
                environment,
                Is.EqualTo(
                    (string[])
                        [
                            "UWSGI_VASSAL_CONFIG=a.ini",
                            $"UWSGI_VASSAL_GID={Alice}",
                            $"UWSGI_VASSAL_PID={ProcessOf(daemon, "a.ini")}",
                            $"UWSGI_VASSAL_UID={Alice}",
                        ]
                ),
                program
            );
            LinesOf(Temp["looks"], 4);
            // uwsgi's emperor tells no vassal to stop when it is told to leave with such a hook: so the file goes.
            File.Delete(file);
            looks.Add([.. LinesOf(Temp["looks"], 5).Select(l => l.Replace("  ", " ")).Order(StringComparer.Ordinal)]);
            var order = File.ReadAllLines(Temp["looks"]).Select(l => l.Split(' ')[0]).Where(n => n != "emperor");
            Assert.That(order, Is.EqualTo(new[] { "start", "hook", "exec", "stop" }), program);
            // All of them are told what uwsgi tells only that one.
            foreach (var hook in program == Uwsgi ? [] : (string[])["start", "hook", "exec", "stop"])
                Assert.That(LinesOf(Temp[$"env-{hook}"], 4), Is.EqualTo(environment), hook);
            End(daemon);
            foreach (var seen in Directory.GetFiles(Temp.Path, "env-*"))
                File.Delete(seen);
            WriteOwned("a.ini", Alice);
        }
        // What uwsgi tells its commands as the emperor of the folder comes of a hook that ran before in that process.
        static string Same(string line) => line.StartsWith("emperor ") ? line.Split(" /")[0] : line;
        Assert.That(looks[1].Select(Same), Is.EqualTo(looks[0].Select(Same)));
        Assert.That(looks[1].Single(l => l.StartsWith("start ")), Is.EqualTo($"start 1 a.ini {Vassals} {(tyrant ? Alice : 0)} {Vassals}"));
        Assert.That(reports[1].Variable("UWSGI_VASSALS_DIR"), Is.EqualTo(Vassals).And.EqualTo(reports[0].Variable("UWSGI_VASSALS_DIR")));
        Assert.That(reports[1].Variable("UWSGI_VASSAL_CONFIG"), Is.Null);
    }

    [Test]
    public void Actions_do_what_they_do_in_uwsgi()
    {
        var file = Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        string[] actions =
        [
            "mkdir:{0}/folder",
            "cd:{0}/folder",
            "write:one first",
            "append:one  second  part",
            "writen:two a line",
            "appendn:two another",
            "appendn:two",
            "create:three",
            "creat:four",
            "unlink:four",
            "chmod:three 640",
            "chown:three nobody nogroup",
            "chown2:two 61001 61002",
            "mkdir:deep",
            "sticky:deep",
            "exec:echo $PWD said >five",
            "safeexec:exit 3",
            "wait_for_file:one",
            "wait_for_dir:deep",
            "wait_for_fs:two",
            "putenv:FROM_HOOK=it's here",
            "print:a word",
            "!exec:echo secret >six",
            // The vassal's file is named from here.
            $"cd:{Vassals}",
        ];
        var trees = new List<string>();
        foreach (var program in (string[])[Uwsgi, EmperorProcess.Program])
        {
            var folder = Temp.Folder("made");
            var daemon = StartOne(program, [.. actions.SelectMany(a => (string[])["--hook-as-vassal", string.Format(a, folder)])]);
            var report = ReportOf("a.ini");
            Assert.That(report.Variable("FROM_HOOK"), Is.EqualTo("it's here"), program);
            daemon.Await("a word");
            trees.Add(
                Run(
                    "sh",
                    "-c",
                    $"cd {folder}; find . | sort | xargs stat -c '%n %a %U %u %g %s'; cd folder; cat one two three five six"
                ).Output
            );
            Assert.That(daemon.Text(), Does.Not.Contain("secret"));
            End(daemon);
            Directory.Delete(folder, recursive: true);
        }
        Assert.That(File.Exists(file));
        Assert.That(trees[1], Is.EqualTo(trees[0]));
        Assert.That(trees[1], Does.Contain("first second  part").And.Contain("/folder said").And.Contain("secret"));
    }

    [TestCase("exec:exit 7", "hook-as-vassal \"exec:exit 7\" ended with exit 7", true)]
    [TestCase("cd:/no/such/folder", "hook-as-vassal \"cd:/no/such/folder\" ended with exit", true)]
    [TestCase("exec:sleep 600", "hook-as-vassal \"exec:sleep 600\" was killed, as at its limit of 1 s", true)]
    [TestCase("safeexec:exit 7", "hook-as-vassal \"safeexec:exit 7\" ended with exit 7", false)]
    public void A_vassal_whose_hook_fails_is_not_started(string hook, string words, bool isFatal)
    {
        Write("a.ini");
        var daemon = Start("--hook-as-vassal", hook, "--emperor-hook-timeout", hook.Contains("sleep") ? "1" : "50");
        daemon.Await(words);
        if (isFatal)
            daemon.AwaitVassal("a.ini", "has ended .exit 1.*next start in");
        else
            daemon.AwaitAccepting("a.ini");
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(isFatal ? 0 : 1));
    }

    [Test]
    public void A_start_hook_that_fails_or_is_not_there_is_named_and_changes_nothing()
    {
        Write("a.ini");
        var daemon = Start("--vassals-start-hook", Program("start", "exit 5"));
        daemon.Await("vassals-start-hook \".*/start\" ended with exit 5");
        daemon.AwaitAccepting("a.ini");
        daemon.Stop();
        daemon = Start("--vassals-start-hook", "/no/such/program");
        daemon.Await("/no/such/program: there is no such program");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_start_hook_may_have_arguments()
    {
        Write("a.ini");
        Start("--vassals-start-hook", $"{Program("start", $"echo \"$@\" >{Temp["said"]}")} --for 'a b'").AwaitAccepting("a.ini");
        Assert.That(File.ReadAllText(Temp["said"]), Is.EqualTo("--for a b a.ini\n"));
    }

    [Test]
    [Takes(32)]
    public void A_hanging_hook_delays_only_its_own_vassal_and_is_killed_with_its_group()
    {
        Write("a.ini");
        Write("b.ini");
        var hang = $"case $UWSGI_VASSAL_CONFIG in a.ini) sleep 600 & echo $! >>{Temp["asleep"]}; sleep 600 ;; esac";
        var daemon = Start("--exec-as-vassal", hang, "--exec-as-emperor", hang, "--emperor-hook-timeout", "15");
        daemon.AwaitAccepting("b.ini");
        var line = Array.FindIndex([.. daemon.Lines], l => l.Contains("b.ini: pid") && l.Contains("accepts"));
        daemon.Await("exec-as-vassal .* was killed, as at its limit of 15 s");
        daemon.AwaitVassal("a.ini", "exec-as-emperor .* has not ended after 15 s, and was killed");
        daemon.AwaitVassal("a.ini", "has ended .exit 1");
        Assert.That(line, Is.LessThan(Array.FindIndex([.. daemon.Lines], l => l.Contains("was killed"))));
        Assert.That(daemon.Count("b.ini: pid .* has ended"), Is.Zero);
        var asleep = LinesOf(Temp["asleep"], 2).Select(int.Parse).ToArray();
        Wait.Until(() => !asleep.Any(p => ProcFs.IsAlive(p) && ProcFs.CommandLine(p) == "sleep 600"), Logs);
    }

    [Test]
    public void A_hook_of_the_emperor_that_fails_is_named_with_its_exit_and_what_it_prints_is_logged()
    {
        Write("a.ini");
        var daemon = Start("--exec-as-emperor", "echo to both; echo of them >&2; exit 9", "--hook-as-emperor", "exec:kill -TERM $$");
        daemon.AwaitVassal("a.ini", "exec-as-emperor .*: to both");
        daemon.AwaitVassal("a.ini", "exec-as-emperor .*: of them");
        daemon.AwaitVassal("a.ini", "exec-as-emperor .* ended with exit 9 after");
        daemon.AwaitVassal("a.ini", "hook-as-emperor .* ended with signal 15 .TERM. after");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_vassal_that_died_is_started_again_when_the_hook_of_its_end_is_done()
    {
        Write("a.ini", "accept");
        Write("b.ini", "accept");
        var gate = Temp["gate"];
        var daemon = Start("--vassals-stop-hook", Program("stop", $"[ $1 != a.ini ] || until [ -e {gate} ]; do sleep 0.05; done; exit 4"));
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitAccepting("b.ini");
        var mark = daemon.Mark;
        foreach (var vassal in (string[])["a.ini", "b.ini"])
            _ = Native.Signal(ProcessOf(daemon, vassal), Native.Kill);
        daemon.AwaitAccepting("b.ini", mark);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
        File.WriteAllText(gate, "");
        daemon.AwaitVassal("a.ini", "vassals-stop-hook .* ended with exit 4 after", mark);
        daemon.AwaitAccepting("a.ini", mark);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(2));
    }

    [Test]
    public void A_vassal_whose_file_goes_while_it_waits_for_its_hook_is_not_started()
    {
        var file = Write("a.ini", "accept");
        var gate = Temp["gate"];
        var daemon = Start("--vassals-stop-hook", Program("stop", $"until [ -e {gate} ]; do sleep 0.05; done"));
        daemon.AwaitAccepting("a.ini");
        var mark = daemon.Mark;
        _ = Native.Signal(ProcessOf(daemon, "a.ini"), Native.Kill);
        daemon.AwaitVassal("a.ini", "has ended .signal 9", mark);
        File.Delete(file);
        daemon.AwaitVassal("a.ini", "was not started", mark);
        File.WriteAllText(gate, "");
        daemon.AwaitVassal("a.ini", "vassals-stop-hook .* ended with exit 0", mark);
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void At_ragnarok_every_vassal_is_told_to_stop_and_all_hooks_of_their_ends_run_side_by_side()
    {
        const int count = 24;
        for (var i = 0; i < count; i++)
            Write($"v{i}.ini", "accept");
        // Each waits for all others.
        var met = Temp.Folder("met");
        var hook = Program("stop", $": >{met}/$1; until [ $(ls {met} | wc -l) = {count} ]; do sleep 0.1; done");
        var daemon = Start("--vassals-stop-hook", hook, "--emperor-hook-timeout", "50");
        for (var i = 0; i < count; i++)
            daemon.AwaitAccepting($"v{i}.ini");
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(daemon.Count("vassals-stop-hook .* ended with exit 0"), Is.EqualTo(count), Logs);
        for (var i = 0; i < count; i++)
            Journal.Await($"v{i}.ini", "byte", "0");
    }

    [Test]
    public void A_second_order_to_leave_ends_hooks_that_hang()
    {
        Write("a.ini", "accept");
        var daemon = StartWith("a.ini", "--vassals-stop-hook", Program("stop", $": >{Temp["begun"]}; sleep 600"));
        daemon.Signal(Native.Terminate);
        Wait.Until(() => File.Exists(Temp["begun"]), Logs);
        Assert.That(daemon.Stop(), Is.Zero);
        daemon.AwaitVassal("a.ini", "vassals-stop-hook .* was killed, because the emperor waits no longer");
    }

    [Test]
    public void Hooks_of_the_emperor_s_start_come_before_the_first_vassal()
    {
        Write("a.ini", "accept");
        var said = Temp["said"];
        var daemon = Start(
            "--hook-emperor-start",
            $"exec:sleep 0.3; ! grep start {Journal.Path}; echo $? >{said}",
            "--hook-emperor-start",
            "print:open"
        );
        daemon.AwaitAccepting("a.ini");
        Assert.That(File.ReadAllText(said), Is.EqualTo("0\n"));
        daemon.Await("INF open");
    }

    [Test]
    public void When_a_hook_of_its_start_fails_the_emperor_does_not_start()
    {
        Write("a.ini", "accept");
        foreach (var program in (string[])[Uwsgi, EmperorProcess.Program])
        {
            var daemon = StartOne(program, "--hook-emperor-start", "exec:exit 3", "--hook-emperor-start", $"write:{Temp["never"]} x");
            Assert.That(daemon.AwaitEnd(), Is.EqualTo(1), daemon.Text());
            Assert.That(File.Exists(Temp["never"]), Is.False);
            Assert.That(Journal.Starts("a.ini"), Is.Zero);
            if (program != Uwsgi)
                daemon.Await("hook-emperor-start \"exec:exit 3\" ended with exit 3");
        }
    }

    [TestCase("hook-as-vassal", "call:setup", "calls a function inside uWSGI's own process")]
    [TestCase("hook-as-emperor", "unix_signal:10 handler", "calls a function inside uWSGI's own process")]
    [TestCase("call-as-vassal1", "setup", "run it by exec-as-vassal")]
    [TestCase("call-as-emperor4", "setup", "run it by exec-as-emperor")]
    [TestCase("hook-as-vassal", "rpc:hello", "needs what only uWSGI's own process has")]
    [TestCase("hook-as-vassal", "dance:now", "asks for what nobody knows (\"dance\")")]
    [TestCase("hook-as-vassal", "nothing", "has no action")]
    [TestCase("hook-emperor-start", "exit:1", "would end the emperor itself")]
    [TestCase("mount-as-vassal", "proc /proc", "names too little to mount")]
    [TestCase("mount-as-vassal", "proc none /proc quick", "has the flag \"quick\", which is none of a mount")]
    public void What_cannot_be_done_is_refused_at_the_start(string option, string value, string words)
    {
        var daemon = StartOne(EmperorProcess.Program, $"--{option}", value);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(2));
        Assert.That(daemon.Text(), Does.Contain(words));
    }

    [Test]
    public void Hooks_hold_for_programs_too_as_the_emperor_s_user_before_they_become_another()
    {
        Temp.Write(
            "vassals/a.ini",
            $"[emperor]\nexec = /bin/sh -c 'pwd >{Temp["where"]}; echo $FROM_HOOK >>{Temp["where"]}; exec sleep 600'\nready = after 0\nuid = nobody\nchdir = /\n"
        );
        _ = Native.ChangeMode(Temp.Path, 0b111_111_111);
        var daemon = Start(
            "--exec-as-vassal",
            $"echo $(id -u) $UWSGI_VASSAL_CONFIG >{Temp["who"]}",
            "--hook-as-vassal",
            "putenv:FROM_HOOK=1",
            "--vassals-stop-hook",
            Program("stop", $"echo $1 >{Temp["stopped"]}")
        );
        daemon.AwaitVassal("a.ini", "is ready");
        Assert.That(LinesOf(Temp["where"], 2), Is.EqualTo(new[] { "/", "1" }));
        Assert.That(File.ReadAllText(Temp["who"]), Is.EqualTo("0 a.ini\n"));
        daemon.Stop();
        Assert.That(File.ReadAllText(Temp["stopped"]), Is.EqualTo("a.ini\n"));
    }
}
