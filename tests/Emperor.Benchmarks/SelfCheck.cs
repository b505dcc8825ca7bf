namespace Emperor.Benchmarks;

/// <summary>
/// Is the harness itself sound? What uwsgi 2.0.21 does is known: when it is measured where it was never seen, the measuring is wrong, or
/// the machine is busy with something else.
/// </summary>
internal static class SelfCheck
{
    /// <summary>Prints a line for each figure whose region is known; true when all lie within theirs.</summary>
    public static bool Run(Results results, Options options, TextWriter output)
    {
        var sound = true;
        foreach (var vassals in options.Vassals)
        foreach (var row in results.Rows(vassals, options.Wants))
        {
            if (row.Figure.UwsgiRegion(vassals) is not { } region)
                continue;
            var holds = row.Uwsgi.Median is { } median && region.Holds(median);
            sound &= holds;
            var bounds = $"{Format.Number(region.Low)}-{Format.Number(region.High)}";
            output.WriteLine(
                $"self-check, {vassals} vassals: {row.Figure.Title}: {Format.Cell(row.Uwsgi, row.Figure.Unit)}, expected {bounds}: {(holds ? "ok" : "WRONG")}"
            );
        }
        return sound;
    }
}
