using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>What uWSGI's master does besides keeping workers, done by the emperor for vassals of the built-in server.</summary>
internal sealed class WsgiDutyTests : WsgiDutyTest
{
    [Test]
    public void A_pidfile_leads_to_a_worker_through_reloads_and_goes_with_the_vassal()
    {
        var daemon = Govern("processes = 1", $"pidfile = {Temp["one.pid"]}", $"pidfile2 = {Temp["two.pid"]}");
        var first = Pid("one.pid");
        Assert.That(Ask(), Is.EqualTo($"one {first}"));
        Assert.That(Pid("two.pid"), Is.EqualTo(first));

        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        Wait.Until(() => Pid("one.pid") != first, Logs);
        Wait.Until(() => Ask() == $"one {Pid("one.pid")}", Logs);

        // Nobody is asked before the next one is there: what the victim had accepted is reset.
        var victim = Pid("one.pid");
        Native.Signal(victim, Native.Kill);
        Wait.Until(() => Pid("one.pid") is var next && next != 0 && next != victim, Logs);
        Wait.Until(() => Ask() == $"one {Pid("one.pid")}" && Pid("two.pid") == Pid("one.pid"), Logs);

        File.Delete($"{Vassals}/app.ini");
        Wait.Until(() => !File.Exists(Temp["one.pid"]) && !File.Exists(Temp["two.pid"]), Logs);
    }

    [TestCase("touch-reload")]
    [TestCase("touch-chain-reload")]
    public void A_file_that_is_touched_reloads_it(string option)
    {
        var daemon = Govern("processes = 2", $"{option} = {Temp["touch me"]}");
        WritePart("second");
        Temp.Write("touch me", "");
        daemon.AwaitVassal("app.ini", "touch me was touched, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");
        var mark = daemon.Mark;
        File.SetLastWriteTimeUtc(Temp["touch me"], DateTime.UtcNow.AddSeconds(9));
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
    }

    [Test]
    public void A_module_that_changes_reloads_it_and_a_broken_one_takes_nothing_down()
    {
        var daemon = Govern("processes = 2", "py-autoreload = 1");
        WritePart("second");
        daemon.AwaitVassal("app.ini", "project/part.py has changed, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");

        var mark = daemon.Mark;
        Temp.Write("project/part.py", "WORD = 'broken\n");
        daemon.AwaitVassal("app.ini", "the reload failed: .*; the former processes serve on", mark);
        AwaitAnswer("second ");
        mark = daemon.Mark;
        WritePart("mended it");
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
        AwaitAnswer("mended it ");
    }

