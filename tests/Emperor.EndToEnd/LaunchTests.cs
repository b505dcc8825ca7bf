using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>
/// What a vassal gets from Emperor and from uwsgi's own emperor, side by side: the same program reports what it sees under both.
/// </summary>
internal sealed class LaunchTests : EmperorTest
{
    private const string Uwsgi = "/usr/bin/uwsgi";
    private const int SoftLimit = 777;

    // Emperor's mark of a vassal's tree; the channel's number, which is any; and what uwsgi tells itself for its own reload.
    private static readonly string[] MayDiffer = ["EMPEROR_INCARNATION", "UWSGI_EMPEROR_FD", "UWSGI_RELOADS", "UWSGI_ORIGINAL_PROC_NAME"];

    // As the soft limit is read off the parent, the daemon has one: a shell that hands signals on.
    private static readonly string[] Shell =
    [
        "sh",
        "-c",
        $"ulimit -Sn {SoftLimit}; trap 'kill -TERM $p' TERM; trap 'kill -INT $p' INT; \"$@\" & p=$!; wait $p; wait $p",
        "sh",
    ];

    private static string Program => TestVassal.VassalProgram.Path;

    private static IEnumerable<TestCaseData> Options()
    {
        yield return Case("nothing but a folder", "a.ini", "--emperor-wrapper", Program);
        foreach (var name in (string[])["a.xml", "a.yml", "a.yaml", "a.js", "a.json"])
            yield return Case($"a file {name}", name, "--emperor-wrapper", Program);
        foreach (var option in (string[])["--emperor-extra-extension", "--emperor-extra-ext"])
            yield return Case($"an extra extension by {option}", "a.site", "--emperor-wrapper", Program, option, ".site");
        yield return Case(
            "files before and after",
            "a.ini",
            "--emperor-wrapper",
            Program,
            "--vassals-include",
            "after1.ini",
            "--vassals-include",
            "after2.ini",
            "--vassals-inherit",
            "heir.ini",
            "--vassals-include-before",
            "before.ini",
            "--vassals-inherit-before",
            "template.ini"
        );
        yield return Case("settings", "a.ini", "--emperor-wrapper", Program, "--vassal-set", "one=1", "--vassals-set", "two=a b");
        yield return Case(
            "a wrapper that is overridden",
            "a.ini",
            "--emperor-wrapper",
            "/bin/false",
            "--emperor-wrapper-override",
            Program
        );
        yield return Case("a fallback", "a.ini", "--emperor-wrapper", "/no/such/program", "--emperor-wrapper-fallback", Program);
        yield return Case("a binary path", "a.ini", "--binary-path", Program);

        static TestCaseData Case(string name, string file, params string[] options) =>
            new TestCaseData(file, options) { TestName = $"A vassal sees no difference to uwsgi's emperor ({name})" };
    }

    [TestCaseSource(nameof(Options))]
    public void A_vassal_sees_no_difference_to_uwsgi_s_emperor(string file, string[] options)
    {
        Assert.That(Uwsgi, Does.Exist, "uwsgi, which Emperor is compared with, is not installed: apt-get install uwsgi-core");
        var (theirs, _) = Ask(Uwsgi, file, ["--emperor", Vassals, "--emperor-freq", "1", .. options], null);
        var (ours, daemon) = Ask(EmperorProcess.Program, file, ["--emperor", Vassals, "--emperor-death-signal", .. options], null);
        Compare(ours, theirs);
        Assert.That(ours.Folder, Is.EqualTo(Vassals));
        daemon.Await("the emperor is governing 1 vassals");
    }

    [Test]
    public void A_vassal_of_a_pattern_sees_no_difference_to_uwsgi_s_emperor()
    {
        string[] options = ["--emperor", "glob://vassals/*.ini", "--emperor-freq", "1", "--emperor-wrapper", Program];
        var (theirs, _) = Ask(Uwsgi, "a.ini", options, null);
        var (ours, _) = Ask(EmperorProcess.Program, "a.ini", [.. options, "--emperor-death-signal"], null);
        Compare(ours, theirs);
    }

    [Test]
    public void Of_the_environment_what_is_the_emperor_s_own_stays_there()
    {
        var environment = new Dictionary<string, string?>
        {
            ["UWSGI_EMPEROR"] = Vassals,
            ["UWSGI_EMPEROR_WRAPPER"] = Program,
            ["UWSGI_RELOADS"] = "3",
            ["NOTIFY_SOCKET"] = "/nobody/listens",
            ["UWSGI_VASSAL_PROCESSES"] = "4",
            ["UWSGI_VASSAL_EMPTY"] = "",
            ["ORDINARY"] = "line\nend",
        };
        var (seen, daemon) = Ask(EmperorProcess.Program, "a.ini", [], environment);
        daemon.Await("the emperor is governing 1 vassals");
        Assert.That(seen.Variable("UWSGI_PROCESSES"), Is.EqualTo("4"));
        Assert.That(seen.Variable("UWSGI_EMPTY"), Is.Empty);
        Assert.That(seen.Variable("ORDINARY"), Is.EqualTo("line\nend"));
        foreach (
            var name in (string[])["UWSGI_EMPEROR", "UWSGI_EMPEROR_WRAPPER", "UWSGI_RELOADS", "NOTIFY_SOCKET", "UWSGI_VASSAL_PROCESSES"]
        )
            Assert.That(seen.Variable(name), Is.Null, name);
    }

