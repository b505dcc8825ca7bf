using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>Where lines go and what they look like.</summary>
internal sealed class LogTests : EmperorTest
{
    private string Log => Temp["emperor.log"];

    [Test]
    public void Every_line_has_a_time_a_level_and_the_vassal_s_name()
    {
        Write("bad.ini", "exit 2");
        var daemon = StartWith("a.ini");
        daemon.AwaitVassal("bad.ini", "failure 2");
        daemon.Stop();
        Assert.That(daemon.Lines, Has.All.Match(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d (INF|WRN|ERR) \S"));
        Assert.That(daemon.Count("WRN bad.ini: pid"), Is.GreaterThan(0));
    }

    [Test]
    public void Json_lines_parse_and_name_vassal_and_event()
    {
        Write("a\n\"b\".ini", "accept");
        Write("bad.ini", "exit 2");
        var daemon = Start("--log-json");
        daemon.Await("failure 2");
        daemon.Await("accepts requests");
        daemon.Stop();
        var events = daemon.Lines.Select(l => JsonDocument.Parse(l).RootElement.GetProperty("Properties")).ToList();
        Assert.That(
            events.Select(e => e.GetProperty("Event").GetString()),
            Is.SupersetOf((string[])["start", "spawned", "accepting", "died", "buried"])
        );
        var died = events.First(e => e.GetProperty("Event").GetString() == "died");
        Assert.That(died.GetProperty("Vassal").GetString(), Is.EqualTo("bad.ini"));
        var accepting = events.First(e => e.GetProperty("Event").GetString() == "accepting");
        Assert.That(accepting.GetProperty("Vassal").GetString(), Is.EqualTo("a\n\"b\".ini"));
    }

    [Test]
    public void A_log_file_that_is_renamed_is_followed_by_a_new_one_without_any_signal()
    {
        Write("a.ini", "print hello", "accept");
        Launch("--emperor", Vassals, "--logto", Log);
        AwaitLine(Log, "a.ini: pid .* accepts requests");
        AwaitLine(Log, @"^\[a\.ini\] hello$");
        File.Move(Log, Log + ".1");
        Write("b.ini", "print world", "accept");
        AwaitLine(Log, "b.ini: pid .* accepts requests");
        AwaitLine(Log, @"^\[b\.ini\] world$", Log + ".1");
    }

    [Test]
    public void SIGUSR1_opens_the_log_anew()
    {
        var daemon = Launch("--emperor", Vassals, "--logto", Log);
        AwaitLine(Log, "governing 0 vassals");
        File.Move(Log, Log + ".1");
        daemon.Signal(Native.User1);
        AwaitLine(Log, "the log is opened anew");
        AwaitLine(Log, "governing 0 vassals");
    }

    [Test]
    public void A_touch_of_the_file_of_touch_logreopen_opens_the_log_anew()
    {
        var touch = Temp.Write("reopen", "");
        Launch("--emperor", Vassals, "--logto", Log, "--touch-logreopen", touch);
        AwaitLine(Log, "governing 0 vassals");
        for (var i = 1; i <= 2; i++)
        {
            File.Move(Log, $"{Log}.{i}");
            File.SetLastWriteTimeUtc(touch, DateTime.UtcNow.AddMinutes(-i));
            AwaitLine(Log, "the log is opened anew");
        }
    }

    [Test]
    public void A_log_that_cannot_be_opened_is_an_error_with_words()
    {
        var daemon = Launch("--emperor", Vassals, "--logto", Temp["not/there/log"]);
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(4));
        daemon.Await("not/there/log cannot be opened: .*");
    }

    [Test]
    public void A_full_disk_ends_nothing_and_lines_come_again_when_there_is_space()
    {
        NeedRoot("it mounts a small file system");
        var disk = Temp.Folder("disk");
        Native.MountMemory(disk, "size=64k");
        try
        {
            var log = $"{disk}/log";
            var daemon = Launch("--emperor", Vassals, "--logto", log);
            AwaitLine(log, "governing 0 vassals");
            Fill($"{disk}/ballast");
            for (var i = 0; i < 300; i++)
                Write($"v{i}.ini");
            Wait.Until(() => Journal.Lines.Count(l => l.Event == "start") == 300, () => Journal.Text());
            File.Delete($"{disk}/ballast");
            Assert.That(daemon.HasEnded, Is.False);
            Write("after.ini");
            AwaitLine(log, "after.ini: pid .* accepts requests");
            AwaitLine(log, @"WRN \d+ log lines were lost");
            Assert.That(daemon.Stop(), Is.Zero);
        }
        finally
        {
            Native.Unmount(disk);
        }
    }

    [Test]
    public void A_log_that_nobody_reads_holds_up_nothing()
    {
        var pipe = Temp["pipe"];
        System.Diagnostics.Process.Start("mkfifo", [pipe]).WaitForExit();
        var daemon = Launch(
            new EmperorStart
            {
                // The shell's own descriptor keeps the pipe open for reading, and reads nothing.
                Before = ["sh", "-c", $"exec 9<>{pipe} 2>{pipe}; exec \"$@\"", "sh"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path],
                Folder = Temp.Path,
            }
        );
        // Each is told in two lines of 300 bytes, and a pipe holds 65,536.
        var name = new string('n', 240);
        for (var i = 0; i < 200; i++)
            Write($"{name}{i}.ini");
        Wait.Until(() => Journal.Lines.Count(l => l.Event == "start") == 200, () => Journal.Text());
        Write("after.ini");
        Journal.AwaitStart("after.ini");
        Assert.That(daemon.Stop(), Is.Zero);
    }

    [Test]
    public void Under_the_journal_lines_begin_with_a_priority()
    {
        Write("bad.ini", "exit 1");
        File.WriteAllText($"{Vassals}/empty.ini", "");
        var daemon = LaunchWithJournal("$(stat -L -c %i /proc/self/fd/2)");
        daemon.Await("bad.ini: .*failure 2");
        // It may still be written when it is first seen, so it is told of later than the first scan.
        daemon.Await("empty.ini: ");
        daemon.Stop();
        Assert.That(daemon.Lines, Has.All.Match(@"^<[3-7]>\S"));
        Assert.That(daemon.Count("^<6>bad.ini: pid"), Is.GreaterThan(0));
        Assert.That(daemon.Count("^<4>bad.ini: pid .* has ended"), Is.GreaterThan(0));
        Assert.That(daemon.Count("^<3>empty.ini: "), Is.EqualTo(1));
    }

    [Test]
    public void A_JOURNAL_STREAM_that_is_another_s_changes_nothing()
    {
        var daemon = LaunchWithJournal("1");
        daemon.AwaitGoverning();
        Assert.That(daemon.Lines, Has.None.StartsWith("<"));
    }

    private EmperorProcess LaunchWithJournal(string inode) =>
        Launch(
            new EmperorStart
            {
                Before = ["sh", "-c", $"JOURNAL_STREAM=8:{inode} exec \"$@\"", "sh"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path],
                Folder = Temp.Path,
            }
        );

    private static void Fill(string path)
    {
        var block = new byte[4096];
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
                file.Write(block);
        }
        catch (IOException)
        {
            // Full, as it should be.
        }
    }

    private void AwaitLine(string file, string pattern, string? orIn = null)
    {
        Wait.Until(() => Has(file) || (orIn is not null && Has(orIn)), () => $"{file} has no line \"{pattern}\":\n{Read(file)}\n{Logs()}");

        bool Has(string path) =>
            System.Text.RegularExpressions.Regex.IsMatch(Read(path), pattern, System.Text.RegularExpressions.RegexOptions.Multiline);
    }

    private static string Read(string path)
    {
        if (!File.Exists(path))
            return "";
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }
}
