using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>Options that are held against the installed uwsgi's emperor nowhere else: what a user, or a vassal, sees of each under both.</summary>
internal sealed class SideBySideTests : OptionTest
{
    private static readonly string[] Programs = [Uwsgi, EmperorProcess.Program];

    [Test]
    public void The_emperor_s_files_and_name_and_what_it_tells_its_vassals()
    {
        var told = new List<string>();
        foreach (var program in Programs)
        {
            var (skeleton, pidFile) = (Temp.Write("skeleton.ini", Script("accept")), Temp["pid"]);
            var link = Link("a.ini", skeleton);
            var journal = Journal.Mark;
            var daemon = StartOver(
                program,
                "--early-emperor",
                "--emperor-pidfile",
                pidFile,
                "--emperor-procname",
                "his-majesty",
                "--emperor-nofollow",
                "--emperor-graceful-shutdown"
            );
            Journal.AwaitStart("a.ini", journal);
            Wait.Until(() => ProcFs.CommandLine(daemon.Pid).Trim() == "his-majesty", Logs);
            Assert.That(File.ReadAllText(pidFile), Is.EqualTo($"{daemon.Pid}\n"), program);
            // A new vassal is seen no sooner than what happened before it.
            File.AppendAllText(skeleton, "threads = 2\n");
            Write("b.ini", "accept");
            Journal.AwaitStart("b.ini", journal);
            // uwsgi compares whole seconds, and all of this may have happened within one.
            Native.TouchLink(link, DateTimeOffset.UtcNow.AddMinutes(1));
            Journal.AwaitReload("a.ini", journal);
            File.Delete($"{Vassals}/b.ini");
            Journal.AwaitStop("b.ini", journal);
            daemon.Signal(Native.Interrupt);
            daemon.AwaitEnd();
            Assert.That(File.Exists(pidFile), Is.EqualTo(program == Uwsgi), "uwsgi leaves it behind");
            told.Add(Told("a.ini", journal) + Told("b.ini", journal));
            File.Delete(link);
        }
        Assert.That(told[1], Is.EqualTo(told[0]).And.EqualTo("byte 1, byte 2, stop; byte 2, stop; "));
    }

    [Test]
    public void What_has_no_heart_any_more_or_closes_its_channel_is_replaced_and_what_dies_early_waits()
    {
        Write("heart.ini", "accept", "loyal", "byte 26");
        Write("cursed.ini", "accept", "loyal", "close");
        Write("bad.ini", "exit 3");
        foreach (var program in Programs)
        {
            var journal = Journal.Mark;
            int Starts(string vassal) => Journal.Lines.Skip(journal).Count(l => l.Event == "start" && l.Vassal == vassal);
            var daemon = StartOver(
                program,
                "--emperor-required-heartbeat",
                "1",
                "--emperor-curse-tolerance",
                "1",
                "--emperor-throttle",
                "600000",
                "--emperor-max-throttle",
                "600000"
            );
            Wait.Until(() => Starts("heart.ini") > 1 && Starts("cursed.ini") > 1, Logs);
            Assert.That(Starts("bad.ini"), Is.EqualTo(2), program);
            // uwsgi's would wait half a minute for the one that it cannot tell to stop.
            daemon.Signal(program == Uwsgi ? Native.Kill : Native.Interrupt);
            daemon.AwaitEnd();
        }
    }

    [Test]
    public void Without_a_blacklist_what_dies_early_does_not_wait()
    {
        Write("bad.ini", "exit 3");
        foreach (var program in Programs)
        {
            var journal = Journal.Mark;
            var daemon = StartOver(program, "--emperor-no-blacklist", "--emperor-throttle", "600000");
            Wait.Until(() => Journal.Lines.Skip(journal).Count(l => l.Event == "start") > 4, Logs);
            // uwsgi's starts it without a pause until it is let go.
            daemon.Signal(program == Uwsgi ? Native.Kill : Native.Interrupt);
            daemon.AwaitEnd();
        }
    }

