using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>Numbers for people: three figures are all that such a measurement is worth.</summary>
internal static class Format
{
    public static string Number(double value) =>
        value.ToString(
            Math.Abs(value) switch
            {
                < 10 => "0.00",
                < 100 => "0.0",
                _ => "#,0",
            },
            CultureInfo.InvariantCulture
        );

    /// <summary>"12.3 ms" or, with several, "12.3 ms (10.1-15.0)".</summary>
    public static string Cell(Cell cell, string unit)
    {
        if (cell.Median is not { } median)
            return cell.Failures.Count > 0 ? "failed" : "-";
        var text = $"{Number(median)} {unit}";
        if (cell.Samples.Count > 1)
            text += $" ({Number(cell.Samples.Min())}-{Number(cell.Samples.Max())})";
        return cell.Failures.Count > 0 ? text + " !" : text;
    }

    public static string Values(IEnumerable<double> values, string unit) => $"{string.Join(' ', values.Select(Number))} {unit}";

    public static string Target(Target? target, string unit) =>
        target switch
        {
            null => "",
            { OfUwsgi: true } t => $"<= {Number(t.Limit)} of uwsgi",
            { } t => $"<= {Number(t.Limit)} {unit}",
        };
}
