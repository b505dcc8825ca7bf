using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>The order that vassals ask for. That it is waited for readiness, and the other way round at the end: <see cref="RealServerTests"/>.</summary>
internal sealed class AfterTests : ProgramTest
{
    private static string[] Lines(params string[] more) => ["exec = sleep 1000", "ready = after 0.1", .. more];

    [Test]
    public void A_circle_is_a_config_error_that_names_it_and_a_missing_one_is_a_warning()
    {
        WriteProgram("a.ini", Lines());
        WriteProgram("b.ini", Lines("after = a.ini"));
        WriteProgram("c.ini", Lines("after = b.ini nowhere.ini"));
        var daemon = StartControlled();
        daemon.AwaitVassal("c.ini", "it wants to be started after nowhere.ini, and there is no such vassal; it does not wait");
        var pid = AwaitReady(daemon, "a.ini");
        AwaitReady(daemon, "b.ini");
        AwaitReady(daemon, "c.ini");

        // What runs is left alone by a file that would close the circle.
        WriteProgram("a.ini", Lines("after = c.ini"));
        daemon.AwaitVassal("a.ini", "not taken, .* goes on as it is: after: a.ini -> c.ini -> b.ini -> a.ini is a circle");
        Assert.That((int)StatusOf("a.ini")["pid"]!, Is.EqualTo(pid));

        // A new file is not started.
        WriteProgram("d.ini", Lines("after = e.ini"));
        daemon.AwaitVassal("d.ini", "is ready after");
        WriteProgram("e.ini", Lines("after = d.ini"));
        daemon.AwaitVassal("e.ini", "after: e.ini -> d.ini -> e.ini is a circle");
        Assert.That((string)StatusOf("e.ini")["state"]!, Is.EqualTo("config-error"));
        Assert.That(Emperor("explain", "e.ini").Output, Does.Contain("e.ini -> d.ini -> e.ini is a circle"));
        var (code, output, errors) = Run(EmperorProcess.Program, "check", $"{Vassals}/d.ini", $"{Vassals}/e.ini");
        Assert.That(code, Is.Not.Zero);
        Assert.That(output + errors, Does.Contain("they wait for each other in a circle"));
    }
}
