using System.Globalization;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Package;

/// <summary>
/// The packaged emperor as process 1 of a PID namespace, with no init in front of it, as a container engine starts it. The kernel drops
/// signals to process 1 that it has no handler for, and gives it every process whose parent has ended.
/// </summary>
internal sealed class ContainerTests : EmperorTest
{
    private const string Warnings = " (WRN|ERR|FTL) ";

    [SetUp]
    public void NeedNamespaces() => NeedRoot("it makes namespaces");

    [TestCase(Native.Terminate)]
    [TestCase(Native.Interrupt)]
    [TestCase(Native.Quit)]
    public void It_ends_in_order_when_it_is_told_to(int signal)
    {
        Write("a.ini", "print hello from the app", "fork 2", "daemon 1", "accept");
        var (daemon, pid) = Contain();
        daemon.AwaitAccepting("a.ini");
        Native.Check(Native.Signal(pid, signal), "kill");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        Journal.AwaitStop("a.ini");
        Assert.That(daemon.Count(Warnings), Is.Zero, daemon.Text());
        // What an engine's log shows: a line an event with its time, and what the apps print, all without colours.
        Assert.That(
            daemon.Count(@"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d\d:\d\d INF a\.ini: pid \d+ accepts requests$"),
            Is.EqualTo(1)
        );
        Assert.That(daemon.Lines, Has.Member("[a.ini] hello from the app").And.None.Contains("\u001b"));
        Assert.That(daemon.Count(@"emperor .* \(pid 1\) governs"), Is.EqualTo(1));
    }

    [Test]
    public void It_ends_within_the_mercy_when_an_app_does_not()
    {
        Write("a.ini", "ignore-stop", "fork 1", "accept");
        var (daemon, pid) = Contain("--reload-mercy", "1");
        daemon.AwaitAccepting("a.ini");
        Native.Check(Native.Signal(pid, Native.Terminate), "kill");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        daemon.AwaitVassal("a.ini", "SIGKILL to pid");
    }

    [Test]
    public void It_obeys_the_other_signals_too()
    {
        Write("a.ini", "accept");
        var (daemon, pid) = Contain();
        daemon.AwaitAccepting("a.ini");
        Native.Check(Native.Signal(pid, Native.Hangup), "kill");
        Journal.Await("a.ini", "reload");
        Native.Check(Native.Signal(pid, Native.User1), "kill");
        daemon.AwaitVassal("a.ini", "failures 0");
        Native.Check(Native.Signal(pid, Native.Urgent), "kill");
        daemon.Await("all failures are forgiven");
        Stop(daemon, pid);
    }

    [Test]
    public void It_reaps_thousands_of_strangers_orphans_and_never_takes_a_vassal_for_one()
    {
        const int orphans = 2000;
        Write("a.ini", "accept");
        Write("b.ini", "accept", "sleep 300", "exit 7");
        var (daemon, pid) = Contain("--emperor-no-blacklist");
        daemon.AwaitAccepting("a.ini");
        var descriptors = Descriptors(pid);
        // As "docker exec" does: a process from outside, whose children become the emperor's, half of them while they still run.
        Command.Run(
            "/",
            "nsenter",
            "--target",
            Text(pid),
            "--pid",
            "--mount",
            "sh",
            "-c",
            $"i=0; while [ $i -lt {orphans / 2} ]; do (true &); (sleep 1 &); i=$((i + 1)); done"
        );
        var guardAndApps = 3;
        Wait.Until(
            () => ProcFs.Children(pid).Count <= guardAndApps,
            () => $"{ProcFs.Children(pid).Count} children are left\n{daemon.Text()}",
            TimeSpan.FromSeconds(90)
        );
        Wait.Until(() => Descriptors(pid) <= descriptors + 10, () => $"{Descriptors(pid)} descriptors after {descriptors}");
        var ends = daemon.Lines.Where(line => line.Contains("b.ini: ") && line.Contains("has ended")).ToList();
        Assert.That(ends, Is.Not.Empty.And.All.Contains("(exit 7)"), daemon.Text());
        Assert.That(daemon.Count("a.ini: .*has ended"), Is.Zero);
        Stop(daemon, pid);
    }

