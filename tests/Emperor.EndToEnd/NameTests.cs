using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>Names that are allowed by the kernel and expected by nobody.</summary>
internal sealed class NameTests : EmperorTest
{
    [TestCase("with a blank.ini")]
    [TestCase(" .ini")]
    [TestCase("größe-日本-😀.ini")]
    [TestCase("-rf.ini")]
    [TestCase("a'b\"c$(d)`e`;f&g.ini")]
    [TestCase("percent%d{0}.ini")]
    [TestCase("back\\slash.ini")]
    [TestCase("star*[a]?.ini")]
    public void A_vassal_of_a_strange_name_lives_a_whole_life(string name)
    {
        Start();
        Write(name);
        var mark = Journal.Mark;
        Journal.AwaitStart(name, 0);
        File.AppendAllText($"{Vassals}/{name}", "threads = 2\n");
        Journal.AwaitReload(name, mark);
        File.Delete($"{Vassals}/{name}");
        Journal.AwaitStop(name, mark);
    }

    [Test]
    public void A_colon_in_a_name_is_told_as_uwsgi_takes_what_follows_for_a_section()
    {
        Write("site:8080.ini");
        File.WriteAllText($"{Vassals}/program:8080.ini", "[emperor]\nexec = sleep 600\nready = after 0\n");
        var daemon = Start();
        daemon.AwaitVassal("program:8080.ini", "is ready");
        daemon.AwaitVassal("site:8080.ini", "uwsgi takes \"8080.ini\" for the name of a section in \"site\"; rename it");
        Assert.That(daemon.Count("for the name of a section"), Is.EqualTo(1));
    }

    [Test]
    public void A_name_of_255_bytes_is_a_vassal_s()
    {
        var name = new string('n', 251) + ".ini";
        Start();
        Write(name);
        Journal.AwaitStart(name);
        File.Delete($"{Vassals}/{name}");
        Journal.AwaitStop(name);
    }

    [Test]
    public void A_line_s_end_in_a_name_cannot_forge_a_line_of_the_log()
    {
        var report = Temp["report"];
        var daemon = Start();
        Write("a\n2030-01-01 00:00:00.000 +00:00 ERR forged.ini", $"report {report}", "accept");
        Wait.Until(() => File.Exists(report), () => $"it was not started\n{Logs()}");
        daemon.Await(@"INF a\\n2030-01-01 .* ERR forged.ini: pid \d+ accepts requests");
        Assert.That(daemon.Lines.Where(l => l.StartsWith("2030", StringComparison.Ordinal)), Is.Empty);
        Assert.That(Report.Read(report).Arguments, Does.Contain("a\n2030-01-01 00:00:00.000 +00:00 ERR forged.ini"));
    }

    [Test]
    public void A_name_that_is_not_UTF_8_is_reported_and_harms_nobody()
    {
        Native.CreateRaw([.. Encoding.UTF8.GetBytes($"{Vassals}/bad-"), 0xFF, 0xFE, .. ".ini"u8]);
        var daemon = Start();
        daemon.Await("WRN .*bad-.*: its name is not UTF-8");
        Write("a.ini");
        Journal.AwaitStart("a.ini");
        Assert.That(Journal.Lines.Count(l => l.Event == "start"), Is.EqualTo(1));
    }

    [Test]
    public void A_file_that_cannot_be_read_is_told_and_starts_when_it_can()
    {
        NeedRoot("it starts the daemon as another user");
        var file = Write("a.ini");
        Native.Check(Native.ChangeMode(file, 0), "chmod");
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Temp["journal"], 0x1B6), "chmod");
        var daemon = Start("--uid", "65534", "--gid", "65534");
        daemon.AwaitVassal("a.ini", "cannot be read: .*make it readable");
        Write("b.ini");
        Journal.AwaitStart("b.ini");
        Native.Check(Native.ChangeMode(file, 0x1A4), "chmod");
        // Rights are no part of what makes a file changed, so a touch says so.
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        Journal.AwaitStart("a.ini");
    }
}
