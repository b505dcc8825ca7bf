using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>Vassals run as the owners of their files.</summary>
internal sealed class OwnerTests : TyrantTest
{
    private static readonly string[] MayDiffer = ["EMPEROR_INCARNATION", "UWSGI_EMPEROR_FD", "UWSGI_RELOADS", "UWSGI_ORIGINAL_PROC_NAME"];

    [Test]
    public void A_vassal_sees_no_difference_to_uwsgi_s_emperor([Values(false, true)] bool follows)
    {
        string[] options =
        [
            "--emperor",
            Vassals,
            "--emperor-freq",
            "1",
            "--emperor-tyrant",
            .. follows ? Array.Empty<string>() : ["--emperor-tyrant-nofollow"],
            "--emperor-wrapper",
            TestVassal.VassalProgram.Path,
        ];
        var target = WriteOwned(Temp["app.ini"], Alice, $"report {ReportPath("a.ini")}", "accept");
        OwnLink(Link("a.ini", target), follows ? 0 : Mallory);
        var theirs = Ask("/usr/bin/uwsgi", options);
        var ours = Ask(EmperorProcess.Program, [.. options, "--emperor-death-signal"]);
        var user = follows ? Alice : Mallory;
        Assert.That((ours.Number("uid"), ours.Number("gid")), Is.EqualTo((user, user)));
        foreach (var key in (string[])["uid", "euid", "gid", "egid", "no_new_privs", "umask"])
            Assert.That(ours.Number(key), Is.EqualTo(theirs.Number(key)), key);
        Assert.That(ours.Raw("groups"), Is.EqualTo(theirs.Raw("groups")));
        Assert.That(ours.Arguments, Is.EqualTo(theirs.Arguments));
        Assert.That(ours.Folder, Is.EqualTo(theirs.Folder));
        Assert.That(Variables(ours), Is.EquivalentTo(Variables(theirs)));
    }

    [Test]
    public void A_file_of_root_is_refused_with_what_to_chown_and_started_when_it_is_another_s()
    {
        var path = Write("a.ini", $"report {ReportPath("a.ini")}", "accept");
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitVassal("a.ini", "the file belongs to root, .*chown USER:GROUP .*/a.ini");
        Assert.That(Journal.Starts("a.ini"), Is.Zero);
        Own(path, Alice);
        daemon.AwaitAccepting("a.ini");
        Assert.That(ReportOf("a.ini").Number("uid"), Is.EqualTo(Alice));
    }

    [Test]
    public void A_file_of_the_group_root_is_refused()
    {
        Native.Check(Native.ChangeOwner(Write("a.ini"), Alice, 0), "chown");
        Start("--emperor-tyrant").AwaitVassal("a.ini", "the file belongs to the group root");
    }

    [Test]
    public void A_changed_owner_ends_the_vassal_at_once_and_starts_it_as_the_new_one()
    {
        var path = WriteOwned("a.ini", Alice);
        var daemon = Start("--emperor-tyrant");
        daemon.AwaitAccepting("a.ini");
        var first = Journal.AwaitStart("a.ini").Pid;
        File.Delete(ReportPath("a.ini"));
        var (mark, journal) = (daemon.Mark, Journal.Mark);
        Own(path, Mallory);
        Journal.Await("a.ini", "byte", "0", journal);
        daemon.AwaitAccepting("a.ini", mark);
        Assert.That(ReportOf("a.ini").Number("uid"), Is.EqualTo(Mallory));
        Assert.That(ProcFs.IsAlive(first), Is.False);

        (mark, journal) = (daemon.Mark, Journal.Mark);
        Own(path, 0);
        Journal.Await("a.ini", "byte", "0", journal);
        daemon.AwaitVassal("a.ini", "the file belongs to root", mark);
    }

    [Test]
    public void Supplementary_groups_are_those_of_the_user_only_when_that_is_asked_for()
    {
        Do("chown", "nobody:nogroup", Write("a.ini", $"report {ReportPath("a.ini")}", "accept"));
        var daemon = Start("--emperor-tyrant", "--emperor-tyrant-initgroups");
        daemon.AwaitAccepting("a.ini");
        var expected = Run("id", "-G", "nobody").Output.Trim().Replace(' ', ',');
        Assert.That(ReportOf("a.ini").Raw("groups"), Is.EqualTo($"[{expected}]"));
    }

