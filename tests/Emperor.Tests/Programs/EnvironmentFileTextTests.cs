using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>The expected values are what systemd 252 makes of the same files (systemd.exec(5), EnvironmentFile=).</summary>
[TestFixture]
public sealed class EnvironmentFileTextTests
{
    [TestCase("A=1", "A=1")]
    [TestCase("A=1\nB=2\n", "A=1|B=2")]
    [TestCase("A=1\r\nB=2\r\n", "A=1|B=2")]
    [TestCase("# A=1\n; B=2\n\n  C = 3  \n", "C=3")]
    [TestCase("A=", "A=")]
    [TestCase("A=\nB=2", "A=|B=2")]
    [TestCase("A = b c ", "A=b c")]
    [TestCase("A=\"b c \"", "A=b c ")]
    [TestCase("A='b\"c'", "A=b\"c")]
    [TestCase("A=\"b\"'c'd", "A=bcd")]
    [TestCase("A=\"line\nnext\"", "A=line\nnext")]
    [TestCase("A=one\\\ntwo", "A=onetwo")]
    [TestCase("A=a\\bc\\ ", "A=abc ")]
    [TestCase("A=\"a\\bc\\\"d\\$\"", "A=a\\bc\"d$")]
    [TestCase("A=b#c", "A=b#c")]
    [TestCase("A=$B ${C} `d`", "A=$B ${C} `d`")]
    [TestCase("A=b=c", "A=b=c")]
    [TestCase("no assignment\nA=1", "A=1")]
    [TestCase("# goes on \\\nA=1\nB=2", "B=2")]
    [TestCase("=1\nA=1", "A=1")]
    [TestCase("A=\"open", "A=open")]
    [TestCase("A=1\nA=2", "A=1|A=2")]
    public void It_is_read_as_systemd_reads_it(string text, string expected)
    {
        Assert.That(string.Join('|', EnvironmentFileText.Read(text, out var refused)), Is.EqualTo(expected));
        Assert.That(refused, Is.Empty);
    }

    [TestCase("export A=1", "export A")]
    [TestCase("1A=1", "1A")]
    [TestCase("a.b=1", "a.b")]
    public void What_is_no_name_is_told(string text, string name)
    {
        Assert.That(EnvironmentFileText.Read(text, out var refused), Is.Empty);
        Assert.That(refused, Is.EqualTo(new[] { name }));
    }
}
