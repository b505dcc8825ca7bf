using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>Vassals whose files are links, and what happens at any step of the way to their ends.</summary>
internal sealed class LinkTests : EmperorTest
{
    [Test]
    public void A_touch_of_the_link_itself_reloads()
    {
        var link = Link("a.ini", Temp.Write("target.ini", Script()));
        StartWith("a.ini");
        var mark = Journal.Mark;
        Native.TouchLink(link);
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_link_that_is_re_pointed_reloads()
    {
        var link = Link("a.ini", Temp.Write("one.ini", Script()));
        StartWith("a.ini");
        var mark = Journal.Mark;
        Repoint(link, Temp.Write("two.ini", Script()));
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_link_that_is_removed_stops_its_vassal()
    {
        var link = Link("a.ini", Temp.Write("target.ini", Script()));
        StartWith("a.ini");
        File.Delete(link);
        Journal.AwaitStop("a.ini");
    }

    [Test]
    public void An_edit_of_the_target_reloads()
    {
        Link("a.ini", Temp.Write("target.ini", Script()));
        StartWith("a.ini");
        var mark = Journal.Mark;
        File.AppendAllText(Temp["target.ini"], "threads = 2\n");
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_target_that_is_replaced_by_rename_reloads_every_time()
    {
        Link("a.ini", Temp.Write("target.ini", Script()));
        var daemon = StartWith("a.ini");
        for (var i = 0; i < 3; i++)
        {
            var (mark, line) = (Journal.Mark, daemon.Mark);
            Rename(Temp.Write("new.ini", Script("accept") + $"# {i}\n"), Temp["target.ini"]);
            Journal.AwaitReload("a.ini", mark);
            daemon.AwaitVassal("a.ini", "reload of pid", line);
        }
    }

    [Test]
    public void A_deleted_target_stops_the_vassal_and_a_restored_one_starts_it()
    {
        Link("a.ini", Temp.Write("target.ini", Script()));
        var daemon = StartWith("a.ini");
        var mark = Journal.Mark;
        File.Delete(Temp["target.ini"]);
        Journal.AwaitStop("a.ini", mark);
        daemon.Await("WRN .*/a.ini: is a link to .*target.ini, which is not there");
        Temp.Write("target.ini", Script());
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void A_link_to_nothing_is_reported_and_starts_when_its_target_appears()
    {
        Link("a.ini", Temp["later/target.ini"]);
        var daemon = Start();
        daemon.Await("WRN .*/a.ini: is a link to .*later/target.ini, which is not there");
        Temp.Folder("later");
        Temp.Write("later/target.ini", Script());
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_link_to_itself_is_reported_and_harms_nobody()
    {
        Link("loop.ini", "loop.ini");
        var daemon = Start();
        daemon.Await("WRN .*/loop.ini: ");
        Write("a.ini");
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void Any_hop_of_a_chain_of_links_that_is_swapped_reloads()
    {
        Temp.Write("end.ini", Script());
        Temp.Write("end2.ini", Script());
        Link(Temp["hop2"], "end.ini");
        Link(Temp["hop1"], Temp["hop2"]);
        Link("a.ini", "../hop1");
        StartWith("a.ini");

        var mark = Journal.Mark;
        Repoint(Temp["hop2"], "end2.ini");
        Journal.AwaitReload("a.ini", mark);

        mark = Journal.Mark;
        Repoint(Temp["hop1"], "end.ini");
        Journal.AwaitReload("a.ini", mark);

        mark = Journal.Mark;
        Repoint($"{Vassals}/a.ini", "../hop2");
        Journal.AwaitReload("a.ini", mark);

        mark = Journal.Mark;
        File.AppendAllText(Temp["end2.ini"], "threads = 2\n");
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_folder_of_a_config_map_that_is_swapped_reloads_every_time()
    {
        // Kubernetes: NAME -> ..data/NAME, ..data -> ..TIME; an update makes a new folder and renames a new ..data over the old one.
        Version("..1");
        Link($"{Vassals}/..data", "..1");
        Link("a.ini", "..data/a.ini");
        StartWith("a.ini");
        for (var i = 2; i <= 4; i++)
        {
            var mark = Journal.Mark;
            Version($"..{i}");
            File.CreateSymbolicLink($"{Vassals}/..data_tmp", $"..{i}");
            Rename($"{Vassals}/..data_tmp", $"{Vassals}/..data");
            Directory.Delete($"{Vassals}/..{i - 1}", recursive: true);
            Journal.AwaitReload("a.ini", mark);
        }
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1), Journal.Text());

        void Version(string name)
        {
            Directory.CreateDirectory($"{Vassals}/{name}");
            File.WriteAllText($"{Vassals}/{name}/a.ini", Script() + $"# {name}\n");
        }
    }

    [Test]
    public void A_folder_in_the_middle_of_the_path_that_is_renamed_away_stops_and_back_starts()
    {
        Temp.Folder("srv/app/conf");
        Link("a.ini", Temp.Write("srv/app/conf/target.ini", Script()));
        StartWith("a.ini");
        var mark = Journal.Mark;
        Rename(Temp["srv/app"], Temp["srv/away"]);
        Journal.AwaitStop("a.ini", mark);
        Rename(Temp["srv/away"], Temp["srv/app"]);
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void Many_links_to_one_target_reload_together()
    {
        Temp.Write("skeleton.ini", Script());
        Link("a.ini", Temp["skeleton.ini"]);
        Link("b.ini", Temp["skeleton.ini"]);
        var daemon = StartWith("a.ini");
        daemon.AwaitAccepting("b.ini");
        var mark = Journal.Mark;
        File.SetLastWriteTimeUtc(Temp["skeleton.ini"], DateTime.UtcNow);
        Journal.AwaitReload("a.ini", mark);
        Journal.AwaitReload("b.ini", mark);
    }

    [Test]
    public void With_nofollow_only_the_link_itself_counts()
    {
        Temp.Write("skeleton.ini", Script());
        var link = Link("a.ini", Temp["skeleton.ini"]);
        Link("b.ini", Temp["skeleton.ini"]);
        var daemon = StartWith("a.ini", "--emperor-nofollow");
        daemon.AwaitAccepting("b.ini");
        var mark = Journal.Mark;
        File.AppendAllText(Temp["skeleton.ini"], "threads = 2\n");
        Native.TouchLink(link);
        Journal.AwaitReload("a.ini", mark);
        // A new vassal is seen later than all that came before it.
        Write("c.ini");
        daemon.AwaitAccepting("c.ini");
        Assert.That(Journal.Of("b.ini", "byte"), Is.Empty, "the edit of the target reached a vassal");
        Assert.That(Journal.Of("a.ini", "reload").Count(), Is.EqualTo(1));
    }
}
