using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using NUnit.Framework;

namespace Emperor.Tests.Logging;

/// <summary>The log file over a change of the program: what stands in the place of standard output and error stays there.</summary>
[TestFixture]
public sealed class LogFileTests
{
    private string _folder = "";
    private SafeFd _output = null!;
    private SafeFd _errors = null!;

    [SetUp]
    public void Begin()
    {
        _folder = Directory.CreateTempSubdirectory("log-").FullName;
        (_output, _errors) = (Files.OpenNull(), Files.OpenNull());
    }

    [TearDown]
    public void End()
    {
        _output.Dispose();
        _errors.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void Its_descriptors_outlive_execve_and_it_is_gone_on_with_though_it_could_not_be_opened_again()
    {
        var path = Path.Combine(_folder, "emperor.log");
        var first = LogFile.Open(path, null, out _, _output.Number, _errors.Number)!;
        Assert.That((Files.IsInherited(_output.Number), Files.IsInherited(_errors.Number)), Is.EqualTo((true, true)));
        Say("one\n");
        // Nothing is opened: a path that leads nowhere does as well.
        File.Move(path, path + ".1");
        Directory.CreateDirectory(path);
        var next = Adopt(first.Legacy, path, out var error)!;
        Assert.That(error.Number, Is.Zero);
        Say("two\n");
        Assert.That(File.ReadAllText(path + ".1"), Is.EqualTo("one\ntwo\n"));
        Directory.Delete(path);
        Assert.That(next.FollowRotation().Number, Is.Zero);
        Say("three\n");
        Assert.That(File.ReadAllText(path), Is.EqualTo("three\n"));
        Assert.That(next.Legacy, Is.EqualTo(first.Legacy).And.EqualTo(new LogLegacy(path, false)));
    }

    [Test]
    public void Only_what_was_a_link_from_the_start_may_be_one_when_it_is_opened_anew()
    {
        var (path, link) = (Path.Combine(_folder, "emperor.log"), Path.Combine(_folder, "link.log"));
        File.CreateSymbolicLink(link, path);
        var linked = LogFile.Open(link, null, out _, _output.Number, _errors.Number)!;
        Assert.That(linked.Legacy, Is.EqualTo(new LogLegacy(link, true)));
        Assert.That(Adopt(linked.Legacy, link, out _)!.Reopen().Number, Is.Zero);
        Assert.That(Adopt(new LogLegacy(link, false), link, out _)!.Reopen().Number, Is.Not.Zero);
    }

    [Test]
    public void A_log_that_the_settings_name_by_now_is_taken_and_the_old_one_kept_when_it_cannot_be()
    {
        var (path, other) = (Path.Combine(_folder, "emperor.log"), Path.Combine(_folder, "other.log"));
        var first = LogFile.Open(path, null, out _, _output.Number, _errors.Number)!;
        Assert.That(Adopt(first.Legacy, Path.Combine(_folder, "no", "such.log"), out var error)!.Legacy.Path, Is.EqualTo(path));
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
        Say("old\n");
        Assert.That(Adopt(first.Legacy, other, out error)!.Legacy.Path, Is.EqualTo(other));
        Assert.That(error.Number, Is.Zero);
        Say("new\n");
        Assert.That((File.ReadAllText(path), File.ReadAllText(other)), Is.EqualTo(("old\n", "new\n")));
        Assert.That(Adopt(first.Legacy, null, out _)!.Legacy.Path, Is.EqualTo(path), "it is what it is, though nobody asks for it");
        Assert.That(Adopt(null, null, out _), Is.Null);
        Assert.That(Adopt(null, other, out _)!.Legacy.Path, Is.EqualTo(other));
    }

    private LogFile? Adopt(LogLegacy? former, string? path, out Errno error) =>
        LogFile.Adopt(former, path, null, out error, _output.Number, _errors.Number);

    private void Say(string text)
    {
        Assert.That(Files.WriteAll(_output.Number, System.Text.Encoding.UTF8.GetBytes(text[..1])).Number, Is.Zero);
        Assert.That(Files.WriteAll(_errors.Number, System.Text.Encoding.UTF8.GetBytes(text[1..])).Number, Is.Zero);
    }
}
