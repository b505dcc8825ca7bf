using Emperor.Core;
using FsCheck;
using FsCheck.Fluent;
using NUnit.Framework;

namespace Emperor.Tests;

[TestFixture]
public sealed class PlainTextTests
{
    [Test]
    public void No_text_leaves_a_control_character_nor_a_longer_line() =>
        Prop.ForAll<string?, byte>(
                (text, times) =>
                {
                    var line = PlainText.OneLine(string.Concat(Enumerable.Repeat(text ?? "", 1 + (times * 8))));
                    return !line.Any(char.IsControl) && line.Length <= PlainText.LongestLine + 5;
                }
            )
            .Check(Seeded.Times(1_000));

    [Test]
    public void Plain_text_stays_as_it_is() =>
        Prop.ForAll<string?>(text =>
            {
                var plain = string.Concat((text ?? "").Where(c => !char.IsControl(c)));
                return PlainText.OneLine(plain) == plain;
            })
            .Check(Seeded.Times(100));

    [TestCase("a\nb\r\tc", "a\\nb\\r\\tc")]
    [TestCase("\u001b[31mred", "\\x1b[31mred")]
    [TestCase("\u0000\u007f\u0085", "\\x00\\x7f\\x85")]
    [TestCase("Käse für 5 €", "Käse für 5 €")]
    public void Control_characters_are_shown_by_their_names(string text, string line) =>
        Assert.That(PlainText.OneLine(text), Is.EqualTo(line));

    [Test]
    public void A_long_text_is_cut_and_says_so()
    {
        var line = PlainText.OneLine(new string('x', PlainText.LongestLine + 1));
        Assert.That(line, Is.EqualTo(new string('x', PlainText.LongestLine) + "…"));
    }
}
