using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class WordCheckTests
{
    private static string[] Problems(string text, FakeConfigHost? host = null)
    {
        host = (host ?? new FakeConfigHost()).With("app.ini", "[uwsgi]\nemperor = /v\n" + text);
        var (settings, problems) = Reading.Settings(host, "--ini", "app.ini");
        Assert.That(settings, Is.Not.Null);
        return [.. problems.Select(problem => $"{problem.Severity} {problem}")];
    }

    [Test]
    public void An_option_of_uwsgi_without_effect_is_told_once() =>
        Assert.That(
            Problems("socket = :1\nsocket = :2\n"),
            Is.EqualTo(
                new[]
                {
                    "Warning app.ini:3: option \"socket\" is known to uWSGI, but Emperor does not act on it; remove it or run that part with uwsgi",
                }
            )
        );

    [TestCase(
        "master = true\nprocesses = 4\nworkers = 4\nno-orphans = true\ndie-on-term = true\nautoload = true\nvacuum = true\nneed-app = true\n"
    )]
    [TestCase("enable-threads = true\nsingle-interpreter = true\nthunder-lock = true\nshow-config = true\nplugins = python3\n")]
    [TestCase("for = 1 2\nchdir = /\nendfor =\nif-env = HOME\nchdir2 = /\nendif =\nif-env = X\nend =\n")]
    [TestCase("set = gone=1\nset-placeholder = town=Rome\nprint = x\nblacklist = y\nend-blacklist =\nstrict = false\n")]
    public void Options_that_change_nothing_for_Emperor_pass_in_silence(string text) => Assert.That(Problems(text), Is.Empty);

    [Test]
    public void A_misspelt_word_is_an_error_that_names_the_nearest_option() =>
        Assert.That(
            Problems("emperor-frq = 3\n"),
            Is.EqualTo(
                new[]
                {
                    "Error app.ini:3: unknown option \"emperor-frq\" has no effect; did you mean \"emperor-freq\"? If not, remove it, or define it with set-placeholder when it is a placeholder",
                }
            )
        );

    [Test]
    public void A_word_that_is_referred_to_is_a_placeholder() =>
        Assert.That(Problems("projectname = x\nchdir = /srv/%(projectname)\n"), Is.Empty);

    [Test]
    public void A_word_in_a_calculation_is_a_placeholder() => Assert.That(Problems("number = 2\nmax-fd = %(number * 2)\n"), Is.Empty);

    [TestCase("vassals-set idle = 5\n", "a '=' is missing after \"vassals-set\"; add it")]
    [TestCase("= value\n", "nothing stands before its '='; write an option's name there, or remove the line")]
    [TestCase("p = 4\n", "files know no short options; write \"processes\"")]
    [TestCase(
        "xyzzyxyzzy = 4\n",
        "unknown option \"xyzzyxyzzy\" has no effect; remove it, or define it with set-placeholder when it is a placeholder"
    )]
    public void An_unknown_word_comes_with_its_cure(string line, string cure) =>
        Assert.That(Problems(line).Single(), Does.StartWith("Error app.ini:3: ").And.EndWith(cure));

    [Test]
    public void Peoples_own_variables_are_left_alone() =>
        Assert.That(
            Problems(
                "",
                new FakeConfigHost()
                    .WithVariable("UWSGI_HOME", "/venv")
                    .WithVariable("UWSGI_QWERTYUIOP", "1")
                    .WithVariable("UWSGI_HTTP", ":1")
            ),
            Is.Empty
        );

    [Test]
    public void A_misspelt_variable_is_a_warning() =>
        Assert.That(
            Problems("", new FakeConfigHost().WithVariable("UWSGI_EMPEROR_FRQ", "1")),
            Is.EqualTo(
                new[]
                {
                    "Warning environment variable UWSGI_EMPEROR_FRQ: no option is named \"emperor-frq\"; did you mean \"emperor-freq\"? If not, ignore this",
                }
            )
        );

    [Test]
    public void A_placeholder_set_on_the_command_line_is_questioned_only_if_it_looks_like_an_option()
    {
        var (_, problems) = Reading.Settings("--emperor", "/v", "--set", "qwertyuiop=1", "--set", "emperor-frq=1");
        Assert.That(
            problems.Select(problem => problem.ToString()),
            Is.EqualTo(
                new[]
                {
                    "command line: unknown option \"emperor-frq\" has no effect; did you mean \"emperor-freq\"? If not, remove it, or define it with set-placeholder when it is a placeholder",
                }
            )
        );
    }

    [Test]
    public void Strange_keys_are_shown_so_that_a_terminal_survives() =>
        Assert.That(Problems("a\u001b[31m\u0007b = 1\n").Single(), Does.Contain("\"a?[31m?b\""));
}
