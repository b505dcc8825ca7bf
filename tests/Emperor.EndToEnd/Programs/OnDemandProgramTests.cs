using System.Collections.Concurrent;
using System.Diagnostics;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>Programs that the first connection starts, and that stop when nobody uses them.</summary>
internal sealed class OnDemandProgramTests : ProgramTest
{
    private const int Count = 100;
    private const int Turns = 10;

    // Half a minute is needed, and on a machine that is busy with much else eight times that.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(8);

    // A start costs a millisecond, so that a thousand of them are quick. It answers each connection with its number.
    private const string Server = """
        #include <stdio.h>
        #include <sys/socket.h>
        #include <unistd.h>
        int main(void) {
            char text[32];
            int length = sprintf(text, "%d\n", getpid());
            for (;;) {
                int client = accept(3, 0, 0);
                if (client < 0) return 1;
                send(client, text, length, MSG_NOSIGNAL);  /* a probe does not wait for an answer */
                close(client);
            }
        }
        """;

    [Test]
    [Takes(60)]
    public void A_thousand_turns_of_idleness_lose_no_request()
    {
        Temp.Write("server.c", Server);
        Command.Run(Temp.Path, "cc", "-O1", "-o", Temp["server"], Temp["server.c"]);
        for (var i = 0; i < Count; i++)
            WriteProgram(
                $"{i}.ini",
                $"exec = {Temp["server"]}",
                $"socket = {Temp[$"{i}.sock"]}",
                "on-demand = true",
                "idle = 100ms",
                "ready-timeout = 50"
            );
        var daemon = StartControlled();
        Assert.That(Descendants(), Is.Empty, "nobody has connected");
        var failures = new ConcurrentQueue<string>();
        var turns = new int[Count];
        var clock = Stopwatch.StartNew();
        var visitors = Enumerable.Range(0, Count).Select(i => new Thread(() => turns[i] = Visit(i, clock, failures))).ToList();
        visitors.ForEach(t => t.Start());
        visitors.ForEach(t => t.Join());
        Assert.That(failures, Is.Empty, Logs());
        Assert.That(turns, Is.All.EqualTo(Turns), Logs());
        TestContext.Out.WriteLine($"{daemon.Count("told to stop: nobody has used it for")} stops by idleness");
        Wait.Until(() => Descendants().Count == 0, Logs);
        Assert.That(daemon.Lines.Where(l => l.Contains(" ERR ") || l.Contains(" WRN ")), Is.Empty);
    }

    // Asks until so many processes have answered; each time around the moment in which the last one is found to be idle, which is the second look
    // (one a second) after it was used.
    private int Visit(int vassal, Stopwatch clock, ConcurrentQueue<string> failures)
    {
        var seen = new HashSet<string>();
        for (var request = 0; seen.Count < Turns && clock.Elapsed < Limit; request++)
        {
            try
            {
                using var socket = Dial(Temp[$"{vassal}.sock"]);
                var answer = StatsClient.ReadAll(socket);
                if (answer.Length == 0)
                    failures.Enqueue($"{vassal}: no answer to request {request}");
                seen.Add(answer);
            }
            catch (System.Net.Sockets.SocketException e)
            {
                failures.Enqueue($"{vassal}: request {request}: {e.Message}");
            }
            Thread.Sleep(1_000 + (((request * 370) + (vassal * 130)) % 1_300));
        }
        return seen.Count;
    }

    [Test]
    public void An_open_connection_is_use()
    {
        WriteProgram(
            "app.ini",
            "exec = python3 -c 'import socket; l = socket.socket(fileno=3); c = [l.accept()]; c.append(l.accept()); l.accept()'",
            $"socket = {Temp["app.sock"]}",
            "on-demand = true",
            "idle = 100ms"
        );
        var daemon = StartControlled();
        Assert.That((string)StatusOf("app.ini")["state"]!, Is.EqualTo("on-demand"));
        using (Dial(Temp["app.sock"]))
        {
            AwaitReady(daemon, "app.ini");
            Wait.While(() => Descendants().Count == 1, TimeSpan.FromSeconds(3), Logs);
        }
    }

    [Test]
    public void One_that_crashes_at_its_start_does_not_spin_and_a_mended_one_serves_what_waits()
    {
        var address = Temp["app.sock"];
        string[] lines = [$"socket = {address}", "on-demand = true", $"chdir = {Temp.Path}"];
        WriteProgram("app.ini", [.. lines, "exec = sh -c 'exit 9'"]);
        var daemon = StartControlled();
        using var client = Dial(address);
        daemon.AwaitVassal("app.ini", "failure 2, next start in");
        // The delays grow by three seconds each: 0, 3, 6.
        var before = daemon.Count(@" app.ini: pid \d+, start");
        Wait.While(() => daemon.Count(@" app.ini: pid \d+, start") <= before + 1, TimeSpan.FromSeconds(2), daemon.Text);
        WriteProgram(
            "app.ini",
            [.. lines, "exec = python3 -c 'import socket; c, _ = socket.socket(fileno=3).accept(); c.send(b\"hello\"); c.close()'"]
        );
        Assert.That(StatsClient.ReadAll(client), Is.EqualTo("hello"));
    }
}
