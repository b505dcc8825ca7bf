using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>--emperor-broodlord: vassals that call for reinforcement.</summary>
internal sealed class BroodlordTests : OptionTest
{
    private static string Program => TestVassal.VassalProgram.Path;

    [Test]
    public void A_zerg_sees_the_same_as_under_uwsgi()
    {
        var theirs = ReportOf(Uwsgi, "--emperor", Vassals, "--emperor-freq", "1");
        var ours = ReportOf(EmperorProcess.Program, "--emperor", Vassals, "--emperor-death-signal");
        AssertSame(ours, theirs);
        Assert.That(ours.Arguments[1..], Is.EqualTo(new[] { "--ini", "lord.ini:zerg" }));
        Assert.That(ours.Variable("UWSGI_BROODLORD_NUM"), Is.EqualTo("1"));
    }

    [Test]
    public void So_does_one_of_a_pattern()
    {
        var theirs = ReportOf(Uwsgi, "--emperor", "glob://vassals/*.ini", "--emperor-freq", "1");
        var ours = ReportOf(EmperorProcess.Program, "--emperor", "glob://vassals/*.ini", "--emperor-death-signal");
        AssertSame(ours, theirs);
        Assert.That(ours.Arguments[1..], Is.EqualTo(new[] { "--ini", "vassals/lord.ini:zerg" }));
    }

    [Test]
    public void There_are_never_more_than_allowed_and_the_stats_name_each()
    {
        WriteLord("lord.ini", "accept", "byte 30", "byte 5", "byte 30", "byte 5", "byte 30", "byte 5", "byte 30");
        WriteLord("other.ini", "sleep 300", "accept", "byte 30", "byte 5", "byte 30");
        var stats = Temp["stats"];
        var daemon = Start("--emperor-broodlord", "3", "--emperor-stats", stats);
        Wait.Until(() => Zergs(stats).Length == 3, Logs);
        daemon.AwaitAccepting("other.ini");
        Wait.While(() => Zergs(stats).Length == 3, TimeSpan.FromSeconds(1), Logs);
        Assert.That(Zergs(stats).Count(z => z.StartsWith("lord.ini:zerg")), Is.GreaterThanOrEqualTo(1));
        Assert.That(Zergs(stats), Is.Unique);
        var first = StatsClient.Await(stats, "lord.ini:zerg", v => v.GetProperty("zerg").GetInt32() == 1);
        Assert.That(first.GetProperty("lord").GetString(), Is.EqualTo("lord.ini"));
        Assert.That(first.GetProperty("on_demand").GetString(), Is.Empty);
    }

    [Test]
    public void Without_the_option_a_call_changes_nothing()
    {
        WriteLord("lord.ini", "accept", "byte 30", "byte 17");
        var daemon = Start();
        daemon.AwaitVassal("lord.ini", "is loyal");
        Write("later.ini");
        daemon.AwaitAccepting("later.ini");
        Assert.That(Journal.Starts("lord.ini:zerg"), Is.Zero);
    }

