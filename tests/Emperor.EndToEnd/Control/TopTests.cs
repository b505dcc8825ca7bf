using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>emperor top on a terminal.</summary>
internal sealed class TopTests : ControlTest
{
    [Test]
    public void Top_shows_all_live_and_obeys_its_keys()
    {
        foreach (var name in new[] { "a.ini", "b.ini", "c.ini" })
            Write(name);
        var daemon = StartControlled();
        foreach (var name in new[] { "a.ini", "b.ini", "c.ini" })
            daemon.AwaitAccepting(name);
        using var tmux = OnTerminal(120, $"{EmperorProcess.Program} top --socket {ControlPath}; echo it has ended; exec cat");
        tmux.Await(@"sorted by processor");
        tmux.Await(@"a\.ini +accepting +[\d.]+ +[\d.]+ [KM]iB +1 ");
        Native.Check(Native.Signal(Journal.Of("c.ini", "start").Last().Pid, Native.Kill), "kill");
        tmux.Press("R");
        tmux.Await(@"sorted by starts(.|\n)*NAME.*\n+c\.ini");
        tmux.Press("M");
        tmux.Await("sorted by memory");
        tmux.Press("N");
        tmux.Await(@"sorted by name(.|\n)*\na\.ini(.|\n)*\nb\.ini");
        tmux.Press("Down");
        tmux.Await(@"sorted by name(.|\n)*NAME.*\nb\.ini");
        tmux.Press("q");
        tmux.Await("it has ended");
        Assert.That(tmux.Screen, Does.Not.Contain("sorted by"), "the screen is what it was before");
    }

    [Test]
    public void Without_a_terminal_it_prints_once()
    {
        Write("a.ini");
        StartControlled().AwaitAccepting("a.ini");
        var (code, output, errors) = Emperor("top");
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"a\.ini +accepting").And.Not.Contains("\u001b"));
    }
}
