using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Hooks;

/// <summary>--emperor-use-clone.</summary>
internal sealed class NamespaceTests : HookTest
{
    private const string All = "fs,ipc,net,pid,uts";

    [TestCase("fs", "mnt")]
    [TestCase("ipc", "ipc")]
    [TestCase("net", "net")]
    [TestCase("pid", "pid")]
    [TestCase("uts", "uts")]
    [TestCase("mnt,io", "mnt")]
    [TestCase(All, "mnt ipc net pid uts")]
    public void A_vassal_has_the_same_namespaces_as_with_uwsgi_s_emperor(string kinds, string expected)
    {
        Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        var seen = new List<(string Namespaces, string Caps, Report Report)>();
        foreach (var program in (string[])[Uwsgi, EmperorProcess.Program])
        {
            var daemon = StartOne(program, "--emperor-use-clone", kinds);
            var report = ReportOf("a.ini");
            var pid = ProcessOf(daemon, "a.ini");
            seen.Add(
                (
                    Namespaces(pid),
                    $"{StatusLine(pid, "CapEff")} {StatusLine(pid, "CapBnd")} {StatusLine(pid, "NSpid").Split('\t').Length}",
                    report
                )
            );
            End(daemon);
        }
        var (theirs, ours) = (seen[0], seen[1]);
        Assert.That(ours.Namespaces, Is.EqualTo(expected));
        Assert.That((ours.Namespaces, ours.Caps), Is.EqualTo((theirs.Namespaces, theirs.Caps)));
        foreach (var key in (string[])["uid", "gid", "euid", "egid", "umask", "no_new_privs"])
            Assert.That(ours.Report.Number(key), Is.EqualTo(theirs.Report.Number(key)), key);
        if (kinds.Contains("pid"))
            foreach (var key in (string[])["pid", "ppid"])
                Assert.That(ours.Report.Number(key), Is.EqualTo(theirs.Report.Number(key)), key);
        Assert.That(ours.Report.Arguments, Is.EqualTo(theirs.Report.Arguments));
        Assert.That(ours.Report.Folder, Is.EqualTo(theirs.Report.Folder));
        Assert.That(ours.Report.Descriptors, Has.Count.EqualTo(theirs.Report.Descriptors.Count));
        Assert.That(ours.Report.Raw("groups"), Is.EqualTo(theirs.Report.Raw("groups")));
    }

