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
        using var tmux = OnTerminal(200, Shell(shell));
        tmux.Await("ready>");
        foreach (var (typed, completed) in Lines)
            AwaitCompleted(tmux, typed.Replace("@", ControlPath), completed.Replace("@", ControlPath));
        // A name is a word, whatever is in it: the line is run as the shell has written it.
        Type(tmux, $"emperor status --socket {ControlPath} odd");
        tmux.Press("Tab");
        tmux.Await(@"odd.*name.*\.ini");
        tmux.Press("Enter");
        tmux.Await(@"1 vassal, all well");
        Assert.That(Temp["it"], Does.Not.Exist);
    }

    private string[] Shell(string shell)
    {
        var share = $"{EmperorPackage.Contents}/usr/share";
        var start =
            shell == "bash"
                ? Temp.Write("bashrc", $"PS1='ready> '\nsource {share}/bash-completion/completions/emperor\n")
                : Temp.Write(
                    "zsh/.zshrc",
                    $"PS1='ready> '\nfpath=({share}/zsh/vendor-completions $fpath)\nautoload -U compinit\ncompinit -D -u\n"
                );
        return
        [
            "env",
            $"PATH={Path.GetDirectoryName(EmperorPackage.Program)}:{Environment.GetEnvironmentVariable("PATH")}",
            $"ZDOTDIR={Temp["zsh"]}",
            .. (shell == "bash" ? (string[])["bash", "--rcfile", start, "-i"] : ["zsh", "-d", "-i"]),
        ];
    }

    private static void AwaitCompleted(Tmux tmux, string typed, string completed)
    {
        Type(tmux, typed);
        tmux.Press("Tab");
        var expected = $"ready> {completed}";
        // What has been completed to its end has a blank behind it, which a screen does not show: a sign makes it seen.
        Wait.Until(() => LastLine(tmux).StartsWith(expected.TrimEnd()), () => $"not completed to \"{completed}\":\n{tmux.Screen}");
        tmux.Type("#");
        Wait.Until(() => LastLine(tmux).TrimEnd().EndsWith('#'), () => tmux.Screen);
        Assert.That(LastLine(tmux), completed.EndsWith(' ') ? Is.EqualTo(expected + "#") : Does.StartWith(expected));
    }

    // On an empty screen, with nothing typed before.
    private static void Type(Tmux tmux, string text)
    {
        tmux.Press("C-u");
        tmux.Press("C-l");
        Wait.Until(() => tmux.Screen.Trim() == "ready>", () => tmux.Screen);
        tmux.Type(text);
        Wait.Until(() => tmux.Screen.Contains(text), () => tmux.Screen);
    }

    private static string LastLine(Tmux tmux) => tmux.Screen.TrimEnd('\n').Split('\n').Last(l => l.StartsWith("ready>"));
}
