using Emperor.EndToEnd.Control;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Package;

/// <summary>What the package's completions offer in real shells on a terminal (tmux), when Tab is pressed.</summary>
internal sealed class CompletionTests : ControlTest
{
    private const string Odd = "odd $(touch it) 'name'.ini";

    private static readonly (string Typed, string Completed)[] Lines =
    [
        ("emperor resta", "emperor restart "),
        ("emperor restart --socket @ sh", "emperor restart --socket @ shop.ini "),
        ("emperor restart --socket=@ sh", "emperor restart --socket=@ shop.ini "),
        ("emperor explain --js", "emperor explain --json "),
        ("emperor stop --no", "emperor stop --no-wait "),
        ("emperor config --socket @ blo", "emperor config --socket @ blog.ini "),
        ("emperor check mist", "emperor check mistaken.ini "),
        ("emperor help ret", "emperor help retry "),
        ("emperor --emperor-thr", "emperor --emperor-throttle"),
    ];

    [TestCase("bash")]
    [TestCase("zsh")]
    public void A_real_shell_completes_verbs_their_options_and_vassals_names(string shell)
    {
        _ = Temp.Folder("zsh");
        foreach (var name in new[] { "shop.ini", "blog.ini", Odd })
            Write(name);
        Temp.Write("mistaken.ini", "");
        StartControlled().AwaitAccepting(Odd);
        Begin(shell);
        try
        {
            foreach (var (typed, completed) in Lines)
                AwaitCompleted(typed.Replace("@", ControlPath), completed.Replace("@", ControlPath));
            // A name is a word, whatever is in it: the line is run as the shell has written it.
            Type($"emperor status --socket {ControlPath} odd");
            Tmux("send-keys", "Tab");
            AwaitScreen(@"odd.*name.*\.ini");
            Tmux("send-keys", "Enter");
            AwaitScreen(@"1 vassal, all well");
            Assert.That(Temp["it"], Does.Not.Exist);
        }
        finally
        {
            _ = Run("tmux", "-S", Temp["tmux"], "kill-server");
        }
    }

    private void Begin(string shell)
    {
        var share = $"{EmperorPackage.Contents}/usr/share";
        var start =
            shell == "bash"
                ? Temp.Write("bashrc", $"PS1='ready> '\nsource {share}/bash-completion/completions/emperor\n")
                : Temp.Write(
                    "zsh/.zshrc",
                    $"PS1='ready> '\nfpath=({share}/zsh/vendor-completions $fpath)\nautoload -U compinit\ncompinit -D -u\n"
                );
        Tmux([
            "new-session",
            "-d",
            "-x",
            "200",
            "-y",
            "20",
            "env",
            $"PATH={Path.GetDirectoryName(EmperorPackage.Program)}:{Environment.GetEnvironmentVariable("PATH")}",
            $"ZDOTDIR={Temp["zsh"]}",
            .. (shell == "bash" ? (string[])["bash", "--rcfile", start, "-i"] : ["zsh", "-d", "-i"]),
        ]);
        AwaitScreen("ready>");
    }

    private void AwaitCompleted(string typed, string completed)
    {
        Type(typed);
        Tmux("send-keys", "Tab");
        var expected = $"ready> {completed}";
        // What has been completed to its end has a blank behind it, which a screen does not show: a sign makes it seen.
        Wait.Until(() => LastLine().StartsWith(expected.TrimEnd()), () => $"not completed to \"{completed}\":\n{Capture()}");
        Tmux("send-keys", "-l", "#");
        Wait.Until(() => LastLine().TrimEnd().EndsWith('#'), Capture);
        Assert.That(LastLine(), completed.EndsWith(' ') ? Is.EqualTo(expected + "#") : Does.StartWith(expected));
    }

    // On an empty screen, with nothing typed before.
    private void Type(string text)
    {
        Tmux("send-keys", "C-u");
        Tmux("send-keys", "C-l");
        Wait.Until(() => Capture().Trim() == "ready>", Capture);
        Tmux("send-keys", "-l", text);
        Wait.Until(() => Capture().Contains(text), Capture);
    }

    private string LastLine() => Capture().TrimEnd('\n').Split('\n').Last(l => l.StartsWith("ready>"));

    private void Tmux(params string[] arguments)
    {
        var (code, _, errors) = Run("tmux", ["-S", Temp["tmux"], "-f", "/dev/null", .. arguments]);
        Assert.That(code, Is.Zero, errors);
    }

    private string Capture() => Run("tmux", "-S", Temp["tmux"], "capture-pane", "-p").Output;

    private void AwaitScreen(string pattern) =>
        Wait.Until(
            () => System.Text.RegularExpressions.Regex.IsMatch(Capture(), pattern),
            () => $"the screen does not show {pattern}:\n{Capture()}"
        );
}
