using System.Text.Json.Nodes;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>How templates and workers begin and end, and what they tell the emperor.</summary>
[TestFixture]
internal sealed class WsgiLifeTests : WsgiTest
{
    private const int TracebackSignal = 40;

    private static WsgiClient Begin(WsgiDriver driver, string target)
    {
        var client = WsgiClient.Http(driver);
        client.Send($"GET {target} HTTP/1.1\r\nHost: t\r\n\r\n");
        return client;
    }

    private void AwaitFile(string name) => Wait.Until(() => File.Exists(Temp[name]), () => $"{name} is not there");

    [Test]
    public void Workers_of_a_template_are_the_emperors_own_children_and_share_what_it_has_loaded()
    {
        var driver = Start(new WsgiSetup { Workers = 3 });
        var template = driver.Await(e => (string?)e["driver"] == "started")["pid"]!.GetValue<int>();
        for (var slot = 0; slot < 3; slot++)
        {
            var hello = driver.AwaitEvent($"{slot}", "hello");
            Assert.That((int)hello["sender"]!, Is.EqualTo((int)hello["pid"]!), "the kernel attests who it is");
            Assert.That((int)driver.Slot(slot)["pid"]!, Is.EqualTo((int)hello["pid"]!));
        }
        driver.Tell("stop template");
        Assert.That(driver.AwaitExit(template), Is.Zero);
        var parents = Enumerable.Range(0, 20).Select(_ => WsgiClient.Get(driver, "/pid").Text.Split(' ')[1]).Distinct().ToList();
        Assert.That(parents, Has.Count.EqualTo(1), "all have one parent, and it is not the template");
        Assert.That(parents[0], Is.Not.EqualTo($"{template}"));
        var mark = driver.Mark;
        driver.Tell($"signal {driver.Pid(1)} 9");
        Assert.That(driver.AwaitExit(driver.Pid(1)), Is.EqualTo(-9), "the driver reaps it: it is its child");
        driver.Tell("template");
        _ = driver.AwaitEvent("template", "ready", mark);
        driver.Tell("fork 1");
        _ = driver.AwaitEvent("1", "ready", mark);
        Assert.That(driver.Said.Count(e => (string?)e["event"] == "loaded"), Is.EqualTo(2), "only templates load");
    }

    [Test]
    public void With_lazy_apps_each_worker_loads_for_itself()
    {
        var driver = Start(new WsgiSetup { Template = false, Workers = 2 });
        Assert.That(driver.Said.Count(e => (string?)e["event"] == "loaded"), Is.EqualTo(2));
        Assert.That(WsgiClient.Get(driver, "/x").Status, Is.EqualTo(200));
    }

    [TestCase("stop 0", "stop")]
    [TestCase("signal PID 1", "stop")]
    [TestCase("close 0", "emperor-gone")]
    public void A_worker_that_is_told_to_stop_finishes_the_request_in_hand(string command, string reason)
    {
        var driver = Start(("http-keepalive", 1));
        var pid = driver.Pid(0);
        using var client = Begin(driver, $"/wait?begun={Temp["begun"]}&file={Temp["go"]}");
        AwaitFile("begun");
        using var waiting = Begin(driver, "/accepted-by-nobody");
        driver.Tell(command.Replace("PID", $"{pid}"));
        if (reason == "stop" && !command.StartsWith("signal", StringComparison.Ordinal))
            Assert.That(driver.Said.Any(e => (string?)e["driver"] == "exit"), Is.False);
        File.WriteAllText(Temp["go"], "");
        var answer = client.ReadAnswer();
        Assert.That(answer.Text, Is.EqualTo("waited"));
        Assert.That(driver.AwaitExit(pid), Is.Zero);
        if (reason != "emperor-gone")
            Assert.That((string?)driver.AwaitEvent("0", "leaving")["reason"], Is.EqualTo(reason));
    }

