using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>Programs that the first connection starts, and that stop when nobody uses them.</summary>
internal sealed class OnDemandProgramTests : ProgramTest
{
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
