using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>Emperors that are vassals of emperors, of either kind.</summary>
internal sealed class SubEmperorTests : OptionTest
{
    private static string Program => TestVassal.VassalProgram.Path;

    private string Below => Temp.Folder("below");

    [TestCase(true)]
    [TestCase(false)]
    public void Under_either_kind_it_is_loyal_at_once_obeys_and_leaves_nothing(bool underUwsgi)
    {
        WriteEmperor("sub.ini", Below);
        // It is loyal though its own vassal is not there yet.
        Write($"{Below}/app.ini", "sleep 5000", "accept", "on-reload accept");
        var lord = underUwsgi ? StartUwsgi(EmperorProcess.Program) : StartOver(EmperorProcess.Program);
        lord.Await(underUwsgi ? "vassal sub.ini is now loyal" : "sub.ini: pid [0-9]+ is loyal");
        Assert.That(lord.Count("app.ini: pid [0-9]+ accepts"), Is.Zero, "it has waited for its own vassals to be loyal");
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        lord.Await(underUwsgi ? "vassal sub.ini is ready to accept requests" : " sub.ini: pid [0-9]+ accepts requests");
        var app = Journal.AwaitStart("app.ini").Pid;
        File.SetLastWriteTimeUtc($"{Vassals}/sub.ini", DateTime.UtcNow.AddMinutes(1));
        Journal.AwaitReload("app.ini");
        Assert.That(ProcFs.IsAlive(app), "a reload has ended what was to be reloaded");
        File.Delete($"{Vassals}/sub.ini");
        Journal.AwaitStop("app.ini");
        lord.Await(underUwsgi ? "removed uwsgi instance sub.ini" : @" sub.ini: pid [0-9]+ has ended \(exit 0\)");
        Wait.Until(() => Descendants().Count == 0, Logs);
    }

    // Under uwsgi the kernel kills it when its lord dies; under Emperor the guard does. What it governs is ended in both.
    [TestCase(true, Native.Kill)]
    [TestCase(false, Native.Kill)]
    [TestCase(true, Native.Interrupt)]
    [TestCase(false, Native.Interrupt)]
    public void When_the_lord_dies_nothing_of_it_is_left(bool underUwsgi, int signal)
    {
        WriteEmperor("sub.ini", Below);
        Write($"{Below}/app.ini", "fork 2", "daemon 1", "accept");
        var lord = underUwsgi ? StartUwsgi(EmperorProcess.Program) : StartOver(EmperorProcess.Program);
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        lord.Signal(signal);
        lord.AwaitEnd();
        Wait.Until(() => Descendants().Count == 0, () => $"{string.Join(", ", Descendants().Select(ProcFs.CommandLine))}\n{Logs()}");
    }

    // A lord that closes the channel and lives on is gone as well.
    [Test]
    public void When_the_channel_closes_it_leaves_with_all_its_vassals()
    {
        WriteEmperor(
            "sub.ini",
            Below,
            more: $"hook-emperor-lost = exec:touch {Temp["lost"]}\nhook-emperor-stop = exec:touch {Temp["stopped"]}\n"
        );
        Write($"{Below}/app.ini", "accept");
        var lord = Script(
            "lord",
            """
            #!/usr/bin/python3
            import os, socket, subprocess, sys
            ours, theirs = socket.socketpair()
            child = subprocess.Popen(sys.argv[1:], pass_fds=[theirs.fileno()], env={**os.environ, "UWSGI_EMPEROR_FD": str(theirs.fileno())})
            theirs.close()
            said = b""
            while b"\x05" not in said: said += ours.recv(16)
            print("it said", said.hex(), flush=True)
            ours.send(sys.stdin.buffer.read() or b"\x63")
            ours.close()
            print("it ended with", child.wait(), flush=True)

            """
        );
        var daemon = LaunchAs(lord, EmperorProcess.Program, "--ini", $"{Vassals}/sub.ini");
        // Spawned and loyal at once, then that it accepts requests, and loyal again, as uWSGI's say it after each start.
        daemon.Await("^it said 0111(05|0511)$");
        daemon.Await("the emperor above is gone: all 1 vassals are told to stop");
        Journal.AwaitStop("app.ini");
        daemon.Await("^it ended with 0$");
        Assert.That(Temp["lost"], Does.Exist);
        Assert.That(Temp["stopped"], Does.Not.Exist);
    }

