using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class FileTests
{
    [Test]
    public void Every_option_knows_its_file_and_line_even_after_joined_lines()
    {
        var read = Reading.OfIni("# c\n[uwsgi]\na = 1%\n2\n\nb = 3\r\n");
        Assert.That(
            read.Options.Where(option => option.Origin.Kind == OriginKind.File).Select(option => $"{option.Key} {option.Origin}"),
            Is.EqualTo(new[] { "a app.ini:3", "b app.ini:6" })
        );
        Assert.That(read.Value("a"), Is.EqualTo("12"));
    }

    [Test]
    public void A_missing_file_is_refused_with_the_place_that_names_it() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\ninclude = none.ini\n").Fatal().ToString(),
            Is.EqualTo("app.ini:2: cannot read \"none.ini\": no such file; create it or correct the name")
        );

    [TestCase("[uwsgi]\ninclude = app.ini\n")]
    [TestCase("[uwsgi]\nini = :uwsgi\n")]
    public void A_file_that_includes_itself_is_refused(string text) =>
        Assert.That(
            Reading.OfIni(text).Fatal().Message,
            Does.EndWith("files include each other 16 deep; look for one that includes itself")
        );

    [Test]
    public void A_file_that_inherits_itself_is_refused() =>
        Assert.That(Reading.OfIni("[uwsgi]\ninherit = app.ini\n").Fatal().Message, Does.Contain("more than 1000 files are read"));

    [TestCase("include = a.xml")]
    [TestCase("include = a.yaml")]
    [TestCase("include = a.yml")]
    [TestCase("include = a.json")]
    [TestCase("include = a.js")]
    [TestCase("xml = a")]
    [TestCase("yaml = a.txt")]
    [TestCase("json = a.txt")]
    public void Other_formats_are_refused_with_a_way_out(string line) =>
        Assert.That(
            Reading.OfIni("[uwsgi]\n" + line + "\n").Fatal().Message,
            Does.Contain("reads its own options from ini files only").And.Contain("--show-config")
        );

    [TestCase("exec://id")]
    [TestCase("http://example.org/a.ini")]
    [TestCase("fd://3")]
    public void Configuration_is_never_run_or_fetched(string name)
    {
        var host = new FakeConfigHost();
        Assert.That(Reading.Of(host, "--ini", name).Fatal().Message, Does.Contain("does not read its configuration through"));
        Assert.That(host.FilesRead, Is.Zero);
    }

    [Test]
    public void Too_large_a_file_is_refused()
    {
        var host = new FakeConfigHost().With("big.ini", new byte[ReadLimits.FileBytes + 1]);
        Assert.That(Reading.Of(host, "--ini", "big.ini").Fatal().Message, Does.Contain("it is larger than 1048576 bytes"));
    }

    [Test]
    public void Too_long_a_value_is_refused() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\nx = " + new string('a', ReadLimits.ValueBytes + 1)).Fatal().Message,
            Does.StartWith("the value of \"x\" is longer than 64 KiB")
        );

    [Test]
    public void The_standard_input_can_be_the_configuration()
    {
        var host = new FakeConfigHost().With("-", "[uwsgi]\nx = %o%n\n");
        Assert.That(Reading.Of(host, "--ini", "-").Value("x"), Is.EqualTo("-"));
    }

    [Test]
    public void A_section_of_the_file_before_needs_a_file_before() =>
        Assert.That(Reading.Of(new FakeConfigHost(), "--ini", ":x").Fatal().Message, Does.Contain("no file was read before"));

    [Test]
    public void A_colon_without_a_section_means_the_usual_one()
    {
        var host = new FakeConfigHost().With("a.ini", "[uwsgi]\nx = <%x>\n");
        Assert.That(Reading.Of(host, "--ini", "a.ini:").Value("x"), Is.EqualTo("<>"));
    }

    [Test]
    public void A_link_keeps_its_own_name_and_all_else_is_resolved()
    {
        var host = new FakeConfigHost { Links = { ["/srv/corpus/link.ini"] = "/etc/skeleton.ini" } }.With(
            "/etc/skeleton.ini",
            "[uwsgi]\np = %p\nn = %n\n"
        );
        Assert.That(Reading.Of(host, "--ini", "link.ini").Lines(), Is.EqualTo(new[] { "p = /srv/corpus/link.ini", "n = link" }));
    }

    [Test]
    public void A_link_to_nothing_is_refused()
    {
        var host = new FakeConfigHost { Links = { ["/srv/corpus/link.ini"] = "/nowhere" } };
        Assert.That(Reading.Of(host, "--ini", "link.ini").Fatal().Message, Does.Contain("cannot read \"link.ini\": no such file"));
    }

    [Test]
    public void Only_a_file_named_by_the_option_ini_sets_the_variables_of_the_first_file()
    {
        var host = new FakeConfigHost()
            .With("a.ini", "[uwsgi]\na = %N\n")
            .With("b.ini", "[uwsgi]\nb = %N\nini = c.ini\n")
            .With("c.ini", "[uwsgi]\nc = %N %O\n");
        Assert.That(
            Reading.Of(host, "--include", "a.ini", "--ini", "b.ini", "a.ini").Lines().Where(line => line.Length > 0 && line[1] == ' '),
            Is.EqualTo(new[] { "a = ", "b = b", "c = b b.ini", "a = b" })
        );
    }

    [Test]
    public void The_name_of_the_first_file_has_its_section_again_when_it_was_read()
    {
        var host = new FakeConfigHost().With("a.ini", "[s]\na = %O\ninclude = b.ini\n").With("b.ini", "[uwsgi]\nb = %O\n");
        var read = Reading.Of(host, "--ini", "a.ini:s", "b.ini");
        Assert.That(
            read.Options.Where(option => option.Key == "b").Select(option => option.Value),
            Is.EqualTo(new[] { "a.ini", "a.ini:s" })
        );
    }

    [Test]
    public void Times_and_other_variables_of_the_start_are_known()
    {
        var read = Reading.OfIni("[uwsgi]\na = %t %T %k %u %U %g %G %V %i %b\n");
        Assert.That(read.Value("a"), Is.EqualTo("1700000000 1700000000123456 2 65534 nobody 65534 nogroup 2.0.21 19 /usr/bin/emperor"));
    }

    [Test]
    public void Users_and_groups_without_a_name_are_shown_as_numbers() =>
        Assert.That(
            Reading.OfIni("[uwsgi]\na = %U %G\n", new FakeConfigHost { UserName = null, GroupName = null }).Value("a"),
            Is.EqualTo("65534 65534")
        );

    [Test]
    public void A_percent_sign_at_the_very_end_is_dropped() => Assert.That(Reading.OfIni("[uwsgi]\na = 1%").Value("a"), Is.EqualTo("1"));

    [Test]
    public void Files_put_around_others_are_refused() =>
        Assert.That(Reading.OfIni("[uwsgi]\ninject-before = a.ini\n").Fatal().Message, Does.Contain("use \"include\""));

    [TestCase("\uFEFF[uwsgi]\na = 1\n", "line 1: a byte-order mark hides [uwsgi]")]
    [TestCase("[uwsgi]\ra = 1\r", "line 1: lines end in CR alone")]
    [TestCase("\n[ uwsgi ]\na = 1\n", "line 2: blanks in \"[ uwsgi ]\"")]
    [TestCase("[uwsgi] # app\na = 1\n", "line 1: text after [uwsgi]")]
    [TestCase("[uwsgi\na = 1\n", "line 1: \"[uwsgi\" lacks its ']'")]
    [TestCase("[uWSGI]\na = 1\n", "line 1: \"[uWSGI]\" is not [uwsgi]")]
    [TestCase("a = 1\n", "no section: uWSGI reads nothing of what begins on line 1")]
    [TestCase("[a]\nb = 1\n[c]\n", "no section [uwsgi], only [a], [c]")]
    [TestCase("\n[uwsgi]\n# a = 1\n", "section [uwsgi] on line 2 holds no option")]
    [TestCase("# a\n\n", "nothing but comments and empty lines")]
    public void A_file_without_its_section_is_an_error_that_says_why(string text, string reason)
    {
        var problem = Reading.OfIni(text).Problems.Single();
        Assert.That(problem.Severity, Is.EqualTo(Severity.Error));
        Assert.That(problem.ToString(), Does.StartWith("app.ini: " + reason));
    }
}
