using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>A file that could not be run never takes the place of one that runs.</summary>
internal sealed class RefusedFileTests : EmperorTest
{
    private static readonly TestCaseData<byte[], string>[] Useless =
    [
        new TestCaseData<byte[], string>([], "empty") { TestName = "{m}(empty)" },
        new TestCaseData<byte[], string>([0x7F, (byte)'E', (byte)'L', (byte)'F', 0, 0, 1, 2, 3], "binary|section")
        {
            TestName = "{m}(binary)",
        },
        new TestCaseData<byte[], string>([.. "[other]\nkey = value\n"u8], "section") { TestName = "{m}(without the section)" },
        new TestCaseData<byte[], string>([.. "[ uwsgi ]\nkey = value\n"u8], "section|blank") { TestName = "{m}(a header with blanks)" },
        new TestCaseData<byte[], string>([.. "[emperor]\nexec = sleep 1\nnise = 5\n"u8], "line 3: there is no key \"nise\"")
        {
            TestName = "{m}(an unknown key of a program)",
        },
        new TestCaseData<byte[], string>([.. "[uwsgi]\nmaster = 1\n[emperor]\nexec = sleep 1\n"u8], "line 4: \"exec\" cannot stand here")
        {
            TestName = "{m}(a program beside uwsgi)",
        },
        new TestCaseData<byte[], string>([.. new byte[2 * 1024 * 1024]], "larger|NUL|binary") { TestName = "{m}(two megabytes)" },
    ];

    [TestCaseSource(nameof(Useless))]
    public void A_changed_file_that_is_useless_keeps_the_vassal_and_says_why(byte[] content, string why)
    {
        var daemon = StartWith("a.ini");
        File.WriteAllBytes($"{Vassals}/a.ini", content);
        daemon.AwaitVassal("a.ini", $"its changed file is not taken, and it runs on as it is: .*({why})");
        Assert.That(StateOf(daemon, "a.ini"), Does.Match($"accepting, .*its last change was not taken: .*({why})"));
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty);
        var mark = Journal.Mark;
        Write("a.ini");
        Journal.AwaitReload("a.ini", mark);
        Assert.That(StateOf(daemon, "a.ini"), Does.Not.Contain("not taken"));
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [TestCaseSource(nameof(Useless))]
    public void A_new_file_that_is_useless_is_told_and_starts_when_it_is_mended(byte[] content, string why)
    {
        File.WriteAllBytes($"{Vassals}/a.ini", content);
        var daemon = Start();
        daemon.Await($"ERR a.ini: .*({why})");
        Assert.That(StateOf(daemon, "a.ini"), Does.Contain(": config-error, "));
        Assert.That(Journal.Starts("a.ini"), Is.Zero);
        Write("a.ini");
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_changed_file_that_cannot_be_read_keeps_the_vassal()
    {
        NeedRoot("it starts the daemon as another user");
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Temp["journal"], 0x1B6), "chmod");
        var daemon = StartWith("a.ini", "--uid", "65534", "--gid", "65534");
        var secret = Temp.Write("secret.ini", Script());
        Native.Check(Native.ChangeMode(secret, 0), "chmod");
        Rename(secret, $"{Vassals}/a.ini");
        daemon.AwaitVassal("a.ini", "its changed file is not taken, and it runs on as it is: .*cannot be read");
        Assert.That(StateOf(daemon, "a.ini"), Does.Contain("cannot be read"));
        Assert.That(Journal.Of("a.ini", "byte"), Is.Empty);
    }

    [Test]
    public void A_vassal_that_dies_while_its_file_is_useless_stays_down_and_says_why()
    {
        var daemon = StartWith("a.ini");
        File.WriteAllText($"{Vassals}/a.ini", "");
        daemon.AwaitVassal("a.ini", "its changed file is not taken");
        var mark = Journal.Mark;
        Native.Check(Native.Signal(Journal.AwaitStart("a.ini").Pid, Native.Kill), "kill");
        daemon.Await("ERR a.ini: the file is empty");
        Write("a.ini");
        Journal.AwaitStart("a.ini", mark);
    }
}
