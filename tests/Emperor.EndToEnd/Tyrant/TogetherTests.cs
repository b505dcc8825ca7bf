using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Tyrant;

/// <summary>A tyrant together with the other options that say how a vassal is started.</summary>
internal sealed class TogetherTests : TyrantTest
{
    private string Home(uint user)
    {
        var path = Temp.Folder($"home-{user}");
        Own(path, user);
        _ = Native.ChangeMode(path, 0b111_000_000);
        return path;
    }

    [Test]
    public void The_program_of_an_attribute_is_found_and_run_by_the_owner_alone()
    {
        var home = Home(Alice);
        var program = Executable.Write(
            Temp[$"home-{Alice}/program"],
            $"#!/bin/sh\nid -u >{home}/ran\nexec {TestVassal.VassalProgram.Path} \"$@\"\n"
        );
        Own(program, Alice);
        _ = Native.ChangeMode(program, 0b111_000_000);
        WriteWith("a.ini", Alice, $"with = {program}");
        // What only root may execute he may not.
        WriteWith("m.ini", Mallory, $"with = {program}");
        var daemon = Start("--emperor-tyrant", "--emperor-wrapper-attr", "with");
        daemon.AwaitAccepting("a.ini");
        Assert.That(ReportOf("a.ini").Number("uid"), Is.EqualTo(Alice));
        Assert.That(File.ReadAllText($"{home}/ran"), Is.EqualTo($"{Alice}\n"));
        daemon.AwaitVassal("m.ini", "failure 2");
        Assert.That(File.ReadAllText($"{home}/ran"), Is.EqualTo($"{Alice}\n"));
    }

    [Test]
    public void The_folder_of_an_attribute_is_entered_by_the_owner_alone()
    {
        var home = Home(Alice);
        WriteWith("a.ini", Alice, $"at = {home}");
        WriteWith("m.ini", Mallory, $"at = {home}");
        var daemon = Start("--emperor-tyrant", "--emperor-chdir-attr", "at");
        daemon.AwaitAccepting("a.ini");
        var report = ReportOf("a.ini");
        Assert.That((report.Folder, report.Number("uid")), Is.EqualTo((home, Alice)));
        daemon.AwaitVassal("m.ini", "failure 2");
        Assert.That(Journal.Starts("m.ini"), Is.Zero);
    }

    [Test]
    public void A_file_that_is_executed_is_executed_by_its_owner()
    {
        var said = Temp["reports/said"];
        var path = Executable.Write(
            $"{Vassals}/a.ini",
            $"#!/bin/sh\nid -u >{said}; id -G >>{said}\necho '[uwsgi]'\necho 'master = true'\n"
        );
        Own(path, Alice);
        Launch(new EmperorStart { Arguments = ["--emperor", Vassals, "--emperor-tyrant", "--emperor-magic-exec"], Folder = Temp.Path });
        Wait.Until(() => File.Exists(said) && File.ReadAllLines(said).Length == 2, Logs);
        Assert.That(File.ReadAllLines(said), Is.EqualTo(new[] { $"{Alice}", $"{Alice}" }));
    }

    [Test]
    public void A_zerg_is_its_lord_s_owner_and_so_is_one_after_the_owner_has_changed()
    {
        string[] text = ["[uwsgi]", "x-do = accept", "x-do = byte 30", "[zerg]", $"x-do = report {ReportPath("zerg")}", "x-do = accept"];
        var path = Temp.Write("vassals/lord.ini", string.Join('\n', text) + "\n");
        Own(path, Alice);
        var daemon = Start("--emperor-tyrant", "--emperor-broodlord", "2");
        Assert.That(ReportOf("zerg").Number("uid"), Is.EqualTo(Alice));
        var zerg = Journal.AwaitStart("lord.ini:zerg").Pid;
        File.Delete(ReportPath("zerg"));
        Own(path, Mallory);
        Assert.That(ReportOf("zerg").Number("uid"), Is.EqualTo(Mallory));
        Wait.Until(() => !ProcFs.IsAlive(zerg), () => $"the former zerg lives on\n{Logs()}");
        Assert.That(daemon.Stop(), Is.Zero);
    }

    private void WriteWith(string name, uint owner, string attribute)
    {
        var path = WriteOwned(name, owner);
        File.AppendAllText(path, $"[emperor]\n{attribute}\n");
    }
}
