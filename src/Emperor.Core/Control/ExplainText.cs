using System.Globalization;
using Emperor.Core.Programs;

namespace Emperor.Core.Control;

/// <summary>What "emperor explain" prints of one vassal: one screen.</summary>
public static class ExplainText
{
    private const int LabelWidth = 10;

    /// <summary>Renders it.</summary>
    /// <param name="view">All about it.</param>
    /// <param name="file">What its file says, a line each; empty when it could not be read.</param>
    /// <param name="clock">The time of day of a moment (milliseconds since the epoch), for people.</param>
    /// <param name="style">How.</param>
    public static IEnumerable<string> Render(ExplainView view, IReadOnlyList<string> file, Func<long, string> clock, TextStyle style)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(clock);
        var vassal = view.Vassal;
        var state = style.Toned(vassal.State, StatusTable.ToneOf(vassal));
        yield return $"{style.Toned(PlainText.OneLine(vassal.Name), Tone.Strong)} is {state} since {clock(vassal.SinceMs)}";
        yield return Line("why", vassal.Reason);
        if (vassal.FailedReload is { } failed)
            yield return Line("reload", style.Toned($"the last one failed: {PlainText.OneLine(failed)}", Tone.Bad));
        if (vassal.RefusedChange is { } refused && refused != vassal.Reason)
            yield return Line("refused", $"its last change was not taken: {refused}");
        yield return Line("next", view.Next);
        yield return Line("you can", view.Advice);
        yield return "";
        yield return Line("file", view.Target is { } target && target != view.File ? $"{view.File} -> {target}" : view.File);
        // One that was never taken has no time that is known.
        if (view.FileModified != 0)
        {
            var isBehind = !vassal.Latest && vassal.Pid is not null;
            yield return Line("changed", clock(view.FileModified * 1000) + (isBehind ? ", and its process does not run with it yet" : ""));
        }
        foreach (var line in file)
            yield return Line("says", line);
        foreach (var line in view.Program is { } program ? OfProgram(view, program) : OfUwsgi(view))
            yield return line;
        var end = vassal.LastEnd is { } last ? Text($"{last}{(vassal.LastEndMs is { } at ? $", {clock(at)}" : "")}") : "none yet";
        yield return Line("last end", Text($"{end}; deaths {vassal.Deaths}, failures in a row {vassal.Failures}"));
        foreach (var line in Lists(view, clock, style))
            yield return line;
    }

    private static IEnumerable<string> OfUwsgi(ExplainView view)
    {
        var vassal = view.Vassal;
        yield return Line(
            "started as",
            view.Command is { } command ? string.Join(' ', command)
                : vassal.State == "config-error" ? "nothing, until its file is mended"
                : "nothing: no program is found"
        );
        if (view.Server is { } server)
            yield return Line("server", server);
        yield return Line("in", view.Folder);
        if (view.Environment.Count > 0)
            yield return Line("with", string.Join(' ', view.Environment));
        if (vassal.OnDemand is { } address)
            yield return Line("on demand", address);
        if (vassal.Pid is not { } pid)
            yield break;
        var up = TextTable.Duration(vassal.UptimeMs ?? 0);
        yield return Line(
            "process",
            Text($"pid {pid}, user {view.User ?? "?"}, up {up}, start {vassal.Starts}, reloads {vassal.Reloads}{Adopted(vassal)}")
        );
    }

    private static string Adopted(VassalView vassal) => vassal.Adopted ? ", started by an emperor before this one" : "";

    private static IEnumerable<string> OfProgram(ExplainView view, ProgramView program)
    {
        yield return Line("started as", Words(view.Command ?? []));
        if (view.Server is { } server)
            yield return Line("server", server);
        if (program.NewCommand is { } other)
            yield return Line("anew as", Words(other));
        yield return Line("in", program.Folder);
        yield return Line("by", program.Account);
        var variables = program.Variables.Select(name => $"{name}=...").Concat(program.VariableFiles.Select(path => $"those of {path}"));
        if (string.Join(' ', [.. view.Environment, .. variables]) is { Length: > 0 } with)
            yield return Line("with", with);
        foreach (var socket in program.Sockets)
            yield return Line("socket", socket);
        if (program.Limits.Count > 0)
            yield return Line("limits", string.Join(", ", program.Limits));
        foreach (var missing in program.Unenforced)
            yield return Line("no limit", missing);
        foreach (var rule in program.Rules)
            yield return Line(rule.Name, rule.Text);
        var copies = view.Vassal.Copies == 1 ? "" : Text($", {view.Vassal.CopiesReady} of {view.Vassal.Copies} copies ready");
        if (program.Processes.Count > 0)
            yield return Line("runs as", Text($"user {view.User ?? "?"}, reloads {view.Vassal.Reloads}{copies}{Adopted(view.Vassal)}"));
        foreach (var process in program.Processes)
            yield return Line("process", Of(process));
    }

    private static string Of(MemberView process)
    {
        var pid = process.Pid is { } number ? Text($"pid {number}") : "no pid yet";
        var state =
            process.Role == "leaving" ? "told to stop"
            : process.ReadyForMs is { } ready ? $"ready for {TextTable.Duration(ready)}"
            : process.Problem is { } problem ? $"not ready yet ({problem})"
            : "not ready yet";
        var failure = process.Failure is { } reason ? $" ({reason})" : "";
        var old = process.IsLatest ? "" : ", of the file as it was before";
        var status = process.StatusText is { } says ? $", says \"{says}\"" : "";
        return Text($"{pid}, copy {process.Copy}, start {process.Start}, {process.Role}, {state}{failure}")
            + $", up {TextTable.Duration(process.UptimeMs)}{old}{status}";
    }

    // As they can be typed into a shell.
    private static string Words(IReadOnlyList<string> words) => string.Join(' ', words.Select(ShellWords.Quote));

    private static IEnumerable<string> Lists(ExplainView view, Func<long, string> clock, TextStyle style)
    {
        if (view.Traceback is { } traceback)
        {
            yield return "";
            yield return style.Toned("why its app could not be loaded", Tone.Strong);
            foreach (var line in traceback)
                yield return style.Cut($"  {PlainText.OneLine(line)}");
        }
        yield return "";
        yield return style.Toned("what happened", Tone.Strong);
        foreach (var e in view.Events)
        {
            var tone = e.Level switch
            {
                "error" => Tone.Bad,
                "warning" => Tone.Busy,
                _ => Tone.Plain,
            };
            yield return style.Toned(style.Cut($"  {clock(e.TimeMs)}  {PlainText.OneLine(e.Text)}"), tone);
        }
        if (view.Events.Count == 0)
            yield return "  nothing that is still known";
        if (view.Output is not { } output)
            yield break;
        yield return "";
        yield return style.Toned("what it printed last", Tone.Strong);
        foreach (var line in output)
            yield return style.Cut($"  {PlainText.OneLine(line)}");
        if (output.Count == 0)
            yield return "  nothing";
    }

    // What explains is shown whole, on as many lines as the terminal makes of it.
    private static string Line(string label, string text) => $"  {label.PadRight(LabelWidth)} {PlainText.OneLine(text)}";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