    // Its lord hands over the file's content, which nobody but that may read, at the start and whenever it has changed.
    [Test]
    public void Its_configuration_comes_over_the_socket_of_an_emperor_that_hands_it_over()
    {
        var other = Temp.Folder("other");
        WriteEmperor("sub.ini", Below);
        Write($"{Below}/app.ini", "accept");
        Write($"{other}/moved.ini", "accept");
        var lord = StartOver(EmperorProcess.Program, "--emperor-force-config-pipe");
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        var pid = SubPid();
        Assert.That(ProcFs.CommandLine(pid), Does.Contain("emperor://sub.ini"));
        var mark = lord.Mark;
        File.AppendAllText($"{Vassals}/sub.ini", "emperor-throttle = soon\n");
        lord.Await("its changed configuration is not taken, and it governs on as it is", mark);
        for (var round = 0; round < 2; round++)
        {
            mark = lord.Mark;
            WriteEmperor("sub.ini", round == 0 ? other : Below);
            lord.Await("its configuration has changed: all vassals are told to stop, and it begins anew", mark);
            lord.Await($"{(round == 0 ? "moved" : "app")}.ini: pid [0-9]+ accepts requests", mark);
            lord.Await("^[^[]* sub.ini: pid [0-9]+ accepts requests", mark);
        }
        Assert.That(SubPid(), Is.EqualTo(pid));
        Assert.That(lord.Stop(), Is.Zero);
        Assert.That(Descendants(), Is.Empty);
    }

    [Test]
    public void Without_an_emperor_above_there_is_no_such_configuration()
    {
        var daemon = LaunchAs(EmperorProcess.Program, "--ini", "emperor://sub.ini");
        daemon.Await("there is no emperor above this one that hands it over .UWSGI_EMPEROR_FD_CONFIG.");
        Assert.That(daemon.AwaitEnd(), Is.Not.Zero);
    }

    [Test]
    public void A_changed_configuration_is_taken_by_the_same_process_and_a_broken_one_is_not()
    {
        var other = Temp.Folder("other");
        WriteEmperor("sub.ini", Below);
        Write($"{Below}/app.ini", "accept");
        Write($"{other}/moved.ini", "accept");
        var lord = StartOver(EmperorProcess.Program);
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        var pid = SubPid();
        var mark = lord.Mark;
        File.AppendAllText($"{Vassals}/sub.ini", "emperor-throttle = soon\n");
        lord.Await("its changed configuration is not taken, and it governs on as it is", mark);
        Assert.That(Journal.Of("app.ini", "stop"), Is.Empty);
        mark = lord.Mark;
        WriteEmperor("sub.ini", other);
        lord.Await("its configuration has changed: all vassals are told to stop, and it begins anew", mark);
        Journal.AwaitStop("app.ini");
        lord.Await("moved.ini: pid [0-9]+ accepts requests", mark);
        lord.Await("^[^[]* sub.ini: pid [0-9]+ accepts requests", mark);
        Assert.That(SubPid(), Is.EqualTo(pid));
        Assert.That(lord.Stop(), Is.Zero);
        Assert.That(Descendants(), Is.Empty);
    }

    [Test]
    public void A_uwsgi_emperor_is_a_vassal_like_any_other()
    {
        File.WriteAllText($"{Vassals}/sub.ini", $"[uwsgi]\nemperor = {Below}\nemperor-wrapper = {Program}\nemperor-freq = 1\n");
        Write($"{Below}/app.ini", "fork 1", "accept");
        var lord = StartReal();
        lord.AwaitVassal("sub.ini", "is loyal");
        Journal.AwaitStart("app.ini");
        File.SetLastWriteTimeUtc($"{Vassals}/sub.ini", DateTime.UtcNow.AddMinutes(1));
        // uwsgi kills its emperor at a reload, and with it the vassals, which are started anew.
        Wait.Until(() => Journal.Starts("app.ini") == 2, Logs);
        File.Delete($"{Vassals}/sub.ini");
        lord.AwaitVassal("sub.ini", "has ended");
        Wait.Until(() => Descendants().Count == 0, () => $"{string.Join(", ", Descendants().Select(ProcFs.CommandLine))}\n{Logs()}");
    }

    [TestCase("stop")]
    [TestCase("kill")]
    public void Three_levels_deep_all_is_well_and_all_ends(string how)
    {
        var (second, third) = (Temp.Folder("second"), Temp.Folder("third"));
        WriteEmperor("sub.ini", second, wrapper: EmperorProcess.Program);
        WriteEmperor($"{second}/subsub.ini", third);
        Write($"{third}/app.ini", "fork 1", "accept", "on-reload accept");
        var lord = StartOver(EmperorProcess.Program);
        lord.Await(@"^\[sub\.ini\] \[subsub\.ini\] .* app\.ini: pid [0-9]+ accepts requests");
        lord.Await("^[^[]*the emperor is ready$");
        var app = Journal.AwaitStart("app.ini").Pid;
        var mark = lord.Mark;
        lord.Signal(Native.Hangup);
        Journal.AwaitReload("app.ini");
        lord.Await("^[^[]* sub.ini: pid [0-9]+ accepts requests", mark);
        Assert.That(ProcFs.IsAlive(app));
        if (how == "stop")
        {
            Assert.That(lord.Stop(), Is.Zero);
            Assert.That(Journal.Of("app.ini", "stop"), Is.Not.Empty, "it was told to stop");
        }
        else
        {
            lord.Signal(Native.Kill);
            lord.AwaitEnd();
        }
        Wait.Until(() => Descendants().Count == 0, () => $"{string.Join(", ", Descendants().Select(ProcFs.CommandLine))}\n{Logs()}");
    }

