using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>A section [emperor] is read with all that an ini of uWSGI can do.</summary>
[TestFixture]
public sealed class SkeletonTests
{
    [Test]
    public void One_skeleton_serves_many_links()
    {
        const string Skeleton = """
            [emperor]
            base = /srv/%n
            chdir = %(base)/app
            exec = %(base)/venv/bin/gunicorn --bind fd://%(fd:web) %n.wsgi
            socket = web=/run/%n.sock
            uid = %n
            env = HOME=%(base)
            """;
        var host = Section.Host().With("/etc/skel/app.ini", Skeleton);
        host.Links["/etc/v/shop.ini"] = "/etc/skel/app.ini";
        var plan = Section.PlanOf(ProgramReader.Read("shop.ini", besideUwsgi: false, host));
        Assert.That(plan.Exec, Is.EqualTo(new[] { "/srv/shop/venv/bin/gunicorn", "--bind", "fd://%(fd:web)", "shop.wsgi" }));
        Assert.That(plan.Folder, Is.EqualTo("/srv/shop/app"));
        Assert.That(plan.User, Is.EqualTo("shop"));
        Assert.That(plan.Sockets.Single(), Is.EqualTo(new ProgramSocket("/run/shop.sock", "web")));
        Assert.That(plan.Environment, Is.EqualTo(new[] { "HOME=/srv/shop" }));
    }

    [Test]
    public void A_links_program_is_at_home_where_the_link_leads()
    {
        var host = Section.Host().With("/srv/shop/emperor.ini", "[emperor]\nexec = venv/bin/app\nchdir = run\nenv-file = .env\n");
        host.Links["/etc/v/shop.ini"] = "/srv/shop/emperor.ini";
        var plan = Section.PlanOf(ProgramReader.Read("shop.ini", besideUwsgi: false, host));
        Assert.That(plan.Folder, Is.EqualTo("/srv/shop/run"));
        Assert.That(plan.Exec, Is.EqualTo(new[] { "/srv/shop/run/venv/bin/app" }));
        Assert.That(plan.EnvironmentFiles, Is.EqualTo(new[] { "/srv/shop/run/.env" }));
    }

    [Test]
    public void Keys_that_uWSGI_acts_on_at_once_are_expanded_too()
    {
        var plan = Section.PlanOf(Section.ReadApp("size = 50\nsocket = @a\nlisten = %(size)\nmask = 027\numask = %(mask)"));
        Assert.That((plan.Sockets[0].Backlog, plan.Umask), Is.EqualTo((50, (int?)23)));
    }

    [Test]
    public void Environment_files_conditions_and_loops_work()
    {
        var host = Section.Host().With("name", "carol\n").WithVariable("STAGE", "prod");
        var plan = Section.PlanOf(
            Section.ReadApp(
                """
                uid = @(name)
                env = STAGE=$(STAGE)
                if-env = STAGE=prod
                processes = 4
                endif =
                if-env = STAGE=test
                processes = 1
                endif =
                for = a b
                socket = %(_)=/run/%(_).sock
                endfor =
                """,
                host
            )
        );
        Assert.That((plan.User, plan.Processes), Is.EqualTo(("carol", 4)));
        Assert.That(plan.Environment, Is.EqualTo(new[] { "STAGE=prod" }));
        Assert.That(plan.Sockets.Select(s => $"{s.Name} {s.Address}"), Is.EqualTo(new[] { "a /run/a.sock", "b /run/b.sock" }));
    }

    [Test]
    public void An_included_file_is_read_for_its_section_emperor_and_gives_presets()
    {
        var host = Section.Host().With("common.ini", "[uwsgi]\nmaster = 1\n[emperor]\nnice = 5\nuid = www\n[other]\nnice = 7\n");
        Assert.That(Section.PlanOf(Section.ReadApp("include = common.ini\nuid = me", host)) is { Limits.Nice: 5, User: "me" });
        Assert.That(Section.PlanOf(Section.ReadApp("include = common.ini:other", host)).Limits.Nice, Is.EqualTo(7));
        Assert.That(Section.PlanOf(Section.ReadApp("ini = :more\n[more]\nnice = 8", host)).Limits.Nice, Is.EqualTo(8));
        Assert.That(
            Section.ReadApp("include = bad.ini", host.With("bad.ini", "[emperor]\n\nnice = x")).Refusal(Section.File),
            Is.EqualTo("bad.ini:3: \"nice = x\": it is no such number; write one from -20 to 19")
        );
        Assert.That(
            Section.ReadApp("include = app.ini", host.With("app.ini", "[uwsgi]\na = 1\n")).Refusal(Section.File),
            Is.EqualTo("app.ini: no section [emperor], only [uwsgi]; add a line [emperor]")
        );
    }

