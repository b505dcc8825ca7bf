using System.Globalization;

namespace Emperor.Core.Control;

/// <summary>What "emperor top" sorts by.</summary>
public enum TopOrder
{
    /// <summary>The share of a processor, the largest first.</summary>
    Processor,

    /// <summary>Memory, the largest first.</summary>
    Memory,

    /// <summary>How often it was started, the most first.</summary>
    Starts,

    /// <summary>The name.</summary>
    Name,
}

/// <summary>A vassal and what it uses.</summary>
/// <param name="Vassal">The vassal.</param>
/// <param name="Processor">The share of one processor since the last look, percent; null when that is not known.</param>
public sealed record TopRow(VassalView Vassal, double? Processor);

/// <summary>What "emperor top" shows.</summary>
public static class TopTable
{
    /// <summary>What became of each vassal since the last look.</summary>
    /// <param name="now">The vassals.</param>
    /// <param name="before">The same at the last look; null at the first.</param>
    /// <param name="milliseconds">The time between.</param>
    public static IReadOnlyList<TopRow> Rows(
        IReadOnlyList<VassalView> now,
        IReadOnlyDictionary<string, VassalView>? before,
        double milliseconds
    ) =>
        [
            .. now.Select(v =>
                // Another process counts from its own beginning.
                before?.GetValueOrDefault(v.Name)
                    is { CpuMs: { } then } former
                && former.Pid == v.Pid
                && v.CpuMs is { } cpu
                && milliseconds > 0
                    ? new TopRow(v, Math.Max(0, cpu - then) * 100 / milliseconds)
                    : new TopRow(v, null)
            ),
        ];

    /// <summary>In the order that is asked for; by name where that does not tell.</summary>
    public static IReadOnlyList<TopRow> Sorted(IReadOnlyList<TopRow> rows, TopOrder order)
    {
        var byName = rows.OrderBy(r => r.Vassal.Name, StringComparer.Ordinal);
        return order switch
        {
            TopOrder.Processor => [.. byName.OrderByDescending(r => r.Processor ?? -1)],
            TopOrder.Memory => [.. byName.OrderByDescending(r => r.Vassal.MemoryBytes ?? -1)],
            TopOrder.Starts => [.. byName.OrderByDescending(r => r.Vassal.Starts)],
            _ => [.. byName],
        };
    }

    /// <summary>Renders a screen.</summary>
    /// <param name="empire">The emperor.</param>
    /// <param name="rows">The vassals, sorted.</param>
    /// <param name="order">What they are sorted by.</param>
    /// <param name="first">The first row that is shown.</param>
    /// <param name="height">The lines of the screen; 0 for as many as there are.</param>
    /// <param name="style">How.</param>
    public static IEnumerable<string> Render(
        EmpireView empire,
        IReadOnlyList<TopRow> rows,
        TopOrder order,
        int first,
        int height,
        TextStyle style
    )
    {
        const int Heads = 3;
        ArgumentNullException.ThrowIfNull(empire);
        var ill = rows.Count(r => !r.Vassal.Well);
        var memory = TextTable.Bytes(rows.Sum(r => r.Vassal.MemoryBytes ?? 0));
        var processor = rows.Sum(r => r.Processor ?? 0);
        var about = Text(
            $"emperor {empire.Version}, pid {empire.Pid}, up {TextTable.Duration(empire.UptimeMs)}: {rows.Count} vassals, {ill} not well; "
        );
        // A line that the terminal breaks would push the first one off the screen.
        yield return style.Cut(about + Text($"{processor:0.0} % of a processor, {memory}"));
        yield return style.Cut(
            $"sorted by {order.ToString().ToLowerInvariant()}; keys: P processor, M memory, R starts, N name, arrows, s slower/faster, q quit"
        );
        string[] headings = ["NAME", "STATE", ">%CPU", ">MEMORY", ">PROCS", ">STARTS", ">UP", "WHY"];
        var shown = rows.Skip(first).Take(height > 0 ? Math.Max(0, height - Heads) : int.MaxValue);
        foreach (var line in TextTable.Render(headings, [.. shown.Select(Row)], style))
            yield return line;
    }

    private static Cell[] Row(TopRow row)
    {
        var vassal = row.Vassal;
        return
        [
            new(PlainText.OneLine(vassal.Name)),
            new(vassal.State, StatusTable.ToneOf(vassal)),
            new(row.Processor is { } share ? Text($"{share:0.0}") : "-"),
            new(vassal.MemoryBytes is { } bytes ? TextTable.Bytes(bytes) : "-"),
            new(vassal.Processes is { } count ? Text($"{count}") : "-"),
            new(Text($"{vassal.Starts}")),
            new(vassal.UptimeMs is { } up ? TextTable.Duration(up) : "-"),
            new(StatusTable.Why(vassal)),
        ];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
