using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>Vassals by a pattern, which are named by their paths.</summary>
internal sealed class GlobTests : EmperorTest
{
    [TestCase("")]
    [TestCase("glob://")]
    public void A_pattern_finds_files_of_many_folders_and_those_that_appear_later(string scheme)
    {
        Temp.Folder("sites/one");
        Write(Temp["sites/one/uwsgi.ini"]);
        var daemon = Launch("--emperor", $"{scheme}{Temp.Path}/sites/*/uwsgi.ini").AwaitGoverning();
        daemon.AwaitAccepting(Temp["sites/one/uwsgi.ini"]);

        Temp.Folder("sites/two");
        Write(Temp["sites/two/uwsgi.ini"]);
        Journal.AwaitStart(Temp["sites/two/uwsgi.ini"]);

        var mark = Journal.Mark;
        File.AppendAllText(Temp["sites/one/uwsgi.ini"], "threads = 2\n");
        Journal.AwaitReload(Temp["sites/one/uwsgi.ini"], mark);

        mark = Journal.Mark;
        Directory.Delete(Temp["sites/one"], recursive: true);
        Journal.AwaitStop(Temp["sites/one/uwsgi.ini"], mark);
    }

    [Test]
    public void A_folder_that_is_renamed_into_a_pattern_s_reach_is_seen()
    {
        Temp.Folder("sites");
        Temp.Folder("made/app");
        Write(Temp["made/app/uwsgi.ini"]);
        Launch("--emperor", $"{Temp.Path}/sites/*/uwsgi.ini").AwaitGoverning();
        Rename(Temp["made/app"], Temp["sites/app"]);
        Journal.AwaitStart(Temp["sites/app/uwsgi.ini"]);
        Rename(Temp["sites/app"], Temp["made/app"]);
        Journal.AwaitStop(Temp["sites/app/uwsgi.ini"]);
    }

    [Test]
    public void A_pattern_under_a_folder_that_is_not_there_yet_is_watched_for()
    {
        Launch("--emperor", $"{Temp.Path}/srv/sites/*/conf/*.ini").AwaitGoverning();
        Temp.Folder("srv/sites/app/conf");
        Write(Temp["srv/sites/app/conf/web.ini"]);
        Journal.AwaitStart(Temp["srv/sites/app/conf/web.ini"]);
    }

    [Test]
    public void A_relative_pattern_names_vassals_as_it_is_spelt()
    {
        Temp.Folder("sites");
        Write(Temp["sites/a.ini"], $"report {Temp["report"]}", "accept");
        var daemon = Launch("--emperor", "sites/*.ini").AwaitGoverning();
        daemon.AwaitAccepting("sites/a.ini");
        Assert.That(Report.Read(Temp["report"]).Folder, Is.EqualTo(Temp.Path), "the working folder");
        Write(Temp["sites/b.ini"]);
        Journal.AwaitStart("sites/b.ini");
    }

    [Test]
    public void A_link_s_target_behind_a_pattern_is_followed()
    {
        Temp.Folder("sites");
        Temp.Folder("apps");
        Write(Temp["apps/a.ini"]);
        Link(Temp["sites/a.ini"], "../apps/a.ini");
        var daemon = Launch("--emperor", $"{Temp.Path}/sites/*.ini").AwaitGoverning();
        daemon.AwaitAccepting(Temp["sites/a.ini"]);
        var mark = Journal.Mark;
        Rename(Temp.Write("new.ini", Script() + "# new\n"), Temp["apps/a.ini"]);
        Journal.AwaitReload(Temp["sites/a.ini"], mark);
        mark = Journal.Mark;
        File.Delete(Temp["apps/a.ini"]);
        Journal.AwaitStop(Temp["sites/a.ini"], mark);
        Write(Temp["apps/a.ini"]);
        Journal.AwaitStart(Temp["sites/a.ini"], mark);
    }

    [Test]
    public void A_folder_and_a_pattern_govern_together()
    {
        Temp.Folder("sites");
        Write("a.ini");
        var daemon = Launch("--emperor", Vassals, "--emperor", $"glob://{Temp.Path}/sites/*.ini").AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        Write(Temp["sites/b.ini"]);
        Journal.AwaitStart(Temp["sites/b.ini"]);
        Write("c.ini");
        Journal.AwaitStart("c.ini");
    }

    [Test]
    public void A_single_file_is_a_pattern_of_one()
    {
        var file = Write("a.ini");
        Write("b.ini");
        var daemon = Launch("--emperor", file).AwaitGoverning();
        daemon.AwaitAccepting(file);
        var mark = Journal.Mark;
        File.AppendAllText(file, "threads = 2\n");
        Journal.AwaitReload(file, mark);
        Assert.That(Journal.Lines.Count(l => l.Event == "start"), Is.EqualTo(1));
    }
}
