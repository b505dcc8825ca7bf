using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>Attributes of vassals (--emperor-collect-attr, -wrapper-attr, -chdir-attr), which newer uWSGI has.</summary>
internal sealed class AttributeTests : OptionTest
{
    [Test]
    public void Collected_keys_are_in_the_stats_as_they_stand_in_the_file()
    {
        var path = Write("a.ini");
        File.AppendAllText(path, "[emperor]\ntier = gold %(x)\n tier=two\n; tier = no\nteam = \"bäcker\"\n[other]\ntier = no\n");
        var stats = Temp["stats"];
        var daemon = Start("--emperor-collect-attr", "tier", "--emperor-collect-attribute", "team", "--emperor-stats", stats);
        daemon.AwaitAccepting("a.ini");
        var attributes = StatsClient.Vassal(StatsClient.Read(stats), "a.ini").GetProperty("attrs");
        Assert.That(
            attributes.EnumerateArray().Select(a => a.EnumerateObject().Single()).Select(p => $"{p.Name}: {p.Value.GetString()}"),
            Is.EqualTo(new[] { "tier: gold %(x)", "tier: two", "team: \"bäcker\"" })
        );
        // A change is taken, and a key that nobody collects is a mistake as ever.
        File.WriteAllText(path, Script() + "[emperor]\ntier = iron\n");
        StatsClient.Await(stats, "a.ini", v => v.GetProperty("attrs").GetRawText().Contains("iron"));
        File.WriteAllText(path, Script() + "[emperor]\ntier = iron\nother = 1\n");
        daemon.AwaitVassal("a.ini", "there is no key \"other\"");
    }

    [Test]
    public void An_attribute_names_the_program_and_others_have_the_usual_one()
    {
        var record = Temp["record"];
        File.WriteAllText($"{Vassals}/a.ini", $"[uwsgi]\nmaster = true\n[emperor]\nwith = {Recorder(record)}\n");
        Write("b.ini");
        var daemon = Start("--emperor-wrapper-attr", "with");
        Assert.That(Recorded(record), Is.EqualTo(new[] { "--ini", "a.ini" }));
        daemon.AwaitAccepting("b.ini");
        Assert.That(Journal.Starts("b.ini"), Is.EqualTo(1));
    }

    [Test]
    public void A_program_that_is_not_there_is_told_and_a_fallback_is_taken()
    {
        File.WriteAllText($"{Vassals}/a.ini", "[uwsgi]\nmaster = true\n[emperor]\nwith = /no/such/program\n");
        var first = Start("--emperor-wrapper-attr", "with");
        first.AwaitVassal("a.ini", "no program to run it: tried /no/such/program");
        first.Stop();
        var second = Start("--emperor-wrapper-attr", "with", "--emperor-wrapper-fallback", TestVassal.VassalProgram.Path);
        second.AwaitAccepting("a.ini");
    }

    // In newer uWSGI the vassal goes there, and then does not find its file.
    [Test]
    public void An_attribute_names_the_folder_and_the_file_is_found_all_the_same()
    {
        var (home, report) = (Temp.Folder("home of 'a'"), Temp["report"]);
        var path = Write("a.ini", $"report {report}", "accept");
        File.AppendAllText(path, $"[emperor]\nchdir = {home}\n");
        var daemon = Start("--emperor-chdir-attr", "chdir");
        var seen = Report.Await(report, Logs);
        Assert.That(seen.Folder, Is.EqualTo(home));
        Assert.That(seen.Arguments[1..], Is.EqualTo(new[] { "--ini", path }));
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void A_folder_that_is_not_there_is_the_vassal_s_own_trouble()
    {
        var path = Write("a.ini");
        File.AppendAllText(path, "[emperor]\nchdir = /no/such/folder\n");
        Write("b.ini");
        var daemon = Start("--emperor-chdir-attr", "chdir");
        daemon.AwaitAccepting("b.ini");
        daemon.Await(@"^\[a\.ini\] .*/no/such/folder");
        daemon.AwaitVassal("a.ini", "failure 2");
        Directory.CreateDirectory(Temp["later"]);
        File.WriteAllText(path, Script() + $"[emperor]\nchdir = {Temp["later"]}\n");
        daemon.AwaitAccepting("a.ini");
    }

    [Test]
    public void Attributes_without_bounds_are_refused()
    {
        File.WriteAllText($"{Vassals}/long.ini", $"[uwsgi]\nmaster = true\n[emperor]\ntier = {new string('x', 5000)}\n");
        File.WriteAllText(
            $"{Vassals}/many.ini",
            "[uwsgi]\nmaster = true\n[emperor]\n" + string.Concat(Enumerable.Range(0, 100).Select(i => $"tier = {i}\n"))
        );
        var daemon = Start("--emperor-collect-attr", "tier");
        daemon.AwaitVassal("long.ini", "line 4: the attribute tier is longer than 4096 characters; shorten it");
        daemon.AwaitVassal("many.ini", "line 68: there are more than 64 attributes; remove some");
    }
}
