using System.IO.Compression;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Package;

/// <summary>What is in the package: what it says of the program is what the program says.</summary>
internal sealed class ContentsTests
{
    private static readonly Lazy<string> Help = new(() => EmperorPackage.Output(EmperorPackage.Program, "--help"));

    // The words before the explanation, of lines that begin an option.
    private static SortedSet<string> Options =>
        [
            .. Help
                .Value.Split('\n')
                .Where(line => line.StartsWith("  -", StringComparison.Ordinal))
                .SelectMany(line => Regex.Matches(Regex.Split(line[2..], "  ")[0], "--[a-z0-9-]+").Select(m => m.Value)),
        ];

    [Test]
    public void The_man_page_is_without_fault_and_tells_of_all_options_and_no_others()
    {
        var page = $"{EmperorPackage.Contents}/usr/share/man/man1/emperor.1.gz";
        var faults = EmperorPackage.Output("sh", "-c", "LC_ALL=C.UTF-8 man --warnings -l \"$1\" 2>&1 >/dev/null", "sh", page);
        Assert.That(faults, Is.Empty);
        using var reader = new StreamReader(new GZipStream(File.OpenRead(page), CompressionMode.Decompress));
        var text = reader.ReadToEnd();
        var section = text[text.IndexOf(".SH OPTIONS", StringComparison.Ordinal)..text.IndexOf(".SH SIGNALS", StringComparison.Ordinal)];
        var told = section
            .Split('\n')
            .Where(line => line.StartsWith("\\fB\\-", StringComparison.Ordinal))
            .SelectMany(line => Regex.Matches(line.Replace("\\-", "-"), "--[a-z0-9-]+").Select(m => m.Value));
        Assert.That(new SortedSet<string>(told), Is.EqualTo(Options));
        Assert.That(text, Does.Contain($"emperor {EmperorPackage.First}").And.Not.Match("@[A-Z]+@"));
    }

    [TestCase("bash-completion/completions/emperor", @"compgen -W '([^']+)'", @"--[a-z0-9-]+")]
    [TestCase("zsh/vendor-completions/_emperor", @"^  '\*(--[a-z0-9-]+)", @".+")]
    [TestCase("fish/vendor_completions.d/emperor.fish", @"^complete -c emperor -l ([a-z0-9-]+)", @".+")]
    public void Each_shell_completes_all_options_and_no_others(string file, string line, string word)
    {
        var text = File.ReadAllText($"{EmperorPackage.Contents}/usr/share/{file}");
        var found = Regex
            .Matches(text, line, RegexOptions.Multiline)
            .SelectMany(m => Regex.Matches(m.Groups[1].Value, word))
            .Select(m => "--" + m.Value.TrimStart('-'));
        Assert.That(new SortedSet<string>(found), Is.EqualTo(Options));
    }

    [TestCase("emperor --emperor-thr", "--emperor-throttle")]
    [TestCase("emperor --uid www-d", "www-data")]
    [TestCase("emperor --emperor /usr/lib/uws", "/usr/lib/uwsgi")]
    [TestCase("emperor --logto = /etc/passw", "/etc/passwd /etc/passwd-")]
    [TestCase("emperor --emperor-freq 1", "")]
    [TestCase("emperor resta", "restart")]
    public void Bash_completes(string line, string expected)
    {
        var script = $"{EmperorPackage.Contents}/usr/share/bash-completion/completions/emperor";
        var answer = EmperorPackage.Output(
            "bash",
            "-euc",
            "source \"$1\"; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _emperor; printf '%s\\n' ${COMPREPLY[@]+\"${COMPREPLY[@]}\"} | sort | xargs",
            "bash",
            script,
            line
        );
        Assert.That(answer.Trim(), Is.EqualTo(expected));
    }

    [Test]
    public void It_holds_nothing_of_the_machine_that_built_it()
    {
        var folder = Path.GetDirectoryName(EmperorPackage.Deploy)!;
        var (code, output, errors) = MainJob.Command.Try("/", "grep", "-rlaF", $"{folder}/", EmperorPackage.Contents);
        Assert.That((code, output, errors), Is.EqualTo((1, "", "")), "files with the path of the sources in them");
    }

    [Test]
    public void It_is_owned_by_root_and_no_larger_than_the_README_says()
    {
        var list = EmperorPackage.Output(
            "dpkg-deb",
            "--contents",
            $"{EmperorPackage.Folder}/{EmperorPackage.FileOf(EmperorPackage.First)}"
        );
        Assert.That(list.TrimEnd().Split('\n'), Has.All.Contains(" root/root "));
        // The README says 32 MB; a tenth more is a reason to look.
        Assert.That(new FileInfo(EmperorPackage.Program).Length, Is.LessThan(35_000_000));
    }

    [Test]
    public void The_units_name_programs_and_files_that_the_package_has()
    {
        var units = Directory.GetFiles($"{EmperorPackage.Contents}/lib/systemd/system");
        Assert.That(units.Select(Path.GetFileName), Is.SupersetOf((string[])["emperor.service", "emperor@.service"]));
        foreach (var unit in units.Where(u => u.EndsWith(".service", StringComparison.Ordinal)))
            Assert.That(File.ReadAllText(unit), Does.Match("(?m)^ExecStart=/usr/bin/emperor --ini /etc/emperor/"));
        Assert.That($"{EmperorPackage.Contents}/usr/lib/systemd/user/emperor.service", Does.Exist);
        Assert.That($"{EmperorPackage.Contents}/etc/emperor/emperor.ini", Does.Exist);
    }
}
