using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>What happens to a folder of vassals itself.</summary>
internal sealed class FolderLifeTests : EmperorTest
{
    [Test]
    public void A_deleted_vassals_folder_stops_all_and_one_made_again_starts_all()
    {
        Write("a.ini");
        var daemon = StartWith("b.ini");
        daemon.AwaitAccepting("a.ini");
        var mark = Journal.Mark;
        Directory.Delete(Vassals, recursive: true);
        Journal.AwaitStop("a.ini", mark);
        Journal.AwaitStop("b.ini", mark);
        daemon.Await("WRN .*: the vassals folder cannot be opened: .*stopped until it is there");
        Write("a.ini");
        Journal.AwaitStart("a.ini", mark);
        mark = Journal.Mark;
        Write("c.ini");
        Journal.AwaitStart("c.ini", mark);
    }

    [Test]
    public void A_vassals_folder_that_is_renamed_away_and_back_stops_and_starts()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        Rename(Vassals, Temp["away"]);
        Journal.AwaitStop("a.ini", mark);
        Rename(Temp["away"], Vassals);
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void A_vassals_folder_that_is_missing_at_the_start_is_watched_for()
    {
        Directory.Delete(Vassals);
        var daemon = Launch("--emperor", Temp["not/yet"]).AwaitGoverning();
        daemon.Await("WRN .*/not/yet: the vassals folder cannot be opened");
        Temp.Folder("not");
        Temp.Folder("not/yet");
        Write(Temp["not/yet/a.ini"]);
        Journal.AwaitStart("a.ini");
        var mark = Journal.Mark;
        Write(Temp["not/yet/b.ini"]);
        Journal.AwaitStart("b.ini", mark);
    }

    [Test]
    public void A_vassals_folder_that_is_a_link_and_is_re_pointed_changes_vassals()
    {
        foreach (var release in (string[])["one", "two"])
        {
            Temp.Folder(release);
            Write(Temp[$"{release}/both.ini"]);
            Write(Temp[$"{release}/{release}.ini"]);
        }
        Link(Temp["current"], "one");
        var daemon = Launch("--emperor", Temp["current"]).AwaitGoverning();
        daemon.AwaitAccepting("one.ini");
        daemon.AwaitAccepting("both.ini");
        var mark = Journal.Mark;
        Repoint(Temp["current"], "two");
        Journal.AwaitStop("one.ini", mark);
        Journal.AwaitStart("two.ini", mark);
        Journal.AwaitReload("both.ini", mark);
        mark = Journal.Mark;
        Write(Temp["two/later.ini"]);
        Journal.AwaitStart("later.ini", mark);
        mark = Journal.Mark;
        File.AppendAllText(Temp["two/two.ini"], "threads = 2\n");
        Journal.AwaitReload("two.ini", mark);
    }

    [Test]
    public void A_relative_vassals_folder_starts_at_the_folder_of_the_daemon()
    {
        Write("a.ini");
        Launch("--emperor", "vassals").AwaitGoverning();
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_dir_scheme_is_a_folder()
    {
        Write("a.ini");
        Launch("--emperor", $"dir://{Vassals}").AwaitGoverning();
        Journal.AwaitStart("a.ini");
        Write("b.ini");
        Journal.AwaitStart("b.ini");
    }

    [Test]
    public void Of_two_files_with_one_name_the_first_folder_s_is_run_and_the_second_s_takes_over()
    {
        Temp.Folder("first");
        Temp.Folder("second");
        Write(Temp["first/a.ini"], $"report {Temp["from-first"]}", "accept", $"on-reload report {Temp["early"]}", "on-reload accept");
        Write(Temp["second/a.ini"], "accept");
        var daemon = Launch("--emperor", Temp["first"], "--emperor", Temp["second"]).AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        daemon.Await("WRN a.ini: more than one --emperor has a file of this name");
        Assert.That(Temp["from-first"], Does.Exist, "the first folder's file is not what was run");
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
        var mark = Journal.Mark;
        File.Delete(Temp["first/a.ini"]);
        // The old process works in the first folder, where its file is not any more.
        Journal.AwaitStop("a.ini", mark);
        var second = Journal.AwaitStart("a.ini", mark);
        Assert.That(File.ResolveLinkTarget($"/proc/{second.Pid}/cwd", false)!.FullName, Is.EqualTo(Temp["second"]));

        mark = Journal.Mark;
        Write(Temp["first/a.ini"], "accept");
        var third = Journal.AwaitStart("a.ini", mark);
        Assert.That(File.ResolveLinkTarget($"/proc/{third.Pid}/cwd", false)!.FullName, Is.EqualTo(Temp["first"]));
    }

    [Test]
    public void A_folder_that_cannot_be_read_for_a_while_stops_nothing()
    {
        NeedRoot("it starts the daemon as another user");
        const uint nobody = 65534;
        Write("a.ini");
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Temp["journal"], 0x1B6), "chmod");
        Native.Check(Native.ChangeOwner(Vassals, nobody, nobody), "chown");
        var daemon = Launch("--emperor", Vassals, "--uid", "65534", "--gid", "65534", "--emperor-freq", "1").AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        var mark = daemon.Mark;
        Native.Check(Native.ChangeMode(Vassals, 0), "chmod");
        // The rights of a folder are told by nobody, and matter when something in it changes.
        Write("b.ini");
        daemon.Await("WRN .*vassals(/a.ini)?: .*(runs on)", mark);
        Native.Check(Native.ChangeMode(Vassals, 0x1ED), "chmod");
        Journal.AwaitStart("b.ini");
        Assert.That(Journal.Of("a.ini", "stop"), Is.Empty);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }
}
