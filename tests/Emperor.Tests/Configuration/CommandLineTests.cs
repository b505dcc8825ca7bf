using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class CommandLineTests
{
    private static string[] Read(params string[] arguments) => Reading.Of(new FakeConfigHost(), arguments).Lines();

    private static string Refusal(params string[] arguments) => Reading.Of(new FakeConfigHost(), arguments).Fatal().Message;

    [Test]
    public void A_value_may_follow_an_option_or_be_joined_to_it_by_an_equals_sign() =>
        Assert.That(
            Read("--emperor", "/a", "--emperor=/b", "--emperor="),
            Is.EqualTo(new[] { "emperor = /a", "emperor = /b", "emperor = " })
        );

    [Test]
    public void An_option_without_value_has_none() => Assert.That(Read("--master"), Is.EqualTo(new[] { "master" }));

    [Test]
    public void Short_options_may_be_joined_and_take_their_value_glued_or_apart() =>
        Assert.That(
            Read("-Mmp4", "-p", "5", "-C", "-C664"),
            Is.EqualTo(new[] { "master", "memory-report", "processes = 4", "processes = 5", "chmod-socket", "chmod-socket = 664" })
        );

    [Test]
    public void A_unique_beginning_of_an_option_stands_for_it() =>
        Assert.That(Read("--emperor-fr", "5", "--vacu"), Is.EqualTo(new[] { "emperor-freq = 5", "vacuum" }));

    [Test]
    public void A_whole_name_is_no_abbreviation_of_a_longer_one() =>
        Assert.That(Read("--emperor", "/a"), Is.EqualTo(new[] { "emperor = /a" }));

    [Test]
    public void An_abbreviation_of_several_options_is_refused_and_they_are_named() =>
        Assert.That(
            Refusal("--emperor-throt", "1", "--emperor-w", "x"),
            Does.Contain("--emperor-wrapper, --emperor-wrapper-override, --emperor-wrapper-fallback")
        );

    [Test]
    public void Emperors_own_options_can_be_abbreviated_too() => Assert.That(Read("--log-js"), Is.EqualTo(new[] { "log-json" }));

    [Test]
    public void A_value_is_taken_even_if_it_looks_like_an_option() =>
        Assert.That(Read("--emperor", "--master"), Is.EqualTo(new[] { "emperor = --master" }));

    [Test]
    public void An_optional_value_is_never_taken_from_the_next_argument() =>
        Assert.That(Read("--log-date", "[x", "--log-date=%Y"), Is.EqualTo(new[] { "log-date", "log-date = %Y" }));

    [Test]
    public void Bare_arguments_are_files_and_come_after_all_options()
    {
        var host = new FakeConfigHost().With("a.ini", "[uwsgi]\nx = %n\n");
        Assert.That(Reading.Of(host, "a.ini", "--master").Lines(), Is.EqualTo(new[] { "master", "x = a" }));
    }

    [Test]
    public void Two_dashes_end_the_options()
    {
        var host = new FakeConfigHost().With("--a.ini", "[uwsgi]\nx = %n\n");
        Assert.That(Reading.Of(host, "--master", "--", "--a.ini").Lines(), Is.EqualTo(new[] { "master", "x = --a" }));
    }

    [Test]
    public void With_POSIXLY_CORRECT_the_first_bare_argument_ends_the_options()
    {
        var host = new FakeConfigHost().WithVariable("POSIXLY_CORRECT", "1").With("a.ini", "[uwsgi]\nx = 1\n");
        var read = Reading.Of(host, "a.ini", "--master");
        Assert.That(read.Lines(), Is.EqualTo(new[] { "x = 1" }));
        Assert.That(read.Fatal().Message, Does.Contain("\"--master\" is no configuration file"));
    }

    [Test]
    public void Bare_arguments_that_begin_with_a_bracket_are_skipped() =>
        Assert.That(Read("[comment", "--master"), Is.EqualTo(new[] { "master" }));

    [Test]
    public void A_bare_argument_may_name_a_section()
    {
        var host = new FakeConfigHost().With("a.ini", "[uwsgi]\nx = 1\n[other]\nx = 2 %x\n");
        Assert.That(Reading.Of(host, "a.ini:other").Lines(), Is.EqualTo(new[] { "x = 2 other" }));
    }

    [TestCase("--emperr", "unknown option \"--emperr\"; did you mean \"--emperor\"?")]
    [TestCase("--xyzzyxyzzy", "unknown option \"--xyzzyxyzzy\"; see --help for all options")]
    [TestCase("-k", "unknown option \"-k\" in \"-k\"; see --help for all options")]
    [TestCase("--master=yes", "option \"--master\" takes no value, but \"yes\" was given; remove \"=yes\"")]
    [TestCase("--emperor", "option \"--emperor\" needs a value, but nothing follows it; add one")]
    [TestCase("-p", "option \"-p\" needs a value, but nothing follows it; add one")]
    [TestCase("app.py", "\"app.py\" is no configuration file: its name does not end in .ini; rename it, or name it with --ini")]
    public void A_wrong_command_line_is_refused_with_the_cure(string argument, string message)
    {
        var problem = Reading.Of(new FakeConfigHost(), argument).Fatal();
        Assert.That(problem.Message, Is.EqualTo(message));
        Assert.That(ConfigProblem.ExitCode([problem]), Is.EqualTo(2));
    }

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("--usage")]
    public void Help_is_recognised_and_ends_the_reading(string argument)
    {
        var read = Reading.Of(new FakeConfigHost(), argument, "--no-such-option");
        Assert.That(read.HelpRequested);
        Assert.That(read.Problems, Is.Empty);
    }

    [Test]
    public void Version_is_recognised() => Assert.That(Reading.Of(new FakeConfigHost(), "--version").VersionRequested);

    [Test]
    public void The_environment_comes_first_in_its_own_order_and_in_lower_case()
    {
        var host = new FakeConfigHost().WithVariable("UWSGI_MAX_FD", "7").WithVariable("UWSGI_EMPEROR", "/a=b");
        Assert.That(Reading.Of(host, "--master").Lines(), Is.EqualTo(new[] { "max-fd = 7", "emperor = /a=b", "master" }));
    }

    [TestCase("UWSGI_RELOADS")]
    [TestCase("UWSGI_VASSALS_DIR")]
    [TestCase("UWSGI_EMPEROR_FD")]
    [TestCase("UWSGI_BROODLORD_NUM")]
    [TestCase("UWSGI_EMPEROR_FD_CONFIG")]
    [TestCase("UWSGI_EMPEROR_PROXY")]
    [TestCase("UWSGI_JAIL_PID")]
    [TestCase("UWSGI_ORIGINAL_PROC_NAME")]
    [TestCase("UWSGI_VASSAL_SOCKET")]
    [TestCase("UWSGI_VERSION")]
    [TestCase("UWSGIX")]
    [TestCase("XUWSGI_MASTER")]
    public void Some_variables_are_no_options(string name)
    {
        var read = Reading.Of(new FakeConfigHost().WithVariable(name, "1"));
        Assert.That(read.Options, Is.Empty);
        Assert.That(read.VersionRequested, Is.False);
    }
}
