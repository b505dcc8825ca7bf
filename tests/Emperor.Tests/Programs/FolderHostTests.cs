using System.Diagnostics;
using System.Text;
using Emperor.Configuration;
using Emperor.Monitors;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>A section [emperor] is read from real files, by the main thread of the daemon.</summary>
[TestFixture, FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FolderHostTests : IDisposable
{
    private readonly ProgramFiles _programs = new([]);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Test]
    public void What_it_names_is_looked_for_in_the_vassals_folder()
    {
        File.WriteAllText($"{_folder.Path}/user", "carol\n");
        File.WriteAllText($"{_folder.Path}/more.ini", "[emperor]\nnice = 3\n");
        File.WriteAllText($"{_folder.Path}/a.env", "");
        File.WriteAllText($"{_folder.Path}/b.env", "");
        var plan = Examine(
            """
            exec = ./app %v
            uid = @(user)
            include = more.ini
            for-glob = *.env
            env-file = %(_)
            endfor =
            if-file = user
            processes = 2
            endif =
            if-not-exists = user
            processes = 3
            endif =
            """,
            out var refusal
        );
        Assert.That(refusal, Is.Null);
        Assert.That((plan!.User, plan.Limits.Nice, plan.Processes), Is.EqualTo(("carol", 3, 2)));
        Assert.That(plan.EnvironmentFiles, Is.EqualTo(new[] { $"{_folder.Path}/a.env", $"{_folder.Path}/b.env" }));
        Assert.That(plan.Exec, Is.EqualTo(new[] { $"{_folder.Path}/app", _folder.Path }));
    }

    [Test]
    public void A_link_keeps_its_name_and_works_where_it_leads()
    {
        Directory.CreateDirectory($"{_folder.Path}/srv/blog");
        File.WriteAllText($"{_folder.Path}/srv/blog/emperor.ini", "[emperor]\nexec = ./app %n\n");
        Directory.CreateSymbolicLink($"{_folder.Path}/home", "srv/blog");
        File.CreateSymbolicLink($"{_folder.Path}/blog.ini", "home/emperor.ini");
        var plan = _programs.Examine("blog.ini", _folder.Path, File.ReadAllBytes($"{_folder.Path}/blog.ini"), out _)!;
        Assert.That(plan.Folder, Is.EqualTo($"{_folder.Path}/srv/blog"));
        Assert.That(plan.Exec, Is.EqualTo(new[] { $"{_folder.Path}/srv/blog/app", "blog" }));
    }

    [Test]
    public void Every_link_on_the_way_is_followed()
    {
        Directory.CreateDirectory($"{_folder.Path}/a/b/c");
        _folder.Write("a/b/c/file", "");
        Directory.CreateSymbolicLink($"{_folder.Path}/one", "a/b");
        Directory.CreateSymbolicLink($"{_folder.Path}/a/two", "../one/./c");
        File.CreateSymbolicLink($"{_folder.Path}/three", "a/two/file");
        Directory.CreateSymbolicLink($"{_folder.Path}/loop", "loop/x");
        Assert.That(RealPaths.Resolve(_folder.Path, "three"), Is.EqualTo($"{_folder.Path}/a/b/c/file"));
        Assert.That(RealPaths.Resolve("/", $"{_folder.Path}/a/two/../c"), Is.EqualTo($"{_folder.Path}/a/b/c"));
        Assert.That(RealPaths.Resolve(_folder.Path, "one/none"), Is.Null);
        Assert.That(RealPaths.Resolve(_folder.Path, "loop"), Is.Null);
    }

    [Test]
    public void What_was_read_counts_and_not_what_stands_there_by_now()
    {
        File.WriteAllText($"{_folder.Path}/blog.ini", "[emperor]\nexec = other\n");
        Assert.That(Examine("exec = app", out _, write: false)!.Exec, Is.EqualTo(new[] { "app" }));
    }

    [TestCase("uid = @(/dev/zero)", "it is no regular file")]
    [TestCase("uid = @(/dev/tty)", "cannot read \"/dev/tty\": ")]
    [TestCase("include = pipe.ini", "it is no regular file")]
    [TestCase("for-readline = pipe.ini\nuid = %(_)", "it is no regular file")]
    [TestCase("for-glob = /proc/*/*/*\nenv-file = %(_)", "its for-glob looks at more names than may be")]
    [TestCase("uid = @(large)", "it is larger than 1048576 bytes")]
    [TestCase("uid = @(.)", "it is no regular file")]
    [TestCase("uid = @(none)", "no such file")]
    public void Nothing_that_is_named_holds_up_the_daemon(string lines, string why)
    {
        using (var mkfifo = Process.Start("mkfifo", [$"{_folder.Path}/pipe.ini"]))
            mkfifo.WaitForExit();
        File.WriteAllBytes($"{_folder.Path}/large", new byte[1024 * 1024 + 1]);
        var start = Stopwatch.GetTimestamp();
        Assert.That(Examine("exec = app\n" + lines, out var refusal), Is.Null);
        TestContext.Out.WriteLine(Stopwatch.GetElapsedTime(start));
        Assert.That(refusal, Does.Contain(why));
    }

    [Test]
    public void A_file_without_the_section_has_no_plan()
    {
        var plan = _programs.Examine("a.ini", _folder.Path, "[uwsgi]\nmaster = 1\n"u8.ToArray(), out var refusal);
        Assert.That((plan, refusal), Is.EqualTo((default(Core.Programs.ProgramPlan), (string?)null)));
        Assert.That(_programs.Examine("a.xml", _folder.Path, "[emperor]\n"u8.ToArray(), out refusal), Is.Null);
        Assert.That(refusal, Is.Null);
    }

    private Core.Programs.ProgramPlan? Examine(string lines, out string? refusal, bool write = true)
    {
        var text = "[emperor]\n" + lines;
        if (write)
            File.WriteAllText($"{_folder.Path}/blog.ini", text);
        return _programs.Examine("blog.ini", _folder.Path, Encoding.UTF8.GetBytes(text), out refusal);
    }
}