    [Test]
    public void The_stats_tell_the_owner_and_the_tyrant()
    {
        WriteOwned("a.ini", Alice);
        Start("--emperor-tyrant", "--emperor-stats", Temp["stats"]).AwaitAccepting("a.ini");
        var document = StatsClient.Read(Temp["stats"]);
        Assert.That(document.GetProperty("emperor_tyrant").GetInt32(), Is.EqualTo(1));
        var vassal = document.GetProperty("vassals")[0];
        Assert.That((vassal.GetProperty("uid").GetInt64(), vassal.GetProperty("gid").GetInt64()), Is.EqualTo((Alice, Alice)));
    }

    // It may not kill what is another's either, and its guard may not when it is killed itself.
    [Test]
    public void An_emperor_of_another_user_with_the_two_capabilities_is_a_tyrant_and_lends_none_of_them()
    {
        WriteOwned("a.ini", Alice, $"report {ReportPath("a.ini")}", "ignore-stop", "fork 1", "accept");
        Do("chmod", "755", Vassals);
        var daemon = Start("--emperor-tyrant", "--uid", "nobody", "--gid", "nogroup", "--cap", "setuid,setgid");
        daemon.AwaitAccepting("a.ini");
        var report = ReportOf("a.ini");
        Assert.That((report.Number("uid"), report.Number("gid"), report.Raw("groups")), Is.EqualTo((Alice, Alice, "[]")));
        foreach (var set in (string[])["CapInh", "CapPrm", "CapEff", "CapAmb"])
            Assert.That(StatusLine(report.Number("pid"), set), Is.EqualTo("0000000000000000"), set);
        Assert.That(StatusLine(daemon.Pid, "Uid"), Does.StartWith("65534"));
        daemon.Signal(Native.Kill);
        daemon.AwaitEnd();
        Wait.Until(() => Descendants().Count == 0, Logs);
    }

    [Test]
    public void An_emperor_without_the_capabilities_says_so_and_starts_nothing()
    {
        WriteOwned("a.ini", Alice);
        var daemon = Start("--emperor-tyrant", "--uid", "nobody", "--gid", "nogroup");
        daemon.Await("cannot make vassals run as others; run it as root, or with --cap setuid,setgid");
        Assert.That(Journal.Starts("a.ini"), Is.Zero);
    }

    [Test]
    public void Capabilities_of_vassals_are_bounded([Values(false, true)] bool tyrant)
    {
        WriteOwned("a.ini", Alice);
        Start(["--vassal-cap", "net_bind_service,chown", .. tyrant ? ["--emperor-tyrant"] : Array.Empty<string>()]).AwaitAccepting("a.ini");
        var report = ReportOf("a.ini");
        // CAP_CHOWN 0, CAP_SETPCAP 8 (which uWSGI leaves), CAP_NET_BIND_SERVICE 10.
        Assert.That(StatusLine(report.Number("pid"), "CapBnd"), Is.EqualTo("0000000000000501"));
        Assert.That(StatusLine(report.Number("pid"), "CapEff"), Is.EqualTo(tyrant ? "0000000000000000" : "0000000000000501"));
    }

    [TestCase("--vassal-cap", "net_bind_service,chown", false)]
    [TestCase("--vassal-cap", "net_bind_service,chown", true)]
    [TestCase("--vassals-cap", "setpcap", true)]
    [TestCase("--emperor-cap", "sys_admin,net_admin,kill,setuid,setgid", false)]
    public void Capabilities_of_vassals_are_those_that_they_have_with_uwsgi_s_emperor(string option, string names, bool tyrant)
    {
        WriteOwned("a.ini", Alice);
        string[] options =
        [
            .. (string[])["--emperor", Vassals, "--emperor-freq", "1", option, names],
            .. (string[])["--emperor-wrapper", TestVassal.VassalProgram.Path],
            .. tyrant ? ["--emperor-tyrant"] : Array.Empty<string>(),
        ];
        var seen = ((string[])["/usr/bin/uwsgi", EmperorProcess.Program]).Select(p => CapabilitiesWith(p, options)).ToArray();
        Assert.That(seen[1], Is.EqualTo(seen[0]));
    }

