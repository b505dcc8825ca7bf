using Emperor.Configuration;
using NUnit.Framework;

namespace Emperor.EndToEnd.Configuration;

/// <summary>Our reader beside the installed uwsgi, on the same files of the same machine.</summary>
[Category("uwsgi"), NonParallelizable]
public sealed class SameAsUwsgiTests
{
    private static readonly string Corpus = Path.Combine(TestContext.CurrentContext.TestDirectory, "Configuration", "Corpus");

    private string _home = "";

    private static IEnumerable<string> Names => Directory.EnumerateFiles(Corpus, "*.ini").Select(file => Path.GetFileName(file)).Order();

    private static IEnumerable<string[]> CommandLines =>
        [
            ["--chdir", "/a", "--chdir=/b", "-M", "-p", "4", "--chmod", "--chmod=664"],
            ["--emperor-fre", "5", "--vacu", "-Mmp3", "-C664", "-C"],
            ["01-lines.ini", "--master", "--", "02-sections.ini"],
            ["[skipped", "--ini", "02-sections.ini:extra", "--ini", ":uwsgi"],
            ["--set", "a=1", "--set-placeholder", "b=%(a)", "--chdir", "/%(a)%(b)$(HOME)"],
            ["--for", "1 2", "--chdir", "/v%(_)", "--endfor", "--inherit", "parts/template.ini"],
            ["--include", "parts/more.ini", "--ini", "03-magic.ini"],
            ["--ini", "link.ini"],
            ["--ini", "folder-link/more.ini"],
            ["--if-exists", "/proc/self/exe", "--chdir", "%(_)", "--endif", "--if-hostname-match", "^.", "--umask", "022", "--endif"],
            ["--for-glob", "*-[a-l]*.ini", "--chdir", "%(_)", "--endfor", "--for-glob", "./p*/*.t?t", "--chdir2", "%(_)", "--endfor"],
            ["--for-glob", "/sys/class/n*/lo/mtu", "--chdir", "%(_)", "--endfor", "--for-glob", "[!0-9]*/", "--chdir2", "%(_)"],
        ];

    [SetUp]
    public void CopyCorpus()
    {
        InstalledUwsgi.Require();
        _home = Directory.GetCurrentDirectory();
        var folder = Directory.CreateTempSubdirectory("emperor-config-").FullName;
        foreach (var file in Directory.EnumerateFiles(Corpus, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(folder, Path.GetRelativePath(Corpus, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        File.CreateSymbolicLink(Path.Combine(folder, "link.ini"), "03-magic.ini");
        Directory.CreateSymbolicLink(Path.Combine(folder, "folder-link"), "parts");
        Directory.SetCurrentDirectory(folder);
    }

    [TearDown]
    public void RemoveCorpus()
    {
        if (_home.Length == 0)
            return;
        var folder = Directory.GetCurrentDirectory();
        Directory.SetCurrentDirectory(_home);
        Directory.Delete(folder, recursive: true);
    }

    [TestCaseSource(nameof(Names))]
    public Task A_file_is_read_as_uwsgi_reads_it(string name) => CompareAsync("--ini", name);

    [TestCaseSource(nameof(CommandLines))]
    public Task A_command_line_is_read_as_uwsgi_reads_it(params string[] arguments) => CompareAsync(arguments);

    private static async Task CompareAsync(params string[] arguments)
    {
        var expected = await InstalledUwsgi.ShowConfigAsync(Directory.GetCurrentDirectory(), arguments);
        Assert.That(InstalledUwsgi.Read(new SystemConfigHost(_ => null), arguments), Is.EqualTo(expected));
    }
}
