using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>What the unit of deploy/ closes must leave open what programs ask for: mounts of their own, other users, limits.</summary>
internal sealed class HardenedProgramTests : ServiceTest
{
    [Test]
    public void A_program_has_what_its_file_asks_for_in_the_hardened_unit()
    {
        Machine.Write("/srv/app/fixed/old", "old\n");
        Machine.Write(
            $"{Vassals}/app.ini",
            """
            [emperor]
            exec = sh -c 'echo mine >/tmp/inside; (echo x >fixed/new) 2>/dev/null || echo refused >/tmp/refused; exec sleep 1001'
            chdir = /srv/app
            ready = after 0.5
            private-tmp = true
            read-only = /srv/app/fixed
            nice = -3
            oom-score-adj = 50
            limit-nofile = 3000
            cpu-affinity = 0
            no-new-privs = true
            memory-max = 64M
            tasks-max = 50

            """
        );
        Start();
        AwaitMessages("-u emperor --grep 'app.ini: .*is ready after'", 1);
        // By then the shell may not have come so far.
        Wait.Until(() => Running("sleep").Length == 1, () => Machine.Run("ps -ef") + Machine.Journal(), Long);
        var pid = Running("sleep").Single();
        Assert.Multiple(() =>
        {
            Assert.That(Machine.Run($"cat /proc/{pid}/root/tmp/inside"), Is.EqualTo("mine"));
            Assert.That(Machine.Run($"cat /proc/{pid}/root/tmp/refused"), Is.EqualTo("refused"));
            Assert.That(Machine.Try("test -e /tmp/inside").Code, Is.Not.Zero);
            Assert.That(Machine.Try("test -e /srv/app/fixed/new").Code, Is.Not.Zero);
            Assert.That(Machine.Run($"cut -d' ' -f19 /proc/{pid}/stat"), Is.EqualTo("-3"));
            Assert.That(Machine.Run($"cat /proc/{pid}/oom_score_adj"), Is.EqualTo("50"));
            Assert.That(Machine.Run($"grep NoNewPrivs /proc/{pid}/status"), Does.EndWith("1"));
            Assert.That(Machine.Run($"grep 'open files' /proc/{pid}/limits"), Does.Match("3000 +3000"));
        });
        // Where the kernel has the controller it is used; where not, the log says so.
        var group = Machine.Run($"find /sys/fs/cgroup -name cgroup.procs -path '*vassal-app.ini*' | head -n 1 | xargs dirname");
        if (Machine.Try($"test -e {group}/memory.max").Code == 0)
            Assert.That(Machine.Run($"cat {group}/memory.max"), Is.EqualTo("67108864"));
        else
            AwaitMessages("-u emperor --grep 'app.ini: .*memory-max.*not enforced'", 1);
    }
}
