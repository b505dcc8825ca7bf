using System.Collections.Concurrent;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>Programs that the first connection starts, and that stop when nobody uses them.</summary>
internal sealed class OnDemandProgramTests : ProgramTest
{
    private const int Count = 50;
    private const int Turns = 20;

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
                if (write(client, text, length) != length) return 2;
                close(client);
            }
        }
        """;

    [Test]
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
                "idle = 50ms",
                "ready-timeout = 50"
            );
        var daemon = StartControlled();
        Assert.That(Descendants(), Is.Empty, "nobody has connected");
        var failures = new ConcurrentQueue<string>();
        // Each asks, with less and less time until it asks again: before, during and after the stop.
        var pids = new ConcurrentDictionary<string, HashSet<string>>();
        Parallel.For(
            0,
            Count,
            new ParallelOptions { MaxDegreeOfParallelism = Count },
            i =>
            {
                var seen = pids.GetOrAdd($"{i}", _ => []);
                for (var request = 0; seen.Count < Turns && request < 50 * Turns; request++)
                {
                    try
                    {
                        using var socket = Dial(Temp[$"{i}.sock"]);
                        var answer = StatsClient.ReadAll(socket);
                        if (answer.Length == 0)
                            failures.Enqueue($"{i}: no answer to request {request}");
                        seen.Add(answer);
                    }
                    catch (System.Net.Sockets.SocketException e)
                    {
                        failures.Enqueue($"{i}: request {request}: {e.Message}");
                    }
                    // Around the moment in which it is found to be idle (each second, and a tenth more).
                    Thread.Sleep(900 + (request * 37 + i * 13) % 250);
                }
            }
        );
        Assert.That(failures, Is.Empty, Logs());
        Assert.That(pids.Values.Select(p => p.Count), Is.All.EqualTo(Turns));
        TestContext.Out.WriteLine($"{daemon.Count("told to stop: nobody has used it for")} stops by idleness");
        Wait.Until(() => Descendants().Count == 0, Logs);
        Assert.That(daemon.Count(" (ERR|WRN) "), Is.Zero, daemon.Text());
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
        WriteProgram("app.ini", [.. lines, "exec = python3 -c 'import socket; c, _ = socket.socket(fileno=3).accept(); c.send(b\"hello\"); c.close()'"]);
        Assert.That(StatsClient.ReadAll(client), Is.EqualTo("hello"));
    }
}
