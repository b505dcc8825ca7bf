using Emperor.Linux;
using Emperor.Succession;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>The names of descriptors that pass from one emperor to the next.</summary>
[TestFixture]
public sealed class HeirloomsTests
{
    [Test]
    public void A_name_is_never_given_again_though_its_descriptor_was_lost()
    {
        using var file = Files.OpenNull();
        using var former = new Heirlooms();
        string[] names = [.. Enumerable.Range(0, 50).Select(_ => former.Keep("exit", file.Number))];
        // Only the first has come over.
        using var next = new Heirlooms([(names[0], Files.OpenNull())], former.LastName);
        Assert.That(names, Has.No.Member(next.Keep("exit", file.Number)));
        using var after = new Heirlooms([(names[^1], Files.OpenNull())]);
        Assert.That(
            names,
            Has.No.Member(after.Keep("exit", file.Number)),
            "where nobody has told the last one, the highest that has come counts"
        );
    }
}
