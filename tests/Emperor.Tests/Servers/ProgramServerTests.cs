using Emperor.Core.Programs;
using Emperor.Linux;
using Emperor.Servers;
using Emperor.Tests.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Servers;

/// <summary>With real processes, as root, as the rest of what this is about.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProgramServerTests : IDisposable
{
    private const string Nobody = "65534";

    private readonly ServerTest _test = new();

    public void Dispose() => _test.Dispose();

    [Test]
    public void Sockets_are_told_as_systemd_does_to_the_very_process_and_the_channel_comes_behind_them()
    {
        var (channel, theirs) = Channel.Create();
        using (channel)
        using (theirs)
        using (var one = Socket("one"))
        using (var two = Socket("two"))
        {
            var plan = ServerTest.Plan(
                "echo $$ $LISTEN_PID $LISTEN_FDS $LISTEN_FDNAMES $UWSGI_EMPEROR_FD %(fd:b); "
                    + "for f in 0 3 4 5 6; do readlink /proc/$$/fd/$f | sed 's/[0-9]*//g'; done"
            ) with
            {
                Sockets = [new ProgramSocket("@one", "a"), new ProgramSocket("@two", "b")],
            };
            var output = _test.Run(
                new ProgramLaunch
                {
                    Plan = plan,
                    Sockets = [one, two],
                    Channel = theirs,
                }
            );
            Assert.That(output, Is.EqualTo("PID PID 2 a:b 5 4\n/dev/null\nsocket:[]\nsocket:[]\nsocket:[]"));
        }
    }

    [Test]
    public void The_environment_is_the_emperors_less_its_own_then_the_files_own_then_what_the_emperor_tells()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("env", "B=file\nC='a b'\n");
        var plan = ServerTest.Plan("env | sort | grep -v '^PWD\\|^_\\|^SHLVL'") with
        {
            Environment = ["A=plan", "B=plan"],
            EnvironmentFiles = [file, "-/no/such/file"],
            Watchdog = 1500,
        };
        var launch = new ProgramLaunch
        {
            Plan = plan,
            Mark = "EMPEROR_INCARNATION=x.1",
            NotifySocket = "@n",
        };
        Assert.That(
            _test.Run(launch),
            Is.EqualTo(
                "A=plan\nB=file\nC=a b\nEMPEROR_INCARNATION=x.1\nKEPT=yes\nNOTIFY_SOCKET=@n\nPATH=/usr/bin:/bin\nWATCHDOG_PID=PID\nWATCHDOG_USEC=1500000"
            )
        );
    }

    [Test]
    public void Another_user_gets_his_own_variables_whatever_is_in_them_and_the_programs_before_him_get_none()
    {
        var plan = ServerTest.Plan(
            "id -u; id -g; id -G; echo $HOME $USER $LOGNAME; printf '%s|' \"$Q\"; umask; cat /proc/self/status | grep -c 'CapEff.*0000$'"
        ) with
        {
            User = "nobody",
            Umask = 63,
            // The loader says on the standard error what it cannot load: the shell behind setpriv is the first to try, in the place of setpriv.
            Environment = ["Q=it's \"a\"\n$HOME `x` \\", "LD_PRELOAD=/no/such/library.so", "UID=5"],
        };
        var (status, output, _) = _test.Start(new ProgramLaunch { Plan = plan });
        Assert.That(status.Code, Is.Zero, output);
        Assert.That(output, Does.Not.Contain("setpriv"));
        var lines = string.Join('\n', output.Split('\n').Where(l => !l.Contains("LD_PRELOAD")));
        Assert.That(lines, Is.EqualTo($"{Nobody}\n{Nobody}\n{Nobody}\n/nonexistent nobody nobody\nit's \"a\"\n$HOME `x` \\|0077\n1"));
    }

    [Test]
    public void A_program_that_root_alone_may_execute_is_passed_over_for_another_user()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.PathOf("bin"));
        var first = folder.Write("bin/which-one", "#!/bin/sh\necho root\n");
        File.SetUnixFileMode(first, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Directory.CreateDirectory(folder.PathOf("usr"));
        var second = folder.Write("usr/which-one", "#!/bin/sh\necho all\n");
        File.SetUnixFileMode(folder.Path, (UnixFileMode)Convert.ToInt32("755", 8));
        File.SetUnixFileMode(second, (UnixFileMode)Convert.ToInt32("755", 8));
        var plan = ServerTest.Plan("") with
        {
            Exec = ["which-one"],
            Environment = [$"PATH={folder.Path}/bin:{folder.Path}/usr:/usr/bin:/bin"],
        };
        Assert.That(_test.Run(new ProgramLaunch { Plan = plan }), Is.EqualTo("root"));
        Assert.That(_test.Run(new ProgramLaunch { Plan = plan with { User = "nobody" } }), Is.EqualTo("all"));
    }

    [Test]
    public void Limits_are_there_and_the_process_number_stays_the_same()
    {
        var plan = ServerTest.Plan(
            "test $$ = $LISTEN_PID && ulimit -n && ulimit -v && nice && cat /proc/self/oom_score_adj && taskset -p $$ | sed 's/.*: //' "
                + "&& grep NoNewPrivs /proc/self/status && ls /tmp /var/tmp | wc -l && touch /tmp/x /var/tmp/y && ! touch /etc/emperor-test 2>/dev/null && id -u"
        ) with
        {
            User = "nobody",
            Sockets = [new ProgramSocket("@three", "a")],
            Limits = new LimitRules
            {
                OpenFiles = 99,
                AddressSpace = 1L << 40,
                Nice = Self.Niceness + 1,
                OomScoreAdjust = 7,
                CpuAffinity = "0",
                NoNewPrivileges = true,
                PrivateTmp = true,
                ReadOnlyPaths = ["/etc", "/"],
            },
        };
        using var socket = Socket("three");
        var output = _test.Run(new ProgramLaunch { Plan = plan, Sockets = [socket] });
        Assert.That(
            output,
            Is.EqualTo($"99\n{1L << 30}\n{Self.Niceness + 1}\n7\n1\nNoNewPrivs:\t1\n3\n{Nobody}"),
            "(the three lines that ls prints for two empty folders are their names and one between them)"
        );
    }

    [Test]
    public void Root_cannot_write_to_what_is_read_only_either()
    {
        using var folder = new TemporaryFolder();
        using var other = new TemporaryFolder();
        var plan = ServerTest.Plan($"touch {folder.Path}/a 2>&1 || touch {other.Path}/b && ls {other.Path}") with
        {
            Limits = new LimitRules { ReadOnlyPaths = [folder.Path] },
        };
        Assert.That(_test.Run(new ProgramLaunch { Plan = plan }), Does.Contain("Read-only file system").And.EndWith("b"));
        Assert.That(File.Exists(other.PathOf("b")), "the rest is as it is outside");
    }

    [TestCase("no-such-program", null, "there is no program no-such-program in PATH=/usr/bin:/bin")]
    [TestCase("./no-such-program", null, "there is no program ./no-such-program from / that")]
    [TestCase("true", "no-such-user", "uid = no-such-user: there is no such user; make it")]
    public void What_cannot_be_started_is_told_with_cause_and_cure(string program, string? user, string expected)
    {
        var plan = ServerTest.Plan("") with { Exec = [program], User = user };
        Assert.That(_test.Server().Launch(new ProgramLaunch { Plan = plan }, out var failure), Is.Null);
        Assert.That(failure, Does.Contain(expected));
    }

    [Test]
    public void A_folder_or_file_that_is_not_there_is_told()
    {
        var plan = ServerTest.Plan("true");
        Assert.That(
            FailureOf(plan with { Folder = "/no/such" }),
            Is.EqualTo("chdir = /no/such: there is no such folder; make it, or name another")
        );
        Assert.That(FailureOf(plan with { EnvironmentFiles = ["/no/such"] }), Does.StartWith("env-file = /no/such: it cannot be read"));
        Assert.That(
            FailureOf(plan with { Limits = new LimitRules { ReadOnlyPaths = ["/no/such"] } }),
            Does.StartWith("read-only = /no/such: it is not there")
        );
        Assert.That(FailureOf(plan with { Exec = ["true", "%(fd)"] }), Does.Contain("there is no socket"));
    }

    [Test]
    public void A_file_that_root_alone_may_read_is_read_by_its_own_path_and_not_by_a_users_link()
    {
        using var folder = new TemporaryFolder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)Convert.ToInt32("755", 8));
        var secret = folder.Write("secret", "A=1\n");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead);
        File.CreateSymbolicLink(folder.PathOf("link"), secret);
        var plan = ServerTest.Plan("echo $A") with { User = "nobody" };
        Assert.That(_test.Run(new ProgramLaunch { Plan = plan with { EnvironmentFiles = [secret] } }), Is.EqualTo("1"));
        Assert.That(
            FailureOf(plan with { EnvironmentFiles = [folder.PathOf("link")] }),
            Does.Contain("another user's, and reached by a symbolic link")
        );
        Child.Run("/bin/ln", secret, folder.PathOf("second"));
        Assert.That(FailureOf(plan with { EnvironmentFiles = [folder.PathOf("second")] }), Does.Contain("by a second name"));
        // What he may read himself he may have by any way.
        var own = folder.Write("own", "A=2\n");
        File.SetUnixFileMode(own, UnixFileMode.UserRead);
        Child.Run("/bin/chown", "nobody", own);
        File.CreateSymbolicLink(folder.PathOf("own-link"), own);
        Assert.That(_test.Run(new ProgramLaunch { Plan = plan with { EnvironmentFiles = [folder.PathOf("own-link")] } }), Is.EqualTo("2"));
    }

    private string FailureOf(ProgramPlan plan)
    {
        Assert.That(_test.Server().Launch(new ProgramLaunch { Plan = plan }, out var failure), Is.Null);
        return failure;
    }

    private static SafeFd Socket(string name)
    {
        var fd = ListeningSocket.Bind(SocketName.OfAbstract($"emperor-test-{Guid.NewGuid():N}-{name}"), out var error);
        Assert.That(fd, Is.Not.Null, error.ToString());
        Assert.That(ListeningSocket.Listen(fd!, 5).Number, Is.Zero);
        return fd!;
    }
}
