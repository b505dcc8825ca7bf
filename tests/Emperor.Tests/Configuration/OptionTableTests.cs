using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class OptionTableTests
{
    private static OptionTable Table => OptionTable.Instance;

    [TestCase("emperor", ArgumentKind.Required, '-', false, true)]
    [TestCase("master", ArgumentKind.None, 'M', false, true)]
    [TestCase("log-date", ArgumentKind.Optional, '-', false, true)]
    [TestCase("set", ArgumentKind.Required, 'S', true, true)]
    [TestCase("if-not-hostname-match", ArgumentKind.Required, '-', true, true)]
    [TestCase("module", ArgumentKind.Required, 'w', false, false)]
    [TestCase("gevent", ArgumentKind.Required, '-', false, false)]
    [TestCase("psgi", ArgumentKind.Required, '-', false, false)]
    [TestCase("max-requests-delta", ArgumentKind.Required, '-', false, false)]
    [TestCase("log-json", ArgumentKind.None, '-', false, true)]
    [TestCase("log-level", ArgumentKind.Required, '-', false, true)]
    public void Options_are_known_with_all_about_them(string name, ArgumentKind argument, char letter, bool immediate, bool core) =>
        Assert.That(
            Table.Find(name)! with
            {
                IsSingle = false,
                IsNumber = false,
            },
            Is.EqualTo(new KnownOption(name, argument, letter, immediate, core))
        );

    [TestCase("end")]
    [TestCase("else")]
    [TestCase("")]
    [TestCase("Emperor")]
    [TestCase("zz-dump")]
    public void Other_words_are_unknown(string name) => Assert.That(Table.Find(name), Is.Null);

    [Test]
    public void A_letter_stands_for_the_first_option_that_has_it() =>
        Assert.That(
            "sphSd".Select(letter => Table.FindLetter(letter)!.Name),
            Is.EqualTo(new[] { "socket", "processes", "help", "set", "daemonize" })
        );

    [Test]
    public void A_dash_is_no_letter() => Assert.That(Table.FindLetter('-'), Is.Null);

    [Test]
    public void All_names_are_different() => Assert.That(Table.Options.Select(option => option.Name), Is.Unique);

    [Test]
    public void All_that_Emperor_acts_on_is_known() =>
        Assert.That(
            SupportedOptions.All.SelectMany(option => option.Aliases.Append(option.Name)).Where(name => Table.Find(name) is null),
            Is.Empty
        );

    [TestCase("vaccum", "vacuum")]
    [TestCase("emperor_freq", "emperor-freq")]
    [TestCase("emepror", "emperor")]
    [TestCase("deamonize", "daemonize")]
    [TestCase("log-jsn", "log-json")]
    [TestCase("emperor-extra-extensions", "emperor-extra-extension")]
    [TestCase("proesses", "processes")]
    [TestCase("xyzzyxyzzy", null)]
    [TestCase("ab", null)]
    [TestCase("", null)]
    public void The_nearest_option_is_found_or_none(string word, string? nearest) => Assert.That(Table.Nearest(word), Is.EqualTo(nearest));

    [Test]
    public void A_very_long_word_is_near_to_nothing() => Assert.That(Table.Nearest(new string('e', 100_000)), Is.Null);

    [TestCase("kitten", "sitting", 3)]
    [TestCase("abcd", "abdc", 1)]
    [TestCase("", "abc", 3)]
    [TestCase("same", "same", 0)]
    public void Slips_are_counted(string left, string right, int slips) =>
        Assert.That(EditDistance.Between(left, right, 5), Is.EqualTo(slips));

    [Test]
    public void More_slips_than_the_limit_are_more_than_the_limit() =>
        Assert.That(EditDistance.Between("abc", "abcdefgh", 3), Is.GreaterThan(3));

    [TestCase("processes", true, true)]
    [TestCase("master", true, true)]
    [TestCase("chdir", true, false)]
    [TestCase("module", true, false)]
    [TestCase("socket", false, false)]
    [TestCase("env", false, false)]
    public void Options_of_one_value_and_of_numbers_are_known(string name, bool isSingle, bool isNumber) =>
        Assert.That((Table.Find(name)!.IsSingle, Table.Find(name)!.IsNumber), Is.EqualTo((isSingle, isNumber)));
}