    [Test]
    public void When_no_program_is_there_one_error_names_what_was_tried_and_the_cure()
    {
        Write("a.ini");
        var program = Temp["later"];
        var daemon = Launch(
            new EmperorStart
            {
                Arguments =
                [
                    .. (string[])["--emperor", Vassals, "--emperor-throttle", "100", "--emperor-max-throttle", "200"],
                    .. (string[])
                        [
                            "--emperor-wrapper-override",
                            "no-such-a",
                            "--emperor-wrapper",
                            program,
                            "--emperor-wrapper-fallback",
                            "no-such-b",
                        ],
                ],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitVassal("a.ini", $"no program to run it: tried no-such-a, {program}, no-such-b .*install uwsgi");
        Wait.Until(
            () => StateOf(daemon, "a.ini") is var state && state.Contains("backoff") && !state.Contains("failures 1,"),
            () => Logs()
        );
        Assert.That(daemon.Count("ERR a.ini"), Is.EqualTo(1), Logs());
        File.CreateSymbolicLink(program, Program);
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_program_without_execute_permission_is_passed_over()
    {
        Write("a.ini");
        var (first, second) = (Temp.Write("first", "#!/bin/sh\n"), Program);
        var daemon = Launch(
            new EmperorStart
            {
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", first, "--emperor-wrapper-fallback", second],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("a.ini");
    }

    private static void Compare(Report ours, Report theirs)
    {
        Assert.Multiple(() =>
        {
            Assert.That(ours.Arguments, Is.EqualTo(theirs.Arguments), "argv");
            Assert.That(Variables(ours), Is.EquivalentTo(Variables(theirs)), "environment");
            Assert.That(ours.Folder, Is.EqualTo(theirs.Folder), "working folder");
            Assert.That(Descriptors(ours), Is.EqualTo(Descriptors(theirs)), "descriptors");
            Assert.That(Descriptors(ours)[0], Is.EqualTo("0 /dev/null"));
            Assert.That(ours.Descriptors, Has.Count.EqualTo(4), "descriptors besides 0, 1, 2 and the channel");
            foreach (
                var number in (string[])
                    ["parent_death_signal", "umask", "uid", "gid", "nofile_soft", "nofile_hard", "no_new_privs", "oom_score_adj"]
            )
                Assert.That(ours.Number(number), Is.EqualTo(theirs.Number(number)), number);
            Assert.That(ours.Number("nofile_soft"), Is.EqualTo(SoftLimit));
            Assert.That(ours.Raw("signals_blocked"), Is.EqualTo(theirs.Raw("signals_blocked")), "blocked signals");
            // uwsgi hands SIGPIPE down ignored, by accident of its own needs; here every signal is at its default, but for the two that
            // are the C library's own (posix_spawn leaves them ignored, and whoever uses them sets its own handlers).
            Assert.That(ours.Raw("signals_ignored"), Is.EqualTo("[]").Or.EqualTo("[32, 33]"), "ignored signals");
            // And each vassal leads a session of its own, by which its tree is found and ended.
            Assert.That(ours.Number("sid"), Is.EqualTo(ours.Number("pid")));
        });
    }

    private static string[] Variables(Report report) =>
        [.. report.Environment.Where(v => !MayDiffer.Contains(v[..v.IndexOf('=')])).Order(StringComparer.Ordinal)];

    // Pipes and sockets are each run's own; the channel's number is any, and is told in the environment.
    private static string[] Descriptors(Report report)
    {
        var channel = int.Parse(report.Variable("UWSGI_EMPEROR_FD")!);
        return [.. report.Descriptors.OrderBy(d => d.Key).Select(d => $"{(d.Key == channel ? "channel" : d.Key)} {d.Value.Split('[')[0]}")];
    }

    private (Report Report, EmperorProcess Daemon) Ask(
        string program,
        string file,
        string[] options,
        IReadOnlyDictionary<string, string?>? environment
    )
    {
        var report = Temp["report"];
        File.Delete(report);
        Write(file, $"report {report}", "accept", "loyal");
        var daemon = Launch(
            new EmperorStart
            {
                Before = Shell,
                Program = program,
                Arguments = options,
                Environment = environment ?? new Dictionary<string, string?>(),
                Folder = Temp.Path,
            }
        );
        var seen = Report.Await(report, Logs);
        daemon.Signal(Native.Interrupt);
        daemon.AwaitEnd();
        return (seen, daemon);
    }
}
