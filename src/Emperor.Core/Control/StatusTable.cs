using System.Globalization;

namespace Emperor.Core.Control;

/// <summary>What "emperor status" prints.</summary>
public static class StatusTable
{
    /// <summary>Renders it.</summary>
    /// <param name="empire">The emperor.</param>
    /// <param name="vassals">The vassals that are shown.</param>
    /// <param name="isWide">With all columns.</param>
    /// <param name="style">How.</param>
    public static IEnumerable<string> Render(EmpireView empire, IReadOnlyList<VassalView> vassals, bool isWide, TextStyle style)
    {
        ArgumentNullException.ThrowIfNull(empire);
        var ill = vassals.Count(v => !v.Well);
        var count = vassals.Count == 1 ? "1 vassal" : Text($"{vassals.Count} vassals");
        var summary = ill == 0 ? "all well" : Text($"{ill} not well");
        var state =
            empire.Leaving ? "leaving"
            : empire.Ready ? "ready"
            : "starting";
        yield return Text($"emperor {empire.Version}, pid {empire.Pid}, up {TextTable.Duration(empire.UptimeMs)}, {state}: {count}, ")
            + style.Toned(summary, ill == 0 ? Tone.Good : Tone.Bad);
        if (vassals.Count == 0)
            yield break;
        string[] headings = isWide
            ?
            [
                "NAME",
                "KIND",
                "STATE",
                ">READY",
                ">PID",
                ">UP",
                ">STARTS",
                ">RELOADS",
                ">DEATHS",
                ">FAILURES",
                "LAST END",
                "ON DEMAND",
                "WHY",
            ]
            : ["NAME", "STATE", ">PID", ">UP", ">STARTS", "WHY"];
        foreach (var line in TextTable.Render(headings, [.. vassals.Select(v => Row(v, isWide))], style))
            yield return line;
    }

    /// <summary>How a vassal's state is shown.</summary>
    public static Tone ToneOf(VassalView vassal)
    {
        ArgumentNullException.ThrowIfNull(vassal);
        if (!vassal.Well)
            return vassal.State is "starting" or "stopping" or "reloading" ? Tone.Busy : Tone.Bad;
        return vassal.State is "ready" or "accepting" or "loyal" or "on-demand" ? Tone.Good : Tone.Busy;
    }

    /// <summary>Why a vassal is not well, or what it is doing; empty when it just runs.</summary>
    public static string Why(VassalView vassal)
    {
        ArgumentNullException.ThrowIfNull(vassal);
        if (vassal is { Well: true, State: "ready" or "accepting" or "loyal" })
            return string.Join("; ", Remarks(vassal));
        var next =
            vassal.RetryInMs is { } retry ? $"; next attempt in {TextTable.Duration(retry)}"
            : vassal.KillInMs is { } kill ? $"; it is killed in {TextTable.Duration(kill)}"
            : "";
        return PlainText.OneLine(vassal.Reason) + next;
    }

    // What is worth a word of one that just runs.
    private static IEnumerable<string> Remarks(VassalView vassal)
    {
        if (vassal.CopiesReady < vassal.Copies)
            yield return PlainText.OneLine(vassal.Reason);
        else if (vassal.Copies > 1)
            yield return Text($"{vassal.Copies} processes");
        if (vassal.StatusText is { } status)
            yield return PlainText.OneLine(status);
        if (vassal.OnDemand is { } address)
            yield return $"started on demand, on {PlainText.OneLine(address)}";
    }

    private static Cell[] Row(VassalView vassal, bool isWide)
    {
        Cell[] kind = isWide ? [new(vassal.Kind)] : [];
        Cell[] ready = isWide ? [new(Text($"{vassal.CopiesReady}/{vassal.Copies}"))] : [];
        Cell[] first =
        [
            new(PlainText.OneLine(vassal.Name)),
            .. kind,
            new(vassal.State, ToneOf(vassal)),
            .. ready,
            new(vassal.Pid is { } pid ? Text($"{pid}") : "-"),
            new(vassal.UptimeMs is { } up ? TextTable.Duration(up) : "-"),
            new(Text($"{vassal.Starts}")),
        ];
        Cell[] more = isWide
            ?
            [
                new(Text($"{vassal.Reloads}")),
                new(Text($"{vassal.Deaths}")),
                new(Text($"{vassal.Failures}")),
                new(PlainText.OneLine(vassal.LastEnd ?? "-")),
                new(PlainText.OneLine(vassal.OnDemand ?? "-")),
            ]
            : [];
        return [.. first, .. more, new(Why(vassal))];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
