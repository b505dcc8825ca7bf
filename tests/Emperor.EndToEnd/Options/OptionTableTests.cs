using System.Diagnostics;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Options;

/// <summary>The README's table of uWSGI's options, held against the installed uwsgi; a unit test holds it against Emperor.</summary>
internal sealed partial class OptionTableTests : OptionTest
{
    // What another emperor, or a vassal, is told; and what stands beside it in the help.
    [GeneratedRegex("^(early-)?emperor|^vassals?-|^imperial|-as-(emperor|vassal)[0-9]?$|^hook-emperor|^heartbeat$|^zerg")]
    private static partial Regex About { get; }

    [Test]
    public void Every_option_of_uwsgi_s_emperor_is_in_the_table_once()
    {
        var theirs = HelpOf(Uwsgi).Where(n => About.IsMatch(n)).ToHashSet();
        Assert.That(theirs, Has.Count.GreaterThan(60), "uwsgi --help is not read any more");
        var told = Told().ToList();
        Assert.That(told, Is.Unique);
        Assert.That(theirs.Except(told), Is.Empty);
    }

    [Test]
    public void Every_one_that_is_not_refused_is_given_to_both_emperors_by_some_test()
    {
        var tests = Directory
            .EnumerateFiles(Path.Combine(Root(), "tests/Emperor.EndToEnd"), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText)
            .Where(t => t.Contains("Uwsgi") || t.Contains(Uwsgi))
            .ToArray();
        var theirs = HelpOf(Uwsgi).ToHashSet();
        var kept = Rows().Where(r => r.Split('|')[2].Trim() != "refused").SelectMany(Names).Where(theirs.Contains);
        Assert.That(kept.Where(n => !tests.Any(t => t.Contains($"\"--{n}\""))), Is.Empty);
    }

    private static IEnumerable<string> Told() => Rows().SelectMany(Names);

    private static IEnumerable<string> Names(string row) => row.Split('|')[1].Split('`').Where((_, i) => i % 2 == 1);

    private static IEnumerable<string> Rows() =>
        File.ReadAllLines(Path.Combine(Root(), "README.md"))
            .SkipWhile(l => l != "### uWSGI's emperor options")
            .SkipWhile(l => !l.StartsWith("|---"))
            .Skip(1)
            .TakeWhile(l => l.StartsWith('|'));

    private static string Root()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "README.md")))
            folder = folder.Parent;
        return folder!.FullName;
    }

    private static List<string> HelpOf(string program)
    {
        var info = new ProcessStartInfo(program, ["--help"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(info)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return [.. LongOption().Matches(text).Select(m => m.Groups[1].Value).Distinct()];
    }

    [GeneratedRegex("(?m)^ *(?:-.\\|)?--([a-z0-9][a-z0-9-]*)")]
    private static partial Regex LongOption();
}
