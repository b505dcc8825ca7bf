using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed partial class FileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void The_status_of_a_file_is_what_stat_says([Values] bool follow)
    {
        var file = _folder.Write("file", "twelve bytes");
        _ = Child.Run("/usr/bin/touch", "-d", "2001-02-03 04:05:06.789012345 UTC", file);
        var link = _folder.PathOf("link");
        File.CreateSymbolicLink(link, file);
        foreach (var path in new[] { file, link, _folder.Path, "/dev/null" })
        {
            Assert.That(FileStatus.Get(path, follow, out var status).Number, Is.Zero);
            string[] arguments = follow ? ["-L", "-c", "%Hd %Ld %i %s %.9Y %u %g %f", path] : ["-c", "%Hd %Ld %i %s %.9Y %u %g %f", path];
            var words = Child.Run("/usr/bin/stat", arguments).Output.Split(' ', StringSplitOptions.TrimEntries);
            var c = CultureInfo.InvariantCulture;
            Assert.That(
                status with
                {
                    Kind = FileKind.Other,
                },
                Is.EqualTo(
                    new FileStatus(
                        FileKind.Other,
                        (ulong.Parse(words[0], c) << 32) | ulong.Parse(words[1], c),
                        ulong.Parse(words[2], c),
                        long.Parse(words[3], c),
                        long.Parse(words[4].Replace(".", "", StringComparison.Ordinal), c),
                        uint.Parse(words[5], c),
                        uint.Parse(words[6], c),
                        Convert.ToUInt16(words[7], 16)
                    )
                ),
                path
            );
        }
        Assert.That(Kind(link, follow), Is.EqualTo(follow ? FileKind.Regular : FileKind.Link));
    }

    [Test]
    public void The_kind_of_a_thing_is_told()
    {
        Assert.That(
            new[] { Kind(_folder.Path), Kind(_folder.Write("f", "")), Kind("/dev/null") },
            Is.EqualTo(new[] { FileKind.Directory, FileKind.Regular, FileKind.Other })
        );
        Assert.That(FileStatus.Get(_folder.PathOf("nothing"), true, out _), Is.EqualTo(Errno.NoEntry));
        Assert.That(FileStatus.Get(_folder.PathOf("f/g"), true, out _), Is.EqualTo(Errno.NotDirectory));
    }

    [Test]
    public void A_relative_path_starts_in_the_given_folder()
    {
        _folder.Write("here", "abc");
        using var directory = Files.OpenDirectory(_folder.Path, out _);
        Assert.That(FileStatus.Get("here", true, out var status, directory).Number, Is.Zero);
        Assert.That(status.Size, Is.EqualTo(3));
    }

    [Test]
    public void A_listing_has_every_name_but_the_folder_itself_and_its_parent()
    {
        var names = new[] { ".hidden", "..two dots", "with blank", "new\nline", "Käse", new string('n', 255), "tab\t" };
        foreach (var name in names)
            _folder.Write(name, "");
        // Enough for more than one call of the kernel.
        var many = Enumerable.Range(0, 800).Select(i => $"{i:0000}-{new string('x', 40)}").ToArray();
        foreach (var name in many)
            _folder.Write(name, "");
        Assert.That(List(), Is.EquivalentTo(names.Concat(many)));
    }

    [Test]
    public void A_name_that_is_not_utf8_is_told_in_a_way_that_nobody_can_mistake()
    {
        var (status, _) = Child.Run("/bin/sh", "-c", $"cd '{_folder.Path}' && : >\"$(printf 'bad\\377.ini')\"");
        Assert.That(status.Code, Is.Zero);
        Assert.That(List(), Is.EqualTo(new[] { "bad\uFFFD.ini" }));
        Assert.That(FileStatus.Get(_folder.PathOf("bad\uFFFD.ini"), true, out _), Is.EqualTo(Errno.NoEntry));
        _ = Child.Run("/bin/sh", "-c", $"rm -f '{_folder.Path}'/bad*");
    }

    [Test]
    public void A_folder_that_is_none_cannot_be_opened_to_list()
    {
        Assert.That(Files.OpenDirectory(_folder.Write("f", ""), out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NotDirectory));
        Assert.That(Files.OpenDirectory(_folder.PathOf("nothing"), out error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(999)]
    [TestCase(1_000)]
    [TestCase(1_001)]
    [TestCase(50_000)]
    public void Of_a_large_file_one_byte_more_than_the_limit_is_read(int size)
    {
        var path = _folder.Write("f", new string('x', size));
        var bytes = Files.ReadBounded(path, 1_000, out var error);
        Assert.That((bytes?.Length, error.Number), Is.EqualTo(((int?)Math.Min(size, 1_001), 0)));
    }

    [Test]
    public void What_a_file_of_proc_has_is_read_by_one_call()
    {
        const string path = "/proc/sys/net/core/somaxconn";
        var bytes = Files.ReadBounded(path, 32, out var error);
        Assert.That((System.Text.Encoding.ASCII.GetString(bytes ?? []), error.Number), Is.EqualTo((File.ReadAllText(path), 0)));
    }

    [Test]
    public void What_is_no_file_is_not_read_and_does_not_block()
    {
        _ = Child.Run("/usr/bin/mkfifo", _folder.PathOf("pipe"));
        foreach (var path in new[] { _folder.PathOf("pipe"), _folder.Path, "/dev/zero" })
        {
            Assert.That(Files.ReadBounded(path, 1_000, out var error), Is.Null, path);
            Assert.That(error.Number, Is.EqualTo(22), path);
        }
        Assert.That(Files.ReadBounded(_folder.PathOf("nothing"), 1_000, out var missing), Is.Null);
        Assert.That(missing, Is.EqualTo(Errno.NoEntry));
    }

    [Test]
    public void A_file_that_may_not_be_read_is_told_so()
    {
        var path = _folder.Write("secret", "x");
        File.SetUnixFileMode(path, UnixFileMode.None);
        // Root may read everything; this thread is nobody for a moment.
        var former = SetFileSystemUser(65_534);
        var bytes = Files.ReadBounded(path, 10, out var error);
        _ = SetFileSystemUser((uint)former);
        Assert.That((bytes, error), Is.EqualTo(((byte[]?)null, Errno.Access)));
    }

    [TestCase("*.ini", "a.ini", true)]
    [TestCase("*.ini", ".ini", false)]
    [TestCase("*.ini", ".a.ini", false)]
    [TestCase(".*.ini", ".a.ini", true)]
    [TestCase("*.ini", "a/b.ini", false)]
    [TestCase("*/?.ini", "a/b.ini", true)]
    [TestCase("[a-c]*", "bob", true)]
    [TestCase("[!a-c]*", "bob", false)]
    [TestCase("a\\*", "a*", true)]
    [TestCase("a\\*", "ab", false)]
    public void Patterns_are_those_of_the_shell(string pattern, string name, bool matches) =>
        Assert.That(Files.Matches(pattern, name), Is.EqualTo(matches));

    [Test]
    public void A_link_is_read_as_it_is_written()
    {
        File.CreateSymbolicLink(_folder.PathOf("link"), "../no/where at all");
        Assert.That(Files.ReadLink(_folder.PathOf("link"), out var error), Is.EqualTo("../no/where at all"));
        Assert.That(Files.ReadLink(_folder.Path, out error), Is.Null);
        Assert.That(error.Number, Is.EqualTo(22));
        Assert.That(Files.ReadLink(_folder.PathOf("nothing"), out error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.NoEntry));
    }

    [Test]
    public void A_program_is_a_regular_file_that_may_be_executed()
    {
        var plain = _folder.Write("plain", "");
        Assert.That(
            new[] { "/bin/sh", plain, "/bin", _folder.PathOf("nothing") }.Select(Files.IsExecutable),
            Is.EqualTo(new[] { true, false, false, false })
        );
        File.SetUnixFileMode(plain, (UnixFileMode)0x1ED);
        Assert.That(Files.IsExecutable(plain));
    }

    [Test]
    public void A_log_that_became_a_link_or_a_pipe_is_not_opened_and_not_waited_for()
    {
        var victim = _folder.Write("victim", "precious");
        File.CreateSymbolicLink(_folder.PathOf("link"), victim);
        Assert.That(Files.OpenLog(_folder.PathOf("link"), follow: false, out var error), Is.Null);
        Assert.That(error.Number, Is.EqualTo(40), "ELOOP");
        Assert.That(Files.OpenLog(_folder.Path, follow: false, out _), Is.Null);
        using var log = Files.OpenLog(_folder.PathOf("log"), follow: false, out error);
        Assert.That(error, Is.EqualTo(default(Errno)));
        _ = Files.WriteAll(log!.Number, "a line\n"u8);
        Assert.That(File.ReadAllText(_folder.PathOf("log")), Is.EqualTo("a line\n"));
    }

    [Test]
    public void A_small_file_is_written_whole_and_never_through_a_link()
    {
        var path = _folder.Write("pid", "a much longer text than the next one");
        Assert.That(Files.WriteSmall(path, "17\n"), Is.EqualTo(default(Errno)));
        Assert.That(File.ReadAllText(path), Is.EqualTo("17\n"));
        var victim = _folder.Write("victim2", "precious");
        File.CreateSymbolicLink(_folder.PathOf("link2"), victim);
        Assert.That(Files.WriteSmall(_folder.PathOf("link2"), "17\n").Number, Is.EqualTo(40), "ELOOP");
        Assert.That(File.ReadAllText(victim), Is.EqualTo("precious"));
    }

    [Test]
    public void The_head_of_a_file_without_a_size_is_read_up_to_the_limit()
    {
        var all = Files.ReadHead("/proc/self/smaps", 100_000, out _)!;
        Assert.That(all, Has.Length.GreaterThan(4096));
        Assert.That(Files.ReadHead("/proc/self/smaps", 5_000, out _), Has.Length.EqualTo(5_000));
    }

    [Test]
    public void A_memory_file_is_written_at_any_place()
    {
        using var file = Files.CreateMemoryFile("test");
        Assert.That(Files.WriteAt(file, "xyz"u8, 4).Number, Is.Zero);
        Assert.That(File.ReadAllBytes($"/proc/self/fd/{file.Number}"), Is.EqualTo("\0\0\0\0xyz"u8.ToArray()));
    }

    [Test]
    public void Reading_until_the_other_end_closes_ends_at_its_time_when_it_does_not()
    {
        var (read, write) = Files.CreatePipe();
        using (read)
        using (write)
        {
            _ = Files.WriteAll(write.Number, Encoding.ASCII.GetBytes("abc"));
            Assert.That(Files.ReadUntilClosed(read, new byte[10], 20), Is.EqualTo(3));
        }
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileSystemUser(uint uid);

    private static FileKind Kind(string path, bool follow = true)
    {
        Assert.That(FileStatus.Get(path, follow, out var status).Number, Is.Zero);
        return status.Kind;
    }

    private List<string> List()
    {
        using var directory = Files.OpenDirectory(_folder.Path, out _);
        List<string> names = ["left from before"];
        Assert.That(Files.List(directory!, names).Number, Is.Zero);
        return names;
    }
}
