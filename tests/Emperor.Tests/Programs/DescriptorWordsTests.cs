using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class DescriptorWordsTests
{
    private static readonly ProgramSocket[] Sockets = [new("/run/a", "web"), new("127.0.0.1:80", "admin"), new("@b", "web")];

    [TestCase("plain", "plain")]
    [TestCase("fd://%(fd)", "fd://3")]
    [TestCase("%(fd:web)", "3")]
    [TestCase("%(fd:admin),%(fd:web),%(fd)", "4,3,3")]
    [TestCase("%(fdx) %(fd", "%(fdx) %(fd")]
    [TestCase("100%", "100%")]
    public void Placeholders_become_the_numbers_of_descriptors(string word, string expected) =>
        Assert.That(DescriptorWords.Replace(word, Sockets, out _), Is.EqualTo(expected));

    [Test]
    public void A_name_that_is_none_is_told_with_those_that_are()
    {
        Assert.That(DescriptorWords.Replace("%(fd:wbe)", Sockets, out var failure), Is.Null);
        Assert.That(failure, Does.Contain("%(fd:wbe)").And.Contain("web, admin, web"));
        Assert.That(DescriptorWords.Replace("%(fd)", [], out failure), Is.Null);
        Assert.That(failure, Does.Contain("there is no socket; add one"));
    }
}