    [Test]
    public void It_needs_no_rights_no_home_and_nothing_to_write_to_but_run()
    {
        Write("a.ini", "accept");
        var vassal = Executable.Copy(TestVassal.VassalProgram.Path, Temp["vassal"]);
        Temp.Write("journal", "");
        Native.Check(Native.ChangeMode(Temp["journal"], 0x1B6), "chmod");
        // The journal is the test's; all else is read-only. No user has this number.
        const string script =
            "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro / && mount -t tmpfs -o mode=1777 none /run && shift && exec \"$@\"";
        var daemon = Launch(
            new EmperorStart
            {
                Before =
                [
                    .. Namespaces,
                    "sh",
                    "-c",
                    script,
                    "sh",
                    Temp.Path,
                    "setpriv",
                    "--reuid=54321",
                    "--regid=54321",
                    "--clear-groups",
                    "--no-new-privs",
                    "--inh-caps=-all",
                    "--bounding-set=-all",
                    "env",
                    "-u",
                    "HOME",
                ],
                Program = EmperorPackage.Program,
                Arguments = ["--emperor", Vassals, "--emperor-wrapper", vassal],
                Folder = "/",
            }
        );
        daemon.AwaitAccepting("a.ini");
        var pid = Init(daemon);
        Assert.That(ProcFs.Status(pid, "Uid"), Is.EqualTo("54321\t54321\t54321\t54321"));
        Assert.That(ProcFs.Status(pid, "CapEff"), Is.EqualTo("0000000000000000"));
        var writable = File.ReadAllLines($"/proc/{pid}/mountinfo").Where(line => line.Split(' ')[4] == "/").Last();
        Assert.That(writable.Split(' ')[5], Does.StartWith("ro"));
        Stop(daemon, pid);
        Assert.That(daemon.Count(Warnings), Is.Zero, daemon.Text());
    }

    [Test]
    public void The_image_is_made_of_what_the_package_has()
    {
        var text = File.ReadAllText($"{EmperorPackage.Deploy}/Containerfile");
        var lines = Regex.Replace(text, @"(?m)^#.*\n", "").Replace("\\\n", " ").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var words = lines.Select(line => line.Split(' ', 2)).ToLookup(pair => pair[0], pair => pair[1].Trim());
        Assert.That(words["FROM"], Is.EqualTo((string[])["debian:bookworm-slim"]));
        var copied = words["COPY"].Single().Split(' ');
        Assert.That(Directory.GetFiles(EmperorPackage.Folder, copied[0]), Is.Not.Empty);
        Assert.That(words["RUN"].Single(), Does.Contain(copied[1] + copied[0]).And.Contain("uwsgi-core"));
        Assert.That($"{EmperorPackage.Contents}{words["VOLUME"].Single()}", Does.Exist);
        Assert.That(words["STOPSIGNAL"], Is.EqualTo((string[])["SIGTERM"]));

        // Its entry point and arguments, as they stand, with a vassals folder in the place of the volume.
        string[] command = [.. Words(words["ENTRYPOINT"].Single()), .. Words(words["CMD"].Single())];
        Assert.That(command[0], Is.EqualTo(EmperorPackage.Program[EmperorPackage.Contents.Length..]));
        Write("a.ini", "accept");
        var (daemon, pid) = Contain([.. command[1..].Select(word => word == words["VOLUME"].Single() ? Vassals : word)], folder: false);
        daemon.AwaitAccepting("a.ini");
        Stop(daemon, pid);
        Assert.That(daemon.Count(Warnings), Is.Zero, daemon.Text());
    }

    private static string[] Namespaces => ["unshare", "--fork", "--pid", "--mount", "--mount-proc", "--kill-child=SIGKILL"];

    private static IEnumerable<string> Words(string array) => Regex.Matches(array, "\"([^\"]*)\"").Select(match => match.Groups[1].Value);

    private (EmperorProcess Daemon, int Pid) Contain(params string[] options) => Contain(options, folder: true);

    private (EmperorProcess Daemon, int Pid) Contain(string[] options, bool folder)
    {
        var daemon = Launch(
            new EmperorStart
            {
                Before = Namespaces,
                Program = EmperorPackage.Program,
                Arguments =
                [
                    .. folder ? ["--emperor", Vassals] : Array.Empty<string>(),
                    .. options,
                    "--emperor-control",
                    "none",
                    "--emperor-wrapper",
                    TestVassal.VassalProgram.Path,
                ],
                Folder = Temp.Path,
            }
        );
        daemon.Await("the emperor is governing");
        return (daemon, Init(daemon));
    }

    // unshare's child, by its number outside.
    private static int Init(EmperorProcess daemon)
    {
        var pid = ProcFs.Children(daemon.Pid).Single();
        Assert.That(ProcFs.Status(pid, "NSpid").Split('\t')[^1], Is.EqualTo("1"));
        return pid;
    }

    private static int Descriptors(int pid) =>
        Directory.EnumerateFileSystemEntries(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd")).Count();

    private static void Stop(EmperorProcess daemon, int pid)
    {
        Native.Check(Native.Signal(pid, Native.Terminate), "kill");
        Assert.That(daemon.AwaitEnd(), Is.Zero, daemon.Text());
    }
}
