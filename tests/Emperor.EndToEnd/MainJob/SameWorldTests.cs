using System.Globalization;
using System.Text.Json;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.MainJob;

/// <summary>A Django process under Emperor, and under the real uwsgi --emperor on the same folder: what it sees of the world.</summary>
internal sealed class SameWorldTests : SiteTest
{
    // The channel's number; what marks the processes of an emperor (README.md says so); argv[0] of the first uwsgi in the line, which
    // with uwsgi --emperor is the emperor's.
    private static readonly string[] DiffersInEnvironment = ["UWSGI_EMPEROR_FD", "EMPEROR_INCARNATION", "UWSGI_ORIGINAL_PROC_NAME"];

    private static readonly Dictionary<string, string?> Given = new() { ["NOTIFY_SOCKET"] = "/nowhere", ["SOMETHING"] = "of value" };

    [Test]
    public void It_is_the_same()
    {
        Link(Shop);
        var options = new[]
        {
            "--vassal-set",
            "site=one",
            "--vassals-inherit",
            Temp.Write("inherited.ini", "[uwsgi]\nenv = INHERITED=yes\n"),
        };
        var ours = See(null, ["--emperor", Vassals, .. options]);
        var theirs = See(Installed.Uwsgi, ["--emperor", Vassals, "--die-on-term", .. options]);

        Assert.That(ours.Arguments[1..], Is.EqualTo(theirs.Arguments[1..]));
        Assert.That(ours.Environment, Is.EqualTo(theirs.Environment));
        Assert.That(ours.Folder, Is.EqualTo(theirs.Folder));
        Assert.That(ours.MasterFolder, Is.EqualTo(theirs.MasterFolder));
        Assert.That(ours.Input, Is.EqualTo(theirs.Input));
        Assert.That(ours.Limits, Is.EqualTo(theirs.Limits));
        Assert.That(ours.Signals, Is.EqualTo(theirs.Signals));
        Assert.That(ours.Umask, Is.EqualTo(theirs.Umask));
        TestContext.Out.WriteLine($"argv[0]: ours {ours.Arguments[0]}, theirs {theirs.Arguments[0]}");
    }

    private World See(string? program, string[] arguments)
    {
        var daemon = Launch(
            new EmperorStart
            {
                Program = program,
                Arguments = arguments,
                Environment = Given,
                Folder = Temp.Path,
            }
        );
        var page = AwaitServed(Shop);
        AwaitIdle(page);
        using var text = JsonDocument.Parse(Site.Text(Shop, "world/"));
        var environment = text
            .RootElement.GetProperty("environment")
            .EnumerateObject()
            .Where(variable => !DiffersInEnvironment.Contains(variable.Name))
            .Select(variable => $"{variable.Name}={variable.Value.GetString()}")
            .Order(StringComparer.Ordinal);
        var world = new World(
            File.ReadAllText($"/proc/{page.Master}/cmdline").TrimEnd('\0').Split('\0'),
            [.. environment],
            text.RootElement.GetProperty("folder").GetString()!,
            new FileInfo($"/proc/{page.Master}/cwd").LinkTarget!,
            new FileInfo($"/proc/{page.Master}/fd/0").LinkTarget!,
            File.ReadAllText($"/proc/{page.Master}/limits"),
            string.Join(' ', new[] { "SigBlk", "SigIgn", "SigCgt" }.Select(name => Signals(page.Master, name))),
            ProcFs.Status(page.Master, "Umask")
        );
        daemon.Stop();
        AwaitGone(Shop);
        return world;
    }

    // 32 and 33 are the C library's own: its posix_spawn leaves them ignored, and whoever needs them sets their handlers first.
    private static string Signals(int pid, string name) =>
        $"{name} {ulong.Parse(ProcFs.Status(pid, name), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & ~0x1_8000_0000ul:x}";

    private sealed record World(
        string[] Arguments,
        string[] Environment,
        string Folder,
        string MasterFolder,
        string Input,
        string Limits,
        string Signals,
        string Umask
    );
}
