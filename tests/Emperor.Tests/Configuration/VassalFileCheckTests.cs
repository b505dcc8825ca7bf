using System.Text;
using Emperor.Core.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class VassalFileCheckTests
{
    private static VassalFileVerdict Examine(string name, string text) => VassalFileCheck.Examine(name, Encoding.UTF8.GetBytes(text));

    [TestCase("[uwsgi]\nmodule = app\n")]
    [TestCase("[uwsgi]\r\nmodule = app\r\n")]
    [TestCase("  [uwsgi]  \nkey-alone")]
    [TestCase("[a]\nb = 1\n[uwsgi]\nc = 1\n")]
    [TestCase("(uwsgi)\n[uwsgi]\na = 1")]
    [TestCase("[uwsgi]\n= x\n")]
    [TestCase("<uwsgi>\n[uwsgi)\na = 1", Description = "the last character of a header is never looked at")]
    [TestCase("[uws%\ngi]\na = 1\n")]
    [TestCase("[uws%qgi]\na = 1\n")]
    [TestCase("[%n]\na = 1\n")]
    [TestCase("[%h]\na = 1\n")]
    [TestCase("[uwsgi]\n%d\n")]
    [TestCase("[uwsgi]\na = \0\0\n")]
    public void What_uwsgi_reads_is_fine(string text) => Assert.That(Examine("/vassals/uwsgi.ini", text).Reason, Is.Null);

    [TestCase("", "the file is empty")]
    [TestCase("\uFEFF[uwsgi]\na = 1\n", "line 1: a byte-order mark")]
    [TestCase("# x\n[ uwsgi ]\na = 1\n", "line 2: blanks in")]
    [TestCase("[uwsgi] # main\na = 1\n", "line 1: text after [uwsgi]")]
    [TestCase("[uwsgi]\ra = 1\r", "line 1: lines end in CR alone")]
    [TestCase("a = 1\n", "no section: uWSGI reads nothing of what begins on line 1")]
    [TestCase("[uwsgi]\n", "section [uwsgi] on line 1 holds no option")]
    [TestCase("[app]\na = 1\n", "no section [uwsgi], only [app]")]
    [TestCase("[emperor]\ncpu-max = 50%\n[uwsgi]\na = 1\n", "uWSGI does not see section [uwsgi]")]
    [TestCase("[Emperor]\nexec = a\n", "line 1: \"[Emperor]\" is not [emperor] for uWSGI")]
    [TestCase("\uFEFF[emperor]\nexec = a\n", "line 1: a byte-order mark hides [emperor]")]
    [TestCase("[uwsgi]", "section [uwsgi] on line 1 holds no option")]
    [TestCase("\n\n", "nothing but comments and empty lines")]
    [TestCase("\u007fELF\0\0\0", "the file holds NUL bytes")]
    public void What_uwsgi_would_not_read_is_refused_with_the_reason(string text, string reason) =>
        Assert.That(Examine("app.ini", text).Reason, Does.StartWith(reason));

    [TestCase("[uwsgi]\na = 1\n", true, false)]
    [TestCase("[uwsgi]\na = 1\n[Emperor]\nb = 1\n", true, false)]
    [TestCase("[uwsgi]\na = emperor\n;[emperor]\n", true, false)]
    [TestCase("[emperor]\nexec = a\n", false, true)]
    [TestCase("[emperor]\n", false, true)]
    [TestCase("[uwsgi]\na = 1\n [emperor] \r\nnice = 1\n", true, true)]
    [TestCase("[uwsgi]\n[emperor]\nexec = a\n", false, true)]
    [TestCase("[emperor]\nexec = a\n[%n]\na = 1\n", true, true, Description = "which section that is, is seen at the start")]
    public void Its_sections_are_seen(string text, bool hasUwsgi, bool hasProgram)
    {
        var verdict = Examine("uwsgi.ini", text);
        Assert.That((verdict.Reason, verdict.HasUwsgi, verdict.HasProgram), Is.EqualTo(((string?)null, hasUwsgi, hasProgram)));
    }

    [Test]
    public void A_UTF16_file_is_refused_as_such() =>
        Assert.That(
            VassalFileCheck.Examine("app.ini", Encoding.Unicode.GetBytes("[uwsgi]\na = 1\n")).Reason,
            Does.Contain("binary or UTF-16")
        );

    [TestCase("app.xml")]
    [TestCase("app.yml")]
    [TestCase("app.yaml")]
    [TestCase("app.js")]
    [TestCase("app.json")]
    [TestCase("app.conf")]
    public void Of_other_formats_only_emptiness_size_and_NUL_bytes_matter(string name)
    {
        Assert.That(Examine(name, "anything").IsFine);
        Assert.That(Examine(name, "").Reason, Does.StartWith("the file is empty"));
        Assert.That(Examine(name, "a\0").Reason, Does.StartWith("the file holds NUL bytes"));
        Assert.That(
            VassalFileCheck.Examine(name, new byte[ReadLimits.FileBytes + 1]).Reason,
            Does.StartWith("the file is larger than 1 MiB")
        );
    }

    [Test]
    public void Too_large_an_ini_is_refused_even_if_it_begins_well() =>
        Assert.That(
            Examine("app.ini", "[uwsgi]\na = 1\n" + new string('#', ReadLimits.FileBytes)).Reason,
            Does.StartWith("the file is larger than 1 MiB")
        );
}
