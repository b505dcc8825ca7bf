using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class ExpansionTests
{
    private const string NoEnd = "does not come to an end when it is expanded; look for a placeholder that refers to itself";

    [TestCase("a = x%(a)\n")]
    [TestCase("a = x%(b)\nb = y%(a)\n")]
    [TestCase("a = x%(a)%(a)\n")]
    public void A_placeholder_of_itself_is_refused(string text) =>
        Assert.That(Reading.OfIni("[uwsgi]\n" + text).Fatal().Message, Does.EndWith(NoEnd));

    [Test]
    public void A_placeholder_of_itself_at_the_very_beginning_ends_at_once_as_in_uwsgi() =>
        Assert.That(Reading.OfIni("[uwsgi]\na = %(a)\n").Value("a"), Is.EqualTo("%(a)"));

    [Test]
    public void A_value_that_doubles_with_each_line_is_refused()
    {
        var doubling = string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i} = x%(a{i - 1})%(a{i - 1})\n"));
        Assert.That(Reading.OfIni("[uwsgi]\na0 = seed\n" + doubling).Fatal().Message, Does.EndWith(NoEnd));
    }

    [Test, CancelAfter(20_000)]
    public void Many_costly_values_are_refused_before_they_take_long()
    {
        var value = "x" + string.Concat(Enumerable.Repeat("%(long)", 50));
        var text = $"[uwsgi]\nset-placeholder = long={new string('a', 1000)}\nfor-times = 10000\ny = {value}\n";
        Assert.That(Reading.OfIni(text).Fatal().Message, Does.EndWith(NoEnd));
    }

    [TestCase("@(exec://id)")]
    [TestCase("a@(http://example.org/)")]
    [TestCase("@(https://example.org/)")]
    [TestCase("@(sym://main)")]
    public void Nothing_is_run_or_fetched_for_a_value(string value)
    {
        var host = new FakeConfigHost();
        Assert.That(
            Reading.OfIni($"[uwsgi]\na = {value}\n", host).Fatal().Message,
            Does.Contain("Emperor runs and fetches nothing while it reads its options")
        );
        Assert.That(host.FilesRead, Is.EqualTo(1));
    }

    [Test]
    public void A_missing_file_for_a_value_is_refused() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\na = @(none)\n").Fatal().ToString(),
            Is.EqualTo("app.ini:2: \"@(none)\": cannot read \"none\": no such file; create it or correct the name")
        );

    [TestCase("value\n", "value")]
    [TestCase("value\n\n", "value\n")]
    [TestCase("value\r", "value")]
    [TestCase("", "")]
    [TestCase("a\0b\n", "a")]
    public void A_files_content_loses_one_line_end_and_all_after_a_NUL(string content, string expected)
    {
        var host = new FakeConfigHost().With("f", content);
        Assert.That(Reading.OfIni("[uwsgi]\na = @(f)\n", host).Value("a"), Is.EqualTo(expected));
    }

    [Test]
    public void The_environment_may_name_the_file_and_a_file_may_hold_a_placeholder()
    {
        var host = new FakeConfigHost().WithVariable("F", "f").With("f", "<%(b)>");
        Assert.That(Reading.OfIni("[uwsgi]\nb = 1\na = @($(F))\n", host).Value("a"), Is.EqualTo("<1>"));
    }

    [Test]
    public void What_a_replacement_brings_in_is_expanded_unless_it_stands_first()
    {
        var host = new FakeConfigHost().WithVariable("A", "$(B)").WithVariable("B", "b");
        var read = Reading.OfIni("[uwsgi]\nx = $(A)\ny = -$(A)\n", host);
        Assert.That(read.Lines(), Is.EqualTo(new[] { "x = $(B)", "y = -b" }));
    }

    [Test]
    public void Immediate_options_and_placeholders_that_say_so_are_never_expanded() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\numask = $(HOME)\nset-placeholder = a=$(HOME)\nset = b=$(HOME)\n").Lines(),
            Is.EqualTo(new[] { "umask = $(HOME)", "set-placeholder = a=$(HOME)", "a = $(HOME)", "set = b=$(HOME)", "b = /home/house" })
        );

    [Test]
    public void An_option_without_a_value_is_no_placeholder() =>
        Assert.That(Reading.Of(new FakeConfigHost(), "--master", "--chdir", "/%(master)").Value("chdir"), Is.EqualTo("/%(master)"));

    [TestCase("%(1 + 1)", "2")]
    [TestCase("%(10 - 1 -)", "9")]
    [TestCase("%(+ 5)", "5")]
    [TestCase("%(- 5)", "-5")]
    [TestCase("%(7 ++ 1)", "81")]
    [TestCase("%(++ 1)", "1")]
    [TestCase("%(9 / 2)", "4")]
    [TestCase("%(word * 3)", "0")]
    [TestCase("%(four * 3)", "12")]
    [TestCase("%( )", "%( )")]
    [TestCase("%(four four)", "44")]
    [TestCase("%(99999999999999999999 + 0)", "9223372036854775807")]
    public void Placeholders_calculate_from_left_to_right(string value, string expected) =>
        Assert.That(
            Reading
                .OfIni($"[uwsgi]\nfour = 4 # four\nword = abc\nx = {value}\n")
                .Value("x")
                .Replace(" # four", "", StringComparison.Ordinal),
            Is.EqualTo(expected)
        );

    [Test]
    public void A_value_that_refers_to_itself_sees_what_is_done_already() =>
        Assert.That(Reading.OfIni("[uwsgi]\nc = %(c + 1)-%(c + 1)\n").Value("c"), Is.EqualTo("1-2"));

    [Test]
    public void Names_that_were_looked_up_are_remembered() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\na = %(b) %(c + 1)\nif-opt = d=1\ne = 1\nendif =\n").ReferencedNames,
            Is.EquivalentTo(new[] { "b", "c", "d" })
        );
}
