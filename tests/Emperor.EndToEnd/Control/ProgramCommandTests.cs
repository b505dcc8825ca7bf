using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>What the command tells of programs of an [emperor] section, with real processes.</summary>
internal sealed class ProgramCommandTests : ControlTest
{
    // Says that it is ready; the word "broken" makes it fail, and "late" never ready.
    private const string Program = """
        import os, signal, socket, sys
        if "broken" in sys.argv:
            sys.exit("no module named blog")
        address = os.environ["NOTIFY_SOCKET"]
        out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if "late" not in sys.argv:
            out.sendto(b"READY=1\nSTATUS=twelve requests", "\0" + address[1:] if address.startswith("@") else address)
        signal.pause()
        """;

    [Test]
    public void Explain_tells_what_is_launched_and_no_secret()
    {
        WriteProgram("%(fd)", "processes = 2");
        StartControlled().AwaitVassal("blog.ini", "copy 2");
        Wait.Until(() => (int)StatusOf("blog.ini")["copies_ready"]! == 2, Logs);
        var (code, output, errors) = Emperor("explain", "blog");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match($"started as /usr/bin/python3 {Temp["blog.py"]} 3\n"));
        Assert.That(output, Does.Match("with .*LISTEN_FDNAMES=blog .*SECRET=\\.\\.\\.").And.Not.Contain("hunter2"));
        Assert.That(output, Does.Match($"socket +{Temp["blog.sock"]} is descriptor 3, named blog, mode 660"));
        Assert.That(output, Does.Contain("limits     99 open files a process"));
        Assert.That(output, Does.Contain("when it sends READY=1 to its NOTIFY_SOCKET; within 1min"));
        Assert.That(output, Does.Match("process +pid \\d+, copy 1, start \\d, current, ready for .*, says \"twelve requests\""));
        Assert.That(output, Does.Not.Contain("uwsgi"));
        using (var client = Connect())
            Assert.That(client.Ask("""{"v":1,"verb":"explain","names":["blog"]}""").ToJsonString(), Does.Not.Contain("hunter2"));
        Assert.That(Emperor("config", "blog").Output, Does.Contain("SECRET=hunter2"), "who may read the file may read it");
    }

    [Test]
    public void Status_tells_how_many_processes_are_ready_and_what_they_say()
    {
        WriteProgram("", "processes = 2");
        StartControlled();
        Wait.Until(() => (int)StatusOf("blog.ini")["copies_ready"]! == 2, Logs);
        var vassal = JsonNode.Parse(Emperor("status", "--json").Output)!["vassals"]![0]!;
        Assert.That(
            ((string)vassal["kind"]!, (string)vassal["state"]!, (int)vassal["copies"]!, (string)vassal["status_text"]!),
            Is.EqualTo(("program", "ready", 2, "twelve requests"))
        );
        var (code, output, _) = Emperor("status", "--wide");
        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Match(@"blog\.ini +program +ready +2/2 .* 2 processes; twelve requests"));
    }

    [Test]
    public void Orders_tell_when_all_is_ready_again()
    {
        WriteProgram("", "processes = 2");
        StartControlled();
        Wait.Until(() => (int)StatusOf("blog.ini")["copies_ready"]! == 2, Logs);
        foreach (var order in (string[])["reload", "restart"])
        {
            var (code, output, errors) = Emperor(order, "blog");
            Assert.That(code, Is.Zero, errors + Logs());
            Assert.That(output, Does.Match(@"^blog\.ini: ready again after [\d.]+ s \(pids \d+, \d+\)\n$"));
        }
        Assert.That(Emperor("stop", "blog").Output, Does.Match(@"stopped after [\d.]+ s"));
        Assert.That(Emperor("start", "blog").Output, Does.Match(@"ready again after [\d.]+ s \(pids \d+, \d+\)"));
    }

    [Test]
    public void A_failed_reload_is_told_with_its_cause_and_what_it_printed()
    {
        WriteProgram("", "");
        var daemon = StartControlled();
        daemon.AwaitVassal("blog.ini", "is ready after");
        var pid = (int)StatusOf("blog.ini")["pid"]!;
        WriteProgram("broken", "");
        daemon.AwaitVassal("blog.ini", "the reload failed");
        var (code, _, errors) = Emperor("reload", "blog");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(
            errors,
            Does.Match(
                $"the reload failed: the new process ended before it was ready: exit 1; the former process serves on \\(pid {pid}\\)"
            )
        );
        Assert.That(errors, Does.Contain("no module named blog"));
        (code, var output, _) = Emperor("status");
        Assert.That(code, Is.EqualTo(3), "it does not run as its file says");
        Assert.That(output, Does.Match(@"blog\.ini +ready .*its last reload failed"));
        output = Emperor("explain", "blog").Output;
        Assert.That(output, Does.Contain("the last one failed: ").And.Contains("anew as ").And.Contains("emperor reload blog.ini"));
    }

    [Test]
    public void A_start_that_is_not_ready_in_time_says_what_was_seen()
    {
        WriteProgram("late", "ready = exec sh -c 'echo the schema is missing; exit 4'\nready-timeout = 6");
        StartControlled("--emperor-throttle", "600000", "--emperor-max-throttle", "600000");
        Wait.Until(() => ((string)StatusOf("blog.ini")["reason"]!).Contains("not ready yet: sh: exit 4: the schema is missing"), Logs);
        var (code, _, errors) = Emperor("restart", "blog");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Match(@"failed: it was not ready in 6 s \(sh: exit 4: the schema is missing\); next attempt"));
    }

    private void WriteProgram(string word, string more)
    {
        Temp.Write("blog.py", Program);
        var ready = more.Contains("ready =") ? "" : "ready = notify\n";
        Temp.Write(
            "vassals/blog.ini",
            $"""
            [emperor]
            exec = /usr/bin/python3 {Temp["blog.py"]} {word}
            env = SECRET=hunter2
            socket = {Temp["blog.sock"]}
            chmod-socket = 660
            limit-nofile = 99
            {ready}{more}

            """
        );
    }
}