    // uwsgi's over Emperor over uwsgi's.
    [TestCase(Native.Interrupt)]
    [TestCase(Native.Kill)]
    public void Three_levels_of_both_kinds_leave_nothing(int signal)
    {
        var (second, third) = (Temp.Folder("second"), Temp.Folder("third"));
        WriteEmperor("sub.ini", second, wrapper: Uwsgi);
        WriteEmperor($"{second}/subsub.ini", third);
        Write($"{third}/app.ini", "fork 1", "daemon 1", "accept");
        var lord = StartUwsgi(EmperorProcess.Program);
        lord.Await(" subsub.ini: pid [0-9]+ is loyal");
        Journal.AwaitStart("app.ini");
        lord.Signal(signal);
        lord.AwaitEnd();
        Wait.Until(() => Descendants().Count == 0, () => $"{string.Join(", ", Descendants().Select(ProcFs.CommandLine))}\n{Logs()}");
    }

    // Its vassals have lost their emperor by a kill from outside, and it is started again.
    [Test]
    public void One_that_is_killed_is_started_again_and_what_it_governed_is_ended_first()
    {
        WriteEmperor("sub.ini", Below, more: "reload-mercy = 1\n");
        Write($"{Below}/app.ini", "ignore-stop", "fork 1", "accept");
        var lord = StartOver(EmperorProcess.Program);
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        var app = Journal.AwaitStart("app.ini").Pid;
        Native.Check(Native.Signal(SubPid(), Native.Kill), "kill");
        Wait.Until(() => !ProcFs.IsAlive(app), Logs);
        Wait.Until(() => Journal.Starts("app.ini") == 2, Logs);
    }

    [Test]
    public void Its_hooks_are_run_when_it_is_told_to_reload_and_to_stop()
    {
        string Hook(string name) => $"hook-emperor-{name} = exec:touch {Temp[name]}\n";
        WriteEmperor("sub.ini", Below, more: Hook("reload") + Hook("stop") + Hook("lost"));
        Write($"{Below}/app.ini", "accept");
        var lord = StartOver(EmperorProcess.Program);
        lord.Await("app.ini: pid [0-9]+ accepts requests");
        File.SetLastWriteTimeUtc($"{Vassals}/sub.ini", DateTime.UtcNow.AddMinutes(1));
        Wait.Until(() => File.Exists(Temp["reload"]), Logs);
        Assert.That(Temp["stop"], Does.Not.Exist);
        File.Delete($"{Vassals}/sub.ini");
        Wait.Until(() => File.Exists(Temp["stop"]), Logs);
        lord.Await(@" sub.ini: pid [0-9]+ has ended \(exit 0\)");
        Assert.That(Temp["lost"], Does.Not.Exist);
    }

    [Test]
    public void Its_heart_beats_when_it_is_told_to()
    {
        WriteEmperor("sub.ini", Below, more: "heartbeat = 1\n");
        var stats = Temp["stats"];
        StartOver(EmperorProcess.Program, "--emperor-stats", stats);
        StatsClient.Await(stats, "sub.ini", v => v.GetProperty("last_heartbeat").GetInt64() > 0);
    }

    [Test]
    public void A_descriptor_that_is_none_is_told_and_ignored()
    {
        Write("a.ini", "accept");
        var daemon = Launch(new Dictionary<string, string?> { ["UWSGI_EMPEROR_FD"] = "0" }, "--emperor", Vassals);
        daemon.Await("UWSGI_EMPEROR_FD=0 names no socket of an emperor above this one, and is ignored");
        daemon.AwaitAccepting("a.ini");
    }

    private int SubPid() => ProcFs.All().Single(p => ProcFs.CommandLine(p).Contains("sub.ini") && Descendants().Contains(p));

    private void WriteEmperor(string name, string folder, string? wrapper = null, string more = "") =>
        File.WriteAllText(
            name.StartsWith('/') ? name : $"{Vassals}/{name}",
            $"[uwsgi]\nemperor = {folder}\nemperor-control = none\nemperor-wrapper = {wrapper ?? Program}\n{more}"
        );

    private EmperorProcess StartOver(string program, params string[] options) =>
        LaunchAs(EmperorProcess.Program, ["--emperor", Vassals, "--emperor-freq", "600", "--emperor-wrapper", program, .. options]);

    private EmperorProcess StartUwsgi(string program) =>
        LaunchAs(Uwsgi, "--emperor", Vassals, "--emperor-freq", "1", "--emperor-wrapper", program);
}