    [Test]
    public void What_looks_like_a_placeholder_stays_in_texts()
    {
        var plan = Section.PlanOf(
            Section.Read("exec = g --access-logformat '%%(h)s %(t)s' $(date)\nenv = F=%(h)s\nhealth = exec sh -c 'test $(id -u)'")
        );
        Assert.That(plan.Exec, Is.EqualTo(new[] { "g", "--access-logformat", "%(h)s %(t)s", "$(date)" }));
        Assert.That(plan.Environment, Is.EqualTo(new[] { "F=%(h)s" }));
        Assert.That(plan.Health!.Command, Is.EqualTo(new[] { "sh", "-c", "test $(id -u)" }));
    }

    [Test]
    public void The_last_of_two_variables_counts() =>
        Assert.That(Section.PlanOf(Section.ReadApp("env = A=1\nenv = B=2\nenv = A=3")).Environment, Is.EqualTo(new[] { "B=2", "A=3" }));

    [TestCase("for-times = 10000\nenv = A=1\nenv = B=1", "5000 options")]
    [TestCase("a = x%(b)%(b)\nb = y%(a)\nuid = %(a)", "does not come to an end")]
    [TestCase("include = blog.ini", "files include each other 16 deep")]
    [TestCase("if-hostname-match = (a)\\1\nuid = a", "looks around or back")]
    [TestCase("set-ph = a=@(big)\nfor-readline = big\nenv = A=1", "more than 4 MiB together")]
    public void Reading_comes_to_an_end(string lines, string cause)
    {
        var host = Section.Host().With("big", new byte[1024 * 1024]);
        if (cause.Contains("MiB", StringComparison.Ordinal))
            lines += string.Concat(Enumerable.Repeat("\nenv = B=2", 5));
        Assert.That(Section.ReadApp(lines, host).Refusal(Section.File), Does.Contain(cause));
    }

    [Test]
    public void Beside_uwsgi_it_refines_how_that_is_supervised()
    {
        const string Text = "[uwsgi]\nmaster = 1\n[emperor]\n";
        var plan = Section.PlanOf(
            Section.ReadFile(
                Text
                    + "memory-max = 300M\nready = exec test -e x\nready-timeout = 5\nstop-timeout = 3\nhealth = exec true\nafter = db.ini\nnice = 1"
            )
        );
        Assert.That(plan.IsProgram, Is.False);
        Assert.That(
            PlanText.Lines(plan),
            Is.EqualTo(
                new[]
                {
                    "stop-timeout = 3s",
                    "ready = exec test -e x",
                    "ready-timeout = 5s",
                    "health = exec true",
                    "health-interval = 10s",
                    "health-timeout = 5s",
                    "health-failures = 3",
                    "memory-max = 300M",
                    "nice = 1",
                    "after = db.ini",
                }
            )
        );
        var usual = Section.PlanOf(Section.ReadFile(Text + "nice = 1"));
        Assert.That(
            (usual.Ready.Way, usual.ReadyTimeout, usual.StopTimeout),
            Is.EqualTo((ReadyWay.Protocol, ProgramPlan.Never, (long?)null))
        );
    }

    [TestCase("")]
    [TestCase("# nothing\n")]
    public void Beside_uwsgi_an_empty_section_changes_nothing(string lines)
    {
        var reading = Section.ReadFile("[uwsgi]\nmaster = 1\n[emperor]\n" + lines);
        Assert.That((reading.Plan, reading.Refusal(Section.File)), Is.EqualTo(((ProgramPlan?)null, (string?)null)));
    }

    [TestCase("exec = a", "\"exec\" cannot stand here: the section [uwsgi] makes this vassal a uwsgi; remove one of the two")]
    [TestCase(
        "chdir = /",
        "\"chdir\" cannot stand here: uwsgi, which the section [uwsgi] makes of this vassal, has that option itself; move it to [uwsgi]"
    )]
    [TestCase("socket = @a", "\"socket\" cannot stand here: uwsgi, which")]
    [TestCase("idle = 60", "\"idle\" cannot stand here: uwsgi, which")]
    [TestCase("reload = overlap", "\"reload\" cannot stand here: a uwsgi vassal is told over its channel; remove it")]
    [TestCase(
        "restart = never",
        "\"restart\" cannot stand here: a uwsgi vassal says by its exit code whether it is started again; remove it"
    )]
    [TestCase("on-demand = false", "\"on-demand\" cannot stand here: which uwsgi vassals are on demand is said by")]
    [TestCase("watchdog = 5", "\"watchdog\" cannot stand here: uwsgi sends no WATCHDOG=1; remove it, or use health")]
    [TestCase(
        "ready = accept",
        "\"ready = accept\": uwsgi says itself when it accepts requests; write protocol, exec COMMAND or after SECONDS, or remove it"
    )]
    [TestCase(
        "health = http /",
        "\"health = http /\": the sockets of a uwsgi vassal are its own; write exec COMMAND, such as exec curl -fs http://127.0.0.1:8000/"
    )]
    public void Beside_uwsgi_what_makes_a_program_is_refused_with_the_reason(string line, string told) =>
        Assert.That(Section.ReadFile("[uwsgi]\nmaster = 1\n[emperor]\n" + line).Refusal(Section.File), Does.StartWith("line 4: " + told));