    [Test]
    public void A_module_that_changes_while_workers_are_forked_is_not_missed()
    {
        const string late = """
            import os, part
            def change():
                if not os.path.exists("once"):
                    open("once", "w").close()
                    os.utime(part.__file__, (4000000000, 4000000000))
            os.register_at_fork(after_in_child=change)
            def application(environ, start_response):
                start_response("200 OK", [])
                return [part.WORD.encode()]

            """;
        var daemon = GovernApp(late, "processes = 1", "py-autoreload = 1");
        daemon.AwaitVassal("app.ini", "project/part.py has changed, so it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
    }

    [Test]
    public void Its_log_is_where_its_file_says()
    {
        var log = Temp["app.log"];
        var daemon = Govern($"daemonize = {log}", "logfile-chmod = 600");
        _ = Ask();
        Wait.Until(() => File.Exists(log) && File.ReadAllText(log).Contains("GET / => generated"), Logs);
        Assert.That(File.ReadAllText(log), Does.Contain("loaded one\n"));
        Assert.That(Convert.ToString((int)File.GetUnixFileMode(log), 8), Is.EqualTo("600"));
        Assert.That(daemon.Count("loaded one|=> generated"), Is.Zero, Logs());
        // Rotated by others.
        Rename(log, log + ".1");
        daemon.Signal(Native.User1);
        Wait.Until(
            () =>
            {
                _ = Ask();
                return File.Exists(log) && File.ReadAllText(log).Contains("=> generated");
            },
            Logs
        );
    }

    [Test]
    public void A_log_behind_a_link_is_not_written_for_another_user()
    {
        NeedRoot("workers become another user");
        Temp.Folder("real");
        File.CreateSymbolicLink(Temp["linked"], Temp["real"]);
        var daemon = Govern($"logto = {Temp["linked/app.log"]}", $"pidfile = {Temp["linked/app.pid"]}", "uid = 65534");
        daemon.AwaitVassal("app.ini", "what it prints cannot be written to .*linked/app.log: it is reached by a symbolic link");
        daemon.AwaitVassal("app.ini", "its pidfile .*linked/app.pid cannot be written");
        AwaitAnswer("one ");
        Assert.That(Directory.EnumerateFiles(Temp["real"]), Is.Empty);
    }

    [Test]
    public void A_pipe_takes_commands()
    {
        var fifo = Temp["app.fifo"];
        var daemon = Govern("processes = 2", $"master-fifo = {fifo}", $"pidfile = {Temp["app.pid"]}");
        void Say(string command) => File.AppendAllText(fifo, command);

        WritePart("second");
        Say("r");
        daemon.AwaitVassal("app.ini", "app.fifo: \"r\": it reloads");
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("second ");

        Say("s\n");
        daemon.AwaitVassal("app.ini", @"worker 2 \(pid \d+\): \d+ requests, [01] of 1 threads busy");
        daemon.AwaitVassal("app.ini", @"socket .*app.sock \(uwsgi\): 0 of 100 connections wait");

        File.Delete(Temp["app.pid"]);
        Say("P");
        Wait.Until(() => File.Exists(Temp["app.pid"]), Logs);

        Say("z");
        daemon.AwaitVassal("app.ini", "there is no command \"z\" here");

        var mark = daemon.Mark;
        Say("R");
        daemon.AwaitVassal("app.ini", "is ready after", mark);

        Say("q");
        daemon.AwaitVassal("app.ini", "it was stopped by hand");
        Wait.Until(() => !File.Exists(fifo), Logs);
    }

    [Test]
    public void A_daemon_runs_beside_the_workers_and_ends_with_them()
    {
        NeedRoot("the daemon becomes another user");
        var mark = Temp["daemon"];
        File.SetUnixFileMode(Temp.Folder("out"), (UnixFileMode)0b111_111_111);
        var daemon = Govern(
            "uid = 65534",
            $"attach-daemon = echo \"daemon of $(id -u)\"; echo $$ > {Temp["out/pid"]}; exec sleep 600",
            $"attach-daemon2 = cmd=trap 'echo bye; exit' INT; echo $$ > {Temp["out/other"]}; while :; do sleep 0.05; done,stopsignal=2"
        );
        Wait.Until(() => File.Exists(Temp["out/pid"]) && File.ReadAllText(Temp["out/pid"]).EndsWith('\n'), Logs);
        daemon.Await(@"\[app.ini\] daemon of 65534");
        Wait.Until(() => File.Exists(Temp["out/other"]) && File.ReadAllText(Temp["out/other"]).EndsWith('\n'), Logs);
        var (first, other) = (Pid("out/pid"), Pid("out/other"));

        // It outlives a reload.
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        Assert.That(ProcFs.IsAlive(first) && ProcFs.IsAlive(other), Logs());

        _ = Native.Signal(first, Native.Kill);
        daemon.AwaitVassal("app.ini", @"its daemon .* has ended \(signal 9 \(KILL\)\); it is started again in 1 s");
        Wait.Until(() => Pid("out/pid") != first && Pid("out/pid") != 0, Logs);
        var second = Pid("out/pid");

        File.Delete($"{Vassals}/app.ini");
        Wait.Until(() => !ProcFs.IsAlive(second) && !ProcFs.IsAlive(other), Logs);
        daemon.Await(@"\[app.ini\] bye");
    }

    [Test]
    public void What_its_file_names_without_a_folder_is_in_that_of_chdir_as_with_uwsgi()
    {
        var daemon = Govern(
            "socket = near.sock",
            "stats = near.stats",
            "master-fifo = near.fifo",
            "pidfile2 = near.pid",
            "env = WORD=of the file",
            "env = PATH=/nonexistent",
            "attach-daemon = /bin/sh -c 'echo \"$WORD\" in \"$PWD\"; exec /bin/sleep 600'"
        );
        daemon.Await($@"\[app.ini\] of the file in {Temp["project"]}");
        Assert.That(WsgiClient.AskUwsgiAt(Temp["project/near.sock"], "GET", "/").Text, Does.StartWith("one "));
        Assert.That(Workers(Stats(Temp["project/near.stats"])), Has.Length.EqualTo(1));
        Assert.That(File.Exists(Temp["project/near.fifo"]) && Pid("project/near.pid") != 0, Logs());
    }

    [Test]
    public void Env_is_there_when_python_starts()
    {
        Temp.Folder("modules");
        Temp.Write("modules/part.py", "import time\nWORD = 'zone ' + time.strftime('%Z')\n");
        _ = Govern($"env = PYTHONPATH={Temp["modules"]}", "env = TZ=Asia/Tokyo", "pythonpath = /nonexistent", "single-interpreter = true");
        File.Delete(Temp["project/part.py"]);
        Touch(5);
        AwaitAnswer("zone JST ");
    }

    [Test]
    public void An_app_cannot_take_the_shared_memory_from_its_workers()
    {
        var daemon = Govern("processes = 2");
        Temp.Write(
            "project/part.py",
            """
            WORD = 'greedy'
            import os
            for fd in os.listdir('/proc/self/fd'):
                try:
                    if 'emperor-slots' in os.readlink('/proc/self/fd/' + fd):
                        os.ftruncate(int(fd), 0)
                except OSError as error:
                    print('cannot:', error.strerror)
            """
        );
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        AwaitAnswer("greedy ");
        daemon.Await(@"\[app.ini\] cannot: Operation not permitted");
    }

    [Test]
    public void Processes_have_the_names_that_its_file_gives()
    {
        _ = Govern("processes = 2", "procname-prefix = blog-", "procname = w{}");
        // A template may leave meanwhile.
        var names = Descendants().Select(p => ProcFs.Status(p, "Name"));
        Assert.That(names, Does.Contain("blog-w1").And.Contains("blog-w2"));
        var lines = Descendants().Select(ProcFs.CommandLine);
        Assert.That(lines, Does.Contain("blog-w1").And.Contains("blog-w2"));
    }

    [Test]
    public void A_reload_that_would_lose_one_of_several_apps_takes_none_of_them_down()
    {
        // At the start what can be loaded serves.
        var daemon = Govern("processes = 1", $"mount = /part={Temp["project/other.py"]}", "manage-script-name = true");
        Assert.That(Ask("/part/x"), Does.StartWith("one "));
        daemon.AwaitVassal("app.ini", "its app cannot be loaded: .*other.py: FileNotFoundError: .*; the others serve");
        Temp.Write("project/other.py", "import part\ndef application(e, s): s('200 OK', []); return [b'other ' + part.WORD.encode()]\n");
        var mark = daemon.Mark;
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded", mark);
        Wait.Until(() => Ask("/part/x") == "other one", Logs);

        Temp.Write("project/other.py", "import nothing_of_that_name\n");
        mark = daemon.Mark;
        Touch(9);
        daemon.AwaitVassal("app.ini", "the reload failed: .*nothing_of_that_name.*; the former processes serve on", mark);
        Assert.That((Ask("/part/x"), Ask()[..4]), Is.EqualTo(("other one", "one ")));
    }
}
