using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>
/// When the kernel gives no more inotify, it is said once and found by scanning. The limit is that of a user namespace of the test's own.
/// </summary>
internal sealed class LimitTests : EmperorTest
{
    [TestCase("max_inotify_instances", 0)]
    [TestCase("max_inotify_instances", 1)]
    [TestCase("max_inotify_watches", 1)]
    [TestCase("max_inotify_watches", 3)]
    public void When_inotify_runs_out_it_is_said_once_and_scanning_finds_all_changes(string limit, int number)
    {
        Temp.Write("target.ini", Script());
        Link("link.ini", Temp["target.ini"]);
        Write("a.ini");
        var daemon = Launch(
            new EmperorStart
            {
                Before =
                [
                    "unshare",
                    "--user",
                    "--map-root-user",
                    "sh",
                    "-c",
                    $"echo {number} >/proc/sys/user/{limit} && exec \"$@\"",
                    "sh",
                ],
                Arguments = ["--emperor", Vassals, "--emperor-freq", "1", "--emperor-wrapper", TestVassal.VassalProgram.Path],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitGoverning();
        daemon.AwaitAccepting("a.ini");
        daemon.AwaitAccepting("link.ini");
        daemon.Await("WRN not every change is told by the kernel: .*scanning every 1 s instead");

        var mark = Journal.Mark;
        Write("b.ini");
        Journal.AwaitStart("b.ini", mark);
        File.AppendAllText($"{Vassals}/a.ini", "threads = 2\n");
        Journal.AwaitReload("a.ini", mark);
        File.AppendAllText(Temp["target.ini"], "threads = 2\n");
        Journal.AwaitReload("link.ini", mark);
        File.Delete($"{Vassals}/b.ini");
        Journal.AwaitStop("b.ini", mark);
        Assert.That(daemon.Count("WRN"), Is.EqualTo(1), Logs());
    }
}
