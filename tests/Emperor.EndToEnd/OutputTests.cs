using System.Globalization;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>What vassals print is written on with their names, whatever they print and however they end.</summary>
internal sealed class OutputTests : EmperorTest
{
    [Test]
    public void Each_line_of_either_stream_has_the_name_in_front_and_the_order_holds()
    {
        Write("a.ini", @"write out 1\n", @"write-err err 1\n", @"write out 2\nout 3\n", @"write-err err 2\n", "accept");
        var daemon = StartWith("a.ini");
        daemon.Await(@"^\[a\.ini\] err 2$");
        Assert.That(Said(daemon), Is.EqualTo((string[])["out 1", "err 1", "out 2", "out 3", "err 2"]));
    }

    [Test]
    public void What_is_printed_right_before_the_end_is_not_lost()
    {
        Write("a.ini", @"write first\nno newline", "exit 26");
        Write("b.ini", @"last-words bye\nand thanks", "accept");
        var daemon = StartWith("b.ini");
        daemon.Await(@"^\[a\.ini\] no newline$");
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(Said(daemon, "a.ini"), Is.EqualTo((string[])["first", "no newline"]));
        Assert.That(Said(daemon, "b.ini"), Is.EqualTo((string[])["bye", "and thanks"]));
        Assert.That(daemon.Lines[^1], Does.Contain("the emperor is buried"));
    }

    [Test]
    public void The_beginning_of_a_line_is_told_after_a_while_and_its_rest_is_marked()
    {
        Write("a.ini", "write loading", "accept", @"on-reload write done\nnext\n", "on-reload accept");
        var daemon = StartWith("a.ini");
        daemon.Await(@"^\[a\.ini\] loading$");
        File.AppendAllText($"{Vassals}/a.ini", "# changed\n");
        daemon.Await(@"^\[a\.ini\] … done$");
        daemon.Await(@"^\[a\.ini\] next$");
    }

    [Test]
    public void No_byte_of_it_reaches_a_terminal_as_more_than_text()
    {
        Write("a.ini", @"write a\x00b\x1b[31mc\xff\xc2\x9bd\te\x0d\nKäse €\n", "accept");
        var daemon = StartWith("a.ini");
        daemon.Await(@"^\[a\.ini\] Käse €$");
        Assert.That(Said(daemon)[0], Is.EqualTo(@"a\x00b\x1b[31mc\xff\x9bd\te"));
    }

    [Test]
    public void A_line_of_a_megabyte_comes_whole_in_marked_pieces_and_holds_up_nobody()
    {
        Write("a.ini", "write-many 1000000", @"write \n", @"write after\n", "accept");
        var daemon = StartWith("a.ini");
        daemon.Await(@"^\[a\.ini\] after$");
        var pieces = Said(daemon)[..^1];
        Assert.That(pieces, Has.All.Length.LessThan(8200).And.All.Match("^(… )?m+( …)?$"));
        Assert.That(pieces.Sum(p => p.Count(c => c == 'm')), Is.EqualTo(1_000_000));
    }

    [Test]
    public void A_daemon_that_outlives_its_vassal_is_read_on_under_the_vassal_s_name()
    {
        var sign = Temp["sign"];
        Write("a.ini", $"daemon-talks {sign}", @"write gone\n", "exit 26");
        var daemon = Start();
        daemon.Await(@"^\[a\.ini\] gone$");
        daemon.AwaitVassal("a.ini", "ended with code 26");
        File.WriteAllText(sign, "");
        daemon.Await(@"^\[a\.ini\] the daemon speaks$");
    }

    [Test]
    public void Only_so_many_pipes_are_kept_for_what_vassals_leave_behind()
    {
        Write("a.ini", $"daemon-talks {Temp["never"]}", "exit 1");
        var daemon = Start("--emperor-throttle", "1");
        var before = Pipes(daemon);
        daemon.AwaitVassal("a.ini", "has left behind holds its output open", limit: TimeSpan.FromSeconds(60));
        // Eight are kept. Those of the last ones are there a moment longer, until the thread that reads has seen their ends.
        Wait.Until(() => Journal.Starts("a.ini") >= 40, Logs);
        Assert.That(Pipes(daemon), Is.LessThanOrEqualTo(before + 24));
    }

