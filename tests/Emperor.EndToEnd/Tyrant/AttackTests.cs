using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>What a user may try to have something run as another, or read with the emperor's rights.</summary>
internal sealed class AttackTests : TyrantTest
{
    private string Home(uint user)
    {
        var path = Temp.Folder($"home-{user}");
        Own(path, user);
        return path;
    }

    [Test]
    public void A_folder_that_others_may_write_to_is_named()
    {
        WriteOwned("a.ini", Alice);
        _ = Native.ChangeMode(Vassals, 0b111_111_111);
        var daemon = Start("--emperor-tyrant");
        daemon.Await($"others may write to the folder {Vassals}, .*chmod go-w {Vassals}");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void In_a_sticky_folder_each_has_vassals_of_his_own()
    {
        _ = Native.ChangeMode(Vassals, 0b1_111_111_111);
        WriteOwned("a.ini", Alice);
        WriteOwned("m.ini", Mallory);
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitAccepting("m.ini");
        Assert.That((ReportOf("a.ini").Number("uid"), ReportOf("m.ini").Number("uid")), Is.EqualTo((Alice, Mallory)));
        Assert.That(daemon.Count("others may write"), Is.Zero);
    }

    [Test]
    public void A_link_of_another_user_to_somebody_s_file_is_refused()
    {
        var file = WriteOwned($"{Home(Alice)}/x.ini", Alice);
        _ = Native.ChangeMode(Vassals, 0b1_111_111_111);
        OwnLink(Link("m.ini", file), Mallory);
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitVassal("m.ini", $"the link .*/m.ini belongs to {Mallory}, who may lead it elsewhere, and the file to {Alice}");
        Assert.That(Journal.Starts("m.ini"), Is.Zero);
    }

    [Test]
    public void A_second_name_that_anybody_may_have_given_to_a_file_is_refused()
    {
        var file = WriteOwned($"{Home(Alice)}/x.ini", Alice);
        _ = Native.ChangeMode(Vassals, 0b1_111_111_111);
        Do("ln", file, $"{Vassals}/m.ini");
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitVassal("m.ini", $"the file of {Alice} has 2 names");
        Assert.That(Journal.Starts("m.ini"), Is.Zero);
    }

    // Mallory may write to it, as one of its group, and to the folder that it was in.
    [Test]
    public void A_file_that_its_group_may_write_and_another_has_moved_here_is_refused()
    {
        _ = Native.ChangeMode(Vassals, 0b1_111_111_111);
        var shared = Temp.Folder("shared");
        Native.Check(Native.ChangeOwner(shared, Alice, Mallory), "chown");
        _ = Native.ChangeMode(shared, 0b111_111_101);
        var file = Write($"{shared}/m.ini", $"report {ReportPath("m.ini")}", "accept");
        Native.Check(Native.ChangeOwner(file, Alice, Mallory), "chown");
        _ = Native.ChangeMode(file, 0b110_110_100);
        var daemon = Start("--emperor-tyrant");
        Assert.That(As(Mallory, "mv", file, $"{Vassals}/m.ini").Code, Is.Zero);
        daemon.AwaitVassal("m.ini", $"its group may write to it, and others may put files into {Vassals}, .*chmod g-w");
        Assert.That(Journal.Starts("m.ini"), Is.Zero);
        // Where nobody else puts files, the group is its owner's affair.
        Link("a.ini", Write($"{shared}/a.ini", $"report {ReportPath("a.ini")}", "accept"));
        Native.Check(Native.ChangeOwner($"{shared}/a.ini", Alice, Mallory), "chown");
        _ = Native.ChangeMode($"{shared}/a.ini", 0b110_110_100);
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_file_that_everybody_may_write_is_refused()
    {
        _ = Native.ChangeMode(WriteOwned("a.ini", Alice), 0b110_110_110);
        Start("--emperor-tyrant").AwaitVassal("a.ini", "everybody may write to it, .*chmod o-w");
    }

    [Test]
    public void A_link_that_is_bent_between_look_and_start_never_runs_one_s_file_as_another()
    {
        var home = Home(Mallory);
        var evil = Temp.Folder("evil");
        _ = Native.ChangeMode(evil, 0b1_111_111_111);
        var hers = WriteOwned($"{Home(Alice)}/x.ini", Alice, "accept");
        WriteOwned($"{home}/x.ini", Mallory, $"report {evil}/report", "accept");
        // The operator has linked what mallory may lead anywhere.
        Link("m.ini", $"{home}/current.ini");
        Do("ln", "-s", $"{home}/x.ini", $"{home}/current.ini");
        OwnLink($"{home}/current.ini", Mallory);
        var daemon = Start("--emperor-tyrant", "--emperor-no-blacklist");
        daemon.AwaitAccepting("m.ini");
        var script =
            $"i=0; while [ $i -lt 150 ]; do ln -sfn {hers} {home}/n; mv -T {home}/n {home}/current.ini; "
            + $"ln -sfn {home}/x.ini {home}/n; mv -T {home}/n {home}/current.ini; i=$((i+1)); done";
        using var watched = new CancellationTokenSource();
        var seen = new HashSet<long>();
        var watch = Task.Run(() =>
        {
            while (!watched.IsCancellationRequested)
            {
                if (File.Exists($"{evil}/report"))
                    seen.Add(Report.Read($"{evil}/report").Number("uid"));
            }
        });
        Assert.That(As(Mallory, "sh", "-c", script).Code, Is.Zero);
        daemon.AwaitAccepting("m.ini", daemon.Mark - 1);
        watched.Cancel();
        watch.GetAwaiter().GetResult();
        seen.Add(Report.Read($"{evil}/report").Number("uid"));
        Assert.That(seen, Is.EqualTo(new HashSet<long> { Mallory }), Logs);
    }

    [Test]
    public void A_folder_of_another_on_the_way_of_a_link_is_refused()
    {
        var home = Home(Mallory);
        _ = Native.ChangeMode(home, 0b111_111_111);
        var file = WriteOwned($"{home}/x.ini", Alice);
        Link("a.ini", file);
        Start("--emperor-tyrant").AwaitVassal("a.ini", $"may put another file in its place, in the folder {home} on its way");
    }

    // The bits of a folder of root's do not tell whom else its access list lets write.
    [Test]
    public void A_folder_of_root_s_in_which_an_access_list_lets_another_write_is_refused()
    {
        const string list = """
            import os, struct, sys
            entries = [(1, 7, -1), (2, 7, int(sys.argv[2])), (4, 5, -1), (16, 7, -1), (32, 5, -1)]
            value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries)
            os.setxattr(sys.argv[1], "system.posix_acl_access", value)
            """;
        var folder = Temp.Folder("shared");
        _ = Native.ChangeMode(folder, 0b111_101_101);
        Link("a.ini", WriteOwned($"{folder}/a.ini", Alice, "accept"));
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitAccepting("a.ini");
        Do("/usr/bin/python3", "-c", list, folder, Text(Mallory));
        Assert.That(As(Mallory, "mv", $"{folder}/a.ini", $"{folder}/away").Code, Is.Zero);
        Assert.That(As(Mallory, "mv", $"{folder}/away", $"{folder}/a.ini").Code, Is.Zero);
        File.SetLastWriteTimeUtc($"{folder}/a.ini", DateTime.UtcNow.AddMinutes(1));
        daemon.AwaitVassal("a.ini", $"may put another file in its place, in the folder {folder} on its way");
    }

    [Test]
    public void A_name_of_any_kind_is_one_argument()
    {
        var folder = Temp.Folder("vassals/..x");
        Assert.That(Directory.Exists(folder));
        foreach (var name in (string[])["--uid=0;id\n--gid=0.ini", "..x.ini", "$(id).ini", "-.ini"])
            WriteOwned(
                name,
                Alice,
                $"report {ReportPath(Path.GetFileName(name).Length.ToString(System.Globalization.CultureInfo.InvariantCulture))}",
                "accept"
            );
        Start("--emperor-tyrant");
        foreach (var name in (string[])["--uid=0;id\n--gid=0.ini", "$(id).ini", "-.ini"])
        {
            var report = ReportOf(name.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.That(report.Number("uid"), Is.EqualTo(Alice));
            Assert.That(report.Arguments[^1], Is.EqualTo(name));
        }
    }

    [TestCase("uid = root", "uid, gid and groups have no place under --emperor-tyrant")]
    [TestCase("gid = 0", "uid, gid and groups have no place under --emperor-tyrant")]
    [TestCase("groups = root", "uid, gid and groups have no place under --emperor-tyrant")]
    [TestCase("read-only = /etc", "read-only is done with root's rights")]
    [TestCase("include = {secret}", "secret.ini")]
    [TestCase("env = X=@({secret})", "secret.ini")]
    [TestCase("env-file = {secret}", "env-file = .*: it cannot be read")]
    [TestCase("chdir = {hidden}", "has ended .exit 125")]
    [TestCase("socket = {hidden}/s", "hidden/s")]
    [TestCase("socket = /run/emperor-test.sock", "/run/emperor-test.sock cannot be bound")]
    [TestCase("socket = 127.0.0.1:81", "cannot be bound")]
    [TestCase("nice = -20", "cannot set niceness")]
    public void A_section_may_ask_for_nothing_that_its_owner_may_not(string line, string words)
    {
        var hidden = Temp.Folder("hidden");
        _ = Native.ChangeMode(hidden, 0b111_000_000);
        // Readable for all by its own mode, were it not for its folder.
        var secret = Temp.Write("hidden/secret.ini", "[emperor]\nenv = SECRET=one\n");
        var shown = line.Replace("{secret}", secret, StringComparison.Ordinal).Replace("{hidden}", hidden, StringComparison.Ordinal);
        var path = Temp.Write("vassals/a.ini", $"[emperor]\nexec = /bin/sh -c 'exec sleep 600'\nready = after 0\n{shown}\n");
        Own(path, Alice);
        var daemon = Start("--emperor-tyrant");
        // Said by the emperor, or by what was to set it.
        daemon.Await($@"a\.ini[:\]] .*({words})");
        // What is just being started becomes her a moment later.
        foreach (var pid in Descendants())
            Wait.Until(() => !ProcFs.IsAlive(pid) || ProcFs.Status(pid, "Uid").StartsWith($"{Alice}", StringComparison.Ordinal), Logs);
        Assert.That(Logs(), Does.Not.Contain("SECRET=one"));
    }

    [Test]
    public void A_program_runs_as_the_owner_in_its_folder_with_what_its_owner_may_read()
    {
        var home = Home(Alice);
        _ = Native.ChangeMode(home, 0b111_000_000);
        Temp.Write($"home-{Alice}/more.env", "FROM_FILE=yes\n");
        Own($"{home}/more.env", Alice);
        _ = Native.ChangeMode($"{home}/more.env", 0b110_000_000);
        var path = Temp.Write(
            "vassals/a.ini",
            $"[emperor]\nexec = /bin/sh -c 'id -u > {home}/said; id -G >> {home}/said; pwd >> {home}/said; echo $FROM_FILE >> {home}/said; exec sleep 600'\n"
                + $"ready = after 0\nchdir = {home}\nenv-file = {home}/more.env\nsocket = {home}/s.sock\n"
        );
        Own(path, Alice);
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitVassal("a.ini", "is ready");
        Wait.Until(() => File.Exists($"{home}/said") && File.ReadAllLines($"{home}/said").Length == 4, Logs);
        Assert.That(File.ReadAllText($"{home}/said"), Is.EqualTo($"{Alice}\n{Alice}\n{home}\nyes\n"));
        Assert.That(Run("stat", "-c", "%u:%g", $"{home}/s.sock").Output.Trim(), Is.EqualTo($"{Alice}:{Alice}"));
    }

    [Test]
    public void The_address_of_an_on_demand_socket_is_bound_with_its_owner_s_rights()
    {
        WriteOwned("a.ini", Alice, "accept");
        Temp.Write("vassals/a.ini.socket", "/run/emperor-test-on-demand.sock");
        WriteOwned("b.ini", Alice, "accept");
        Do("ln", "-s", "/etc/shadow", $"{Vassals}/b.ini.socket");
        var daemon = Start("--emperor-tyrant", "--emperor-on-demand-extension", ".socket");
        daemon.AwaitVassal("a.ini", "/run/emperor-test-on-demand.sock cannot be bound");
        daemon.AwaitVassal("b.ini", "holds its socket's address, cannot be read");
    }

    [Test]
    public void Where_links_count_one_that_others_can_bend_is_refused_and_one_with_a_whole_path_is_not([Values(false, true)] bool sticky)
    {
        var home = Home(Alice);
        WriteOwned($"{home}/app.ini", Alice);
        Temp.Folder("vassals/conf");
        Own($"{Vassals}/conf", Alice);
        WriteOwned("conf/app.ini", Alice);
        OwnLink(Link("bent.ini", "conf/app.ini"), Alice);
        OwnLink(Link("whole.ini", $"{home}/app.ini"), Alice);
        _ = Native.ChangeMode(Vassals, sticky ? 0b1_111_111_111u : 0b111_111_111u);
        string[] options = ["--emperor-tyrant", "--emperor-tyrant-nofollow"];
        var daemon = Start(options);
        daemon.AwaitAccepting("whole.ini");
        // As long as all behind the link is hers, it may be there.
        daemon.AwaitAccepting("bent.ini");
        daemon.Stop();

        // Others may move things in a folder that is not sticky; in a sticky one they may take the place of what is gone.
        var evil =
            $"mkdir {Vassals}/conf; printf '[uwsgi]\\nx-do = report {ReportPath("bent.ini")}\\n' >{Vassals}/conf/app.ini; chmod 644 {Vassals}/conf/app.ini";
        Assert.That(As(sticky ? Alice : Mallory, "mv", $"{Vassals}/conf", $"{Vassals}/gone").Code, Is.Zero);
        Assert.That(As(Mallory, "sh", "-c", evil).Code, Is.Zero);
        var starts = Journal.Starts("bent.ini");
        daemon = Start(options);
        daemon.AwaitVassal(
            "bent.ini",
            $"the link of {Alice} begins where it stands, where others may write .*give it the whole path: ln -sfn /PATH"
        );
        daemon.AwaitAccepting("whole.ini");
        Assert.That(Journal.Starts("bent.ini"), Is.EqualTo(starts));
        Assert.That(File.Exists(ReportPath("bent.ini")), Is.False);
    }

    [Test]
    public void Where_links_count_a_second_name_of_one_that_anybody_may_have_given_is_refused()
    {
        var home = Home(Alice);
        OwnLink(Link($"{home}/x.ini", WriteOwned($"{home}/app.ini", Alice)), Alice);
        _ = Native.ChangeMode(Vassals, 0b1_111_111_111);
        Do("ln", "-P", $"{home}/x.ini", $"{Vassals}/m.ini");
        var daemon = Start("--emperor-tyrant", "--emperor-tyrant-nofollow");
        daemon.AwaitVassal("m.ini", $"the link of {Alice} has 2 names");
        Assert.That(Journal.Starts("m.ini"), Is.Zero);
    }

    [Test]
    public void A_link_of_root_in_a_folder_of_all_runs_as_the_owner_of_the_file_or_not_at_all()
    {
        var home = Home(Alice);
        var file = WriteOwned($"{home}/app.ini", Alice, $"report {ReportPath("a.ini")}", "accept");
        Link("a.ini", file);
        Link("shadow.ini", "/etc/shadow");
        Link("b.ini", "conf/b.ini");
        _ = Native.ChangeMode(Vassals, 0b111_111_111);
        // What root's link leads through is mallory's: it is her file that runs, as her, or nothing does.
        Assert.That(As(Mallory, "sh", "-c", $"mkdir {Vassals}/conf && ln -s {file} {Vassals}/conf/b.ini").Code, Is.Zero);
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitAccepting("a.ini");
        Assert.That(ReportOf("a.ini").Number("uid"), Is.EqualTo(Alice));
        daemon.AwaitVassal("shadow.ini", "the file belongs to root|the file belongs to the group root");
        daemon.AwaitVassal(
            "b.ini",
            $"the link .*/conf/b.ini belongs to {Mallory}, who may lead it elsewhere|may put another file in its place"
        );
        daemon.Stop();
        daemon = Start("--emperor-tyrant", "--emperor-tyrant-nofollow");
        foreach (var name in (string[])["a.ini", "shadow.ini", "b.ini"])
            daemon.AwaitVassal(name, "the link belongs to root");
    }
}
