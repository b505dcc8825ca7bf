using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class LogicTests
{
    [Test]
    public void A_condition_within_a_condition_is_refused_with_its_place()
    {
        var problem = Reading.OfIni("[uwsgi]\nif-env = HOME\nif-env = PATH\nx = 1\n").Fatal();
        Assert.That(
            problem.ToString(),
            Is.EqualTo("app.ini:3: \"if-env\" stands inside \"if-env\", which cannot be; write \"endif =\" before it")
        );
    }

    [Test]
    public void A_loop_within_a_condition_is_refused() =>
        Assert.That(Reading.OfIni("[uwsgi]\nfor = 1 2\nfor = 3\n").Fatal().Message, Does.Contain("write \"endfor =\" before it"));

    [Test]
    public void A_condition_within_a_false_one_is_swallowed_and_its_end_ends_both() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nif-env = NONE\nif-env = HOME\na = 1\nendif =\nb = 1\nendif =\n").Lines(),
            Does.Contain("b = 1").And.Not.Contain("a = 1")
        );

    [Test]
    public void An_open_condition_goes_on_in_the_next_file()
    {
        var host = new FakeConfigHost().With("a.ini", "[uwsgi]\nif-env = NONE\n").With("b.ini", "[uwsgi]\nx = 1\nendif =\ny = 1\n");
        Assert.That(Reading.Of(host, "a.ini", "b.ini").Lines(), Is.EqualTo(new[] { "if-env = NONE", "endif = ", "y = 1" }));
    }

    [Test]
    public void A_file_included_under_a_condition_cannot_have_conditions_of_its_own()
    {
        var host = new FakeConfigHost().With("b.ini", "[uwsgi]\nif-env = HOME\n");
        var problem = Reading.OfIni("[uwsgi]\nif-env = HOME\ninclude = b.ini\n", host).Fatal();
        Assert.That(problem.Origin, Is.EqualTo(OptionOrigin.File("b.ini", 2)));
    }

    [Test]
    public void Conditions_work_on_the_command_line_too() =>
        Assert.That(
            Reading.Of(new FakeConfigHost(), "--for", "1 2", "--emperor", "/v%(_)", "--master", "--endfor").Lines(),
            Is.EqualTo(new[] { "for = 1 2", "emperor = /v1", "emperor = /v2", "master", "master", "endfor" })
        );

    [Test]
    public void If_plugin_is_never_true_even_for_plugins_that_uwsgi_has() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nif-plugin = python3\nx = 1\nendif =\nifplugin = http\ny = 1\n").Lines(),
            Has.None.EqualTo("x = 1").And.None.EqualTo("y = 1")
        );

    [Test]
    public void If_reload_holds_when_uwsgi_was_reloaded()
    {
        var host = new FakeConfigHost().WithVariable("UWSGI_RELOADS", "1");
        Assert.That(
            Reading.OfIni("[uwsgi]\nif-reload =\nx = 1\nendif =\nif-not-reload =\ny = 1\n", host).Lines(),
            Does.Contain("x = 1").And.Not.Contain("y = 1")
        );
    }

    [TestCase("house", "x = house")]
    [TestCase("other", "y = other")]
    public void If_hostname_compares_the_whole_name(string name, string expected)
    {
        var text = $"[uwsgi]\nif-hostname = {name}\nx = %(_)\nendif =\nif-not-hostname = {name}\ny = %(_)\nendif =\n";
        Assert.That(Reading.OfIni(text).Lines().Where(line => line[0] is 'x' or 'y'), Is.EqualTo(new[] { expected }));
    }

    [Test]
    public void A_host_pattern_that_is_no_regular_expression_counts_as_a_match_and_is_reported()
    {
        var read = Reading.OfIni("[uwsgi]\nif-hostname-match = (((\nx = 1\nendif =\n");
        Assert.That(read.Lines(), Does.Contain("x = 1"));
        Assert.That(read.Problems.Single().Message, Does.Contain("\"(((\" is no regular expression"));
    }

    [Test, CancelAfter(10_000)]
    public void A_host_pattern_that_takes_for_ever_is_refused()
    {
        var host = new FakeConfigHost { HostName = new string('a', 60) };
        Assert.That(
            Reading.OfIni("[uwsgi]\nif-hostname-match = ^(a+)+b$\nx = 1\n", host).Fatal().Message,
            Does.Contain("takes too long to match")
        );
    }

    [Test]
    public void For_times_is_bounded() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nfor-times = 10001\nx = 1\n").Fatal().Message,
            Is.EqualTo("for-times asks for 10001 rounds, but 10000 is the most; lower it")
        );

    [Test]
    public void For_times_up_to_the_bound_works() =>
        Assert.That(Reading.OfIni("[uwsgi]\nfor-times = 10000\nx = %(_)\n").Value("x"), Is.EqualTo("10000"));

    [Test]
    public void For_readline_takes_long_lines_in_pieces_as_uwsgi_does()
    {
        var host = new FakeConfigHost().With("long.txt", new string('a', 1500) + "\nb");
        var read = Reading.OfIni("[uwsgi]\nfor-readline = long.txt\nx = %(_)\n", host);
        Assert.That(
            read.Options.Where(option => option.Key == "x").Select(option => option.Value!.Length),
            Is.EqualTo(new[] { 1023, 477, 1 })
        );
    }

    [Test]
    public void For_readline_of_a_missing_file_is_reported_and_gives_nothing()
    {
        var read = Reading.OfIni("[uwsgi]\nfor-readline = none.txt\nx = 1\nendfor =\n");
        Assert.That(read.Lines(), Is.EqualTo(new[] { "for-readline = none.txt", "endfor = " }));
        Assert.That(read.Problems.Single().Message, Does.Contain("cannot read \"none.txt\": no such file"));
    }

    [TestCase("blacklist = emperor\nEmperor = /a\n", "option \"Emperor\" is forbidden by blacklist")]
    [TestCase("whitelist = chdir\numask = 022\n", "option \"umask\" is not in the whitelist")]
    [TestCase("for = 1 2\nwhitelist = chdir\n", "option \"whitelist\" is not in the whitelist")]
    [TestCase("whitelist = chdir\nend-whitelist =\n", "option \"end-whitelist\" is not in the whitelist")]
    public void Forbidden_options_are_refused(string text, string message) =>
        Assert.That(Reading.OfIni("[uwsgi]\n" + text).Fatal().Message, Does.StartWith(message));

    [TestCase("exit = 7", 7)]
    [TestCase("exit =", 0)]
    [TestCase("exit = 256", 0)]
    public void Exit_ends_the_reading_with_its_code(string line, int code)
    {
        var read = Reading.OfIni($"[uwsgi]\na = 1\n{line}\nb = 1\n");
        Assert.That(read.ExitCode, Is.EqualTo(code));
        Assert.That(read.Lines(), Has.None.EqualTo("b = 1"));
    }

    [Test]
    public void Exit_without_a_value_on_the_command_line_ends_with_1() =>
        Assert.That(Reading.Of(new FakeConfigHost(), "--exit").ExitCode, Is.EqualTo(1));

    [Test]
    public void What_print_says_is_collected_and_only_iprint_is_not_expanded() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nprint = p $(HOME)\niprint = i $(HOME)\n").Messages,
            Is.EqualTo(new[] { "i $(HOME)", "p /home/house" })
        );

    [Test]
    public void Strict_refuses_an_unknown_word_after_it_with_the_nearest_option() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nstrict = true\nvaccum = true\n").Fatal().ToString(),
            Is.EqualTo("app.ini:3: unknown option \"vaccum\" in strict mode; did you mean \"vacuum\"?")
        );

    [Test]
    public void Strict_refuses_an_unknown_word_before_it_too() =>
        Assert.That(Reading.OfIni("[uwsgi]\nqwertyuiop = 1\nstrict = true\n").Fatal().Origin!.Line, Is.EqualTo(2));

    [Test]
    public void Strict_allows_placeholders_that_say_so_and_words_of_the_environment()
    {
        var host = new FakeConfigHost().WithVariable("UWSGI_QWERTYUIOP", "1");
        Assert.That(
            Reading.OfIni("[uwsgi]\nstrict = true\nset-placeholder = town=Rome\nchdir = /%(town)\n", host).Value("chdir"),
            Is.EqualTo("/Rome")
        );
    }

    [Test]
    public void An_option_cannot_be_a_placeholder() =>
        Assert.That(Reading.OfIni("[uwsgi]\nset-ph = chdir=/x\n").Fatal().Message, Does.StartWith("\"chdir\" cannot be a placeholder"));

    [Test]
    public void Set_needs_a_name_and_a_value() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nset = chdir\n").Fatal().Message,
            Is.EqualTo("\"set\" needs NAME=VALUE, but has \"chdir\"; add \"=VALUE\"")
        );
}