    [Test]
    public void A_vassal_that_closes_its_output_costs_nothing_more()
    {
        var daemon = StartWith("a.ini");
        var one = Pipes(daemon);
        Write("b.ini", @"write from b\n", "exit 26");
        daemon.AwaitVassal("b.ini", "ended with code 26");
        daemon.Await(@"^\[b\.ini\] from b$");
        Wait.Until(() => Pipes(daemon) == one, () => $"{Pipes(daemon)} pipes instead of {one}");
    }

    [Test]
    public void Who_floods_a_log_that_nobody_reads_is_not_held_up_and_loses_only_his_own_lines()
    {
        var pipe = Temp["pipe"];
        System.Diagnostics.Process.Start("mkfifo", [pipe]).WaitForExit();
        Write("flood.ini", "flood 0", "accept");
        Write("quiet.ini", "accept", @"on-reload write a word\n", "on-reload accept");
        using var reader = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        var daemon = Launch(
            new EmperorStart
            {
                Before = ["sh", "-c", $"exec 2>{pipe}; exec \"$@\"", "sh"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path],
                Folder = Temp.Path,
            }
        );
        var flooder = Journal.Await("flood.ini", "child").Pid;
        AwaitWritten(flooder, 50_000_000);
        // While nobody reads: it is heard, reloads, and its line waits in its own share of the queue.
        Journal.AwaitStart("quiet.ini");
        File.AppendAllText($"{Vassals}/quiet.ini", "# changed\n");
        Journal.AwaitReload("quiet.ini");
        AwaitWritten(flooder, Written(flooder) + 50_000_000);
        File.Delete($"{Vassals}/flood.ini");
        Journal.AwaitStop("flood.ini");
        var lines = ReadUntil(
            reader,
            @"^\[flood\.ini\] \d+ lines lost: they could not be written, or not fast enough$",
            @"^\[quiet\.ini\] a word$"
        );
        Assert.That(
            lines.Where(l => l.StartsWith('[')),
            Has.All.Match(@"^\[(flood\.ini\] (flood \d+ +|\d+ lines lost: .*)|quiet\.ini\] a word)$")
        );
        daemon.Signal(Native.Terminate);
        _ = ReadUntil(reader, "the emperor is buried");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [Test]
    public void A_flood_is_written_whole_and_in_order_and_the_others_go_on()
    {
        var log = Temp["log"];
        Write("flood.ini", "flood 20000", "accept");
        Write("quiet.ini", "accept", @"on-reload write a word\n", "on-reload accept");
        var daemon = Launch("--emperor", Vassals, "--logto", log);
        Journal.AwaitStart("quiet.ini");
        AwaitWritten(Journal.Await("flood.ini", "child").Pid, 2_000_000);
        File.AppendAllText($"{Vassals}/quiet.ini", "# changed\n");
        Wait.Until(() => File.ReadLines(log).Contains("[quiet.ini] a word"), Logs);
        Assert.That(daemon.Stop(), Is.Zero);
        // The last one may have ended in the middle of a line, whose number is another's then.
        var whole = "[flood.ini] ".Length + 79;
        var said = File.ReadLines(log)
            .Where(l => l.StartsWith("[flood.ini] flood ", StringComparison.Ordinal))
            .ToLookup(l => l.Length == whole);
        var numbers = said[true].Select(l => long.Parse(l["[flood.ini] flood ".Length..].Trim(), CultureInfo.InvariantCulture)).ToList();
        // Where some were lost because this machine was too slow for a moment, the log says so.
        var lost = File.ReadLines(log).Select(l => Regex.Match(l, @"^\[flood\.ini\] (\d+) lines lost")).Where(m => m.Success);
        Assert.That(numbers, Is.Ordered.Ascending.And.Unique);
        Assert.That(
            numbers[^1] + 1 - numbers.Count,
            Is.LessThanOrEqualTo(said[false].Count() + lost.Sum(m => long.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture)))
        );
    }

    [Test]
    public void A_json_log_has_objects_for_vassals_lines_too()
    {
        Write("a.ini", @"write say ""hi""\x1b\n", "accept");
        var daemon = Start("--log-json");
        var line = daemon.Await("\"Event\":\"output\"");
        var properties = System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("Properties");
        Assert.That(properties.GetProperty("Vassal").GetString(), Is.EqualTo("a.ini"));
        Assert.That(properties.GetProperty("Text").GetString(), Is.EqualTo(@"say ""hi""\x1b"));
        Assert.That(properties.GetProperty("Pid").GetInt32(), Is.EqualTo(Journal.AwaitStart("a.ini").Pid));
        Assert.That(properties.GetProperty("Incarnation").GetInt32(), Is.EqualTo(1));
    }

