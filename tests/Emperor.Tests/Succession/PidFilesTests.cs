using System.Globalization;
using Emperor.Linux;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PidFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void What_a_former_emperor_has_written_is_left_as_it_is_and_removed_at_the_end()
    {
        var former = new PidFiles();
        Assert.That(former.Write("a.pid", _folder.Path), Is.Null);
        Assert.That(former.Written, Is.EqualTo(new[] { _folder.PathOf("a.pid") }));
        var written = File.GetLastWriteTimeUtc(_folder.PathOf("a.pid")).AddHours(-1);
        File.SetLastWriteTimeUtc(_folder.PathOf("a.pid"), written);
        using (var next = new PidFiles())
        {
            next.Inherit(former.Written);
            Assert.That(next.Write("a.pid", _folder.Path), Is.Null);
            Assert.That(next.Write("b.pid", _folder.Path), Is.Null);
            Assert.That(File.GetLastWriteTimeUtc(_folder.PathOf("a.pid")), Is.EqualTo(written));
            Assert.That(File.ReadAllText(_folder.PathOf("b.pid")), Is.EqualTo(Self.Pid.ToString(CultureInfo.InvariantCulture) + "\n"));
            Assert.That(next.Written, Is.EqualTo(new[] { _folder.PathOf("a.pid"), _folder.PathOf("b.pid") }));
        }
        Assert.That(Directory.GetFiles(_folder.Path), Is.Empty);
    }

    [Test]
    public void One_that_is_somebody_elses_by_now_stays()
    {
        using (var next = new PidFiles())
            next.Inherit([_folder.Write("a.pid", "1\n")]);
        Assert.That(_folder.PathOf("a.pid"), Does.Exist);
    }
}