    // Whether a process that runs would have been started in another way.
    [TestCase("uid = a", true)]
    [TestCase("gid = a", true)]
    [TestCase("groups = a", true)]
    [TestCase("groups =", true)]
    [TestCase("chdir = /", true)]
    [TestCase("umask = 027", true)]
    [TestCase("env = A=1", true)]
    [TestCase("env-file = a", true)]
    [TestCase("socket = @b", true)]
    [TestCase("memory-max = 1G", true)]
    [TestCase("memory-high = 1G", true)]
    [TestCase("cpu-max = 1", true)]
    [TestCase("cpu-affinity = 1", true)]
    [TestCase("tasks-max = 5", true)]
    [TestCase("io-weight = 5", true)]
    [TestCase("limit-nofile = 50", true)]
    [TestCase("limit-as = 50", true)]
    [TestCase("nice = 1", true)]
    [TestCase("oom-score-adj = 1", true)]
    [TestCase("no-new-privs = 1", true)]
    [TestCase("private-tmp = 1", true)]
    [TestCase("read-only = /", true)]
    [TestCase("watchdog = 5", true)]
    [TestCase("ready = notify", true)]
    [TestCase("no-new-privs = 0", false)]
    [TestCase("processes = 5", false)]
    [TestCase("chmod-socket = 600", false)]
    [TestCase("stop-timeout = 5", false)]
    [TestCase("reload = restart", false)]
    [TestCase("ready-timeout = 5", false)]
    [TestCase("health = exec true", false)]
    [TestCase("restart = never", false)]
    [TestCase("after = a.ini", false)]
    public void The_digest_tells_whether_it_would_be_launched_in_another_way(string line, bool differs)
    {
        var plain = Section.PlanOf(Section.ReadApp("socket = @a"));
        var other = Section.PlanOf(Section.ReadApp("socket = @a\n" + line));
        Assert.That(plain.LaunchDigest, Has.Length.EqualTo(64));
        Assert.That(other.LaunchDigest != plain.LaunchDigest, Is.EqualTo(differs));
        Assert.That(Section.PlanOf(Section.ReadApp("socket = @a\n\n" + line)).LaunchDigest, Is.EqualTo(other.LaunchDigest));
    }

    [Test]
    public void Words_at_another_place_are_another_launch()
    {
        string Digest(string lines) => Section.PlanOf(Section.Read(lines)).LaunchDigest;
        Assert.That(Digest("exec = a 'b c'"), Is.Not.EqualTo(Digest("exec = a b c")));
        Assert.That(Digest("exec = a \"b c\""), Is.EqualTo(Digest("exec = a 'b c'")));
    }

    [Test]
    public void What_PlanText_writes_makes_the_same_plan()
    {
        const string Lines = """
            socket = web=:80
            socket = @x
            listen = 9
            chmod-socket = 640
            chown-socket = a:b
            reuse-port = 1
            uid = a
            gid = b
            groups = c d
            umask = 077
            env = A=b c
            env-file = -/x
            processes = 3
            stop-signal = INT
            stop-timeout = 1.5
            reload = signal USR1
            ready = http /x
            ready-timeout = 90s
            restart = on-failure
            success-exit-status = 1 2
            on-demand = 1
            idle = 90min
            health = exec sh -c 'a "b"'
            watchdog = 1
            memory-max = 1.5G
            memory-high = 1G
            cpu-max = 33.3%
            tasks-max = 9
            io-weight = 9
            limit-nofile = 99
            limit-as = 99
            nice = -1
            oom-score-adj = 9
            cpu-affinity = 0-2
            no-new-privs = 1
            private-tmp = 1
            read-only = /a
            read-only = /b
            after = a.ini b.ini
            """;
        var plan = Section.PlanOf(Section.Read("exec = 'a b' it\\'s '' %(fd:web)\n" + Lines));
        var again = Section.PlanOf(Section.Read(string.Join('\n', PlanText.Lines(plan))));
        Assert.That(PlanText.Lines(again), Is.EqualTo(PlanText.Lines(plan)));
        Assert.That(again.LaunchDigest, Is.EqualTo(plan.LaunchDigest));
    }
}
