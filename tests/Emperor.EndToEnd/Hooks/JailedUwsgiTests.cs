using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Hooks;

/// <summary>The real uwsgi as a vassal of a tyrant, in namespaces of its own.</summary>
internal sealed class JailedUwsgiTests : HookTest
{
    private const string App = """
        import os, socket
        def application(environ, start_response):
            start_response('200 OK', [])
            seen = len([d for d in os.listdir('/proc') if d.isdigit()])
            return [f'{os.getpid()} {os.getppid()} {os.getuid()} {socket.gethostname()} {seen}'.encode()]
        """;

    [Test]
    public void It_serves_reloads_reaps_its_workers_and_leaves_nothing()
    {
        Installed.Require();
        var home = Temp.Folder("home");
        Own(home, Alice);
        Temp.Write("home/app.py", App);
        Temp.Write(
            "vassals/site.ini",
            $"[uwsgi]\nplugin = python3\nmaster = true\nprocesses = 2\nhttp-socket = {home}/s.sock\nwsgi-file = {home}/app.py\nneed-app = true\n"
        );
        Own($"{Vassals}/site.ini", Alice);
        var daemon = Launch(
            new EmperorStart
            {
                Arguments =
                [
                    .. (string[])["--emperor", Vassals, "--emperor-tyrant", "--emperor-use-clone", "fs,pid,uts,ipc,net"],
                    .. (string[])["--mount-as-vassal", "proc none /proc", "--hook-as-vassal", "hostname:jail"],
                ],
                Folder = Temp.Path,
            }
        );
        daemon.AwaitAccepting("site.ini");
        var seen = Get(home);
        Assert.That(seen[1..4], Is.EqualTo(new[] { "1", $"{Alice}", "jail" }));
        Assert.That(int.Parse(seen[4]), Is.LessThan(6));

        var master = ProcFs.Children(daemon.Pid).Single(p => ProcFs.CommandLine(p).EndsWith("--ini site.ini"));
        var worker = ProcFs.Children(master)[0];
        _ = Native.Signal(worker, Native.Kill);
        Wait.Until(() => !Directory.Exists($"/proc/{worker}"), Logs);
        AwaitIdle(master, 2);
        var mark = daemon.Mark;
        daemon.Signal(Native.Hangup);
        daemon.AwaitAccepting("site.ini", mark);
        Assert.That(Get(home)[1..4], Is.EqualTo(new[] { "1", $"{Alice}", "jail" }));
        AwaitIdle(master, 2);
        var all = ProcFs.Children(master).Append(master).ToArray();
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(all.Where(ProcFs.IsAlive), Is.Empty);
        daemon.AwaitVassal("site.ini", "has ended .exit 0");
    }

    private static string[] Get(string home)
    {
        var (code, output) = Run("curl", "-sS", "--max-time", "50", "--unix-socket", $"{home}/s.sock", "http://site/");
        Assert.That(code, Is.Zero, output);
        return output.Split(' ');
    }
}
