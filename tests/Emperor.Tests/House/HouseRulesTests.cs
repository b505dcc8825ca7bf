using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;

namespace Emperor.Tests.House;

/// <summary>The rules of the house that a compiler does not know: who may reference whom, what must not be called where, how long is too long.</summary>
[TestFixture]
public sealed partial class HouseRulesTests
{
    private const int LongestFile = 500;
    private const int LongestMethod = 70;

    private static readonly string Source = Path.Combine(Root(), "src");

    private static IEnumerable<(string Path, string[] Lines)> Files =>
        Directory
            .EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))
            .Select(f => (Path.GetRelativePath(Source, f), File.ReadAllLines(f)));

    [TestCase("Emperor.Core", "")]
    [TestCase("Emperor.Linux", "")]
    [TestCase("Emperor", "Emperor.Core Emperor.Linux")]
    public void A_room_references_only_the_rooms_below_it(string room, string references)
    {
        var project = XDocument.Load(Path.Combine(Source, room, $"{room}.csproj"));
        var found = project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));
        Assert.That(found, Is.EquivalentTo(references.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        if (room != "Emperor")
            Assert.That(project.Descendants("PackageReference"), Is.Empty, "nothing but the base library");
    }

    // A rule, the rooms or files that it holds for, and the files in which what it forbids is at home.
    [TestCase(@"\bProcess\.(Start|GetProcess|GetCurrentProcess)|new Process(StartInfo)?\b", "", "")]
    [TestCase(@"\bThread\.Sleep\b", "", "")]
    [TestCase(@"\bTask\.(Run|Delay|Factory)\b|\basync\b|\bThreadPool\b", "", "")]
    [TestCase(@"\[DllImport\b", "", "")]
    [TestCase(@"\[LibraryImport\b", "", "Emperor.Linux/Native.cs")]
    [TestCase(@"\bDateTime(Offset)?\.(Utc)?Now\b|\bStopwatch\b|\bTickCount", "Emperor.Core/", "")]
    [TestCase(@"\bDateTime(Offset)?\.(Utc)?Now\b", "Emperor", "Emperor/Clock.cs Emperor/Logging/ Emperor/Configuration/")]
    [TestCase(@"\bConsole\.", "Emperor.Core/", "")]
    [TestCase(@"\bConsole\.", "Emperor.Linux/", "")]
    [TestCase(@"\bConsole\.", "Emperor/Monitors/ Emperor/Processes/ Emperor/Servers/ Emperor/Daemon.cs Emperor/EffectRunner.cs", "")]
    [TestCase(
        @"(?<!\.)\b(File|Directory|Environment)\.|\bSystem\.IO\.File\b|\bnew Thread\b|\block \(",
        "Emperor.Core/Vassals/ Emperor.Core/Reign/ Emperor.Core/Monitoring/ Emperor.Core/Protocol/",
        ""
    )]
    [TestCase(@"^\s*#(region|pragma)\b", "", "")]
    public void What_is_forbidden_is_not_there(string pattern, string where, string home)
    {
        var rule = new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(5));
        string[] rooms = where.Length == 0 ? [""] : where.Split(' ');
        var homes = home.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var files = Files.Where(f => rooms.Any(r => f.Path.StartsWith(r, StringComparison.Ordinal))).ToArray();
        Assert.That(files, Is.Not.Empty, "the rule is about nothing");
        var found =
            from file in files
            where !homes.Any(h => file.Path.StartsWith(h, StringComparison.Ordinal))
            from line in file.Lines.Select((text, i) => (Text: WithoutComment(text), Number: i + 1))
            where rule.IsMatch(line.Text)
            select $"{file.Path}:{line.Number}: {line.Text.Trim()}";
        Assert.That(found, Is.Empty);
    }

    [Test]
    public void No_file_is_too_long() =>
        Assert.That(Files.Where(f => f.Lines.Length > LongestFile).Select(f => $"{f.Path}: {f.Lines.Length}"), Is.Empty);

    [Test]
    public void No_method_is_too_long()
    {
        var methods = Files.SelectMany(f => Methods(f.Lines).Select(m => (f.Path, m.Name, m.Length))).ToArray();
        Assert.That(methods, Has.Length.GreaterThan(200), "methods are not found any more");
        Assert.That(methods.Where(m => m.Length > LongestMethod), Is.Empty);
    }

    [Test]
    public void Every_file_has_one_file_scoped_namespace_that_is_its_place()
    {
        foreach (var (path, lines) in Files)
        {
            var names = lines.Where(l => l.StartsWith("namespace ", StringComparison.Ordinal)).ToArray();
            if (Path.GetFileName(path) == "Program.cs" && names.Length == 0)
                continue;
            var place = Path.GetDirectoryName(path)!.Replace('/', '.');
            Assert.That(names, Is.EqualTo(new[] { $"namespace {place};" }), path);
        }
    }

    // The formatter puts a body's braces on lines of their own, under the first column of the method's head.
    private static IEnumerable<(string Name, int Length)> Methods(string[] lines)
    {
        for (var i = 1; i < lines.Length; i++)
        {
            if (lines[i].Trim() != "{" || !Head().IsMatch(lines[i - 1]))
                continue;
            var close = lines[i].Replace('{', '}');
            var end = Array.FindIndex(lines, i, l => l == close);
            yield return (lines[i - 1].Trim(), end - i - 1);
        }
    }

    private static string WithoutComment(string line)
    {
        var comment = line.IndexOf("//", StringComparison.Ordinal);
        return comment < 0 ? line : line[..comment];
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Emperor.sln")))
            folder = folder.Parent;
        return folder?.FullName ?? throw new InvalidOperationException("the tests do not run inside the repository");
    }

    [GeneratedRegex(
        @"^ +(?![ :])(?!.*\b(class|struct|record|interface|enum|switch|if|for|foreach|while|using|lock|fixed|catch|namespace|new)\b.*).*\)$|^ +\)$",
        RegexOptions.None,
        5000
    )]
    private static partial Regex Head();
}
