using System.Text;
using System.Text.Json;

namespace Emperor.Benchmarks;

/// <summary>The table for people and the document for machines.</summary>
internal static class Report
{
    private static readonly string[] headings = ["figure", "uwsgi", "emperor", "ratio", "target", "ok?"];

    public static string Table(Results results, Options options)
    {
        var text = new StringBuilder();
        foreach (var vassals in options.Vassals)
        {
            List<string[]> lines = [headings];
            List<string> notes = [];
            foreach (var row in results.Rows(vassals, options.Wants))
            {
                lines.Add(Line(row));
                notes.AddRange(Notes(Results.Uwsgi, row, row.Uwsgi).Concat(Notes(Results.Emperor, row, row.Emperor)));
            }
            text.AppendLine().Append(vassals).Append(" vassals, median (min-max) over ").Append(options.Rounds);
            text.AppendLine(options.Rounds == 1 ? " round" : " rounds");
            Align(text, lines);
            foreach (var note in notes)
                text.AppendLine(note);
        }
        return text.ToString();
    }

    public static string Json(Results results, Options options, string uwsgi, string emperor)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("uwsgi", uwsgi);
            json.WriteString("emperor", emperor);
            json.WriteNumber("rounds", options.Rounds);
            json.WriteNumber("nofile", options.OpenFiles);
            json.WriteNumber("stop_delay", options.StopDelay);
            json.WriteStartArray("figures");
            foreach (var vassals in options.Vassals)
            foreach (var row in results.Rows(vassals, options.Wants))
                Write(json, row);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string[] Line(Row row) =>
        [
            row.Figure.Title,
            Format.Cell(row.Uwsgi, row.Figure.Unit),
            Format.Cell(row.Emperor, row.Figure.Unit),
            row.Ratio is { } ratio ? Format.Number(ratio) : "",
            Format.Target(row.Target, row.Figure.Unit),
            row.Reached switch
            {
                true => "yes",
                false => "NO",
                null => "",
            },
        ];

    private static IEnumerable<string> Notes(string contender, Row row, Cell cell) =>
        cell.Failures.Select(why => $"! {row.Figure.Title}, {contender}: {why}");

    private static void Align(StringBuilder text, List<string[]> lines)
    {
        int[] widths = [.. headings.Select((_, column) => lines.Max(line => line[column].Length))];
        lines.Insert(1, [.. widths.Select(width => new string('-', width))]);
        foreach (var line in lines)
            text.AppendLine(
                string.Join("  ", line.Select((cell, i) => i is 3 ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd()
            );
    }

    private static void Write(Utf8JsonWriter json, Row row)
    {
        json.WriteStartObject();
        json.WriteNumber("vassals", row.Vassals);
        json.WriteString("figure", row.Figure.Key);
        json.WriteString("title", row.Figure.Title);
        json.WriteString("unit", row.Figure.Unit);
        Write(json, Results.Uwsgi, row.Uwsgi);
        Write(json, Results.Emperor, row.Emperor);
        Optional(json, "ratio", row.Ratio);
        Optional(json, row.Target?.OfUwsgi == true ? "target_ratio" : "target", row.Target?.Limit);
        if (row.Reached is { } reached)
            json.WriteBoolean("ok", reached);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Cell cell)
    {
        json.WriteStartObject(name);
        Optional(json, "median", cell.Median);
        json.WriteStartArray("samples");
        foreach (var sample in cell.Samples)
            json.WriteNumberValue(Math.Round(sample, 4));
        json.WriteEndArray();
        json.WriteStartArray("failures");
        foreach (var failure in cell.Failures)
            json.WriteStringValue(failure);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Optional(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
            json.WriteNumber(name, Math.Round(number, 4));
    }
}
