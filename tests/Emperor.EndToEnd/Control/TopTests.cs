using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>emperor top on a terminal: a session of tmux, whose keys are pressed and whose screen is read.</summary>
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
        Tmux(
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "20",
            $"{EmperorProcess.Program} top --socket {ControlPath}; echo it has ended; exec cat"
        );
        try
        {
            AwaitScreen(@"sorted by processor");
            AwaitScreen(@"a\.ini +accepting +[\d.]+ +[\d.]+ [KM]iB +1 ");
            Native.Check(Native.Signal(Journal.Of("c.ini", "start").Last().Pid, Native.Kill), "kill");
            Tmux("send-keys", "R");
            AwaitScreen(@"sorted by starts(.|\n)*NAME.*\n+c\.ini");
            Tmux("send-keys", "M");
            AwaitScreen("sorted by memory");
            Tmux("send-keys", "N");
            AwaitScreen(@"sorted by name(.|\n)*\na\.ini(.|\n)*\nb\.ini");
            Tmux("send-keys", "Down");
            AwaitScreen(@"sorted by name(.|\n)*NAME.*\nb\.ini");
            Tmux("send-keys", "q");
            AwaitScreen("it has ended");
            Assert.That(Capture(), Does.Not.Contain("sorted by"), "the screen is what it was before");
        }
        finally
        {
            _ = Run("tmux", "-S", Temp["tmux"], "kill-server");
        }
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

    private void Tmux(params string[] arguments)
    {
        var (code, _, errors) = Run("tmux", ["-S", Temp["tmux"], "-f", "/dev/null", .. arguments]);
        Assert.That(code, Is.Zero, errors);
    }

    private string Capture() => Run("tmux", "-S", Temp["tmux"], "capture-pane", "-p").Output;

    private void AwaitScreen(string pattern) =>
        Wait.Until(
            () => System.Text.RegularExpressions.Regex.IsMatch(Capture(), pattern),
            () => $"the screen does not show {pattern}:\n{Capture()}",
            TimeSpan.FromSeconds(30)
        );
}