    [Test]
    public void Mounts_are_made_and_taken_away_where_the_vassal_is_and_where_the_emperor_is()
    {
        NeedRoot("file systems are mounted");
        Write("a.ini", "accept");
        string[] places = ["one", "two", "three", "four"];
        var (one, two, three, four) = (Temp.Folder(places[0]), Temp.Folder(places[1]), Temp.Folder(places[2]), Temp.Folder(places[3]));
        string[] options =
        [
            .. (string[])["--emperor-use-clone", "fs", "--mount-as-vassal", $"tmpfs none {one} nosuid,nodev"],
            .. (string[])["--mount-as-vassal", $"tmpfs none {two}", "--umount-as-vassal", two],
            .. (string[])["--mount-as-emperor", $"tmpfs none {three}", "--mount-as-emperor", $"tmpfs none {four} noexec"],
            .. (string[])["--umount-as-emperor", three],
        ];
        var seen = new List<string[]>();
        foreach (var program in Programs)
        {
            try
            {
                var journal = Journal.Mark;
                var daemon = StartOver(program, options);
                var vassal = Journal.AwaitStart("a.ini", journal).Pid;
                Wait.Until(() => MountsOf("self") is [var only] && only.Contains(four, StringComparison.Ordinal), Logs);
                // The emperor's own may come before or after the vassal has a namespace of its own, and are in it or not.
                var its = MountsOf(Text(vassal)).Where(l => !l.Contains($" {three} ") && !l.Contains($" {four} "));
                seen.Add([.. its, .. MountsOf("self")]);
                daemon.Signal(Native.Interrupt);
                daemon.AwaitEnd();
            }
            finally
            {
                foreach (var left in MountsOf("self").Reverse())
                    System.Diagnostics.Process.Start("umount", left.Split(' ')[1]).WaitForExit();
            }
        }
        Assert.That(seen[1], Is.EqualTo(seen[0]));
        Assert.That(
            seen[1],
            Is.EqualTo(new[] { $"none {one} tmpfs rw,nosuid,nodev,relatime 0 0", $"none {four} tmpfs rw,noexec,relatime 0 0" })
        );
    }

    // uwsgi's emperor is started anew by a reload, so the hooks of its start run again; and its heart does not beat, which is for servers there.
    [TestCase("00", "stop")]
    [TestCase("", "lost")]
    public void Hooks_and_the_heart_of_an_emperor_that_is_a_vassal(string order, string end)
    {
        Write("a.ini", "accept");
        var lord = Script(
            "lord",
            """
            #!/usr/bin/python3
            import os, socket, subprocess, sys, time
            ours, theirs = socket.socketpair()
            child = subprocess.Popen(sys.argv[3:], pass_fds=[theirs.fileno()], env={**os.environ, "UWSGI_EMPEROR_FD": str(theirs.fileno())})
            theirs.close()
            said = b""
            while b"\x11" not in said: said += ours.recv(16)
            ours.send(b"\x01")
            heard = said
            while not os.path.exists(sys.argv[2]) or "reload" not in open(sys.argv[2]).read(): time.sleep(0.01)
            said = b""
            while b"\x11" not in said: said += ours.recv(16)
            ours.send(bytes.fromhex(sys.argv[1])) if sys.argv[1] else ours.close()
            child.wait()
            print("heard", (heard + said).hex())

            """
        );
        var hooks = Temp["hooks"];
        foreach (var program in Programs)
        {
            File.Delete(hooks);
            var daemon = LaunchAs(
                lord,
                [
                    .. (string[])[order, hooks, program, "--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path],
                    .. (string[])
                        [
                            "--heartbeat",
                            "1",
                            "--hook-emperor-start",
                            $"exec:echo start >>{hooks}",
                            "--hook-emperor-stop",
                            $"exec:echo stop >>{hooks}",
                        ],
                    .. (string[])
                        ["--hook-emperor-reload", $"exec:echo reload >>{hooks}", "--hook-emperor-lost", $"exec:echo lost >>{hooks}"],
                ]
            );
            Assert.That(daemon.AwaitEnd(), Is.Zero);
            string[] again = program == Uwsgi ? ["start"] : [];
            Assert.That(File.ReadAllLines(hooks), Is.EqualTo((string[])["start", "reload", .. again, end]), program);
            Assert.That(daemon.Await("^heard ").Contains("1a", StringComparison.Ordinal), Is.EqualTo(program != Uwsgi));
            Wait.Until(() => Descendants().Count == 0, Logs);
        }
    }

    [TestCase("--imperial-monitor-list")]
    [TestCase("--imperial-monitors-list")]
    public void The_monitors_are_listed(string option)
    {
        var lists = Programs.Select(program =>
        {
            var daemon = LaunchAs(program, option);
            daemon.AwaitEnd();
            return daemon.Lines.SkipWhile(l => l.Length == 0 || !l.Contains("imperial monitors")).TakeWhile(l => l.Length > 0).ToArray();
        });
        Assert.That(lists.Last(), Is.EqualTo(lists.First()).And.Contains("glob"));
    }

    private EmperorProcess StartOver(string program, params string[] options) =>
        LaunchAs(program, ["--emperor", Vassals, "--emperor-freq", "1", "--emperor-wrapper", TestVassal.VassalProgram.Path, .. options]);

    private string Told(string vassal, int from) =>
        string.Join(
            ", ",
            Journal
                .Lines.Skip(from)
                .Where(l => l.Vassal == vassal && l.Event is ("byte" or "stop"))
                .Select(l => $"{l.Event} {l.Detail}".Trim())
        ) + "; ";

    private string[] MountsOf(string process) =>
        [.. File.ReadAllLines($"/proc/{process}/mounts").Where(l => l.Contains(Temp.Path, StringComparison.Ordinal))];
}
