using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>The examples, each with the real uwsgi: they run, and do what their comments say.</summary>
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
        var daemon = Govern();
        Assert.That(daemon.Count(": pid [0-9]+, start 1 "), Is.EqualTo(_examples.Vassals.Count), Logs());
        foreach (var vassal in _examples.Vassals)
        {
            daemon.AwaitAccepting(vassal);
            var claims = _examples.ClaimsOf(vassal);
            Assert.That(claims, Is.Not.Empty, $"{vassal} does not say how to see it");
            foreach (var claim in claims)
                Assert.That(See(claim), Is.EqualTo(claim.Answer), $"{claim}\n{Logs()}");
        }
        Assert.That(daemon.Lines.Where(line => line.Contains(" WRN ") || line.Contains(" ERR ")), Is.Empty);
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

    private EmperorProcess Govern(IReadOnlyDictionary<string, string?> environment) =>
        Launch(
                new EmperorStart
                {
                    // A uwsgi that is told to stop while it forks its workers waits a minute for those that did not hear of it.
                    Arguments = ["--emperor", _examples.Folder, "--reload-mercy", "3"],
                    Environment = environment,
                    Folder = "/",
                }
            )
            .AwaitGoverning();

    private EmperorProcess Govern() => Govern(new Dictionary<string, string?>());

    // The first line that a command writes.
    private string See(Claim claim) =>
        Command.Run(_examples.Folder, "/bin/sh", "-c", $"{claim.Command} --silent --show-error").Split('\n')[0];
}
