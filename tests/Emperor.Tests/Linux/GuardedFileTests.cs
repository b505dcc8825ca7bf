using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

/// <summary>What is opened with root's rights where others may have bent the way.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class GuardedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void A_link_where_others_may_make_one_is_not_followed()
    {
        Directory.CreateDirectory(_folder.PathOf("real"));
        File.CreateSymbolicLink(_folder.PathOf("bent"), _folder.PathOf("real"));
        Assert.That(GuardedFile.OpenToWrite(_folder.PathOf("bent/file"), append: false, out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.TooManyLinks));
        Assert.That(GuardedFile.OpenFolder(_folder.PathOf("bent/file"), out error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.TooManyLinks));
        Assert.That(Fifo.Open(_folder.PathOf("bent/fifo"), 65534, out error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.TooManyLinks));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder.PathOf("real")), Is.Empty);
        using var straight = GuardedFile.OpenToWrite(_folder.PathOf("real/file"), append: false, out _);
        Assert.That(straight, Is.Not.Null);
    }

    [Test]
    public void A_link_of_roots_in_a_folder_of_his_alone_is_followed()
    {
        Assert.That(new FileInfo("/var/run").LinkTarget, Is.Not.Null, "as the file hierarchy standard wants it");
        var name = $"emperor-test-{Environment.ProcessId}.pid";
        try
        {
            using (var file = GuardedFile.OpenToWrite($"/var/run/{name}", append: false, out var error))
                Assert.That(file, Is.Not.Null, $"{error}");
            Assert.That(File.Exists($"/run/{name}"));
            // But not one in its place.
            File.Delete($"/run/{name}");
            File.CreateSymbolicLink($"/run/{name}", _folder.PathOf("elsewhere"));
            Assert.That(GuardedFile.OpenToWrite($"/var/run/{name}", append: false, out _), Is.Null);
            Assert.That(File.Exists(_folder.PathOf("elsewhere")), Is.False);
        }
        finally
        {
            File.Delete($"/run/{name}");
        }
    }

    [Test]
    public void A_folder_that_was_opened_stays_the_one_whatever_takes_its_name()
    {
        Directory.CreateDirectory(_folder.PathOf("mine"));
        Directory.CreateDirectory(_folder.PathOf("roots"));
        _folder.Write("mine/pid", "1");
        _folder.Write("roots/pid", "2");
        using var folder = GuardedFile.OpenFolder(_folder.PathOf("mine/pid"), out _)!;
        Directory.Move(_folder.PathOf("mine"), _folder.PathOf("moved"));
        File.CreateSymbolicLink(_folder.PathOf("mine"), _folder.PathOf("roots"));
        File.Delete(GuardedFile.Name(folder, _folder.PathOf("mine/pid")));
        Assert.That(File.Exists(_folder.PathOf("roots/pid")));
        Assert.That(File.Exists(_folder.PathOf("moved/pid")), Is.False);
    }

    [Test]
    public void The_size_of_memory_that_is_shared_is_fixed()
    {
        using var memory = Files.CreateMemoryFile("emperor-test", 4096);
        using var stream = new FileStream($"/proc/self/fd/{memory.Number}", FileMode.Open, FileAccess.ReadWrite);
        Assert.That(stream.Length, Is.EqualTo(4096));
        Assert.That(() => stream.SetLength(0), Throws.InstanceOf<Exception>());
        Assert.That(() => stream.SetLength(8192), Throws.InstanceOf<Exception>());
        stream.WriteByte(1);
        Assert.That(stream.Length, Is.EqualTo(4096));
    }
}
