using System.Runtime.InteropServices;
using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Package;

/// <summary>The package from its installation to its purge, on machines with a systemd and without .NET.</summary>
[Takes(25)]
internal sealed class InstallTests : MachineTest
{
    private const string Ini = "/etc/uwsgi/vassals/hello.ini";

    // What apt and dpkg keep for themselves, what is no file system of the machine's, and what only the machine's own life changes.
    private const string ListFiles =
        @"find / -xdev \( -path /tmp -o -path /root -o -path /work -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache "
        + @"-o -path /var/log/apt -o -path /var/log/dpkg.log -o -path /var/log/wtmp -o -path /var/lib/systemd/random-seed \) -prune -o -printf '%y %M %u %p %l\n' | sort";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    protected override MachineSetup Setup
    {
        get
        {
            var dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
            return new MachineSetup
            {
                Bound = new Dictionary<string, string> { ["/packages"] = EmperorPackage.Folder },
                Removed =
                [
                    "/usr/bin/emperor",
                    // Where tests run it often forbids what an installation does to services.
                    "/usr/sbin/policy-rc.d",
                    "/usr/bin/dotnet",
                    "/usr/lib/dotnet",
                    "/etc/dotnet",
                    "/root/.dotnet",
                    $"{dotnet}/dotnet",
                    $"{dotnet}/host",
                    $"{dotnet}/shared",
                ],
            };
        }
    }

    [Test]
    public void On_a_machine_without_NET_it_is_installed_and_enabled_and_a_file_that_is_dropped_is_served()
    {
        Assert.That(Machine.Try("dotnet --version").Code, Is.Not.Zero, "this machine shall not have .NET");
        Install(EmperorPackage.First, "apt-get install -y");
        Assert.That(Machine.Try("systemctl is-enabled emperor").Output.Trim(), Is.EqualTo("disabled"), "the administrator enables it");
        Assert.That(Machine.Try("systemctl is-active emperor").Output.Trim(), Is.EqualTo("inactive"));
        Assert.That(Machine.Run("emperor --version"), Is.EqualTo("emperor " + EmperorPackage.First[..^2]));
        Assert.That(Machine.Run("stat -c '%a %U' /etc/uwsgi/vassals"), Is.EqualTo("755 root"));

        Machine.Run("systemctl enable --now emperor");
        Drop();
        AwaitServed("one");
        Assert.That(Machine.Run("systemctl is-enabled emperor"), Is.EqualTo("enabled"));
        Assert.That(Machine.Run("systemctl show -P Result -P NRestarts emperor"), Is.EqualTo("success\n0"));
        Assert.That(Machine.Run("man -w emperor"), Is.EqualTo("/usr/share/man/man1/emperor.1.gz"));

        // With what it is installed with: other libraries may be missing elsewhere.
        var loaded = Machine.Run(
            "grep -o '/.*[.]so[.0-9]*$' /proc/$(systemctl show -P MainPID emperor)/maps | sort -u | xargs -n 1 basename"
        );
        var promised = new[] { "libc", "libdl", "libgcc_s", "libm", "libpthread", "librt", "libstdc++", "ld-linux", "libnss_" };
        Assert.That(loaded.Split('\n').Where(library => !promised.Any(p => library.StartsWith(p, StringComparison.Ordinal))), Is.Empty);
    }

    [Test]
    public void An_upgrade_keeps_what_the_administrator_has_written_and_no_app_notices_it()
    {
        Install(EmperorPackage.First);
        Machine.Run("printf '# ours\\nreload-mercy = 7\\n' >>/etc/emperor/emperor.ini");
        StartBoth();
        var configuration = Machine.Run("cat /etc/emperor/emperor.ini");
        var (emperors, apps) = (Emperors(), Apps());

        var said = Install(EmperorPackage.Later);

        Assert.That(
            said,
            Does.Contain("emperor.service: upgraded from 0.2.0 to 0.2.0").And.Contains("1 vassal carried over, none restarted")
        );
        Assert.That(said, Does.Contain("emperor@www-data.service is upgraded."));
        Assert.That(Machine.Run("dpkg-query -W -f '${Version}' emperor"), Is.EqualTo(EmperorPackage.Later));
        Assert.That(Machine.Run("cat /etc/emperor/emperor.ini"), Is.EqualTo(configuration));
        Assert.That(Machine.Run($"readlink {Ini}"), Is.EqualTo("/srv/hello/uwsgi.ini"));
        Assert.That(Machine.Run("systemctl is-enabled emperor; systemctl is-active emperor"), Is.EqualTo("enabled\nactive"));
        Assert.That((Emperors(), Apps()), Is.EqualTo((emperors, apps)), "the same processes");
        Assert.That(Programs(), Has.All.EqualTo("/usr/bin/emperor"), "the new version runs");
        AwaitServed("one");
        AwaitServed("two", 8043);
        // The new one has them in hand.
        Machine.Run("systemctl stop emperor emperor@www-data");
        Assert.That(Apps(), Is.Empty);
    }

