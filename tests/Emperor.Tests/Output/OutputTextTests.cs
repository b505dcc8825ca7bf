using System.Buffers;
using System.Text;
using Emperor.Core.Output;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests.Output;

/// <summary>Bytes made fit to be shown, and names made fit for files.</summary>
[TestFixture]
public sealed class OutputTextTests
{
    [TestCase("plain text\twith a tab", "plain text\twith a tab")]
    [TestCase("Käse für 5 € 😀", "Käse für 5 € 😀")]
    [TestCase("\u001b[31mred\u0000\u007f\u0085", @"\x1b[31mred\x00\x7f\x85")]
    [TestCase("a\rb\r", @"a\rb")]
    [TestCase("a\nb", @"a\nb")]
    [TestCase("", "")]
    public void Control_characters_are_shown_by_their_names(string text, string shown) =>
        Assert.That(Escape(Encoding.UTF8.GetBytes(text)), Is.EqualTo(shown));

    [TestCase("ff", @"\xff")]
    [TestCase("80", @"\x80")]
    [TestCase("c3", @"\xc3")]
    [TestCase("61e282", @"a\xe2\x82")]
    [TestCase("c080", @"\xc0\x80")]
    [TestCase("eda080", @"\xed\xa0\x80")]
    [TestCase("f09f9880ff", "😀\\xff")]
    public void What_is_no_utf_8_is_shown_byte_by_byte(string hex, string shown) =>
        Assert.That(Escape(Convert.FromHexString(hex)), Is.EqualTo(shown));

    [Test]
    public void No_bytes_leave_more_than_text() =>
        Prop.ForAll<byte[]>(bytes => !Escape(bytes).Any(c => char.IsControl(c) && c != '\t')).Check(Seeded.Times(2_000));

    [TestCase("<3>text", 3, "text")]
    [TestCase("<0>", 0, "")]
    [TestCase("<7>x", 7, "x")]
    [TestCase("<8>x", 6, "<8>x")]
    [TestCase("<13>x", 6, "<13>x")]
    [TestCase("<3", 6, "<3")]
    [TestCase("< 3>x", 6, "< 3>x")]
    [TestCase("", 6, "")]
    public void A_priority_is_read_as_systemd_reads_it(string text, int priority, string rest)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(text);
        Assert.That(OutputText.TakePriority(ref bytes), Is.EqualTo(priority));
        Assert.That(Encoding.UTF8.GetString(bytes), Is.EqualTo(rest));
    }

    [TestCase("shop.ini", "shop.ini.log")]
    [TestCase("/etc/x/shop.ini", "%2Fetc%2Fx%2Fshop.ini.log")]
    [TestCase("..", "%2E..log")]
    [TestCase("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.log")]
    [TestCase("100%.ini", "100%25.ini.log")]
    [TestCase("a\nb\0.ini", "a%0Ab%00.ini.log")]
    [TestCase("käse.ini", "k%C3%A4se.ini.log")]
    public void A_file_s_name_says_the_vassal_s(string vassal, string name) => Assert.That(OutputFileName.Of(vassal), Is.EqualTo(name));

    [Test]
    public void A_file_s_name_is_one_name_and_no_other_vassal_s() =>
        Prop.ForAll<string, string, byte>(
                (one, other, times) =>
                {
                    one = "v" + string.Concat(Enumerable.Repeat(one ?? "", times));
                    var name = OutputFileName.Of(one);
                    return name.Length <= 255
                        && !name.StartsWith('.')
                        && !name.Contains('/', StringComparison.Ordinal)
                        && !name.Any(char.IsControl)
                        && (
                            Encoding.UTF8.GetBytes(one).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(other ?? ""))
                            || name != OutputFileName.Of(other ?? "")
                        );
                }
            )
            .Check(Seeded.Times(1_000));

    private static string Escape(byte[] bytes)
    {
        var target = new ArrayBufferWriter<byte>();
        OutputText.Escape(bytes, target);
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(target.WrittenSpan);
    }
}
