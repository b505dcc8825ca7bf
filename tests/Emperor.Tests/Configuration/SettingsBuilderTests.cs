using Emperor.Core.Configuration;
using Emperor.Core.Hooks;
using NUnit.Framework;

namespace Emperor.Tests.Configuration;

public sealed class SettingsBuilderTests
{
    private static EmperorSettings Build(params string[] arguments)
    {
        var (settings, problems) = Reading.Settings([.. arguments, "--emperor", "/vassals"]);
        Assert.That(settings, Is.Not.Null, string.Join('\n', problems));
        return settings!;
    }

    private static ConfigProblem Refusal(string line)
    {
        var host = new FakeConfigHost().With("app.ini", $"[uwsgi]\nemperor = /vassals\n{line}\n");
        var (settings, problems) = Reading.Settings(host, "--ini", "app.ini");
        Assert.That(settings, Is.Null);
        return problems.Single(problem => problem.Severity == Severity.Fatal);
    }

    [Test]
    public void The_defaults_are_those_of_uwsgi()
    {
        var settings = Build();
        Assert.Multiple(() =>
        {
            Assert.That(settings.Monitors, Is.EqualTo(new[] { "/vassals" }));
            Assert.That(settings.WorkingDirectory, Is.EqualTo("/srv/corpus"));
            Assert.That(settings.ScanInterval, Is.EqualTo(TimeSpan.FromSeconds(3)));
            Assert.That(settings.Throttle, Is.EqualTo(TimeSpan.FromSeconds(1)));
            Assert.That(settings.MaxThrottle, Is.EqualTo(TimeSpan.FromMinutes(3)));
            Assert.That(settings.RequiredHeartbeat, Is.EqualTo(TimeSpan.FromSeconds(30)));
            Assert.That(settings.CurseTolerance, Is.EqualTo(TimeSpan.FromSeconds(30)));
            Assert.That(settings.ReloadMercy, Is.EqualTo(TimeSpan.FromSeconds(30)));
            Assert.That(settings.LogLevel, Is.EqualTo(EmperorLogLevel.Info));
            Assert.That(settings.User ?? settings.Group, Is.Null);
            Assert.That(settings.Umask ?? settings.MaxOpenFiles ?? settings.LogFileMode, Is.Null);
            Assert.That(settings.LogDate ?? settings.LogTo ?? settings.PidFile ?? settings.Wrapper ?? settings.ProcessName, Is.Null);
            Assert.That(
                settings.NoFollow || settings.NoBlacklist || settings.GracefulShutdown || settings.LogJson || settings.Strict,
                Is.False
            );
        });
    }

    [Test]
    public void Kinds_of_namespaces_add_up_and_hooks_are_in_uwsgi_s_order()
    {
        var settings = Build(
            "--exec-as-vassal",
            "one",
            "--umount-as-vassal",
            "/two",
            "--mount-as-vassal",
            "proc none /three",
            "--hook-as-vassal",
            "exec:four",
            "--vassals-start-hook",
            "five",
            "--emperor-use-clone",
            "fs,pid",
            "--emperor-use-clone",
            "uts"
        );
        Assert.That(settings.Namespaces, Is.EqualTo(NamespaceKinds.Mounts | NamespaceKinds.Processes | NamespaceKinds.HostName));
        Assert.That(
            settings.Hooks.AsVassal.Select(h => h.Shown),
            Is.EqualTo(new[] { "five", "exec:four", "proc none /three", "/two", "one" })
        );
        Assert.That(settings.Hooks.Limit, Is.EqualTo(TimeSpan.FromSeconds(60)));
    }

    [TestCase(null, SurviveMode.Auto)]
    [TestCase("auto", SurviveMode.Auto)]
    [TestCase("upgrade", SurviveMode.Upgrade)]
    [TestCase("never", SurviveMode.Never)]
    public void What_vassals_live_on_over_is_chosen_by_a_word(string? word, SurviveMode mode) =>
        Assert.That(Build(word is null ? [] : ["--emperor-survive", word]).Survive, Is.EqualTo(mode));

    [Test]
    public void Lists_keep_their_order_over_all_names_of_an_option() =>
        Assert.That(
            Build("--vassal-set", "a=1", "--vassals-set", "b=2", "--vassal-set", "c=3").VassalSets,
            Is.EqualTo(new[] { "a=1", "b=2", "c=3" })
        );

    [Test]
    public void The_last_of_several_values_wins() =>
        Assert.That(
            Build("--pidfile", "/a", "--emperor-freq", "7", "--pidfile", "/b", "--emperor-freq", "8"),
            Has.Property("PidFile").EqualTo("/b").And.Property("ScanInterval").EqualTo(TimeSpan.FromSeconds(8))
        );

