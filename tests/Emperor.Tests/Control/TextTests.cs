using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Control;

/// <summary>What the command prints, letter by letter.</summary>
[TestFixture]
public sealed class TextTests
{
    private static readonly EmpireView Empire = new("0.1.0", 42, 0, 93_784_000, true, false, ["/etc/v"], "");

    private static readonly VassalView Well = new()
    {
        Name = "blog.ini",
        State = "loyal",
        Well = true,
        Reason = "it has served requests",
        SinceMs = 5_000,
        CopiesReady = 1,
        Pid = 4711,
        UptimeMs = 125_000,
        Starts = 2,
        Latest = true,
    };

    private static readonly VassalView Ill = new()
    {
        Name = "shop\n\u001b[31m.ini",
        State = "backoff",
        Well = false,
        Reason = "exit 1 after 0.2 s; first failure",
        SinceMs = 5_000,
        Starts = 13,
        Deaths = 12,
        Failures = 1,
        LastEnd = "exit 1",
        LastEndMs = 4_000,
        RetryInMs = 1_500,
    };

    [Test]
    public void Status_is_a_table()
    {
        const string expected = """
            emperor 0.1.0, pid 42, up 1 d 2 h, ready: 2 vassals, 1 not well
            NAME                STATE     PID         UP  STARTS  WHY
            blog.ini            loyal    4711  2 min 5 s       2
            shop\n\x1b[31m.ini  backoff     -          -      13  exit 1 after 0.2 s; first failure; next attempt in 1.5 s
            """;
        Assert.That(Lines(StatusTable.Render(Empire, [Well, Ill], isWide: false, TextStyle.Plain)), Is.EqualTo(expected));
    }

    [Test]
    public void Wide_status_has_all_columns()
    {
        const string expected = """
            emperor 0.1.0, pid 42, up 1 d 2 h, ready: 1 vassal, all well
            NAME      KIND   STATE  READY   PID         UP  STARTS  RELOADS  DEATHS  FAILURES  LAST END  ON DEMAND  WHY
            blog.ini  uwsgi  loyal    1/1  4711  2 min 5 s       2        0       0         0  -         -
            """;
        Assert.That(Lines(StatusTable.Render(Empire, [Well], isWide: true, TextStyle.Plain)), Is.EqualTo(expected));
    }

    [Test]
    public void On_a_terminal_lines_are_cut_and_states_are_coloured()
    {
        var lines = StatusTable.Render(Empire, [Well, Ill], isWide: false, new TextStyle(50, true)).ToArray();
        Assert.That(lines[2], Does.Contain("\u001b[32mloyal\u001b[0m"));
        Assert.That(lines[3], Does.Contain("\u001b[31mbackoff\u001b[0m"));
        Assert.That(lines[1..].Select(WithoutColour).Select(l => l.Length), Has.All.LessThanOrEqualTo(50));
        Assert.That(lines[3], Does.Not.Contain("\u001b[31m.ini"), "a name's own control characters are escaped");
    }

    [Test]
    public void Top_sorts_by_what_is_asked_for()
    {
        var before = new Dictionary<string, VassalView> { ["blog.ini"] = Well with { CpuMs = 1_000 } };
        VassalView[] now = [Well with { CpuMs = 1_500, MemoryBytes = 3 << 20, Processes = 2 }, Ill with { Name = "shop.ini" }];
        var rows = TopTable.Rows(now, before, 1_000);
        Assert.That(rows.Select(r => r.Processor), Is.EqualTo(new double?[] { 50, null }));
        Assert.That(TopTable.Sorted(rows, TopOrder.Starts)[0].Vassal.Name, Is.EqualTo("shop.ini"));
        Assert.That(TopTable.Sorted(rows, TopOrder.Memory)[0].Vassal.Name, Is.EqualTo("blog.ini"));
        const string expected = """
            NAME      STATE  %CPU  MEMORY  PROCS  STARTS         UP  WHY
            blog.ini  loyal  50.0   3 MiB      2       2  2 min 5 s
            """;
        var lines = TopTable.Render(Empire, TopTable.Sorted(rows, TopOrder.Processor), TopOrder.Processor, 0, 4, TextStyle.Plain);
        Assert.That(Lines(lines.Skip(2)), Is.EqualTo(expected));
    }

    [Test]
    public void Top_has_no_line_that_a_narrow_terminal_would_break()
    {
        var lines = TopTable.Render(Empire, [new TopRow(Well, 3), new TopRow(Ill, null)], TopOrder.Name, 0, 10, new TextStyle(40, true));
        Assert.That(lines.Select(WithoutColour).Select(l => l.Length), Has.All.LessThanOrEqualTo(40));
    }

