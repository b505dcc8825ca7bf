using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>
/// Limits by cgroups whatever the kernel lends to this machine: a folder of plain files stands for the hierarchy, made ready for the groups that the
/// emperor is about to make. What the kernel would do with the limits (an OOM kill) is done by the program.
/// </summary>
internal sealed class CGroupLimitTests : ProgramTest
{
    // In a mount namespace of its own, in which it is in the root of the hierarchy.
    private const string Fake = """
        set -e
        umount -l -R /sys/fs/cgroup 2>/dev/null || :
        mount -t cgroup2 none /sys/fs/cgroup
        mount -t tmpfs none /sys/fs/cgroup
        cd /sys/fs/cgroup
        top=emperor-$$
        for group in . $top $top/emperor $top/vassal-app.ini.1 $top/vassal-app.ini.2; do
            mkdir -p $group
            echo "cpu io memory pids" >$group/cgroup.controllers
            # What is written to it to enable them takes the place of the dots.
            echo "............ cpu io memory pids" >$group/cgroup.subtree_control
            for file in cgroup.procs cgroup.kill memory.max memory.high cpu.max pids.max io.weight memory.events; do
                : >$group/$file
            done
            echo "oom_kill 0" >$group/memory.events
        done
        cd "$1"
        shift
        exec "$@"
        """;

    [Test]
    public void Limits_are_written_and_an_OOM_kill_is_named()
    {
        NeedRoot("it mounts");
        var program = Temp.Write(
            "program",
            """
            count() { printf 'low 0\noom %d\noom_kill %d\n' $1 $1 >/sys/fs/cgroup/emperor-$PPID/vassal-app.ini.1/memory.events; }
            while [ ! -e die ]; do
                [ ! -e lose ] || { rm lose; count 1; }
                sleep 0.1
            done
            rm die
            count 2
            kill -9 $$
            """
        );
        WriteProgram(
            "app.ini",
            $"exec = sh {program}",
            $"chdir = {Temp.Path}",
            "ready = after 0.1",
            "memory-max = 64M",
            "memory-high = 32M",
            "cpu-max = 1.5",
            "tasks-max = 50",
            "io-weight = 200"
        );
        var daemon = Launch(
                new EmperorStart
                {
                    Arguments = ["--emperor", Vassals, "--emperor-control", ControlPath, "--emperor-stats", Temp["stats"]],
                    Before = ["unshare", "--mount", "--cgroup", "sh", "-c", Fake, "sh", Temp.Path],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();
        var pid = AwaitReady(daemon, "app.ini");
        var group = $"/proc/{daemon.Pid}/root/sys/fs/cgroup/emperor-{daemon.Pid}/vassal-app.ini.1";
        // It joins in its own process, which may take longer than the time after which it counts as ready. 0 is who writes.
        Wait.Until(() => Value("cgroup.procs") == "0", () => $"it has not joined\n{Logs()}");
        Assert.Multiple(() =>
        {
            Assert.That(Value("memory.max"), Is.EqualTo("67108864"));
            Assert.That(Value("memory.high"), Is.EqualTo("33554432"));
            Assert.That(Value("cpu.max"), Is.EqualTo("150000 100000"));
            Assert.That(Value("pids.max"), Is.EqualTo("50"));
            Assert.That(Value("io.weight"), Is.EqualTo("default 200"));
            Assert.That(daemon.Count("not enforced"), Is.Zero, daemon.Text());
        });
        var mark = daemon.Mark;
        Temp.Write("lose", "");
        daemon.AwaitVassal("app.ini", @"one of its processes was killed by the kernel: out of memory \(memory-max 64M\)", mark);
        Assert.That(
            Emperor("events", "app.ini").Output,
            Does.Contain("out of memory"),
            "a worker's end is told though its master lives on"
        );
        Assert.That((int)StatusOf("app.ini")["pid"]!, Is.EqualTo(pid));
        Temp.Write("die", "");
        daemon.AwaitVassal("app.ini", $@"pid {pid} has ended \(signal 9 .*, out of memory \(memory-max 64M\)\)", mark);
        Assert.That(AwaitReady(daemon, "app.ini", mark), Is.Not.EqualTo(pid));
        Assert.That(Value("cgroup.kill"), Is.EqualTo("1"), "what else was in it");
        var exit = StatsClient.Vassal(StatsClient.Read(Temp["stats"]), "app.ini").GetProperty("last_exit");
        Assert.That(exit.GetProperty("oom").GetBoolean());
        Assert.That(Emperor("explain", "app.ini").Output, Does.Match("last end .*out of memory \\(memory-max 64M\\)"));

        string Value(string file) => File.ReadAllText($"{group}/{file}").Trim();
    }
}