    [Test]
    public void Every_option_reaches_its_setting()
    {
        var settings = Build(
            "--emperor-nofollow",
            "--emperor-extra-ext",
            ".conf",
            "--binary-path",
            "/bin/u",
            "--emperor-wrapper",
            "/w",
            "--emperor-wrapper-override",
            "/wo",
            "--emperor-wrapper-fallback",
            "/wf",
            "--vassals-include",
            "i",
            "--vassals-include-before",
            "ib",
            "--vassals-inherit",
            "t",
            "--vassals-inherit-before",
            "tb",
            "--emperor-throttle",
            "5",
            "--emperor-max-throttle",
            "6",
            "--emperor-no-blacklist",
            "--emperor-required-heartbeat",
            "7",
            "--emperor-curse-tolerance",
            "8",
            "--emperor-graceful-shutdown",
            "--reload-mercy",
            "9",
            "--umask",
            "027",
            "--chdir",
            "/c",
            "--chdir2",
            "/c2",
            "--max-fd",
            "99",
            "--emperor-pidfile",
            "/ep",
            "--pidfile2",
            "/p2",
            "--safe-pidfile",
            "/sp",
            "--safe-pidfile2",
            "/sp2",
            "--daemonize",
            "/d",
            "--daemonize2",
            "/d2",
            "--logto",
            "/l",
            "--logto2",
            "/l2",
            "--logfile-chmod",
            "640",
            "--touch-logreopen",
            "/t",
            "--log-json",
            "--log-level",
            "Debug",
            "--strict"
        );
        Assert.Multiple(() =>
        {
            Assert.That(settings.NoFollow && settings.NoBlacklist && settings.GracefulShutdown && settings.LogJson && settings.Strict);
            Assert.That(settings.ExtraExtensions, Is.EqualTo(new[] { ".conf" }));
            Assert.That((settings.BinaryPath, settings.Wrapper), Is.EqualTo(("/bin/u", "/w")));
            Assert.That(settings.WrapperOverrides.Concat(settings.WrapperFallbacks), Is.EqualTo(new[] { "/wo", "/wf" }));
            Assert.That(settings.VassalIncludes.Concat(settings.VassalIncludesBefore), Is.EqualTo(new[] { "i", "ib" }));
            Assert.That(settings.VassalInherits.Concat(settings.VassalInheritsBefore), Is.EqualTo(new[] { "t", "tb" }));
            Assert.That((settings.Throttle.TotalMilliseconds, settings.MaxThrottle.TotalMilliseconds), Is.EqualTo((5, 6)));
            Assert.That(
                (settings.RequiredHeartbeat.TotalSeconds, settings.CurseTolerance.TotalSeconds, settings.ReloadMercy.TotalSeconds),
                Is.EqualTo((7, 8, 9))
            );
            Assert.That((settings.Umask, settings.LogFileMode, settings.MaxOpenFiles), Is.EqualTo(((int?)23, (int?)416, (int?)99)));
            Assert.That((settings.ChangeDirectory, settings.ChangeDirectoryLater), Is.EqualTo(("/c", "/c2")));
            Assert.That(
                (settings.EmperorPidFile, settings.PidFileLater, settings.SafePidFile, settings.SafePidFileLater),
                Is.EqualTo(("/ep", "/p2", "/sp", "/sp2"))
            );
            Assert.That(
                (settings.Daemonize, settings.DaemonizeLater, settings.LogTo, settings.LogToLater),
                Is.EqualTo(("/d", "/d2", "/l", "/l2"))
            );
            Assert.That(settings.TouchLogReopen, Is.EqualTo(new[] { "/t" }));
            Assert.That(settings.LogLevel, Is.EqualTo(EmperorLogLevel.Debug));
        });
    }

    [TestCase("4 # four", 4)]
    [TestCase(" 5", 5)]
    [TestCase("6x", 6)]
    [TestCase("0", 0)]
    public void A_number_ends_where_its_digits_end(string text, int seconds) =>
        Assert.That(Build("--emperor-freq=" + text).ScanInterval, Is.EqualTo(TimeSpan.FromSeconds(seconds)));

    [TestCase(
        "emperor-freq = soon",
        "option \"emperor-freq\" has the value \"soon\", but needs a number of seconds from 0 to 2147483647; correct it"
    )]
    [TestCase(
        "emperor-throttle =",
        "option \"emperor-throttle\" has the value \"\", but needs a number of milliseconds from 0 to 2147483647; correct it"
    )]
    [TestCase(
        "reload-mercy = -1",
        "option \"reload-mercy\" has the value \"-1\", but needs a number of seconds from 0 to 2147483647; correct it"
    )]
    [TestCase(
        "max-fd = 99999999999",
        "option \"max-fd\" has the value \"99999999999\", but needs a number of files from 0 to 2147483647; correct it"
    )]
    [TestCase("umask = 22", "option \"umask\" has the value \"22\", but needs three or four octal digits, such as 022; correct it")]
    [TestCase("umask = 028", "option \"umask\" has the value \"028\", but needs three or four octal digits, such as 022; correct it")]
    [TestCase(
        "logfile-chmod = 0640",
        "option \"logfile-chmod\" has the value \"0640\", but needs three octal digits, such as 640; correct it"
    )]
    [TestCase(
        "log-level = loud",
        "option \"log-level\" has the value \"loud\", but needs trace, debug, info, warning or error; correct it"
    )]
    [TestCase(
        "emperor-survive = crash",
        "option \"emperor-survive\" has the value \"crash\", but needs auto, upgrade or never; correct it"
    )]
    [TestCase("uid =", "option \"uid\" has the value \"\", but needs a name or a number; correct it")]
    [TestCase("gid = 4294967296", "option \"gid\" has the value \"4294967296\", but needs a name or a number up to 4294967294; correct it")]
    [TestCase("emperor =", "option \"emperor\" has the value \"\", but needs a folder or a pattern; correct it")]
    public void A_wrong_value_is_fatal_and_says_where_and_what_is_needed(string line, string message) =>
        Assert.That(Refusal(line).ToString(), Is.EqualTo("app.ini:3: " + message));

