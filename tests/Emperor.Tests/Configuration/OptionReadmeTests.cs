using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

/// <summary>The README's table of uWSGI's emperor options tells what Emperor does with them.</summary>
[TestFixture]
public sealed class OptionReadmeTests
{
    [Test]
    public void What_is_not_refused_is_acted_on_and_what_is_refused_says_why()
    {
        var rows = Rows().ToArray();
        Assert.That(rows, Has.Length.GreaterThan(30));
        Assert.Multiple(() =>
        {
            foreach (var (name, state) in rows)
            {
                Assert.That(OptionTable.Instance.Find(name), Is.Not.Null, $"{name} is no option");
                var isDone = SupportedOptions.ActsOn(name) || SilentOptions.Contains(name);
                var refusal = RefusedOptions.ReasonFor(name);
                Assert.That(state, Is.AnyOf("same", "mended", "refused"), name);
                if (state != "refused")
                    Assert.That((isDone, refusal), Is.EqualTo((true, (string?)null)), $"{name} is {state}");
                else if (!name.StartsWith("call-as", StringComparison.Ordinal))
                    Assert.That((isDone, refusal is null), Is.EqualTo((false, false)), $"{name} is refused");
            }
        });
    }

    [Test]
    public void Every_option_of_uwsgi_s_emperor_is_in_the_table()
    {
        var told = Rows().Select(r => r.Name).ToHashSet();
        var missing = OptionTable.Instance.Options.Select(o => o.Name).Where(IsAboutEmperors).Where(n => !told.Contains(n));
        Assert.That(missing, Is.Empty);
    }

    // uWSGI's, and not Emperor's own; those of newer uWSGI among them, but for hooks that 2.0.21 has not.
    private static bool IsAboutEmperors(string name) =>
        OptionTable.Instance.IsUwsgis(name)
        && (name.StartsWith("emperor", StringComparison.Ordinal) || name.StartsWith("vassal", StringComparison.Ordinal))
        && !SupportedOptions.All.Any(o => o.Own && o.Name == name);

    private static IEnumerable<(string Name, string State)> Rows()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "README.md")))
            folder = folder.Parent;
        return File.ReadAllLines(Path.Combine(folder!.FullName, "README.md"))
            .SkipWhile(l => l != "### uWSGI's emperor options")
            .SkipWhile(l => !l.StartsWith("|---", StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(l => l.StartsWith('|'))
            .Select(l => l.Split('|'))
            .SelectMany(c => c[1].Split('`').Where((_, i) => i % 2 == 1).Select(n => (n, c[2].Trim())));
    }
}
