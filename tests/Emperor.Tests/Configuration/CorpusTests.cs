using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class CorpusTests
{
    private static readonly string Folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "Configuration", "Corpus");

    private static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.ini").Select(file => Path.GetFileName(file)).Order();

    [TestCaseSource(nameof(Names))]
    public void Every_file_of_the_corpus_is_read_as_uwsgi_reads_it(string name)
    {
        var read = ConfigurationReader.Read(["--ini", name], Host());

        var expected = ConfigText.Decode(File.ReadAllBytes(Path.Combine(Folder, Path.ChangeExtension(name, ".expected"))));
        Assert.That(string.Concat(read.Lines().Select(line => line + "\n")), Is.EqualTo(expected));
        Assert.That(read.Problems.Where(problem => problem.Severity == Severity.Fatal), Is.Empty);
    }

    [Test]
    public void The_corpus_is_there() => Assert.That(Names.Count(), Is.GreaterThanOrEqualTo(12));

    private static FakeConfigHost Host()
    {
        var host = new FakeConfigHost
        {
            Globs =
            {
                ["parts/*.ini"] = ["parts/more.ini", "parts/template.ini"],
                ["p*s"] = ["parts/"],
                ["parts/[lq]i?es.txt"] = ["parts/lines.txt"],
            },
        };
        foreach (var file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories))
            host.With(Path.GetRelativePath(Folder, file), File.ReadAllBytes(file));
        return host;
    }
}