    [Test]
    public void An_emperor_that_cannot_be_upgraded_goes_on_and_one_that_is_too_old_is_restarted()
    {
        Install(EmperorPackage.First);
        StartBoth();
        var (emperors, apps) = (Emperors(), Apps());
        Machine.Run("mkdir /srv/own; systemd-run --unit=own /usr/bin/emperor --emperor /srv/own --emperor-control none");
        Wait.Until(() => Machine.Try("journalctl -u own | grep 'is governing'").Code == 0, Machine.Journal, Limit);
        var own = Machine.Run("systemctl show -P MainPID own").Trim();
        Machine.Run("for f in emperor www-data; do cp /etc/emperor/$f.ini /srv/; echo 'emperor-throttle = x' >>/etc/emperor/$f.ini; done");

        var said = Install(EmperorPackage.Later);

        Assert.That(said, Does.Match("emperor.service is not upgraded: .*emperor-throttle"));
        Assert.That(said, Does.Match("emperor@www-data.service is not upgraded: .*emperor-throttle"));
        Assert.That(said, Does.Contain($"emperor (pid {own}) is none of the system's units and goes on as the former version"));
        Assert.That((Emperors(), Apps()), Is.EqualTo((emperors, apps)), "the same processes");
        Assert.That(Programs(), Has.All.EqualTo("/usr/bin/emperor (deleted)"), "the old version runs");
        AwaitServed("one");

        // What it says itself to do when that is mended.
        Machine.Run(
            "cp /srv/www-data.ini /srv/emperor.ini /etc/emperor/; systemctl kill -s USR2 --kill-whom=main emperor@www-data.service"
        );
        Wait.Until(() => Programs() is [_, "/usr/bin/emperor"], Machine.Journal, Limit);

        // As good as one that knows nothing of upgrades: SIGUSR2 would end it.
        Machine.Write(
            "/run/systemd/system/emperor.service.d/old.conf",
            "[Service]\nType=exec\nWatchdogSec=0\nExecStart=\nExecStart=/bin/sleep 1000\n"
        );
        Machine.Run("systemctl daemon-reload; systemctl restart emperor; rm /run/systemd/system/emperor.service.d/old.conf");
        said = Install(EmperorPackage.First);
        Assert.That(
            said,
            Does.Contain("emperor.service is of a version that can only be restarted").And.Contains("emperor@www-data.service is upgraded.")
        );
        Assert.That(Programs(), Has.All.EqualTo("/usr/bin/emperor"));
        AwaitServed("one");
    }

    [Test]
    public void An_upgrade_starts_nothing_that_did_not_run()
    {
        Install(EmperorPackage.First);
        Machine.Run("systemctl enable --now emperor && systemctl disable emperor && systemctl stop emperor");
        Install(EmperorPackage.Later);
        Assert.That(Machine.Try("systemctl is-enabled emperor").Output.Trim(), Is.EqualTo("disabled"));
        Assert.That(Machine.Try("systemctl is-active emperor").Output.Trim(), Is.EqualTo("inactive"));
    }

    [Test]
    public void A_removal_stops_everything_and_the_next_installation_goes_on_where_it_ended()
    {
        Install(EmperorPackage.First);
        Machine.Run("systemctl enable --now emperor");
        Drop();
        AwaitServed("one");
        Machine.Run("printf '# ours\\n' >>/etc/emperor/emperor.ini");

        Machine.Run("dpkg --remove emperor", Limit);

        Assert.That(Machine.Try("pgrep -l 'uwsgi|emperor'").Output, Is.Empty, "left running");
        Assert.That(Machine.Run("ls -d /sys/fs/cgroup/system.slice/emperor* 2>/dev/null | wc -l"), Is.EqualTo("0"));
        Assert.That(Machine.Try("systemctl start emperor").Code, Is.Not.Zero, "there is nothing to start");
        Assert.That(Machine.Run($"tail -n 1 /etc/emperor/emperor.ini; cat {Ini}"), Does.StartWith("# ours\n[uwsgi]"));

        Install(EmperorPackage.Later);
        Assert.That(Machine.Run("systemctl is-enabled emperor"), Is.EqualTo("enabled"));
        Machine.Run("systemctl start emperor");
        AwaitServed("one");
    }