    [Test]
    public void Under_the_journal_a_line_s_own_priority_is_taken()
    {
        Write("a.ini", @"write <3>bad\nplain\n<9>odd\n", "accept");
        var daemon = LaunchUnderJournal();
        daemon.Await(@"^<3>\[a\.ini\] bad$");
        daemon.Await(@"^<6>\[a\.ini\] plain$");
        daemon.Await(@"^<6>\[a\.ini\] <9>odd$");
    }

    [Test]
    public void Captured_vassals_are_not_told_that_their_output_is_the_journal()
    {
        Write("a.ini", $"report {Temp["a"]}", "accept");
        LaunchUnderJournal();
        Journal.Await("a.ini", "reported");
        Assert.That(Report.Read(Temp["a"]).Environment, Has.None.StartsWith("JOURNAL_STREAM="));
    }

    [Test]
    public void Inherited_output_is_untouched()
    {
        Write("a.ini", @"write out\x1b[0m\n", @"write-err err\n", $"report {Temp["a"]}", "accept");
        var daemon = LaunchUnderJournal("--vassal-output", "inherit");
        daemon.Await("^out\x1b\\[0m$");
        daemon.Await("^err$");
        Journal.Await("a.ini", "reported");
        var report = Report.Read(Temp["a"]);
        Assert.That(report.Environment, Has.Some.StartsWith("JOURNAL_STREAM="));
        foreach (var fd in (int[])[1, 2])
            Assert.That(report.Descriptors[fd], Is.EqualTo(File.ResolveLinkTarget($"/proc/{daemon.Pid}/fd/{fd}", false)!.Name));
    }

    [TestCase("--vassal-output", "both", "capture or inherit")]
    [TestCase("--vassal-log-dir", "", "a folder")]
    [TestCase("--vassal-log-max-size", "-1", "a number of bytes")]
    public void A_wrong_value_is_refused(string option, string value, string needed)
    {
        var daemon = Launch("--emperor", Vassals, option, value);
        Assert.That(daemon.AwaitEnd(), Is.Not.Zero);
        daemon.Await($"option \"{option[2..]}\" has the value \"{value}\", but needs {needed}");
    }

    private EmperorProcess LaunchUnderJournal(params string[] options) =>
        Launch(
            new EmperorStart
            {
                Before = ["sh", "-c", "JOURNAL_STREAM=8:$(stat -L -c %i /proc/self/fd/2) exec \"$@\"", "sh"],
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", TestVassal.VassalProgram.Path, .. options],
                Folder = Temp.Path,
            }
        );

    private static List<string> Said(EmperorProcess daemon, string vassal = "a.ini") =>
        [.. daemon.Lines.Where(l => l.StartsWith($"[{vassal}] ", StringComparison.Ordinal)).Select(l => l[(vassal.Length + 3)..])];

    private static int Pipes(EmperorProcess daemon) =>
        Directory
            .EnumerateFileSystemEntries($"/proc/{daemon.Pid}/fd")
            .Count(f => new FileInfo(f).LinkTarget?.StartsWith("pipe:", StringComparison.Ordinal) == true);

    private static long Written(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/io").First(l => l.StartsWith("wchar:", StringComparison.Ordinal));
        return long.Parse(line["wchar:".Length..].Trim(), CultureInfo.InvariantCulture);
    }

    private static void AwaitWritten(int pid, long bytes) =>
        Wait.Until(
            () => Written(pid) >= bytes,
            () => $"process {pid} is held up: it has written {Written(pid)} bytes",
            TimeSpan.FromSeconds(60)
        );

    private static List<string> ReadUntil(FileStream stream, params string[] patterns)
    {
        // The test holds both ends of the pipe, so a read without data would wait for ever: the limit is the thread's.
        List<string> lines = [];
        var reading = Task.Run(() =>
        {
            var (rest, buffer) = (new List<byte>(), new byte[65536]);
            while (!patterns.All(p => lines.Exists(l => Regex.IsMatch(l, p))))
            {
                var count = stream.Read(buffer);
                foreach (var b in buffer.AsSpan(0, count))
                {
                    if (b != '\n')
                    {
                        rest.Add(b);
                        continue;
                    }
                    lines.Add(System.Text.Encoding.UTF8.GetString([.. rest]));
                    rest.Clear();
                }
            }
        });
        Assert.That(reading.Wait(TimeSpan.FromSeconds(60)), () => "these lines have not come: " + string.Join(", ", patterns));
        return lines;
    }
}
