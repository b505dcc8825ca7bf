using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>--emperor-magic-exec, and files of other formats and endings.</summary>
internal sealed class MagicExecTests : OptionTest
{
    private const uint ReadOnly = 0x1A4;
    private const uint Runnable = 0x1ED;

    [Test]
    public void A_vassal_of_a_pattern_is_told_the_same_as_by_uwsgi()
    {
        WriteProgram("a.ini", "[uwsgi]");
        var record = Temp["record"];
        string[] options = ["--emperor", "glob://vassals/*.ini", "--emperor-magic-exec", "--emperor-wrapper", Recorder(record)];
        var theirs = LaunchAs(Uwsgi, [.. options, "--emperor-freq", "1"]);
        var expected = Recorded(record);
        theirs.Signal(Native.Interrupt);
        theirs.AwaitEnd();
        File.Delete(record);
        LaunchAs(EmperorProcess.Program, options);
        Assert.That(Recorded(record), Is.EqualTo(expected));
        Assert.That(expected, Is.EqualTo(new[] { "--ini", "exec://vassals/a.ini" }));
    }

    // uwsgi's emperor hands exec://a.ini to vassals of a folder, where a shell looks for a.ini in PATH, and gives a name to it to read as a command.
    [TestCase("a.ini")]
    [TestCase("a b;touch $(echo X) 'c'.ini")]
    public void What_a_file_prints_configures_a_real_uwsgi(string name)
    {
        WriteProgram(name, "[uwsgi]\nprint = it is run in here\nmaster = true\nsocket = @emperor-test-$$");
        var daemon = StartReal("--emperor-magic-exec");
        daemon.Await(@"\] it is run in here$");
        Assert.That(Directory.GetFiles(Vassals), Has.Length.EqualTo(1), "a name was taken for a command");
    }

    [Test]
    public void A_file_that_becomes_executable_is_run_and_one_that_ceases_to_be_is_read()
    {
        var path = Write("a.ini");
        var record = Temp["record"];
        var daemon = LaunchAs(EmperorProcess.Program, "--emperor", Vassals, "--emperor-magic-exec", "--emperor-wrapper", Recorder(record));
        Assert.That(Recorded(record), Is.EqualTo(new[] { "--ini", "a.ini" }));
        File.Delete(record);
        Native.Check(Native.ChangeMode(path, Runnable), "chmod");
        Assert.That(Recorded(record), Is.EqualTo(new[] { "--ini", "exec://./a.ini" }));
        File.Delete(record);
        // It need not look like a configuration as long as it can be run.
        File.WriteAllText(path, "#!/bin/sh\necho '[uwsgi]'\n");
        daemon.AwaitVassal("a.ini", "reload of pid");
        Native.Check(Native.ChangeMode(path, ReadOnly), "chmod");
        daemon.AwaitVassal("a.ini", "its changed file is not taken");
    }

    [Test]
    public void Without_the_option_nothing_is_run()
    {
        WriteProgram("a.ini", "nothing that uwsgi reads");
        var daemon = Launch("--emperor", Vassals);
        daemon.AwaitVassal("a.ini", "uwsgi");
        Assert.That(Journal.Starts("a.ini"), Is.Zero);
    }

    // What they print, uwsgi prints when it reads its configuration.
    [Test]
    public void Files_of_every_format_are_read_by_the_real_uwsgi_as_under_its_own_emperor()
    {
        var texts = new Dictionary<string, string>
        {
            ["a.ini"] = "[uwsgi]\nprint = read from NAME\nsocket = SOCKET\nmaster = true\n",
            ["b.yaml"] = "uwsgi:\n  print: read from NAME\n  socket: SOCKET\n  master: true\n",
            ["c.yml"] = "uwsgi:\n  print: read from NAME\n  socket: SOCKET\n  master: true\n",
            ["d.json"] = """{"uwsgi": {"print": "read from NAME", "socket": "SOCKET", "master": true}}""",
            ["e.js"] = """{"uwsgi": {"print": "read from NAME", "socket": "SOCKET", "master": true}}""",
            ["f.xml"] = "<uwsgi><print>read from NAME</print><socket>SOCKET</socket><master/></uwsgi>\n",
        };
        foreach (var (name, text) in texts)
            File.WriteAllText($"{Vassals}/{name}", text.Replace("NAME", name).Replace("SOCKET", Temp[$"{name}.sock"]));
        var theirs = LaunchAs(Uwsgi, "--emperor", Vassals, "--emperor-freq", "1");
        foreach (var name in texts.Keys)
            theirs.Await($"read from {name}$");
        theirs.Signal(Native.Interrupt);
        theirs.AwaitEnd();
        var ours = StartReal();
        foreach (var name in texts.Keys)
        {
            ours.Await($@"^\[{name}\] read from {name}$");
            ours.AwaitAccepting(name);
        }
    }

    private void WriteProgram(string name, string output) =>
        Executable.Write($"{Vassals}/{name}", $"#!/bin/sh\ncat <<END\n{output}\nEND\n");
}
