using System.Text.Json;

namespace Emperor.EndToEnd.Support;

/// <summary>What a scripted vassal saw of its world when it was told "report PATH".</summary>
internal sealed class Report
{
    private readonly JsonElement _root;

    private Report(JsonElement root) => _root = root;

    public string[] Arguments => Strings("argv");

    public string[] Environment => Strings("environment");

    public string Folder => _root.GetProperty("cwd").GetString()!;

    public IReadOnlyDictionary<int, string> Descriptors =>
        _root.GetProperty("descriptors").EnumerateObject().ToDictionary(p => int.Parse(p.Name), p => p.Value.GetString()!);

    /// <summary>Reads one; it is written whole.</summary>
    public static Report Read(string path) => new(JsonDocument.Parse(File.ReadAllText(path)).RootElement.Clone());

    /// <summary>Waits for one and reads it.</summary>
    public static Report Await(string path, Func<string> log)
    {
        Wait.Until(() => File.Exists(path), () => $"no vassal has reported to {path}\n{log()}");
        return Read(path);
    }

    /// <summary>The value of a variable; null when it is not set.</summary>
    public string? Variable(string name) =>
        Environment.Where(v => v.StartsWith(name + "=", StringComparison.Ordinal)).Select(v => v[(name.Length + 1)..]).FirstOrDefault();

    /// <summary>A number.</summary>
    public long Number(string name) => _root.GetProperty(name).GetInt64();

    /// <summary>A list as it stands in the report.</summary>
    public string Raw(string name) => _root.GetProperty(name).GetRawText();

    private string[] Strings(string name) => [.. _root.GetProperty(name).EnumerateArray().Select(e => e.GetString()!)];
}
