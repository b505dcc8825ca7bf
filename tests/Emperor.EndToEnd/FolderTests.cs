using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>
/// What happens to files in a folder of vassals. No scan happens by time in these tests (--emperor-freq is ten minutes), so whatever is seen
/// was seen because the kernel told it.
/// </summary>
internal sealed class FolderTests : EmperorTest
{
    [Test]
    public void Files_that_are_there_at_the_start_are_started()
    {
        Write("a.ini");
        Write("b.ini");
        var daemon = Start();
        daemon.Await("the emperor is governing 2 vassals");
        Journal.AwaitStart("a.ini");
        Journal.AwaitStart("b.ini");
    }

    [Test]
    public void A_file_that_is_written_starts_a_vassal()
    {
        Start();
        Write("a.ini");
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_file_that_is_renamed_into_the_folder_starts_a_vassal()
    {
        Start();
        Rename(Temp.Write("a.ini", Script()), $"{Vassals}/a.ini");
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_link_that_is_made_starts_a_vassal()
    {
        Start();
        Link("a.ini", Temp.Write("target.ini", Script()));
        Journal.AwaitStart("a.ini");
    }

    [Test]
    public void A_file_that_gets_another_name_stops_one_vassal_and_starts_another()
    {
        StartWith("a.ini");
        Rename($"{Vassals}/a.ini", $"{Vassals}/b.ini");
        Journal.AwaitStop("a.ini");
        Journal.AwaitStart("b.ini");
    }

    [Test]
    public void A_change_of_content_in_place_reloads()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        File.AppendAllText($"{Vassals}/a.ini", "threads = 2\n");
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_file_that_is_replaced_by_rename_reloads()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        Rename(Temp.Write("new.ini", Script("on-reload accept")), $"{Vassals}/a.ini");
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_touch_reloads()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        File.SetLastWriteTimeUtc($"{Vassals}/a.ini", DateTime.UtcNow);
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void A_touch_to_an_older_time_reloads()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        File.SetLastWriteTimeUtc($"{Vassals}/a.ini", new DateTime(2001, 2, 3, 4, 5, 6, DateTimeKind.Utc));
        Journal.AwaitReload("a.ini", mark);
    }

    [Test]
    public void Two_changes_within_one_second_reload_twice()
    {
        var daemon = StartWith("a.ini");
        for (var i = 0; i < 2; i++)
        {
            var (mark, line) = (Journal.Mark, daemon.Mark);
            File.AppendAllText($"{Vassals}/a.ini", "threads = 2\n");
            Journal.AwaitReload("a.ini", mark);
            Journal.Await("a.ini", "reload", from: mark);
            daemon.AwaitVassal("a.ini", "reload of pid", line);
        }
    }

    [Test]
    public void A_removed_file_stops_its_vassal_and_a_restored_one_starts_it_again()
    {
        StartWith("a.ini");
        File.Delete($"{Vassals}/a.ini");
        var mark = Journal.Mark;
        Journal.AwaitStop("a.ini");
        Write("a.ini");
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void A_file_that_is_replaced_by_a_folder_of_its_name_stops_its_vassal()
    {
        var daemon = StartWith("a.ini");
        File.Delete($"{Vassals}/a.ini");
        Directory.CreateDirectory($"{Vassals}/a.ini");
        Journal.AwaitStop("a.ini");
        daemon.Await("WRN .*/a.ini: is not a file but a directory");
    }

    [Test]
    public void A_fifo_with_the_name_of_a_vassal_blocks_nobody()
    {
        Start();
        System.Diagnostics.Process.Start("mkfifo", [$"{Vassals}/pipe.ini"]).WaitForExit();
        Write("a.ini");
        Journal.AwaitStart("a.ini");
        Assert.That(Journal.Starts("pipe.ini"), Is.Zero);
    }

    [Test]
    public void Hidden_names_other_extensions_and_files_of_editors_are_not_vassals()
    {
        string[] others = [".a.ini", ".a.ini.swp", "a.ini~", "a.ini.bak", "#a.ini#", "4913", "a.ini.dpkg-new", "README", "a.INI", "ini"];
        foreach (var name in others)
            Write(name);
        var daemon = Start();
        foreach (var name in others)
            Write($"{name}");
        // What comes last is seen after all the others.
        Write("z.ini");
        Journal.AwaitStart("z.ini");
        Assert.That(Journal.Lines.Where(l => l.Event == "start").Select(l => l.Vassal), Is.EqualTo(["z.ini"]), daemon.Text());
    }

    [Test]
    public void An_editor_that_makes_a_backup_and_writes_in_place_never_stops_the_vassal()
    {
        StartWith("a.ini");
        var mark = Journal.Mark;
        File.Copy($"{Vassals}/a.ini", $"{Vassals}/a.ini~");
        // Truncates first, so for a moment the file is empty.
        Write("a.ini", "on-reload accept");
        File.Delete($"{Vassals}/a.ini~");
        Journal.AwaitReload("a.ini", mark);
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1), Journal.Text());
    }

