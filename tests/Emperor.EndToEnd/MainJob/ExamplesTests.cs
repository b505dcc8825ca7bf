using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>The examples, those of uwsgi with the real one: they run, and do what their comments say.</summary>
internal sealed class ExamplesTests : EmperorTest
{
    private Examples _examples = null!;

    [SetUp]
    public void CopyExamples()
    {
        Installed.Require();
        _examples = Examples.Copy(Temp);
    }

    [Test]
    public void Every_example_answers_as_it_says()
    {
        var daemon = Govern(new Dictionary<string, string?>(), "--emperor", _examples.UwsgiFolder);
        foreach (var vassal in _examples.Vassals.Concat(_examples.UwsgiVassals))
        {
            daemon.AwaitVassal(Path.GetFileName(vassal), "(accepts requests|is ready after|it waits for connections)");
            var claims = _examples.ClaimsOf(vassal);
            Assert.That(claims, Is.Not.Empty, $"{vassal} does not say how to see it");
            foreach (var claim in claims)
                Assert.That(See(claim), Is.EqualTo(claim.Answer), $"{claim}\n{Logs()}");
        }
        Assert.That(daemon.Lines.Where(line => line.Contains(" WRN ") || line.Contains(" ERR ")), Is.Empty);
    }

    [Test]
    public void Without_uwsgi_they_all_run_and_the_status_is_green()
    {
        var control = Temp["control"];
        var daemon = Govern(new Dictionary<string, string?>(), "--binary-path", "/no/such/uwsgi", "--emperor-control", control);
        foreach (var vassal in _examples.Vassals)
        {
            daemon.AwaitVassal(vassal, "(is ready after|it waits for connections)");
            foreach (var claim in _examples.ClaimsOf(vassal))
                Assert.That(See(claim), Is.EqualTo(claim.Answer), $"{claim}\n{Logs()}");
        }
        Assert.That(daemon.Lines.Where(line => line.Contains(" WRN ") || line.Contains(" ERR ")), Is.Empty);
        Command.Run(Temp.Path, EmperorProcess.Program, "status", "--socket", control);
        // What a browser gets.
        var page = Command.Run(
            Temp.Path,
            "/bin/sh",
            "-c",
            _examples.ClaimsOf("hello.ini")[0].Command.Replace("curl", "curl --silent -H 'Accept: text/html,*/*'")
        );
        Assert.That(page, Does.StartWith("<!doctype html>").And.Contains("<h1>Hello from hello.ini</h1>"));
    }

    [Test]
    public void Without_uwsgi_one_that_it_alone_can_read_says_so()
    {
        var daemon = Govern(new Dictionary<string, string?>(), "--binary-path", "/no/such/uwsgi", "--emperor", _examples.UwsgiFolder);
        daemon.AwaitVassal(
            "format.yml",
            "no program to run it: tried /no/such/uwsgi .*; install uwsgi.*; without it files are run that name a Python app"
        );
    }

    [Test]
    public void The_first_program_serves_on_when_its_file_is_broken()
    {
        var daemon = Govern();
        daemon.AwaitVassal("program.ini", "is ready after");
        var file = $"{_examples.Folder}/program.ini";
        var mark = daemon.Mark;
        var text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("exec = python3", "exec = false"));
        daemon.AwaitVassal("program.ini", "the reload failed: .*; the former processes serve on", mark);
        var claim = _examples.ClaimsOf("program.ini").Single();
        Assert.That(See(claim), Is.EqualTo(claim.Answer), Logs());

        mark = daemon.Mark;
        File.WriteAllText(file, text);
        daemon.AwaitVassal("program.ini", "it is reloaded", mark);
        Assert.That(See(claim), Is.EqualTo(claim.Answer), Logs());
    }

    [Test]
    public void The_first_example_does_all_that_its_comment_says()
    {
        var daemon = Govern();
        var file = $"{_examples.Folder}/hello.ini";
        daemon.AwaitAccepting("hello.ini");

        var mark = daemon.Mark;
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        daemon.AwaitVassal("hello.ini", "reload of pid", mark);
        daemon.AwaitAccepting("hello.ini", mark);

        mark = daemon.Mark;
        var text = File.ReadAllText(file);
        File.WriteAllText(file, "");
        daemon.AwaitVassal("hello.ini", "its changed file is not taken", mark);
        File.WriteAllText(file, text);
        daemon.AwaitAccepting("hello.ini", mark);

        mark = daemon.Mark;
        Rename(file, $"{_examples.Folder}/hello.off");
        daemon.AwaitVassal("hello.ini", "has ended", mark);
    }

    [Test]
    public void One_link_to_a_skeleton_reloads_alone_and_the_skeleton_reloads_both()
    {
        var daemon = Govern();
        daemon.AwaitAccepting("red.ini");
        daemon.AwaitAccepting("green.ini");
        var mark = daemon.Mark;
        Native.TouchLink($"{_examples.Folder}/red.ini");
        daemon.AwaitVassal("red.ini", "reload of pid", mark);
        daemon.AwaitAccepting("red.ini", mark);
        Assert.That(daemon.Count(" green.ini: reload"), Is.Zero, Logs());

        mark = daemon.Mark;
        File.SetLastWriteTimeUtc($"{_examples.Folder}/skeleton/site.ini", DateTime.UtcNow);
        daemon.AwaitVassal("red.ini", "reload of pid", mark);
        daemon.AwaitVassal("green.ini", "reload of pid", mark);
        daemon.AwaitAccepting("red.ini", mark);
        daemon.AwaitAccepting("green.ini", mark);
    }

    [Test]
    public void A_condition_looks_at_the_environment()
    {
        var daemon = Govern(new Dictionary<string, string?> { ["GREETING"] = "Good morning" });
        daemon.AwaitAccepting("conditions.ini");
        Assert.That(See(_examples.ClaimsOf("conditions.ini").Single()), Is.EqualTo("Good morning"));
    }

    private EmperorProcess Govern(IReadOnlyDictionary<string, string?> environment, params string[] options) =>
        Launch(
                new EmperorStart
                {
                    // A uwsgi that is told to stop while it forks its workers waits a minute for those that did not hear of it.
                    Arguments = ["--emperor", _examples.Folder, "--reload-mercy", "3", .. options],
                    Environment = environment,
                    Folder = "/",
                }
            )
            .AwaitGoverning();

    private EmperorProcess Govern() => Govern(new Dictionary<string, string?>());

    // The first line that a command writes.
    private string See(Claim claim) =>
        Command.Run(_examples.Folder, "/bin/sh", "-c", claim.Command.Replace("curl ", "curl --silent --show-error ")).Split('\n')[0];
}