    [TestCase("removed")]
    [TestCase("killed")]
    [TestCase("changed")]
    public void Zergs_end_with_their_lord(string how)
    {
        var path = WriteLord("lord.ini", "loyal", "accept", "byte 30");
        var daemon = Start("--emperor-broodlord", "5");
        daemon.AwaitAccepting("lord.ini:zerg");
        var lord = Journal.AwaitStart("lord.ini").Pid;
        var zerg = Journal.AwaitStart("lord.ini:zerg").Pid;
        switch (how)
        {
            case "removed":
                File.Delete(path);
                break;
            case "killed":
                Native.Check(Native.Signal(lord, Native.Kill), "kill");
                break;
            default:
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(1));
                break;
        }
        Wait.Until(() => !ProcFs.IsAlive(zerg), () => $"the zerg lives on\n{Logs()}");
        Assert.That(Journal.Of("lord.ini:zerg", "stop"), Is.Not.Empty, "it was told to stop, and not killed");
        if (how == "killed")
            Wait.Until(() => Journal.Starts("lord.ini") == 2 && Journal.Starts("lord.ini:zerg") == 2, () => $"{Logs()}\n{Journal.Text()}");
    }

    [Test]
    public void A_zerg_that_dies_is_replaced_and_one_that_stops_of_its_own_will_is_gone_and_may_be_called_again()
    {
        Write("lord.ini", "accept", "byte 30", "on-reload accept", "on-reload byte 30");
        File.AppendAllText($"{Vassals}/lord.ini", "[zerg]\nx-do = accept\nx-do = loyal\n");
        var stats = Temp["stats"];
        // The one that is told to stop at the reload counts until it has.
        var daemon = Start("--emperor-broodlord", "2", "--emperor-stats", stats);
        daemon.AwaitVassal("lord.ini:zerg", "is loyal");
        Native.Check(Native.Signal(Journal.AwaitStart("lord.ini:zerg").Pid, Native.Kill), "kill");
        Wait.Until(() => Journal.Starts("lord.ini:zerg") == 2, Logs);
        // Byte 22 is answered with the order to stop.
        File.WriteAllText(
            $"{Vassals}/lord.ini",
            Script("accept", "byte 30", "on-reload accept", "on-reload byte 30") + "[zerg]\nx-do = accept\nx-do = byte 22\n"
        );
        Wait.Until(() => Journal.Starts("lord.ini:zerg") == 3, Logs);
        Journal.AwaitStop("lord.ini:zerg", Journal.Lines.ToList().FindLastIndex(l => l is { Vassal: "lord.ini:zerg", Event: "start" }));
        Wait.Until(() => Zergs(stats).Length == 0, Logs);
    }

    // The lord serves slowly; as soon as its backlog is long it calls, and zergs attach to its socket.
    [Test]
    public void Real_uwsgi_under_load_calls_and_the_zerg_serves_at_the_lord_s_socket()
    {
        var zergServer = Temp["zerg.sock"];
        var port = Ports.Free();
        Temp.Write(
            "app.py",
            """
            import os, time
            def application(environ, start_response):
                time.sleep(0.3)
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [os.environ.get("UWSGI_BROODLORD_NUM", "lord").encode()]

            """
        );
        File.WriteAllText(
            $"{Vassals}/lord.ini",
            $"""
            [uwsgi]
            plugin = python3
            http-socket = 127.0.0.1:{port}
            zerg-server = {zergServer}
            vassal-sos-backlog = 3
            master = true
            processes = 1
            chdir = {Temp.Path}
            wsgi-file = app.py
            [zerg]
            plugin = python3,http
            protocol = http
            zerg = {zergServer}
            master = true
            processes = 1
            chdir = {Temp.Path}
            wsgi-file = app.py

            """
        );
        var stats = Temp["stats"];
        var daemon = StartReal("--emperor-broodlord", "2", "--emperor-stats", stats);
        daemon.AwaitAccepting("lord.ini");
        using var client = new HttpClient { Timeout = TimeSpan.FromMinutes(2) };
        using var end = new CancellationTokenSource();
        var failed = 0;
        var served = new System.Collections.Concurrent.ConcurrentDictionary<string, int>();
        var load = Enumerable
            .Range(0, 12)
            .Select(_ =>
                Task.Run(async () =>
                {
                    while (!end.IsCancellationRequested)
                    {
                        try
                        {
                            var answer = await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"));
                            served.AddOrUpdate(answer, 1, (_, count) => count + 1);
                        }
                        catch (HttpRequestException)
                        {
                            Interlocked.Increment(ref failed);
                        }
                    }
                })
            )
            .ToArray();
        try
        {
            Wait.Until(() => served.Keys.Any(k => k != "lord"), () => $"no zerg has served\n{Logs()}", TimeSpan.FromMinutes(2));
            Wait.Until(() => Zergs(stats).Length == 2, Logs, TimeSpan.FromMinutes(1));
        }
        finally
        {
            end.Cancel();
            Task.WaitAll(load);
        }
        Assert.That(failed, Is.Zero, Logs());
        TestContext.Out.WriteLine(string.Join(", ", served.Select(s => $"{s.Key}: {s.Value}")));
        Assert.That(served.Keys, Does.Contain("lord"));
        File.Delete($"{Vassals}/lord.ini");
        Wait.Until(() => Descendants().Count == 0, Logs);
    }

    private string WriteLord(string name, params string[] verbs)
    {
        var path = Write(name, verbs);
        File.AppendAllText(path, "[zerg]\nx-do = accept\n");
        return path;
    }

    private static string[] Zergs(string stats) =>
        [
            .. StatsClient
                .Read(stats)
                .GetProperty("vassals")
                .EnumerateArray()
                .Where(v => v.GetProperty("zerg").GetInt32() == 1)
                .Select(v => v.GetProperty("id").GetString()!),
        ];

    private Report ReportOf(string program, params string[] options)
    {
        var report = Temp["report"];
        File.Delete(report);
        Write("lord.ini", "accept", "loyal", "byte 30");
        File.AppendAllText($"{Vassals}/lord.ini", $"[zerg]\nx-do = report {report}\nx-do = accept\nx-do = loyal\n");
        var daemon = LaunchAs(program, [.. options, "--emperor-broodlord", "2", "--emperor-wrapper", Program]);
        var seen = Report.Await(report, Logs);
        daemon.Signal(Native.Interrupt);
        daemon.AwaitEnd();
        return seen;
    }

    private static void AssertSame(Report ours, Report theirs)
    {
        string[] mayDiffer =
        [
            "EMPEROR_INCARNATION",
            "UWSGI_EMPEROR_FD",
            "UWSGI_RELOADS",
            "UWSGI_ORIGINAL_PROC_NAME",
            "UWSGI_EMPEROR_CONTROL",
        ];
        string[] Variables(Report report) =>
            [.. report.Environment.Where(v => !mayDiffer.Contains(v[..v.IndexOf('=')])).Order(StringComparer.Ordinal)];
        Assert.Multiple(() =>
        {
            Assert.That(ours.Arguments, Is.EqualTo(theirs.Arguments), "argv");
            Assert.That(Variables(ours), Is.EqualTo(Variables(theirs)), "environment");
            Assert.That(ours.Folder, Is.EqualTo(theirs.Folder), "working folder");
            Assert.That(ours.Descriptors, Has.Count.EqualTo(theirs.Descriptors.Count), "descriptors");
            Assert.That(ours.Descriptors[0], Is.EqualTo(theirs.Descriptors[0]).And.EqualTo("/dev/null"));
            Assert.That(ours.Number("parent_death_signal"), Is.EqualTo(theirs.Number("parent_death_signal")));
        });
    }
}
