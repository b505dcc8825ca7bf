using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Emperor.Configuration;
using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using Emperor.Core.Wsgi;
using Emperor.EndToEnd.Configuration;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>
/// Ini files as people write them (Tests/Wsgi/Shapes): what the built-in server makes of each has the values that the installed uwsgi lists for it
/// (--show-config).
/// </summary>
[TestFixture, NonParallelizable]
internal sealed partial class ShapeTests
{
    private static readonly string Shapes = Path.Combine(TestContext.CurrentContext.TestDirectory, "Wsgi", "Shapes");

    private static IEnumerable<string> Names => Directory.EnumerateFiles(Shapes, "*.ini").Select(file => Path.GetFileName(file)).Order();

    [Test]
    public void They_are_there() => Assert.That(Names.Count(), Is.GreaterThanOrEqualTo(15));

    [TestCaseSource(nameof(Names))]
    public async Task A_file_has_the_values_that_uwsgi_reads(string name)
    {
        InstalledUwsgi.Require();
        using var temp = new TempFolder();
        foreach (var file in Directory.EnumerateFiles(Shapes, "*", SearchOption.AllDirectories))
        {
            var copy = temp[Path.GetRelativePath(Shapes, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            // What they list would go to the log.
            var lines = File.ReadAllLines(file).Where(l => !Log().IsMatch(l)).Select(l => l.Replace("/tmp/shapes", temp.Path));
            File.WriteAllLines(copy, lines);
        }
        var home = Environment.CurrentDirectory;
        try
        {
            Environment.CurrentDirectory = temp.Path;
            var reading = WsgiReader.Read(name, new SystemConfigHost(_ => null));
            // A virtual environment that is not there is another matter; no shape names one.
            Assert.That(reading.Refusal(name) ?? "", Does.Match("^$|names no socket"));
            var listed = await InstalledUwsgi.ShowConfigAsync(temp.Path, ["--ini", name]);
            var values = listed
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => l.Split(" = ", 2))
                .Select(p => (Key: p[0], Value: p.Length > 1 ? p[1] : ""))
                .Where(p => p.Key is not ("show-config" or "no-server"))
                .ToArray();
            Assert.That(Shown(reading.Plan!), Is.EqualTo(Expected(values, temp.Path)));
        }
        finally
        {
            Environment.CurrentDirectory = home;
        }
    }

    // What the plan says, a line an option.
    private static string Shown(ProgramPlan plan)
    {
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["processes"] = $"{plan.Processes}",
            ["uid"] = plan.User ?? "",
            ["gid"] = plan.Group ?? "",
            ["sockets"] = string.Join(' ', plan.Sockets.Zip(plan.Wsgi!.Protocols, (s, p) => $"{p}={s.Address}")),
            ["listen"] = string.Join(' ', plan.Sockets.Select(s => $"{s.Backlog}")),
            ["harakiri"] = $"{plan.Wsgi.Harakiri / 1000}",
            ["lazy-apps"] = $"{plan.Wsgi.LazyApps}",
            ["pidfile"] = string.Join(' ', plan.Wsgi.Duties.PidFiles),
            ["touch"] = string.Join(' ', plan.Wsgi.Duties.TouchFiles),
            ["daemons"] = string.Join(' ', plan.Wsgi.Duties.Daemons.Select(d => d.Command)),
            ["stats"] = string.Join(' ', plan.Wsgi.Duties.Stats.Select(s => s.Text)),
        };
        var options = JsonNode.Parse(plan.Wsgi.Options)!.AsObject();
        foreach (var (name, value) in options.Where(o => o.Key is not ("procname" or "need-app")))
            lines[$"option {name}"] = value!.ToJsonString();
        return string.Concat(lines.Where(l => l.Value.Length > 0).Select(l => $"{l.Key}: {l.Value}\n"));
    }

    // The same of the list of uwsgi, by rules of its own: the last value counts, lists add up, what stands behind a path as a comment is none.
    private static string Expected((string Key, string Value)[] values, string folder)
    {
        string[] All(params string[] names) => [.. values.Where(v => names.Contains(v.Key)).Select(v => v.Value)];
        string Last(string otherwise, params string[] names) => All(names) is [.., var last] ? last : otherwise;
        string Full(string path) => path.StartsWith('/') ? Plain(path) : $"{folder}/{Plain(path)}";
        var sockets = new[] { ("socket", "uwsgi"), ("http-socket", "http"), ("http", "http") }
            .SelectMany(k => All(k.Item1).Select(v => $"{k.Item2}={Address(Plain(v), folder)}"))
            .ToArray();
        var lines = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["processes"] = Number(Last("1", "processes", "workers")),
            ["uid"] = Last("", "uid"),
            ["gid"] = Last("", "gid"),
            ["sockets"] = string.Join(' ', sockets),
            ["listen"] = string.Join(' ', sockets.Select(_ => Last("100", "listen"))),
            ["harakiri"] = Last("", "harakiri"),
            ["lazy-apps"] = All("lazy-apps").Length > 0 ? "True" : "False",
            ["pidfile"] = string.Join(' ', All("pidfile").Select(Full)),
            ["touch"] = string.Join(' ', All("touch-reload", "touch-chain-reload").Select(Full)),
            ["daemons"] = string.Join(
                ' ',
                [.. All("attach-daemon"), .. All("attach-daemon2").Select(d => d.Split("cmd=")[1].Split(',')[0])]
            ),
            ["stats"] = string.Join(' ', All("stats")),
        };
        foreach (
            var group in values
                .GroupBy(v => WsgiOptions.Find(v.Key))
                .Where(g => g.Key is { Fate: WsgiFate.Worker } and not { Canonical: "need-app" })
        )
            lines[$"option {group.Key!.Canonical}"] = Json(group.Key.Value, [.. group.Select(v => v.Value)]);
        return string.Concat(lines.Where(l => l.Value.Length > 0).Select(l => $"{l.Key}: {l.Value}\n"));
    }

    private static string Json(WsgiValue kind, string[] values) =>
        (
            kind switch
            {
                WsgiValue.Number => JsonValue.Create(long.Parse(Number(values[^1]), CultureInfo.InvariantCulture)),
                WsgiValue.Flag => JsonValue.Create(values[^1] is not ("false" or "no" or "off" or "0")),
                WsgiValue.List => new JsonArray([.. values.Select(v => (JsonNode)v)]),
                WsgiValue.Paths => new JsonArray([.. values.Select(v => (JsonNode)Plain(v))]),
                WsgiValue.Path => JsonValue.Create(Plain(values[^1])),
                _ => (JsonNode)values[^1],
            }
        )!.ToJsonString();

    private static string Address(string text, string folder) =>
        text.StartsWith('/') ? text
        : text.StartsWith(':') ? $"0.0.0.0{text}"
        : text.Contains(':') ? text
        : $"{folder}/{text}";

    private static string Plain(string value) => Comment().Replace(value, "").Trim();

    private static string Number(string value) => Digits().Match(value).Value;

    [GeneratedRegex(@"\s[#;].*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^\d+")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^(daemonize|logto|log-date)\b")]
    private static partial Regex Log();
}
