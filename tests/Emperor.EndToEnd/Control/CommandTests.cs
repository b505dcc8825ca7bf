using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>Every verb, as an operator types it.</summary>
internal sealed class CommandTests : ControlTest
{
    [Test]
    public void Status_tells_by_its_exit_code_whether_all_is_well()
    {
        Write("good.ini");
        var daemon = StartControlled("--emperor-throttle", "600000", "--emperor-max-throttle", "600000");
        daemon.AwaitAccepting("good.ini");
        var (code, output, errors) = Emperor("status");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"good\.ini +accepting +\d+ ").And.Contains("1 vassal, all well"));
        Write("bad.ini", "exit 3");
        daemon.AwaitVassal("bad.ini", "next start in 600 s");
        (code, output, _) = Emperor("status");
        Assert.That(code, Is.EqualTo(3));
        Assert.That(output, Does.Match(@"bad\.ini +backoff .*exit 3.*next attempt in [59]"));
        Assert.That(output, Does.Not.Contain("\u001b"));
        Assert.That(Emperor("status", "good").Code, Is.Zero, "only that one is asked for");
    }

    [Test]
    public void Json_is_read_by_Pythons_json()
    {
        Write("a.ini");
        StartControlled().AwaitAccepting("a.ini");
        var json = Temp.Write("status.json", Emperor("status", "--json").Output);
        var (code, output, errors) = Run(
            "python3",
            "-c",
            "import json,sys; d=json.load(open(sys.argv[1])); print(d['empire']['ready'], d['vassals'][0]['name'], d['vassals'][0]['state'])",
            json
        );
        Assert.That((code, output), Is.EqualTo((0, "True a.ini accepting\n")), errors);
    }

    [Test]
    public void Without_an_emperor_every_verb_says_so()
    {
        foreach (var arguments in new[] { ["status"], ["stop", "x"], ["explain", "x"], new[] { "events" } })
        {
            var (code, output, errors) = Emperor(arguments);
            Assert.That((code, output), Is.EqualTo((4, "")), errors);
            Assert.That(errors, Does.Contain("no emperor can be reached").And.Contains(ControlPath));
        }
    }

    [Test]
    public void A_place_in_a_full_queue_is_waited_for()
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(ControlPath));
        listener.Listen(0);
        using var first = StatsClient.Connect(ControlPath);
        using var command = Begin(EmperorProcess.Program, "status", "--socket", ControlPath);
        // Long enough for many attempts.
        Assert.That(command.WaitForExit(500), Is.False, "it has given up");
        // The place is free, and its request comes.
        listener.Accept().Dispose();
        using (var served = listener.Accept())
            Assert.That(served.Receive(new byte[100]), Is.Positive);
        listener.Dispose();
        Assert.That(command.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.That(command.StandardError.ReadToEnd(), Does.Contain("the emperor has gone"));
        Assert.That(command.ExitCode, Is.EqualTo(4));
    }

    [Test]
    public void Stop_start_and_restart_tell_their_outcome()
    {
        Write("a.ini", "spawned", "accept", "stop-delay 200");
        StartControlled().AwaitAccepting("a.ini");
        var stopped = Emperor("stop", "a.ini");
        Assert.That((stopped.Code, stopped.Output), Is.EqualTo((0, stopped.Output)), stopped.Errors);
        Assert.That(stopped.Output, Does.Match(@"a\.ini: stopped after \d\.\d s \(exit 0\)"));
        Assert.That((string)StatusOf("a.ini")["state"]!, Is.EqualTo("stopped"));
        Assert.That(Emperor("status").Code, Is.Zero, "as it is wanted");
        Assert.That(Emperor("start", "a").Output, Does.Match(@"a\.ini: accepting again after \d\.\d s \(pid \d+\)"));
        Assert.That(Emperor("start", "a").Output, Does.Contain("it runs already"));
        Assert.That(Emperor("restart", "a").Output, Does.Match(@"a\.ini: accepting again after"));
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(3));
    }

    [Test]
    public void A_stop_lasts_until_the_file_changes()
    {
        Write("a.ini");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        Assert.That(Emperor("stop", "a").Code, Is.Zero);
        var mark = daemon.Mark;
        daemon.Signal(Native.Hangup);
        daemon.Await("vassals reload", mark);
        Assert.That(Emperor("reload", "a").Errors, Does.Contain("it was stopped by hand; start it"));
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
        Write("a.ini", "accept");
        daemon.AwaitAccepting("a.ini", mark);
    }

    [Test]
    public void Reload_is_told_to_the_vassal_and_waits_for_it()
    {
        Write("a.ini", "spawned", "accept", "reload-delay 300");
        StartControlled().AwaitAccepting("a.ini");
        var (code, output, errors) = Emperor("reload", "a");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("accepting again after"));
        Assert.That(Journal.Of("a.ini", "reload").Count(), Is.EqualTo(1));
    }

    [Test]
    public void A_failed_start_shows_what_the_vassal_printed_last()
    {
        Write("a.ini", "print ImportError: no module named shop", "exit 1");
        var daemon = StartControlled("--emperor-throttle", "600000", "--emperor-max-throttle", "600000");
        daemon.AwaitVassal("a.ini", "next start in 600 s");
        var mark = Journal.Mark;
        var (code, _, errors) = Emperor("retry", "a");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(
            errors,
            Does.Contain("a.ini: failed: exit 1; next attempt in 600").Or.Contains("a.ini: failed: exit 1; next attempt in 599")
        );
        Assert.That(errors, Does.Contain("ImportError: no module named shop"));
        Journal.AwaitStart("a.ini", mark);
    }

    [Test]
    public void Orders_for_all_and_for_patterns_reach_each_that_is_meant()
    {
        foreach (var name in new[] { "blog.ini", "blue.ini", "shop.ini" })
            Write(name);
        var daemon = StartControlled();
        foreach (var name in new[] { "blog.ini", "blue.ini", "shop.ini" })
            daemon.AwaitAccepting(name);
        var (code, output, errors) = Emperor("stop", "bl*");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output.Trim().Split('\n').Select(l => l.Split(':')[0]), Is.EquivalentTo(new[] { "blog.ini", "blue.ini" }));
        Assert.That(Emperor("restart", "--all").Code, Is.Zero);
        Assert.That(new[] { "blog.ini", "blue.ini", "shop.ini" }.Select(Journal.Starts), Is.All.EqualTo(2));
        (code, _, errors) = Emperor("stop", "nothing*");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("no vassal is called nothing*"));
        Assert.That(Emperor("stop").Code, Is.EqualTo(2));
        Assert.That(Emperor("stop", "blog", "--all").Code, Is.EqualTo(2));
    }

    [Test]
    public void Nobody_has_to_wait()
    {
        Write("a.ini", "spawned", "accept", "ignore-stop");
        StartControlled("--emperor-curse-tolerance", "1").AwaitAccepting("a.ini");
        var (code, output, errors) = Emperor("stop", "a", "--no-wait");
        Assert.That((code, output), Is.EqualTo((0, "a.ini: ordered\n")), errors);
        Wait.Until(() => (string)StatusOf("a.ini")["state"]! == "stopped", () => Logs());
    }

    [Test]
    public void An_outcome_that_does_not_come_is_told_too()
    {
        Write("a.ini", "spawned", "accept", "ignore-stop");
        StartControlled("--emperor-curse-tolerance", "5").AwaitAccepting("a.ini");
        var (code, _, errors) = Emperor("stop", "a", "--timeout", "1");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("not yet after 1.0 s: it is stopping (it was stopped by hand)"));
    }

    [Test]
    public void Explain_tells_it_all()
    {
        Write("a.ini", "print hello from a", "spawned", "accept");
        StartControlled().AwaitAccepting("a.ini");
        Wait.Until(() => Emperor("explain", "a").Output.Contains("hello from a"), () => Emperor("explain", "a").Output);
        var (code, output, errors) = Emperor("explain", "a");
        Assert.That(code, Is.Zero, errors);
        foreach (
            var part in new[]
            {
                "a.ini is accepting since",
                "next ",
                "you can ",
                $"file       {Vassals}/a.ini",
                "started as",
                "--ini a.ini",
                "server     uwsgi: uwsgi is installed",
                "(new)",
            }
        )
            Assert.That(output, Does.Contain(part));
        var json = JsonNode.Parse(Emperor("explain", "a", "--json").Output)!;
        Assert.That((string)json["explain"]!["folder"]!, Is.EqualTo(Vassals));
    }

    [Test]
    public void What_was_never_taken_and_what_goes_for_good_is_explained_too()
    {
        Write("good.ini");
        Write("leaving.ini", "spawned", "accept", "ignore-stop");
        File.WriteAllText($"{Vassals}/empty.ini", "");
        var daemon = StartControlled("--emperor-curse-tolerance", "600", "--reload-mercy", "1");
        daemon.AwaitAccepting("good.ini");
        daemon.AwaitAccepting("leaving.ini");
        daemon.AwaitVassal("empty.ini", "the file is empty");
        File.Delete($"{Vassals}/leaving.ini");
        Journal.Await("leaving.ini", "byte");
        foreach (var (name, state) in new[] { ("empty", "config-error"), ("leaving", "stopping"), ("*", "accepting") })
        {
            var (code, output, errors) = Emperor("explain", name);
            Assert.That(code, Is.Zero, $"{errors}\n{Logs()}");
            Assert.That(output.Contains("  server  ") && state == "config-error", Is.False, "nobody has decided who runs it");
            Assert.That(output, Does.Contain($" is {state} since").And.Contains(Vassals).And.Not.Contains("1970"));
        }
        Assert.That(Emperor("config", "empty").Errors, Does.Contain("empty.ini"));
        Assert.That((string)StatusOf("good.ini")["state"]!, Is.EqualTo("accepting"), "nothing has become of the others");
    }

    [Test]
    public void Logs_and_events_tell_the_last_and_go_on()
    {
        Write("a.ini", "print one", "print two", "accept");
        var daemon = StartControlled();
        daemon.AwaitAccepting("a.ini");
        Wait.Until(() => Emperor("logs", "a", "-n", "1").Output == "two\n", () => Emperor("logs", "a").Output);
        Assert.That(Emperor("events", "-n", "5").Output, Does.Contain("a.ini: ").And.Contains("accepts requests"));
        using var follower = Begin(EmperorProcess.Program, "logs", "a", "-f", "-n", "1", "--socket", ControlPath);
        try
        {
            Assert.That(Line(follower), Is.EqualTo("two"));
            Write("a.ini", "print three", "accept");
            Emperor("restart", "a");
            Assert.That(Line(follower), Is.EqualTo("three"));
        }
        finally
        {
            follower.Kill();
            follower.WaitForExit();
        }
    }

    [Test]
    public void Check_finds_mistakes_and_runs_nothing()
    {
        var touched = Temp["touched"];
        var one = Temp.Write("one.ini", $"[uwsgi]\nmastr = true\nsocket = 127.0.0.1:8000\nchdir = @(exec://touch {touched})\n");
        var two = Temp.Write("two.ini", "[uwsgi]\nhttp-socket = :8000\nprocesses = 4 # four\n");
        var (code, output, errors) = Run(EmperorProcess.Program, "check", one, two);
        Assert.That(code, Is.EqualTo(1), errors);
        Assert.Multiple(() =>
        {
            Assert.That(output, Does.Contain($"{one}:2: error: unknown option \"mastr\" has no effect; did you mean \"master\"?"));
            Assert.That(output, Does.Contain($"{two}:2: error: \"http-socket = :8000\": {one}:3 claims it too"));
            Assert.That(output, Does.Contain($"{two}:3: error: uWSGI knows no comments behind a value"));
            Assert.That(File.Exists(touched), Is.False);
        });
        var good = Temp.Write("good.ini", "[uwsgi]\nmaster = true\n");
        var clean = Run(EmperorProcess.Program, "check", good);
        Assert.That((clean.Code, clean.Output), Is.EqualTo((0, "")), clean.Errors);
        var json = JsonNode.Parse(Run(EmperorProcess.Program, "check", "--json", one).Output)!;
        Assert.That(((int)json["errors"]!, (int)json["findings"]![0]!["line"]!), Is.EqualTo((1, 2)));
    }

    [Test]
    public void What_is_on_demand_and_has_a_socket_of_its_own_is_a_mistake()
    {
        var file = Temp.Write("a.ini", $"[uwsgi]\nsocket = {Temp["a.sock"]}\n");
        Temp.Write("a.ini.socket", Temp["a.sock"]);
        Assert.That(Run(EmperorProcess.Program, "check", file).Output, Does.Contain("the emperor listens there for it on demand"));
    }

    [Test]
    public void Check_compares_programs_with_each_other()
    {
        var one = Temp.Write("one.ini", "[emperor]\nexec = sleep 1\nsocket = 127.0.0.1:8000\nafter = two.ini\n");
        var two = Temp.Write("two.ini", "[uwsgi]\nhttp-socket = :8000\n[emperor]\nafter = one.ini three\nmemory-max = 30%\n");
        Temp.Write("three.ini", "[emperor]\nexec = sleep 1\nuid = no-such-user\n");
        var bad = Run(EmperorProcess.Program, "check", one, two);
        Assert.That(bad.Code, Is.EqualTo(1), bad.Errors);
        Assert.Multiple(() =>
        {
            Assert.That(bad.Output, Does.Contain($"{two}:2: error: \"http-socket = :8000\": {one}:3 claims it too"));
            Assert.That(bad.Output, Does.Contain($"{two}:5: error: \"memory-max = 30%\": it is no size"));
            Assert.That(bad.Output, Does.Not.Contain("circle"), "a plan that is not good has no order");
        });
        Temp.Write("two.ini", "[uwsgi]\nmaster = true\n[emperor]\nafter = one.ini three\n");
        var circle = Run(EmperorProcess.Program, "check", one, two);
        Assert.That(
            circle.Output,
            Is.EqualTo(
                $"{two}:4: warning: \"after = three\": there is no such file beside it, so it waits for none of that name; write three.ini\n"
                    + $"{one}:4: error: \"after = two.ini\": they wait for each other in a circle, one.ini → two.ini → one.ini; remove one of these\n"
            )
        );
        var missing = Run(EmperorProcess.Program, "check", Temp["three.ini"]);
        Assert.That(missing.Output, Does.Contain($"{Temp["three.ini"]}:3: error: \"uid = no-such-user\": there is no user no-such-user"));
    }

    [Test]
    public void Config_shows_what_a_program_comes_to()
    {
        Temp.Write(
            "app.ini",
            "[emperor]\nmine = /srv/%n\nchdir = %(mine)\nexec = bin/run %(fd) 'a b'\nsocket = web=/run/%n.sock\ncpu-max = 50%\n"
        );
        var program = Run(EmperorProcess.Program, "config", Temp["app.ini"]);
        Assert.That(program.Code, Is.Zero, program.Errors);
        Assert.That(
            program.Output,
            Is.EqualTo(
                "[emperor]\nexec = /srv/app/bin/run %(fd) 'a b'\nchdir = /srv/app\nsocket = web=/run/app.sock\nchmod-socket = 666\nlisten = 4096\n"
                    + "processes = 1\nstop-signal = TERM\nreload = overlap\nrestart = always\nready = accept\nready-timeout = 1min\ncpu-max = 0.5\n"
            )
        );
        Temp.Write("both.ini", "[uwsgi]\nmaster = true\n[emperor]\nmemory-max = 1024M\n");
        var both = Run(EmperorProcess.Program, "config", Temp["both.ini"]);
        Assert.That(both.Output, Is.EqualTo("[uwsgi]\nmaster = true\n[emperor]\nready = protocol\nmemory-max = 1G\n"), both.Errors);
        Temp.Write("bad.ini", "[emperor]\nexec = a\nnise = 1\n");
        var bad = Run(EmperorProcess.Program, "config", Temp["bad.ini"]);
        Assert.That((bad.Code, bad.Output), Is.EqualTo((1, "")));
        Assert.That(bad.Errors, Does.Contain("bad.ini:3: there is no key \"nise\" in section [emperor]; did you mean \"nice\"?"));
    }

    [Test]
    public void Config_lists_what_uwsgi_lists()
    {
        Temp.Write("parts.ini", "[uwsgi]\nthreads = 2\n");
        Temp.Write(
            "app.ini",
            "[uwsgi]\nmine = blog\nchdir = /tmp/%(mine)\ninclude = parts.ini\nname = %n\nif-env = HOME\nprocesses = 3\nendif =\n"
        );
        var ours = Run(EmperorProcess.Program, "config", Temp["app.ini"]);
        Assert.That(ours.Code, Is.Zero, ours.Errors);
        var theirs = Run("uwsgi", "--show-config", "--no-server", "--ini", "app.ini");
        var log = theirs.Output + theirs.Errors;
        var begin = log.IndexOf("[uwsgi]\n", StringComparison.Ordinal);
        var listed = log[begin..log.IndexOf(";end of configuration", StringComparison.Ordinal)];
        string[] own = ["show-config", "no-server", "ini"];
        var expected = listed.Split('\n').Where(l => !own.Contains(l.Split(' ')[0]));
        Assert.That(ours.Output.Split('\n'), Is.EqualTo(expected));
    }

    [Test]
    public void Names_are_offered_for_completion()
    {
        foreach (var name in new[] { "blog.ini", "blue.ini", "shop.ini" })
            Write(name);
        StartControlled();
        Assert.That(Emperor("complete", "bl").Output, Is.EqualTo("blog.ini\nblue.ini\n"));
        Assert.That(Emperor("complete").Output, Is.EqualTo("blog.ini\nblue.ini\nshop.ini\n"));
    }

    [Test]
    public void Help_lists_the_verbs_and_each_has_its_own()
    {
        var help = Run(EmperorProcess.Program, "help");
        Assert.That(help.Output, Is.EqualTo(Run(EmperorProcess.Program, "--help").Output));
        Assert.That(help.Output, Does.Contain("  restart NAME..."));
        Assert.That(Run(EmperorProcess.Program, "stop", "--help").Output, Does.Contain("--no-wait"));
        Assert.That(Run(EmperorProcess.Program, "help", "stop").Output, Does.Contain("--no-wait"));
        Assert.That(Run(EmperorProcess.Program, "status", "--wat").Code, Is.EqualTo(2));
    }

    [TestCase("stop", "a", "--timeout", "9999999999")]
    [TestCase("stop", "a", "--timeout", "soon")]
    [TestCase("stop", "a", "--timeout", "-1")]
    [TestCase("logs", "a", "-n", "many")]
    [TestCase("logs", "a", "-n", "-3")]
    [TestCase("events", "-n", "99999999999")]
    [TestCase("help", "flying")]
    public void What_is_no_number_and_no_verb_is_one_clear_line(params string[] arguments)
    {
        var (code, output, errors) = Run(EmperorProcess.Program, arguments);
        Assert.That((code, output), Is.EqualTo((2, "")), errors);
        Assert.That(
            errors,
            Does.Match(@"^emperor [a-z]+: (--timeout lies between 0 and 3600|--lines is a number from 0|there is no verb flying)")
        );
        Assert.That(errors, Does.Not.Contain("Unhandled"));
    }

    private static string? Line(Process process)
    {
        var line = process.StandardOutput.ReadLineAsync();
        Assert.That(line.Wait(TimeSpan.FromSeconds(30)), "no line came");
        return line.Result;
    }
}