    [Test]
    public void Every_number_must_be_one_even_if_a_later_one_wins() =>
        Assert.That(Refusal("emperor-freq = x\nemperor-freq = 3").Origin!.Line, Is.EqualTo(3));

    [TestCase("true", true)]
    [TestCase("", true)]
    [TestCase("false # x", true)]
    [TestCase("00", true)]
    [TestCase("false", false)]
    [TestCase("OFF", false)]
    [TestCase("No", false)]
    [TestCase("0", false)]
    public void Only_four_words_are_false(string value, bool expected)
    {
        var host = new FakeConfigHost().With("app.ini", $"[uwsgi]\nemperor = /v\nemperor-no-blacklist = {value}\n");
        Assert.That(Reading.Settings(host, "app.ini").Settings!.NoBlacklist, Is.EqualTo(expected));
    }

    [Test]
    public void A_mercy_of_zero_means_the_default() =>
        Assert.That(Build("--reload-mercy", "0").ReloadMercy, Is.EqualTo(TimeSpan.FromSeconds(30)));

    [TestCase("1000", 1000L)]
    [TestCase("0", 0L)]
    [TestCase("www-data", null)]
    [TestCase("1000x", null)]
    public void Users_are_numbers_or_names(string text, long? id) =>
        Assert.That(Build("--uid", text).User, Is.EqualTo(new AccountReference(text, id)));

    [Test]
    public void The_environment_is_changed_in_order_and_a_name_alone_removes_as_putenv_does() =>
        Assert.That(
            Build("--env", "A=1=2", "--unenv", "B", "--env", "C", "--env", "B=").EnvironmentChanges,
            Is.EqualTo(
                new[]
                {
                    new EnvironmentChange("A", "1=2"),
                    new EnvironmentChange("B", null),
                    new EnvironmentChange("C", null),
                    new EnvironmentChange("B", ""),
                }
            )
        );

    [TestCase(new[] { "--procname", "p" }, "p")]
    [TestCase(new[] { "--procname", "p", "--procname-master", "m" }, "m")]
    [TestCase(new[] { "--emperor-procname", "e", "--procname-master", "m" }, "e")]
    [TestCase(new[] { "--procname", "p", "--procname-prefix", "a", "--procname-append", "z" }, "apz")]
    [TestCase(new[] { "--procname", "p", "--procname-prefix", "a", "--procname-prefix-spaced", "b" }, "b p")]
    [TestCase(new[] { "--procname", "p", "--procname-prefix-spaced", "b", "--procname-prefix", "a" }, "ap")]
    [TestCase(new[] { "--procname-prefix", "a" }, null)]
    public void The_name_of_the_process_is_put_together(string[] arguments, string? name) =>
        Assert.That(Build(arguments).ProcessName, Is.EqualTo(name));

    [TestCase("--log-date", "")]
    [TestCase("--log-date=true", "")]
    [TestCase("--logdate=YES", "")]
    [TestCase("--log-date=%H:%M", "%H:%M")]
    [TestCase("--log-date=off", null)]
    public void The_date_of_log_lines_has_a_format_or_is_off(string argument, string? expected) =>
        Assert.That(Build(argument).LogDate, Is.EqualTo(expected));

    [Test]
    public void Without_the_option_emperor_nothing_starts_and_an_example_is_given()
    {
        var (settings, problems) = Reading.Settings("--master");
        Assert.That(settings, Is.Null);
        Assert.That(
            problems.Single().Message,
            Does.Contain("the option \"emperor\" is missing").And.Contain("--emperor /etc/uwsgi-emperor/vassals")
        );
        Assert.That(ConfigProblem.ExitCode(problems), Is.EqualTo(2));
    }

    [TestCase("--help")]
    [TestCase("--version")]
    [TestCase("--exit=0")]
    public void What_ends_the_reading_is_not_called_a_missing_emperor(string argument)
    {
        var (settings, problems) = Reading.Settings(argument);
        Assert.That(settings, Is.Null);
        Assert.That(problems, Is.Empty);
    }

    [Test]
    public void A_fatal_problem_of_a_file_ends_with_1() =>
        Assert.That(ConfigProblem.ExitCode([Refusal("emperor-freq = x")]), Is.EqualTo(1));
}