    [Test]
    public void A_purge_leaves_nothing()
    {
        // Every Debian has it; the machines of these tests have not.
        Machine.Run("mkdir -p /etc/systemd/user");
        var before = Machine.Run(ListFiles).Split('\n');
        Install(EmperorPackage.First);
        Machine.Run(
            "sed 's/^;logto/logto/' -i /etc/emperor/emperor.ini && install -m 644 /etc/emperor/emperor.ini /etc/emperor/www-data.ini"
        );
        Machine.Run("systemctl enable --now emperor && systemctl enable emperor@www-data && systemctl --global enable emperor");
        Drop();
        AwaitServed("one");
        Assert.That(Machine.Run("cat /var/log/uwsgi/emperor.log"), Does.Contain("hello.ini"));
        Machine.Run($"rm {Ini}");

        Machine.Run("dpkg --purge emperor", Limit);

        Assert.That(Machine.Try("pgrep -l 'uwsgi|emperor'").Output, Is.Empty, "left running");
        var after = Machine.Run(ListFiles).Split('\n');
        Assert.That(after.Except(before), Is.Empty, "left behind");
        Assert.That(before.Except(after), Is.Empty, "taken along");
        Assert.That(Machine.Run("find /run -name '*emperor*'"), Is.Empty);
        Assert.That(Machine.Try("systemctl cat emperor").Code, Is.Not.Zero);
    }

    [Test]
    public void A_purge_leaves_what_is_not_ours()
    {
        Install(EmperorPackage.First);
        Drop();
        Machine.Write("/var/log/uwsgi/other.log", "theirs\n");
        Machine.Run("dpkg --purge emperor", Limit);
        Assert.That(Machine.Run($"cat {Ini} /var/log/uwsgi/other.log"), Does.StartWith("[uwsgi]").And.EndsWith("theirs"));
    }

    [Test]
    public void Where_no_systemd_runs_it_is_installed_upgraded_and_purged_all_the_same()
    {
        // As in a chroot or while a container's image is made: /run is empty, and the service manager cannot be reached.
        const string alone = "unshare --mount --pid --fork --mount-proc sh -ec";
        Machine.Run(
            $"{alone} 'mount -t tmpfs none /run; for v in {EmperorPackage.First} {EmperorPackage.Later}; do dpkg -i /packages/emperor_$v"
                + "_*.deb; done; emperor --version; dpkg --purge emperor; ! test -e /usr/bin/emperor; ! test -e /etc/emperor'",
            Limit
        );
    }

    // The machine's emperor, and one without rights, which has no control socket.
    private void StartBoth()
    {
        Machine.Write("/srv/hello/uwsgi.ini", App("one"));
        Machine.Run($"ln -s /srv/hello/uwsgi.ini {Ini}");
        Machine.Write("/srv/www/hello.ini", App("two", 8043));
        Machine.Write("/etc/emperor/www-data.ini", "[uwsgi]\nemperor = /srv/www\n");
        Machine.Run("systemctl enable --now emperor && systemctl start emperor@www-data");
        AwaitServed("one");
        AwaitServed("two", 8043);
    }

    private string Emperors() => Machine.Run("systemctl show -P MainPID emperor emperor@www-data");

    // What they execute.
    private string[] Programs() =>
        [.. Emperors().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(pid => Machine.Run($"readlink /proc/{pid}/exe"))];

    private string Apps() => Machine.Try("pgrep -x uwsgi").Output;

    private static string App(string text, int port = 8042) =>
        $"""
            [uwsgi]
            plugin = python3
            http-socket = 127.0.0.1:{port}
            master = true
            eval = def application(environ, start): start("200 OK", []); return [b"{text}"]

            """;

    private string Install(string version, string with = "dpkg --force-unsafe-io -i") =>
        Machine.Run($"DEBIAN_FRONTEND=noninteractive {with} /packages/{EmperorPackage.FileOf(version)} 2>&1", Limit);

    private void Drop() => Machine.Write(Ini, App("one"));

    private void AwaitServed(string text, int port = 8042) =>
        Wait.Until(
            () => Machine.Try($"curl -sf --max-time 5 http://127.0.0.1:{port}/").Output == text,
            () => $"the app is not served\n{Machine.Journal()}",
            Limit
        );
}