    [Test]
    public void An_address_on_demand_is_shown_while_the_process_runs_too()
    {
        var vassal = Well with { OnDemand = "/run/blog\u001b.socket" };
        Assert.That(
            StatusTable.Render(Empire, [vassal], isWide: false, TextStyle.Plain).Last(),
            Does.EndWith(@"started on demand, on /run/blog\x1b.socket")
        );
        Assert.That(
            StatusTable.Render(Empire, [vassal], isWide: true, TextStyle.Plain).Last(),
            Does.Contain(@"-         /run/blog\x1b.socket  ")
        );
        var view = new ExplainView
        {
            Vassal = vassal,
            File = "blog.ini",
            Folder = "/etc/v",
        };
        Assert.That(
            Lines(ExplainText.Render(view, [], unix => $"{unix}", TextStyle.Plain)),
            Does.Contain(@"on demand  /run/blog\x1b.socket")
        );
    }

    [Test]
    public void Explain_is_one_screen()
    {
        var view = new ExplainView
        {
            Vassal = Ill with { Name = "shop.ini" },
            File = "/etc/v/shop.ini",
            Target = "/srv/shop/uwsgi.ini",
            Folder = "/etc/v",
            FileModified = 3,
            Command = ["uwsgi", "--ini", "shop.ini"],
            Environment = ["UWSGI_EMPEROR_FD=3"],
            Events = [new EventView(9, 4_000, "warning", "died", "shop.ini", 13, "pid 9 has ended (exit 1)")],
            Output = ["ImportError: no module named shop"],
            Next = "it is tried again in 1.5 s (attempt 2)",
            Advice = "emperor retry shop.ini",
        };
        const string expected = """
            shop.ini is backoff since 5000
              why        exit 1 after 0.2 s; first failure
              next       it is tried again in 1.5 s (attempt 2)
              you can    emperor retry shop.ini

              file       /etc/v/shop.ini -> /srv/shop/uwsgi.ini
              changed    3000
              says       module = shop
              started as uwsgi --ini shop.ini
              in         /etc/v
              with       UWSGI_EMPEROR_FD=3
              last end   exit 1, 4000; deaths 12, failures in a row 1

            what happened
              4000  pid 9 has ended (exit 1)

            what it printed last
              ImportError: no module named shop
            """;
        var text = Lines(ExplainText.Render(view, ["module = shop"], unix => $"{unix}", TextStyle.Plain));
        Assert.That(text, Is.EqualTo(expected));
        Assert.That(expected.Split('\n'), Has.Length.LessThan(25));
    }

    [TestCase("config-error", "started as nothing, until its file is mended")]
    [TestCase("backoff", "started as nothing: no program is found")]
    public void Explain_does_not_miss_a_program_for_a_file_that_cannot_be_followed(string state, string words)
    {
        var view = new ExplainView
        {
            Vassal = Ill with { State = state },
            File = "/etc/v/shop.ini",
            Folder = "/etc/v",
        };
        Assert.That(Lines(ExplainText.Render(view, [], unix => $"{unix}", TextStyle.Plain)), Does.Contain(words));
    }

    [Test]
    public void Each_phase_has_words_for_what_comes_next_and_what_can_be_done([Values] Phase phase)
    {
        if (phase == Phase.Gone)
            return;
        var patient = new Vassals.Patient().BroughtTo(phase);
        var snapshot = new VassalSnapshot(patient.State, patient.Policy, new Instant(patient.Now, 0));
        Assert.That(Explanation.Next(snapshot), Is.Not.Empty);
        Assert.That(Explanation.Advice(snapshot), Is.Not.Empty);
    }

    [Test]
    public void What_was_stopped_by_hand_is_well()
    {
        var patient = new Vassals.Patient().BroughtTo(Phase.Running).Takes(new VassalEvent.Ordered(OrderKind.Stop)).Exits(0);
        var view = VassalView.Of(new VassalSnapshot(patient.State, patient.Policy, new Instant(patient.Now, 0)));
        Assert.That((view.State, view.Well, view.StoppedByHand), Is.EqualTo(("stopped", true, true)));
    }

    [Test]
    public void What_is_not_well_is_so_in_the_status_too([Values] Phase phase)
    {
        if (phase == Phase.Gone)
            return;
        var patient = new Vassals.Patient().BroughtTo(phase);
        var view = VassalView.Of(new VassalSnapshot(patient.State, patient.Policy, new Instant(patient.Now, 0)));
        Assert.That(view.Well, Is.EqualTo(phase is Phase.Waiting or Phase.Held or Phase.Starting or Phase.Running or Phase.Reloading));
    }

    private static string Lines(IEnumerable<string> lines) => string.Join('\n', lines);

    private static string WithoutColour(string line) => System.Text.RegularExpressions.Regex.Replace(line, "\u001b\\[[0-9]+m", "");
}