    [Test]
    public void An_editor_that_renames_the_old_file_away_ends_with_the_new_content()
    {
        var report = Temp["report"];
        StartWith("a.ini");
        Rename($"{Vassals}/a.ini", $"{Vassals}/a.ini~");
        // When the machine is slow, the moment without a file is long enough for a stop; then it is started again.
        Write("a.ini", $"on-reload report {report}", "on-reload accept", $"report {report}", "accept");
        File.Delete($"{Vassals}/a.ini~");
        Wait.Until(() => File.Exists(report), () => $"the new content never arrived\n{Journal.Text()}\n{Logs()}");
    }

    [Test]
    public void An_extra_extension_makes_vassals_too()
    {
        Write("a.site");
        Start("--emperor-extra-extension", ".site");
        Journal.AwaitStart("a.site");
        Write("b.site");
        Journal.AwaitStart("b.site");
    }

    [Test]
    public void A_file_written_over_a_second_reloads_a_few_times_and_ends_with_the_last_content()
    {
        var report = Temp["report"];
        StartWith("a.ini");
        var mark = Journal.Mark;
        using (var file = new StreamWriter($"{Vassals}/a.ini", append: false) { AutoFlush = true })
        {
            file.Write("[uwsgi]\n");
            // The pieces are spread over a second: that is the situation itself, not a wait for something.
            for (var i = 0; i < 50; i++)
            {
                file.Write($"# piece {i}\n");
                Thread.Sleep(20);
            }
            file.Write($"x-do = on-reload report {report}\nx-do = on-reload accept\n");
        }
        Wait.Until(() => File.Exists(report), () => $"the last content never arrived\n{Journal.Text()}\n{Logs()}");
        var reloads = Journal.Lines.Skip(mark).Count(l => l is { Event: "byte", Detail: "1" });
        Assert.That(reloads, Is.InRange(1, 10), Journal.Text());
    }

    [Test]
    public void A_burst_of_a_thousand_files_starts_and_stops_all()
    {
        const int count = 1000;
        Start();
        for (var i = 0; i < count; i++)
            Write($"v{i}.ini");
        var limit = TimeSpan.FromMinutes(3);
        Wait.Until(() => Seen("start") == count, () => $"{Seen("start")} of {count} started\n{Logs()}", limit);
        for (var i = 0; i < count; i++)
            File.Delete($"{Vassals}/v{i}.ini");
        Wait.Until(() => Seen("stop") == count, () => $"{Seen("stop")} of {count} stopped\n{Logs()}", limit);

        int Seen(string @event) => Journal.Lines.Where(l => l.Event == @event).Select(l => l.Vassal).Distinct().Count();
    }

    [Test]
    public void A_file_that_is_written_all_the_time_costs_the_daemon_little_and_delays_nobody()
    {
        var daemon = StartWith("a.ini");
        var stop = false;
        var writer = new Thread(() =>
        {
            using var file = new StreamWriter($"{Vassals}/busy.log") { AutoFlush = true };
            while (!Volatile.Read(ref stop))
                file.Write("line\n");
        });
        writer.Start();
        try
        {
            var before = daemon.Cpu;
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Wait.While(() => !daemon.HasEnded, TimeSpan.FromSeconds(2), Logs);
            var share = (daemon.Cpu - before) / clock.Elapsed.TotalSeconds;
            Write("b.ini");
            Journal.AwaitStart("b.ini");
            Assert.That(share, Is.LessThan(0.6), "the share of a processor that the daemon used");
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }
    }
}