    [Test]
    public void Capabilities_of_an_emperor_that_becomes_another_user_are_those_of_uwsgi_s()
    {
        string[] options = ["--emperor", Vassals, "--uid", "nobody", "--gid", "nogroup", "--cap", "setuid,setgid,kill"];
        var seen = new List<string>();
        foreach (var program in (string[])["/usr/bin/uwsgi", EmperorProcess.Program])
        {
            var daemon = Launch(
                new EmperorStart
                {
                    Program = program,
                    Arguments = options,
                    Folder = Temp.Path,
                }
            );
            daemon.Await("starting uWSGI Emperor|the emperor is governing");
            seen.Add(string.Join(' ', new[] { "Uid", "Gid", "CapPrm", "CapEff" }.Select(k => StatusLine(daemon.Pid, k))));
            _ = Native.Signal(daemon.Pid, Native.Interrupt);
            daemon.AwaitEnd();
        }
        Assert.That(seen[1], Is.EqualTo(seen[0]));
    }

    [Test]
    public void An_emperor_that_never_was_root_is_a_tyrant_with_the_two_capabilities()
    {
        WriteOwned("a.ini", Alice);
        WriteOwned("stubborn.ini", Mallory, "ignore-stop", "fork 2", "accept");
        _ = Native.ChangeMode(Temp.Path, 0b111_101_101);
        _ = Native.ChangeMode(Vassals, 0b111_101_101);
        var daemon = Launch(
            new EmperorStart
            {
                Before =
                [
                    .. (string[])["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
                    .. (string[])["--inh-caps=-all,+setuid,+setgid", "--ambient-caps=-all,+setuid,+setgid", "--no-new-privs", "--"],
                ],
                Arguments =
                [
                    .. (string[])["--emperor", Vassals, "--emperor-tyrant", "--emperor-wrapper", TestVassal.VassalProgram.Path],
                    .. (string[])["--emperor-curse-tolerance", "1"],
                ],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("a.ini");
        var report = ReportOf("a.ini");
        Assert.That((report.Number("uid"), report.Number("gid"), report.Raw("groups")), Is.EqualTo((Alice, Alice, "[]")));
        foreach (var set in (string[])["CapInh", "CapPrm", "CapEff", "CapAmb"])
            Assert.That(StatusLine(report.Number("pid"), set), Is.EqualTo("0000000000000000"), set);
        Assert.That(StatusLine(daemon.Pid, "CapPrm"), Is.EqualTo("00000000000000c0"));
        daemon.AwaitAccepting("stubborn.ini");
        File.Delete($"{Vassals}/stubborn.ini");
        daemon.AwaitVassal("stubborn.ini", "has ended .signal 9");
        var journal = Journal.Mark;
        Assert.That(daemon.Stop(), Is.Zero);
        Journal.Await("a.ini", "byte", "0", journal);
        Assert.That(Descendants(), Is.Empty);
    }

    private string CapabilitiesWith(string program, string[] options)
    {
        File.Delete(ReportPath("a.ini"));
        var daemon = Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = options,
                Folder = Temp.Path,
            }
        );
        var pid = ReportOf("a.ini").Number("pid");
        var seen = string.Join(' ', new[] { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" }.Select(k => $"{k} {StatusLine(pid, k)}"));
        _ = Native.Signal(daemon.Pid, Native.Interrupt);
        daemon.AwaitEnd();
        return seen;
    }

    private static string[] Variables(Report report) =>
        [.. report.Environment.Where(v => !MayDiffer.Contains(v[..v.IndexOf('=', StringComparison.Ordinal)]))];

    private Report Ask(string program, string[] options)
    {
        File.Delete(ReportPath("a.ini"));
        var daemon = Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = options,
                Folder = Temp.Path,
                Environment = new Dictionary<string, string?> { ["UWSGI_EMPEROR_CONTROL"] = null },
            }
        );
        var report = ReportOf("a.ini");
        _ = Native.Signal(daemon.Pid, Native.Interrupt);
        daemon.AwaitEnd();
        return report;
    }
}