    [Test]
    public void Users_have_a_namespace_with_all_of_them_in_which_uwsgi_starts_nothing()
    {
        Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        var theirs = StartOne(Uwsgi, "--emperor-use-clone", "user");
        theirs.Await(@"setuid\(0\): Invalid argument");
        End(theirs);

        var alone = StartOne(EmperorProcess.Program, "--emperor-use-clone", "user");
        alone.AwaitAccepting("a.ini");
        Assert.That((Namespaces(ProcessOf(alone, "a.ini")), ReportOf("a.ini").Number("uid")), Is.EqualTo(("user", 0)));
        End(alone);

        var ours = StartOne(EmperorProcess.Program, "--emperor-use-clone", $"user,{All}", "--hook-as-vassal", "hostname:jail");
        ours.AwaitAccepting("a.ini");
        var pid = ProcessOf(ours, "a.ini");
        Assert.That(Namespaces(pid), Is.EqualTo("mnt ipc net pid uts user"));
        Assert.That(
            File.ReadAllText($"/proc/{pid}/uid_map").Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1].Trim(),
            Is.EqualTo("4294967295")
        );
        Assert.That(File.ReadAllText($"/proc/{pid}/gid_map"), Is.EqualTo(File.ReadAllText($"/proc/{pid}/uid_map")));
        Assert.That((ReportOf("a.ini").Number("uid"), ReportOf("a.ini").Number("pid")), Is.EqualTo((0, 1)));
        // Root there may become another user, as a uwsgi with uid does.
        var (code, output) = Run(
            "nsenter",
            "-t",
            Text(pid),
            "-U",
            "-u",
            "sh",
            "-c",
            $"hostname; setpriv --reuid={Alice} --clear-groups id -u"
        );
        Assert.That((code, output), Is.EqualTo((0, $"jail\n{Alice}\n")));
    }

    [Test]
    public void The_stats_tell_the_process_number_of_the_host()
    {
        Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        var daemon = Start("--emperor-use-clone", "pid", "--emperor-stats", Temp["stats"]);
        daemon.AwaitAccepting("a.ini");
        var pid = ProcessOf(daemon, "a.ini");
        Assert.That(StatsClient.Read(Temp["stats"]).GetProperty("vassals")[0].GetProperty("pid").GetInt32(), Is.EqualTo(pid));
        Assert.That(ReportOf("a.ini").Number("pid"), Is.EqualTo(1));
    }

    [Test]
    public void In_a_namespace_of_processes_bytes_and_ends_are_heard_and_nothing_is_left_of_its_init()
    {
        Write("a.ini", "fork 2", "daemon 2", "daemon-clearenv 2", "accept");
        var daemon = Start("--emperor-use-clone", "pid");
        daemon.AwaitAccepting("a.ini");
        var pid = ProcessOf(daemon, "a.ini");
        var inside = Inside(pid);
        Assert.That(inside, Has.Count.EqualTo(7));
        var (mark, journal) = (daemon.Mark, Journal.Mark);
        daemon.Signal(Native.Hangup);
        Journal.AwaitReload("a.ini", journal);
        daemon.AwaitAccepting("a.ini", mark);

        mark = daemon.Mark;
        _ = Native.Signal(pid, Native.Kill);
        daemon.AwaitVassal("a.ini", $"pid {pid} has ended .signal 9", mark);
        Assert.That(inside.Where(ProcFs.IsAlive), Is.Empty);
        daemon.AwaitAccepting("a.ini", mark);
        inside = Inside(ProcessOf(daemon, "a.ini"));
        journal = Journal.Mark;
        Assert.That(daemon.Stop(), Is.Zero);
        Journal.Await("a.ini", "byte", "0", journal);
        Assert.That(inside.Where(ProcFs.IsAlive), Is.Empty);
    }

    [TestCase("exec sleep 600", "signal 9")]
    [TestCase("trap \"exit 7\" TERM; sleep 600 & wait", "exit 7")]
    public void The_order_to_stop_reaches_a_program_that_is_the_init_of_its_namespace(string script, string end)
    {
        Temp.Write("vassals/a.ini", $"[emperor]\nexec = /bin/sh -c '{script}'\nready = after 1\nstop-timeout = 600\n");
        var daemon = Start("--emperor-use-clone", "pid");
        daemon.AwaitVassal("a.ini", "is ready");
        // A second says nothing of how far the shell has come; with this its trap is set.
        Wait.Until(() => Descendants().Any(p => ProcFs.CommandLine(p) == "sleep 600"), Logs);
        Assert.That(daemon.Stop(), Is.Zero);
        daemon.AwaitVassal("a.ini", $"has ended .{end}");
    }

    [Test]
    public void A_tyrant_s_vassals_have_namespaces_and_mounts_too()
    {
        // The real one: its vassals never start, because they have no right to mount any more.
        WriteOwned("a.ini", Alice);
        string[] options =
        [
            "--emperor-tyrant",
            "--emperor-use-clone",
            All,
            "--mount-as-vassal",
            "proc none /proc",
            "--hook-as-vassal",
            "hostname:jail",
        ];
        var theirs = StartOne(Uwsgi, options);
        theirs.Await(@"sethostname|uwsgi_mount\(\): Operation not permitted|FATAL hook failed");
        End(theirs);

        var seen = Temp.Folder("seen");
        Own(seen, Alice);
        var command = $"(id -u; id -G; hostname; ls -d /proc/[0-9]* | wc -l) >{seen}/part; mv {seen}/part {seen}/all";
        var ours = StartOne(EmperorProcess.Program, [.. options, "--exec-as-vassal", command]);
        ours.AwaitAccepting("a.ini");
        var lines = LinesOf($"{seen}/all", 4);
        Assert.That(lines[..3], Is.EqualTo(new[] { $"{Alice}", $"{Alice}", "jail" }));
        Assert.That(int.Parse(lines[3]), Is.LessThan(10));
        var report = ReportOf("a.ini");
        Assert.That(
            (report.Number("uid"), report.Number("gid"), report.Raw("groups"), report.Number("pid")),
            Is.EqualTo((Alice, Alice, "[]", 1))
        );
        var pid = ProcessOf(ours, "a.ini");
        Assert.That(Namespaces(pid), Is.EqualTo("mnt ipc net pid uts"));
        Assert.That(StatusLine(pid, "CapPrm"), Is.EqualTo("0000000000000000"));
    }

    [Test]
    public void With_a_namespace_of_users_too_a_tyrant_s_vassal_is_its_owner_inside_and_out()
    {
        WriteOwned("a.ini", Alice);
        var daemon = Start("--emperor-tyrant", "--emperor-use-clone", $"{All},user", "--mount-as-vassal", "proc none /proc");
        daemon.AwaitAccepting("a.ini");
        var pid = ProcessOf(daemon, "a.ini");
        Assert.That(Namespaces(pid), Is.EqualTo("mnt ipc net pid uts user"));
        Assert.That((ReportOf("a.ini").Number("uid"), StatusLine(pid, "Uid")), Is.EqualTo((Alice, $"{Alice}\t{Alice}\t{Alice}\t{Alice}")));
        Assert.That(StatusLine(pid, "CapPrm"), Is.EqualTo("0000000000000000"));
    }

    [Test]
    public void What_a_vassal_mounts_stays_with_it()
    {
        var folder = Temp.Folder("mnt");
        Temp.Write("mnt/below", "");
        Write("a.ini");
        var daemon = Start(
            "--emperor-use-clone",
            "fs",
            "--mount-as-vassal",
            $"tmpfs none {folder} nosuid,nodev size=1m",
            "--exec-as-vassal",
            $"test ! -e {folder}/below && : >{folder}/above"
        );
        daemon.AwaitAccepting("a.ini");
        var mounts = File.ReadAllText($"/proc/{ProcessOf(daemon, "a.ini")}/mounts");
        Assert.That(mounts, Does.Match($"none {folder} tmpfs rw,nosuid,nodev,.*size=1024k"));
        Assert.That(Directory.GetFiles(folder), Is.EqualTo(new[] { $"{folder}/below" }));
        Assert.That(File.ReadAllText("/proc/self/mounts"), Does.Not.Contain(folder));
    }

    [Test]
    public void The_emperor_mounts_and_unmounts_where_it_is_itself()
    {
        var (first, second) = (Temp.Folder("first"), Temp.Folder("second"));
        Write("a.ini");
        try
        {
            var daemon = Start("--mount-as-emperor", $"tmpfs none {first}");
            Wait.Until(() => File.ReadAllText("/proc/self/mounts").Contains($" {first} "), Logs);
            daemon.Stop();
            daemon = Start(
                "--mount-as-emperor",
                $"tmpfs none {second}",
                "--umount-as-emperor",
                first,
                "--umount-as-emperor",
                $"{second} detach"
            );
            daemon.AwaitVassal("a.ini", $"umount-as-emperor \"{second} detach\" ended with exit 0");
            Assert.That(File.ReadAllText("/proc/self/mounts"), Does.Not.Contain(Temp.Path));
        }
        finally
        {
            _ = Run("umount", "-q", first);
        }
    }

    [Test]
    public void An_emperor_without_rights_makes_namespaces_with_those_of_users_and_says_so_without()
    {
        Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        string[] nobody = ["--uid", Text(Alice), "--gid", Text(Alice), "--emperor-use-clone"];
        var daemon = Start([.. nobody, "fs,uts"]);
        daemon.AwaitVassal("a.ini", "without the capability sys_admin, and can make no namespaces; run it as root, or add user");
        daemon.Stop();
        daemon = Start([.. nobody, "pid,user"]);
        daemon.AwaitVassal("a.ini", "run it as root, or take out pid");
        daemon.Stop();
        daemon = Start([.. nobody, "fs,uts,net,user", "--hook-as-vassal", "hostname:jail", "--mount-as-vassal", "tmpfs none /mnt"]);
        daemon.AwaitAccepting("a.ini");
        var pid = ProcessOf(daemon, "a.ini");
        Assert.That(Namespaces(pid), Is.EqualTo("mnt net uts user"));
        Assert.That((ReportOf("a.ini").Number("uid"), StatusLine(pid, "Uid")[..5]), Is.EqualTo((0, Text(Alice))));
    }

    [TestCase("files", "files would have each vassal close the emperor's own descriptors")]
    [TestCase("fs,parent", "parent would make vassals the children of whoever started the emperor")]
    [TestCase("disk", "no namespace is named \"disk\"; there are fs, ipc, net, pid, user and uts")]
    public void What_is_no_namespace_is_refused(string kinds, string words)
    {
        var daemon = StartOne(EmperorProcess.Program, "--emperor-use-clone", kinds);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(2));
        Assert.That(daemon.Text(), Does.Contain(words));
    }

    // Who writes the file shall not get out of what the operator has put him in.
    [Test]
    public void A_command_that_looks_after_a_program_stays_in_its_namespaces([Values] bool isTyrant)
    {
        var seen = Temp.Folder("seen");
        Own(seen, Alice);
        const string tell = "for k in net ipc uts mnt pid; do readlink /proc/self/ns/$k; done; ls -d /proc/[0-9]* | wc -l; hostname; id -u";
        Temp.Write(
            "vassals/a.ini",
            $"""
            [emperor]
            exec = /bin/sh -c '({tell}) >{seen}/m; mv {seen}/m {seen}/main; exec sleep 600'
            ready = exec sh -c '({tell}) >{seen}/r; mv {seen}/r {seen}/ready'
            health = exec sh -c '({tell}) >{seen}/h; mv {seen}/h {seen}/health'
            health-interval = 1

            """
        );
        Own($"{Vassals}/a.ini", Alice);
        var daemon = Start([
            .. isTyrant ? new[] { "--emperor-tyrant" } : [],
            "--emperor-use-clone",
            All,
            "--mount-as-vassal",
            "proc none /proc",
            "--hook-as-vassal",
            "hostname:jail",
        ]);
        daemon.AwaitVassal("a.ini", "is ready");
        var main = LinesOf($"{seen}/main", 8);
        foreach (var command in (string[])["ready", "health"])
        {
            var lines = LinesOf($"{seen}/{command}", 8);
            // Network, IPC and host name are the program's; mounts and processes are its own, made as the program's were.
            Assert.That(lines[..3], Is.EqualTo(main[..3]), command);
            for (var kind = 0; kind < 5; kind++)
                Assert.That(lines[kind], Is.Not.EqualTo(LinkOf($"/proc/self/ns/{"net ipc uts mnt pid".Split(' ')[kind]}")));
            Assert.That(int.Parse(lines[5]), Is.LessThan(10));
            Assert.That(lines[6..], Is.EqualTo(new[] { "jail", isTyrant ? Text(Alice) : "0" }));
        }
    }

    [Test]
    public void With_a_namespace_of_users_no_command_gets_in_or_out()
    {
        var touched = Temp["touched"];
        Temp.Write("vassals/a.ini", $"[emperor]\nexec = sleep 600\nready = exec touch {touched}\nready-timeout = 5\n");
        Start("--emperor-use-clone", "user")
            .AwaitVassal("a.ini", "nothing but its own processes can be let into a vassal's namespace of users");
        Assert.That(touched, Does.Not.Exist);
    }

    [Test]
    public void A_daemon_beside_workers_has_namespaces_of_its_own()
    {
        var home = Temp.Folder("home");
        Temp.Write("home/app.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'']\n");
        Own(home, Alice);
        Temp.Write(
            "vassals/a.ini",
            $"""
            [uwsgi]
            chdir = {home}
            wsgi-file = app.py
            http-socket = {home}/s.sock
            attach-daemon = (for k in net ipc uts mnt pid; do readlink /proc/self/ns/$k; done; id -u) >{home}/d; mv {home}/d {home}/daemon; exec sleep 600

            """
        );
        Own($"{Vassals}/a.ini", Alice);
        var daemon = Start(
            "--emperor-tyrant",
            "--emperor-server",
            "wsgi",
            "--emperor-use-clone",
            All,
            "--mount-as-vassal",
            "proc none /proc"
        );
        daemon.AwaitVassal("a.ini", "is ready");
        var lines = LinesOf($"{home}/daemon", 6);
        for (var kind = 0; kind < 5; kind++)
            Assert.That(lines[kind], Is.Not.EqualTo(LinkOf($"/proc/self/ns/{"net ipc uts mnt pid".Split(' ')[kind]}")));
        Assert.That(lines[5], Is.EqualTo(Text(Alice)));
        Assert.That(daemon.Stop(), Is.Zero);
    }

    private static List<int> Inside(int pid)
    {
        var name = new FileInfo($"/proc/{pid}/ns/pid").LinkTarget;
        return [.. ProcFs.All().Where(p => new FileInfo($"/proc/{p}/ns/pid").LinkTarget == name)];
    }
}
