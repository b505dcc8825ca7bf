using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class ReadmeTests
{
    [Test]
    public void The_readme_tells_of_every_key_and_of_no_other()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "README.md")))
            folder = folder.Parent;
        var readme = File.ReadAllLines(Path.Combine(folder!.FullName, "README.md"));
        var table = readme
            .SkipWhile(l => !l.StartsWith("### Any program", StringComparison.Ordinal))
            .SkipWhile(l => !l.StartsWith("|---", StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(l => l.StartsWith('|'));
        var told = table.SelectMany(l => l.Split('|')[1].Split('`').Where((_, i) => i % 2 == 1));
        Assert.That(told, Is.EquivalentTo(ProgramKeys.All.Select(k => k.Name)));
    }
}
