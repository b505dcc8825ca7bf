using System.Diagnostics;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Programs;

/// <summary>What a vassal may use, as its own process sees it.</summary>
internal sealed class ProgramLimitTests : ProgramTest
{
    [Test]
    public void A_program_has_the_rights_and_limits_that_its_file_says()
    {
        NeedRoot("it changes users and mounts");
        Temp.Write("secrets.env", "# the password\nSECRET=a b\nBOTH=file\n");
        Temp.Folder("fixed");
        Command.Run("/", "chmod", "755", Temp.Path);
        WriteProgram(
            "app.ini",
            "exec = sh -c 'echo mine >/tmp/inside; ls /tmp >seen; (echo x >fixed/new) 2>refused; echo $LISTEN_PID $$ >numbers; exec sleep 1000'",
            $"chdir = {Temp.Path}",
            $"socket = {Temp["app.sock"]}",
            "chmod-socket = 640",
            "chown-socket = daemon:mail",
            "ready = after 0.2",
            "umask = 027",
            "env = NAME=value with blanks",
            "env = BOTH=env",
            $"env-file = {Temp["secrets.env"]}",
            "env-file = -/nowhere",
            "limit-nofile = 123",
            "limit-as = 1000",
            "nice = 5",
            "oom-score-adj = 321",
            "cpu-affinity = 0",
            "no-new-privs = true",
            "private-tmp = true",
            $"read-only = {Temp["fixed"]}"
        );
        WriteProgram(
            "other.ini",
            "exec = sleep 1000",
            "uid = daemon",
            "gid = mail",
            "groups = games,lp",
            "ready = after 0.1",
            $"socket = {Temp["other.sock"]}"
        );
        WriteProgram("plain.ini", "exec = sleep 1000", "uid = nobody", "ready = after 0.1", $"socket = {Temp["plain.sock"]}");
        var daemon = StartControlled();
        // A test's folder is below /tmp, which is another one inside: what it needs of it is bound elsewhere in life.
        var pid = AwaitSleep(daemon, "app.ini");
        Assert.Multiple(() =>
        {
            Assert.That(
                File.ReadAllText($"/proc/{pid}/limits"),
                Does.Match("Max open files +123 +123 ").And.Match("Max address space +1048576000 ")
            );
            Assert.That(File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim(), Is.EqualTo("321"));
            Assert.That(File.ReadAllText($"/proc/{pid}/stat").Split(' ')[18], Is.EqualTo("5"));
            Assert.That(ProcFs.Status(pid, "Cpus_allowed_list"), Is.EqualTo("0"));
            Assert.That(ProcFs.Status(pid, "NoNewPrivs"), Is.EqualTo("1"));
            Assert.That(ProcFs.Status(pid, "Umask"), Is.EqualTo("0027"));
            Assert.That(
                ProcFs.Environment(pid),
                Is.SupersetOf(new[] { "NAME=value with blanks", "SECRET=a b", "BOTH=file", "LISTEN_FDS=1", $"LISTEN_PID={pid}" })
            );
            Assert.That(File.ReadAllText($"/proc/{pid}/root/tmp/inside"), Is.EqualTo("mine\n"));
            Assert.That(File.Exists("/tmp/inside"), Is.False);
            Assert.That(File.ReadAllText(Temp["seen"]), Is.EqualTo("inside\n"));
            Assert.That(File.ReadAllText(Temp["refused"]), Does.Contain("Read-only file system"));
            Assert.That(File.Exists(Temp["fixed/new"]), Is.False);
            Assert.That(File.ReadAllText(Temp["numbers"]), Is.EqualTo($"{pid} {pid}\n"));
            var socket = Command.Run("/", "stat", "-c", "%a %U %G", Temp["app.sock"]).Trim();
            Assert.That(socket, Is.EqualTo("640 daemon mail"));
        });

        var other = AwaitSleep(daemon, "other.ini");
        var groups = Command.Run("/", "getent", "group", "games", "lp").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var numbers = groups.Select(g => g.Split(':')[2]).Order();
        Assert.That(ProcFs.Status(other, "Uid"), Is.EqualTo("1\t1\t1\t1"));
        Assert.That(ProcFs.Status(other, "Gid"), Is.EqualTo("8\t8\t8\t8"));
        Assert.That(ProcFs.Status(other, "Groups").Split(' ').Order(), Is.EqualTo(numbers));
        Assert.That(ProcFs.Environment(other), Does.Contain("USER=daemon"));
        Assert.That(ProcFs.Status(AwaitSleep(daemon, "plain.ini"), "Uid"), Is.EqualTo("65534\t65534\t65534\t65534"));
        var sockets = Command.Run("/", "stat", "-c", "%a %U %G", Temp["other.sock"], Temp["plain.sock"]);
        Assert.That(sockets, Is.EqualTo("666 daemon mail\n666 nobody nogroup\n"), "a socket is the program's user's");
    }

    [Test]
    public void A_limit_that_cannot_be_had_is_told_and_nothing_else()
    {
        NeedRoot("it makes cgroups");
        WriteProgram("app.ini", "exec = sleep 1000", "ready = after 0.1", "memory-max = 64M", "cpu-max = 50%", "tasks-max = 50");
        var daemon = StartControlled();
        var pid = AwaitSleep(daemon, "app.ini");
        var group = GroupOf(pid);
        foreach (var (file, key, value) in new[] { ("memory.max", "memory-max", "67108864"), ("cpu.max", "cpu-max", "50000 100000") })
        {
            if (File.Exists($"{group}/{file}"))
                Assert.That(File.ReadAllText($"{group}/{file}").Trim(), Is.EqualTo(value));
            else
                daemon.AwaitVassal("app.ini", $"{key}.* not enforced");
        }
    }

    [Test]
    public void One_that_ends_takes_all_that_came_of_it_along()
    {
        NeedRoot("it makes cgroups");
        WriteProgram("app.ini", "exec = sh -c 'setsid env -i sleep 1000 & exec sleep 1001'", "ready = after 0.1");
        var daemon = StartControlled();
        var pid = AwaitSleep(daemon, "app.ini");
        var all = File.ReadAllLines($"{GroupOf(pid)}/cgroup.procs").Select(Number).ToArray();
        Assert.That(all, Has.Length.EqualTo(2));
        Native.Check(Native.Signal(pid, Native.Kill), "kill");
        Wait.Until(() => !all.Any(ProcFs.IsAlive), Logs);
    }

    // What runs before the program in its process (its user, its limits) may take longer than the time after which it counts as ready.
    private int AwaitSleep(EmperorProcess daemon, string vassal)
    {
        var pid = AwaitReady(daemon, vassal);
        Wait.Until(() => File.ReadAllText($"/proc/{pid}/comm") == "sleep\n", Logs);
        return pid;
    }
}
