using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>--vassal-log-dir: a file for each vassal, whatever others do to the folder.</summary>
internal sealed class OutputFolderTests : EmperorTest
{
    private string Folder => Temp["logs"];

    private string[] Options => ["--vassal-log-dir", Folder];

    [Test]
    public void Each_vassal_has_a_file_and_the_emperor_s_log_has_none_of_it()
    {
        Write("a.ini", @"write from a\n", "accept");
        Write("b c.ini", @"write from\x1bb\nno newline", "exit 26");
        var daemon = StartWith("a.ini", Options);
        daemon.AwaitVassal("b c.ini", "ended with code 26");
        Await("a.ini.log", "from a\n");
        Await("b c.ini.log", "from\\x1bb\nno newline\n");
        Assert.That(daemon.Count("from"), Is.Zero);
        Assert.That(File.GetUnixFileMode($"{Folder}/a.ini.log"), Is.EqualTo((UnixFileMode)0x1A0));
    }

    [Test]
    public void A_name_with_slashes_stays_in_the_folder()
    {
        var ini = Write("a.ini", @"write here\n", "accept");
        Launch(["--emperor", $"{Vassals}/*.ini", .. Options]);
        Journal.AwaitStart(ini);
        var name = ini.Replace("/", "%2F") + ".log";
        Await(name, "here\n");
        Assert.That(Directory.EnumerateFileSystemEntries(Folder).Select(Path.GetFileName), Is.EqualTo((string[])[name]));
    }

    [Test]
    public void A_file_is_rotated_by_size_and_four_old_ones_are_kept()
    {
        Write("a.ini", "flood 5000", "accept");
        var daemon = Start([.. Options, "--vassal-log-max-size", "20000"]);
        Wait.Until(() => File.Exists($"{Folder}/a.ini.log.4"), Logs);
        var flooder = Journal.Await("a.ini", "child").Pid;
        Assert.That(Native.Signal(flooder, Native.Kill), Is.Zero);
        // What it has printed last may still be on its way, and for a moment a file that is rotated has no name of these.
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(
            Directory.GetFiles(Folder).Select(Path.GetFileName),
            Is.SubsetOf(Enumerable.Range(1, 4).Select(i => $"a.ini.log.{i}").Append("a.ini.log"))
        );
        var old = Enumerable.Range(1, 4).Select(i => File.ReadAllText($"{Folder}/a.ini.log.{i}")).ToList();
        Assert.That(old, Has.All.Matches<string>(t => t!.StartsWith("flood ") && t.EndsWith('\n') && t.Length is > 0 and < 41_000));
    }

    [Test]
    public void SIGUSR1_opens_the_files_anew()
    {
        Write("a.ini", @"write before\n", "accept", @"on-reload write after\n", "on-reload accept");
        var daemon = StartWith("a.ini", Options);
        Await("a.ini.log", "before\n");
        File.Move($"{Folder}/a.ini.log", $"{Folder}/moved");
        daemon.Signal(Native.User1);
        daemon.Await("INF a.ini: (accepting|loyal)");
        File.AppendAllText($"{Vassals}/a.ini", "# changed\n");
        Await("a.ini.log", "after\n");
        Assert.That(File.ReadAllText($"{Folder}/moved"), Is.EqualTo("before\n"));
    }

    [Test]
    public void No_link_and_no_pipe_is_followed_and_lines_come_when_it_is_gone()
    {
        var victim = Temp.Write("victim", "mine\n");
        Directory.CreateDirectory(Folder);
        File.CreateSymbolicLink($"{Folder}/a.ini.log", victim);
        System.Diagnostics.Process.Start("mkfifo", [$"{Folder}/b.ini.log"]).WaitForExit();
        Write("a.ini", @"write to whom\n", "accept");
        Write("b.ini", @"write to whom\n", "accept");
        var daemon = StartWith("a.ini", Options);
        daemon.AwaitAccepting("b.ini");
        daemon.AwaitVassal("a.ini", "what it prints cannot be written to .*/a.ini.log: ");
        daemon.AwaitVassal("b.ini", "what it prints cannot be written to .*/b.ini.log: ");
        // As slow as it may be: another vassal's line is written after those that were not.
        Write("c.ini", @"write c\n", "accept");
        Await("c.ini.log", "c\n");
        File.Delete($"{Folder}/a.ini.log");
        File.Delete($"{Folder}/b.ini.log");
        Await("a.ini.log", "1 lines lost: they could not be written, or not fast enough\n");
        Await("b.ini.log", "1 lines lost: they could not be written, or not fast enough\n");
        Assert.That(File.ReadAllText(victim), Is.EqualTo("mine\n"));
    }

    [Test]
    public void A_full_disk_ends_nothing_and_lines_come_again_when_there_is_space()
    {
        NeedRoot("it mounts a small file system");
        var disk = Temp.Folder("logs");
        Native.MountMemory(disk, "size=64k");
        try
        {
            Write("a.ini", "flood 5000", "accept");
            var daemon = StartWith("a.ini", Options);
            var log = $"{disk}/a.ini.log";
            Wait.Until(() => File.Exists(log) && new FileInfo(log).Length >= 60_000, Logs);
            Write("b.ini");
            daemon.AwaitAccepting("b.ini");
            daemon.AwaitVassal("a.ini", "what it prints cannot be written");
            // Emptied in place, as logrotate's copytruncate does, and as often as the rest of the flood fills it again.
            Wait.Until(
                () =>
                {
                    if (Read(log).Contains("lines lost: they could not be written", StringComparison.Ordinal))
                        return true;
                    if (new FileInfo(log).Length >= 60_000)
                        Native.Truncate(log);
                    return false;
                },
                Logs
            );
            Assert.That(daemon.Stop(), Is.Zero);
        }
        finally
        {
            Native.Unmount(disk);
        }
    }

    [Test]
    public void A_folder_that_cannot_be_is_an_error_with_words()
    {
        var file = Temp.Write("file", "");
        var daemon = Launch("--emperor", Vassals, "--vassal-log-dir", $"{file}/logs");
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(4));
        daemon.Await("ERR vassal-log-dir = .*file/logs: ");
    }

    private void Await(string name, string text) =>
        Wait.Until(
            () => Read($"{Folder}/{name}").EndsWith(text, StringComparison.Ordinal),
            () => $"{name} does not end with \"{text}\": {Read($"{Folder}/{name}")}\n{Logs()}"
        );

    private static string Read(string path)
    {
        if (!File.Exists(path))
            return "";
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }
}