    [Test]
    public void A_stopping_worker_serves_what_it_has_accepted_and_leaves_the_rest_to_others()
    {
        var driver = Start(new WsgiSetup { Start = false });
        _ = driver.AwaitEvent("template", "ready");
        driver.Tell("fork 0");
        _ = driver.AwaitEvent("0", "ready");
        using var half = WsgiClient.Http(driver);
        half.Send("GET /half HTTP/1.1\r\n");
        Wait.Until(() => Count(driver, "connections") == 1, driver.Text);
        driver.Tell("stop 0");
        _ = driver.AwaitEvent("0", "leaving");
        using var late = Begin(driver, "/late");
        half.Send("Host: t\r\n\r\n");
        var answer = half.ReadAnswer();
        Assert.That((answer.Text, answer.Header("Connection")), Is.EqualTo(("path /half script ", "close")));
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.Zero);
        var mark = driver.Mark;
        driver.Tell("fork 0");
        _ = driver.AwaitEvent("0", "ready", mark);
        Assert.That(late.ReadAnswer().Text, Is.EqualTo("path /late script "), "it waited in the socket that is never closed");
        // An answer is accounted after it has been sent. The counts go on from one worker to the next.
        Wait.Until(() => Count(driver, "requests") == 2, driver.Text);
        Wait.Until(() => Count(driver, "delta") == 1, driver.Text);
    }

    [Test]
    public void The_next_worker_of_a_number_may_start_while_the_last_one_leaves()
    {
        var driver = Start(new WsgiSetup { Workers = 2, Start = false }, ("log-format", "worker %(wid) %(uri)"), ("http-keepalive", 1));
        _ = driver.AwaitEvent("template", "ready");
        driver.Tell("fork 0 7");
        _ = driver.AwaitEvent("0", "ready");
        using var client = Begin(driver, $"/wait?begun={Temp["begun"]}&file={Temp["go"]}");
        AwaitFile("begun");
        driver.Tell("stop 0");
        driver.Tell("fork 1 7");
        _ = driver.AwaitEvent("1", "ready");
        Assert.That(WsgiClient.Get(driver, "/new").Text, Is.EqualTo("path /new script "));
        File.WriteAllText(Temp["go"], "");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("waited"));
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.Zero);
        Wait.Until(() => driver.Log.Contains("worker 7 /new") && driver.Log.Contains("worker 7 /wait"), driver.Text);
    }

    [TestCase("uwsgi", 1)]
    [TestCase("http", 1)]
    [TestCase("uwsgi", 2)]
    [TestCase(null, 1)]
    public void A_busy_worker_hears_that_it_shall_stop_and_no_request_is_lost(string? only, int threads)
    {
        var driver = Start(new WsgiSetup { Only = only, Workers = 2 }, ("threads", threads), ("disable-logging", true));
        var errors = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var count = 0;
        var end = false;
        var load = Enumerable
            .Range(0, 4)
            .Select(_ => new Thread(() =>
            {
                while (!Volatile.Read(ref end))
                {
                    var answer = only == "http" ? WsgiClient.Get(driver, "/x") : WsgiClient.AskUwsgi(driver, "GET", "/x");
                    if (answer.Text != "path /x script ")
                        errors.Enqueue(answer.ToString());
                    _ = Interlocked.Increment(ref count);
                }
            }))
            .ToList();
        load.ForEach(thread => thread.Start());
        try
        {
            for (var round = 0; round < 3; round++)
            {
                var slot = round % 2;
                var pid = driver.Pid(slot);
                Wait.Until(() => Volatile.Read(ref count) > 50 * (round + 1), driver.Text);
                var mark = driver.Mark;
                driver.Tell($"stop {slot}");
                Assert.That(driver.AwaitExit(pid), Is.Zero);
                driver.Tell($"fork {slot}");
                _ = driver.AwaitEvent($"{slot}", "ready", mark);
            }
        }
        finally
        {
            Volatile.Write(ref end, true);
            load.ForEach(thread => thread.Join());
        }
        Assert.That(errors, Is.Empty);
    }

    [TestCase(15)]
    [TestCase(2)]
    [TestCase(3)]
    public void Some_signals_end_a_worker_at_once(int signal)
    {
        var driver = Start();
        var pid = driver.Pid(0);
        using var client = Begin(driver, $"/sleep?begun={Temp["begun"]}");
        AwaitFile("begun");
        driver.Tell($"signal {pid} {signal}");
        Assert.That(driver.AwaitExit(pid), Is.Zero);
        Assert.That(client.IsClosed());
    }

    [Test]
    public void A_stuck_request_is_seen_in_the_shared_memory_and_shows_its_traceback()
    {
        var driver = Start(("threads", 2));
        using var client = Begin(driver, $"/sleep?begun={Temp["begun"]}");
        AwaitFile("begun");
        var busy = driver.Slot(0)["cores"]!.AsArray().Single(c => (long)c!["since"]! > 0)!;
        Assert.That(busy["uri"]!.ToString(), Does.StartWith("/sleep?begun="));
        Assert.That((busy["method"]!.ToString(), busy["address"]!.ToString()), Is.EqualTo(("GET", "127.0.0.1")));
        Assert.That((long)busy["sequence"]! % 2, Is.Zero);
        driver.Tell($"signal {driver.Pid(0)} {TracebackSignal}");
        Wait.Until(() => driver.Log.Contains("in the_place_where_it_hangs"), driver.Text);
        Assert.That(WsgiClient.Get(driver, "/x").Status, Is.EqualTo(200), "the other thread serves");
    }

    [Test]
    public void Threads_serve_at_the_same_time()
    {
        var driver = Start(("threads", 2), ("http-keepalive", 1));
        using var first = Begin(driver, "/together");
        using var second = Begin(driver, "/together");
        Assert.That((first.ReadAnswer().Text, second.ReadAnswer().Text), Is.EqualTo(("together", "together")));
        driver.Tell("stop 0");
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.Zero);
    }

    [Test]
    public void A_worker_leaves_after_so_many_requests()
    {
        var driver = Start(("max-requests", 3), ("max-requests-delta", 2), ("min-worker-lifetime", 0));
        for (var i = 0; i < 5; i++)
            Assert.That(WsgiClient.Get(driver, "/x").Status, Is.EqualTo(200));
        var leaving = driver.AwaitEvent("0", "leaving");
        Assert.That((string?)leaving["reason"], Is.EqualTo("max-requests"));
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.EqualTo(17));
    }

    [Test]
    public void A_worker_leaves_when_it_has_grown_too_much()
    {
        var driver = Start(("reload-on-rss", 100), ("min-worker-lifetime", 0));
        Assert.That(WsgiClient.Get(driver, "/grow?mib=1").Status, Is.EqualTo(200));
        Wait.Until(() => WsgiClient.Get(driver, "/x").Status == 200 && (long)driver.Slot(0)["rss"]! > 0, driver.Text);
        Assert.That(driver.Said.Any(e => (string?)e["event"] == "leaving"), Is.False);
        _ = WsgiClient.Get(driver, "/grow?mib=120");
        // It looks at its memory now and then, after a request.
        while (!driver.Said.Any(e => (string?)e["event"] == "leaving"))
        {
            using var client = Begin(driver, "/x");
            Wait.Quietly(() => driver.Said.Any(e => (string?)e["event"] == "leaving"), TimeSpan.FromMilliseconds(200));
        }
        Assert.That((string?)driver.AwaitEvent("0", "leaving")["reason"], Is.EqualTo("reload-on-rss"));
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.EqualTo(17));
    }

    [Test]
    public void A_worker_leaves_when_it_has_lived_long_enough_though_it_is_idle()
    {
        var driver = Start(("max-worker-lifetime", 1));
        Assert.That((string?)driver.AwaitEvent("0", "leaving")["reason"], Is.EqualTo("max-worker-lifetime"));
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.EqualTo(17));
    }

    [TestCase(true)]
    [TestCase(false)]
    public void An_app_that_cannot_be_loaded_shows_its_traceback(bool template)
    {
        Temp.Write("broken.py", "def f():\n    import there_is_no_such_module\nf()\n");
        var driver = Start(new WsgiSetup { Template = template }, ("module", "broken"), ("chdir", Temp.Path));
        var failed = driver.Await(e => (string?)e["event"] == "loaded")["failed"]![0]!;
        var traceback = failed["traceback"]!.ToString();
        Assert.That(
            traceback,
            Does.StartWith("Traceback (most recent call last):\n  File \"./broken.py\", line 3").Or.Contains("broken.py\", line 3")
        );
        Assert.That(traceback, Does.Contain("ModuleNotFoundError: No module named 'there_is_no_such_module'"));
        Assert.That(traceback, Does.Not.Contain("worker.py").And.Not.Contain("/proc/self/fd").And.Not.Contain("importlib"));
        var answer = WsgiClient.Get(driver, "/x");
        Assert.That((answer.Status, answer.Text), Is.EqualTo((500, "Internal Server Error")));
        Wait.Until(() => driver.Log.Contains("--- no python application found, check your startup logs for errors ---"), driver.Text);
    }

    [TestCase("raise RuntimeError('x' * 100000)", "RuntimeError")]
    [TestCase("application = 5", "must be callable")]
    [TestCase("app = 5", "there is no \"application\" in it")]
    [TestCase("syntax error", "SyntaxError")]
    [TestCase("import sys; sys.exit(3)", "SystemExit")]
    public void With_need_app_a_broken_app_is_the_end(string text, string error)
    {
        Temp.Write("broken.py", text);
        var driver = Start(new WsgiSetup { Start = false }, ("wsgi-file", Temp["broken.py"]), ("need-app", true));
        var loaded = driver.AwaitEvent("template", "loaded");
        var traceback = loaded["failed"]![0]!["traceback"]!.ToString();
        Assert.That(traceback, Does.Contain(error).Or.Contains("xxx"));
        Assert.That(traceback, Has.Length.LessThanOrEqualTo(16384));
        Assert.That(loaded["apps"]!.AsArray(), Is.Empty);
        Assert.That(driver.AwaitExit((int)loaded["sender"]!), Is.EqualTo(22));
    }

    [Test]
    public void What_the_emperor_must_not_send_is_refused()
    {
        var driver = Start(new WsgiSetup { Start = false }, ("buffer-size", "many"));
        var template = driver.AwaitEvent("template", "ready")["sender"]!.GetValue<int>();
        driver.Tell("fork 0");
        Assert.That(
            (string?)driver.AwaitEvent("0", "error")["error"],
            Is.EqualTo("option buffer-size: a number that is not negative is wanted")
        );
        Assert.That(driver.AwaitExit(driver.Pid(0)), Is.EqualTo(78));
        driver.Tell("close template");
        Assert.That(driver.AwaitExit(template), Is.Zero, "a template without an emperor leaves");
        var other = Start(new WsgiSetup { Start = false }, ("env", "not a list"));
        var error = other.AwaitEvent("template", "error");
        Assert.That((string?)error["error"], Is.EqualTo("option env: a list of strings is wanted"));
        Assert.That(other.AwaitExit((int)error["sender"]!), Is.EqualTo(78));
    }

    [TestCase("chdir")]
    [TestCase("chdir2")]
    public void A_folder_that_is_not_there_is_named_with_its_option(string option)
    {
        var driver = Start(new WsgiSetup { Start = false }, (option, "/no/such/folder"));
        var error = driver.AwaitEvent("template", "error");
        Assert.That(
            (string?)error["error"],
            Is.EqualTo($"{option} = /no/such/folder: No such file or directory; make the folder, or correct the path")
        );
        Assert.That(driver.AwaitExit((int)error["sender"]!), Is.EqualTo(78));
    }

    [Test]
    public void Apps_are_mounted_where_they_shall_be()
    {
        var driver = Start(
            ("mount", new JsonArray("/one=apps:other", "/one/two=apps:make()", $"/={WsgiDriver.Files}/apps.py")),
            ("manage-script-name", true)
        );
        foreach (
            var (target, text) in new[]
            {
                ("/one/x", "other app, path '/x' script '/one'"),
                ("/one", "other app, path '' script '/one'"),
                ("/one/two/x", "other app, path '/x' script '/one/two'"),
                ("/oneself", "path /oneself script "),
                ("/x", "path /x script "),
            }
        )
        {
            Assert.That(WsgiClient.Get(driver, target).Text, Is.EqualTo(text));
            Assert.That(WsgiClient.AskUwsgi(driver, "GET", target).Text, Is.EqualTo(text));
        }
        Assert.That(
            driver.AwaitEvent("template", "loaded")["apps"]!.AsArray().Select(a => a!["mountpoint"]!.ToString()),
            Is.EqualTo(new[] { "/one", "/one/two", "" })
        );
        Wait.Until(
            () => driver.Slot(0)["cores"]![0]!["app_requests"]!.ToJsonString().StartsWith("[4,2,4,0", StringComparison.Ordinal),
            driver.Text
        );
    }

    [Test]
    public void The_front_end_may_choose_the_app()
    {
        var driver = Start(("mount", new JsonArray("/one=apps:other", "/=apps:application")));
        Assert.That(
            WsgiClient.AskUwsgi(driver, "GET", "/x", null, ("SCRIPT_NAME", "/one")).Text,
            Is.EqualTo("other app, path '/x' script '/one'")
        );
        Assert.That(
            WsgiClient.AskUwsgi(driver, "GET", "/x", null, ("UWSGI_APPID", "/one")).Text,
            Is.EqualTo("other app, path '/x' script ''")
        );
        Assert.That(WsgiClient.AskUwsgi(driver, "GET", "/x").Text, Is.EqualTo("path /x script "));
    }

    [Test]
    public void The_process_is_as_its_options_say()
    {
        Temp.Folder("work");
        Temp.Folder("lib-one");
        Temp.Folder("lib-two");
        var driver = Start(
            new WsgiSetup { Environment = new Dictionary<string, string> { ["TO_REMOVE"] = "1" } },
            ("wsgi-file", $"{WsgiDriver.Files}/apps.py"),
            ("chdir", Temp["lib-one"]),
            ("chdir2", Temp["work"]),
            ("pythonpath", new JsonArray(Temp["lib-one"], Temp["lib-two"])),
            ("env", new JsonArray("ONE=1=2", "TWO=")),
            ("unenv", new JsonArray("TO_REMOVE")),
            ("umask", "027"),
            ("procname", "blog worker {}")
        );
        var process = JsonNode.Parse(WsgiClient.Get(driver, "/process").Text)!;
        Assert.That(process["cwd"]!.ToString(), Is.EqualTo(Temp["work"]));
        Assert.That(process["argv"]!.ToJsonString(), Is.EqualTo("""["uwsgi"]"""));
        Assert.That(
            process["path"]!.AsArray().Take(3).Select(p => p!.ToString()),
            Is.EqualTo(new[] { Temp["lib-two"], Temp["lib-one"], "." })
        );
        Assert.That(process["path"]!.AsArray().Select(p => p!.ToString()), Does.Not.Contain(WsgiDriver.Files));
        Assert.That((process["environment"]!["ONE"]!.ToString(), process["environment"]!["TWO"]!.ToString()), Is.EqualTo(("1=2", "")));
        Assert.That(process["environment"]!["TO_REMOVE"], Is.Null);
        Assert.That((int)process["umask"]!, Is.EqualTo(0x17));
        Assert.That(process["comm"]!.ToString(), Is.EqualTo("blog worker 1"));
        Assert.That((int)process["threads"]!, Is.EqualTo(1));
        Assert.That(process["main"], Is.Null);
    }

    [Test]
    public void A_virtual_environment_is_used()
    {
        using (var make = System.Diagnostics.Process.Start("/usr/bin/python3", ["-m", "venv", "--without-pip", Temp["venv"]]))
            make.WaitForExit();
        var packages = Directory.GetDirectories(Temp["venv/lib"]).Single() + "/site-packages";
        File.WriteAllText($"{packages}/only_there.py", "from apps import application\n");
        foreach (var python in new[] { Temp["venv/bin/python3"], "/usr/bin/python3" })
        {
            var driver = Start(new WsgiSetup { Python = python }, ("home", Temp["venv"]), ("module", "only_there"));
            var process = JsonNode.Parse(WsgiClient.Get(driver, "/process").Text)!;
            Assert.That(process["prefix"]!.ToString(), Is.EqualTo(Temp["venv"]), python);
        }
        var none = Start(new WsgiSetup { Start = false }, ("home", Temp["nothing"]));
        Assert.That(
            (string?)none.AwaitEvent("template", "error")["error"],
            Does.StartWith($"home {Temp["nothing"]}: no site-packages for this interpreter")
        );
    }

    [Test]
    public void Children_of_the_app_inherit_nothing_of_the_server()
    {
        var driver = Start();
        var names = WsgiClient.Get(driver, "/spawn").Text.Split('\n').Where(l => l.Contains("->")).ToList();
        Assert.That(
            names.Where(n => n.Contains("socket:") || n.Contains("memfd") || n.Contains("eventpoll")),
            Is.Empty,
            string.Join('\n', names)
        );
    }

    [Test]
    public void A_child_that_holds_connections_open_disturbs_nobody()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send($"GET /fork?file={Temp["go"]} HTTP/1.1\r\nHost: t\r\n\r\n");
        _ = client.ReadAnswer();
        client.Send("GET /x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /x script "));
        client.Dispose();
        for (var i = 0; i < 20; i++)
            Assert.That(WsgiClient.Get(driver, "/x").Status, Is.EqualTo(200));
        File.WriteAllText(Temp["go"], "");
        AssertServes(driver);
    }

    [Test]
    public void An_interpreter_that_is_too_old_is_told_and_needs_nothing_but_to_read_the_file()
    {
        const string script = """
            import ast, sys
            tree = ast.parse(open(sys.argv[1]).read(), feature_version=(3, 6))
            names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
            names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
            print(sorted(name for name in names if name.split(".")[0] not in sys.stdlib_module_names - {"__future__"}))
            """;
        Assert.That(Command.Run(Temp.Path, "/usr/bin/python3", "-c", script, $"{WsgiDriver.Files}/worker.py"), Is.EqualTo("[]\n"));
        const string old =
            "import sys; sys.version_info, sys.version = (3, 8), '3.8.0 (old)'; del sys.argv[0]; exec(open(sys.argv[0]).read())";
        Executable.Write(Temp["python3"], $"#!/bin/sh\nexec /usr/bin/python3 -c \"{old}\" \"$@\"\n");
        var driver = Start(new WsgiSetup { Python = Temp["python3"], Start = false });
        Assert.That(
            (string?)driver.AwaitEvent("template", "error")["error"],
            Is.EqualTo("Python 3.9 or later is needed, and /usr/bin/python3 is 3.8.0")
        );
        Assert.That(driver.AwaitExit((int)driver.Await(e => (string?)e["driver"] == "started")["pid"]!), Is.EqualTo(78));
    }

    [Test]
    public void Without_uwsgi_its_module_is_not_there() =>
        Assert.That(WsgiClient.Get(Start(), "/import?name=uwsgi").Text, Is.EqualTo("No module named 'uwsgi'"));
}
