using System.Globalization;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Control;

/// <summary>A terminal: a session of tmux of its own, whose keys are pressed and whose screen is read.</summary>
internal sealed class Tmux : IDisposable
{
    private const string Height = "20";

    private readonly Func<string, string[], (int Code, string Output, string Errors)> _run;
    private readonly string _socket;

    /// <summary>Runs a command on a new terminal.</summary>
    /// <param name="run">Runs a program to its end.</param>
    /// <param name="socket">The path of tmux's own socket.</param>
    /// <param name="width">Columns.</param>
    /// <param name="command">The words of a command, or one for the shell.</param>
    public Tmux(Func<string, string[], (int, string, string)> run, string socket, int width, params string[] command)
    {
        (_run, _socket) = (run, socket);
        Do(["new-session", "-d", "-x", width.ToString(CultureInfo.InvariantCulture), "-y", Height, .. command]);
    }

    /// <summary>What is on the screen.</summary>
    public string Screen => _run("tmux", ["-S", _socket, "capture-pane", "-p"]).Output;

    /// <summary>Presses a key that has a name (tmux(1), KEY BINDINGS).</summary>
    public void Press(string key) => Do("send-keys", key);

    /// <summary>Types a text as it is.</summary>
    public void Type(string text) => Do("send-keys", "-l", text);

    /// <summary>Waits until the screen shows what matches.</summary>
    public void Await(string pattern) =>
        Wait.Until(() => Regex.IsMatch(Screen, pattern), () => $"the screen does not show {pattern}:\n{Screen}");

    /// <summary>Ends all that runs on it.</summary>
    public void Dispose() => _ = _run("tmux", ["-S", _socket, "kill-server"]);

    private void Do(params string[] arguments)
    {
        var (code, _, errors) = _run("tmux", ["-S", _socket, "-f", "/dev/null", .. arguments]);
        Assert.That(code, Is.Zero, errors);
    }
}
