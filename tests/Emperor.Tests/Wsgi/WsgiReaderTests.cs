using Emperor.Core.Configuration;
using Emperor.Core.Programs;
using Emperor.Core.Wsgi;
using Emperor.Tests.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

[TestFixture]
public sealed class WsgiReaderTests
{
    private const string File = "blog.ini";

    private static WsgiReading Read(string lines, FakeConfigHost? host = null) =>
        WsgiReader.Read(
            File,
            (host ?? new FakeConfigHost { WorkingDirectory = "/etc/v" }).With(
                File,
                "[uwsgi]\n" + lines.Replace("; ", "\n", StringComparison.Ordinal)
            )
        );

    private static ProgramPlan Plan(string lines, FakeConfigHost? host = null)
    {
        var reading = Read(lines, host);
        Assert.That(reading.Refusal(File), Is.Null);
        return reading.Plan!;
    }

    private static string[] Told(WsgiReading reading) =>
        [.. reading.Problems.Select(p => $"{(p.Severity == Severity.Warning ? "warning " : "")}{p.Origin?.Line}: {p.Message}")];

    private static string Shown(ProgramPlan plan) =>
        string.Join(
            ' ',
            plan.Sockets.Zip(plan.Wsgi!.Protocols, (s, p) => $"{p}={s.Address}/{Convert.ToString(s.Mode, 8)}/{s.Owner ?? "-"}/{s.Backlog}")
        );

    // The line after "module = a", and the worker's options that it makes.
    [TestCase("", """{"module":"a"}""")]
    [TestCase("callable = app", """{"module":"a","callable":"app"}""")]
    [TestCase("wsgi = b:app", """{"module":"b:app"}""")]
    [TestCase("file = x.py", """{"module":"a","wsgi-file":"x.py"}""")]
    [TestCase(
        "mount = /x=y.py; mount = /z=w:app; manage-script-name = true",
        """{"module":"a","mount":["/x=y.py","/z=w:app"],"manage-script-name":true}"""
    )]
    [TestCase("pythonpath = ..; pp = /srv", """{"module":"a","pythonpath":["..","/srv"]}""")]
    [TestCase("chdir = /srv/blog", """{"module":"a","chdir":"/srv/blog"}""")]
    [TestCase("threads = 4", """{"module":"a","threads":4}""")]
    [TestCase("threads = 4 # enough", """{"module":"a","threads":4}""")]
    [TestCase("need-app = no", """{"module":"a","need-app":false}""")]
    [TestCase("env = A=1; env = B=c d; unenv = X", """{"module":"a","env":["A=1","B=c d"],"unenv":["X"]}""")]
    [TestCase("max-requests = 5000; buffer-size = 65535", """{"module":"a","buffer-size":65535,"max-requests":5000}""")]
    [TestCase("static-map = /static=/srv/s", """{"module":"a","static-map":["/static=/srv/s"]}""")]
    [TestCase("disable-logging", """{"module":"a","disable-logging":true}""")]
    [TestCase("disable-logging = true", """{"module":"a","disable-logging":true}""")]
    [TestCase("chdir = /srv/blog   # the project", """{"module":"a","chdir":"/srv/blog"}""")]
    [TestCase("env = A=1 # kept", """{"module":"a","env":["A=1 # kept"]}""")]
    [TestCase("base = /srv; chdir = %(base)/%n", """{"module":"a","chdir":"/srv/blog"}""")]
    [TestCase("umask = 022 # as ever", """{"module":"a","umask":"022"}""")]
    [TestCase("static-check = /srv", """{"module":"a","check-static":["/srv"]}""")]
    public void The_workers_options(string lines, string json) =>
        Assert.That(
            Plan($"module = a; socket = /run/b; {lines}").Wsgi!.Options,
            Is.EqualTo(lines.Contains("need-app", StringComparison.Ordinal) ? json : json[..^1] + ",\"need-app\":true}")
        );

    [TestCase("socket = /run/b", "uwsgi=/run/b/755/-/100")]
    [TestCase("socket = b.sock", "uwsgi=/etc/v/b.sock/755/-/100")]
    [TestCase("socket = b.sock; chdir = /srv", "uwsgi=/srv/b.sock/755/-/100")]
    [TestCase("http-socket = ../h.sock; chdir = blog", "http=/etc/v/h.sock/755/-/100")]
    [TestCase("socket = /run/b # nginx", "uwsgi=/run/b/755/-/100")]
    [TestCase("uwsgi-socket = :3031; http-socket = 127.0.0.1:80", "uwsgi=0.0.0.0:3031/755/-/100 http=127.0.0.1:80/755/-/100")]
    [TestCase("http = :8000", "http=0.0.0.0:8000/755/-/100")]
    [TestCase("http = localhost:8000", "http=127.0.0.1:8000/755/-/100")]
    [TestCase("socket = /run/b; protocol = http", "http=/run/b/755/-/100")]
    [TestCase("socket = /run/b; socket-protocol = http", "http=/run/b/755/-/100")]
    [TestCase("socket = /run/b; chmod-socket = 664", "uwsgi=/run/b/664/-/100")]
    [TestCase("socket = /run/b; chmod-socket = 664 ; sometimes", "uwsgi=/run/b/664/-/100")]
    [TestCase("socket = /run/b; chmod-socket = true", "uwsgi=/run/b/666/-/100")]
    [TestCase("socket = /run/b; chmod-socket = 1", "uwsgi=/run/b/666/-/100")]
    [TestCase("socket = /run/b; umask = 007", "uwsgi=/run/b/770/-/100")]
    [TestCase("socket = /run/b; umask = 007 # a group", "uwsgi=/run/b/770/-/100")]
    [TestCase("socket = /run/b; uid = www-data; gid = adm", "uwsgi=/run/b/755/www-data:adm/100")]
    [TestCase("socket = /run/b; uid = 33", "uwsgi=/run/b/755/33/100")]
    [TestCase("socket = /run/b; uid = 33; chown-socket = root:root; listen = 1024", "uwsgi=/run/b/755/root:root/1024")]
    public void Sockets(string lines, string shown) => Assert.That(Shown(Plan($"module = a; {lines}")), Is.EqualTo(shown));

    [Test]
    public void What_the_emperor_acts_on()
    {
        var plan = Plan(
            "wsgi-file = x.py; socket = /run/b; processes = 3; threads = 2; harakiri = 20; harakiri-verbose = 1; uid = www-data; gid = adm; add-gid = video; reload-mercy = 8; limit-as = 512; lazy-apps = true"
        );
        Assert.That(
            (plan.Processes, plan.User, plan.Group, plan.Groups, plan.StopTimeout, plan.Limits.AddressSpace, plan.Folder),
            Is.EqualTo((3, "www-data", "adm", new[] { "video" }, 8000L, 512L << 20, "/etc/v"))
        );
        var wsgi = plan.Wsgi!;
        Assert.That(
            (wsgi.App, wsgi.Threads, wsgi.Harakiri, wsgi.HarakiriVerbose, wsgi.LazyApps, wsgi.Home),
            Is.EqualTo(("x.py", 2, 20_000L, true, true, (string?)null))
        );
        Assert.That((plan.Ready.Way, plan.Reload, plan.IsProgram), Is.EqualTo((ReadyWay.Worker, ReloadWay.Overlap, true)));
    }

    [TestCase("", "always, never idle, all")]
    [TestCase("idle = 60", "at once, idle after 60 s, all")]
    [TestCase("cheap = true", "on demand, never idle, all")]
    [TestCase("cheap = true; idle = 5; die-on-idle = true", "on demand, idle after 5 s, all")]
    [TestCase("cheaper = 2", "always, never idle, 2 of 8, first 2, by 1 after 3")]
    [TestCase(
        "cheaper = 2; cheaper-initial = 5; cheaper-step = 3; cheaper-overload = 10; cheaper-algo = backlog",
        "always, never idle, 2 of 8, first 5, by 3 after 10, backlog"
    )]
    [TestCase("cheaper = 2; cheaper-initial = 1; cheaper-algo = busyness", "always, never idle, 2 of 8, first 2, by 1 after 3")]
    [TestCase("cheaper = 2; cheaper-initial = 100; cheaper-step = 0", "always, never idle, 2 of 8, first 8, by 1 after 3")]
    public void How_many_processes_there_are(string lines, string shown)
    {
        var plan = Plan($"module = a; socket = /run/b; processes = 8; {lines}");
        var life = (plan.OnDemand, plan.StartsAtOnce) switch
        {
            (false, _) => "always",
            (true, true) => "at once",
            _ => "on demand",
        };
        var idle = plan.Idle is { } time ? $"idle after {time / 1000} s" : "never idle";
        var cheaper = plan.Wsgi!.Cheaper is { } c
            ? $"{c.Minimum} of {plan.Processes}, first {c.Initial}, by {c.Step} after {c.Overload}{(c.ByBacklog ? ", backlog" : "")}"
            : "all";
        Assert.That($"{life}, {idle}, {cheaper}", Is.EqualTo(shown));
    }

    [TestCase("home = /srv/venv", "/srv/venv/bin/python3")]
    [TestCase("virtualenv = /srv/venv", "/srv/venv/bin/python3")]
    [TestCase("venv = venv; chdir = /srv", "/srv/venv/bin/python3")]
    [TestCase("home = /srv/old  # made by virtualenv", "/srv/old/bin/python")]
    [TestCase("", "python3")]
    public void The_interpreter(string lines, string python)
    {
        var host = new FakeConfigHost { WorkingDirectory = "/etc/v" }
            .With("/srv/venv/bin/python3", "")
            .With("/srv/old/bin/python", "");
        Assert.That(Plan($"module = a; socket = /run/b; {lines}", host).Exec[0], Is.EqualTo(python));
    }

    // Django's, Flask's, Debian's, and those of tutorials.
    [TestCase(
        "chdir = /path/to/your/project; module = mysite.wsgi:application; master = True; pidfile = /tmp/project-master.pid; vacuum = True; max-requests = 5000; daemonize = /var/log/uwsgi/yourproject.log; socket = 127.0.0.1:49152; processes = 5; harakiri = 20; env = DJANGO_SETTINGS_MODULE=mysite.settings",
        0
    )]
    [TestCase(
        "module = wsgi:app; master = true; processes = 5; socket = myproject.sock; chmod-socket = 660; vacuum = true; die-on-term = true",
        0
    )]
    [TestCase("http = 127.0.0.1:8000; wsgi-file = hello.py; callable = app; master = true", 0)]
    [TestCase("plugins = python3; module = a; socket = /run/b; enable-threads = true; thunder-lock = true; lazy = true", 0)]
    [TestCase(
        "plugin = python3,http,logfile; module = a; http-socket = :80; logto = /var/log/x.log; stats = /tmp/s; processes = 4; cheaper = 1; touch-reload = /x",
        0
    )]
    [TestCase(
        "project = blog; base = /srv; chdir = %(base)/%(project); module = %(project).wsgi:application; socket = %(base)/%(project)/%(project).sock; chmod-socket = 664",
        0
    )]
    [TestCase("module = a # the app; socket = /run/b", 1)]
    [TestCase("module = a; socket = /run/b; spooler = off; no-such-word = 1", 1)]
    [TestCase(
        "module = a; socket = /run/b; cpu-affinity = 1; static-gzip-all = true; thread-stacksize = 512; static-expires = *.css 60",
        4
    )]
    [TestCase(
        "module = a; socket = /run/b; processes = 8; cheaper-algo = busyness; cheaper = 2; cheaper-busyness-max = 70; cheaper-busyness-min = 20",
        3
    )]
    public void Files_as_they_are_written(string lines, int warnings)
    {
        var reading = Read(lines);
        Assert.That(reading.Refusal(File), Is.Null);
        Assert.That(
            Told(reading).Count(p => p.StartsWith("warning", StringComparison.Ordinal)),
            Is.EqualTo(warnings),
            string.Join('\n', Told(reading))
        );
    }

    [TestCase("socket = /run/b", "it names no Python app; add")]
    [TestCase("module = a", "the file names no socket for it; add")]
    [TestCase("module = a; socket = example.org:80", "host names are not looked up")]
    [TestCase("module = a; socket = /run/b; socket = /run/b", "that address stands here twice; remove one")]
    [TestCase("module = a; socket = /run/b; protocol = fastcgi", "the built-in server does not speak that; write uwsgi or http")]
    [TestCase("module = a; socket = /run/b; chmod-socket = rw", "it is no mode; write three octal digits")]
    [TestCase("module = a; socket = /run/b; processes = 2; cheaper = 2", "cheaper must be lower than processes; write fewer than 2")]
    [TestCase("module = a; socket = /run/b; processes = many", "it is no such number; write one from 0 to 1000")]
    [TestCase("module = a; socket = /run/b; plugins = php", "has no plugin php; remove it")]
    [TestCase("module = a; socket = /run/b; spooler = /tmp/s", "the built-in server has no spooler; the emperor is its master")]
    [TestCase("module = a; socket = /run/b; gevent = 100", "its threads are those of the system; use threads")]
    [TestCase(
        "module = a; socket = /run/b; smart-attach-daemon = /run/r.pid redis-server",
        "use attach-daemon for one that stays in the foreground"
    )]
    [TestCase(
        "module = a; socket = /run/b; carbon = 127.0.0.1:2003",
        "the built-in server has no carbon; remove it, or write \"server = uwsgi\""
    )]
    [TestCase("module = a; socket = /run/b; home = /nowhere", "there is no /nowhere/bin/python3; make the virtual environment")]
    public void Refusals(string lines, string words) => Assert.That(Read(lines).Refusal(File), Does.Contain(words));

    [TestCase("listen = 4096", "")]
    [TestCase("listen = 4097", "warning 4: \"listen = 4097\": the kernel lets 4096 wait; raise it by sysctl net.core.somaxconn=4097")]
    public void A_queue_that_the_kernel_shortens_is_told(string line, string words)
    {
        var host = new FakeConfigHost { WorkingDirectory = "/etc/v" }.With("/proc/sys/net/core/somaxconn", "4096\n");
        Assert.That(string.Join('\n', Told(Read($"module = a; socket = /run/b; {line}", host))), Is.EqualTo(words));
    }

    [Test]
    public void A_refusal_names_the_line() =>
        Assert.That(
            Read("module = a; socket = /run/b; mule = true").Refusal(File),
            Does.StartWith("line 4: \"mule = true\": the built-in server has no mule;")
        );

    [Test]
    public void Every_option_is_uwsgis_and_stands_once()
    {
        Assert.That(WsgiOptions.All.Select(o => o.Name), Is.Unique);
        foreach (var option in WsgiOptions.All)
        {
            Assert.That(WsgiOptions.Find(option.Canonical)?.Fate, Is.EqualTo(option.Fate), option.Name);
            Assert.That(option.Words.Length > 0, Is.EqualTo(option.Fate is WsgiFate.Warned or WsgiFate.Refused), option.Name);
        }
    }

    [TestCase("", "uwsgi: uwsgi is installed", true)]
    [TestCase("module = a", "uwsgi: uwsgi is installed", true)]
    [TestCase("module = a", "wsgi: uwsgi is not installed, and its file names a Python app (a)", false)]
    [TestCase("wsgi-file = a.py # it", "wsgi: uwsgi is not installed, and its file names a Python app (a.py)", false)]
    [TestCase("mount = /=a.py", "wsgi: uwsgi is not installed, and its file names a Python app (/=a.py)", false)]
    [TestCase("socket = /run/b", "uwsgi: its file names no Python app (module, wsgi-file, mount), so nothing else can run it", false)]
    public void The_choice_of_a_server(string lines, string shown, bool hasUwsgi)
    {
        var host = new FakeConfigHost { WorkingDirectory = "/etc/v" }.With(File, "[uwsgi]\n" + lines);
        var choice = ServerChoice.Make(null, ServerWish.Auto, () => hasUwsgi, () => WsgiReader.App(File, host));
        Assert.That($"{(choice.IsBuiltIn ? "wsgi" : "uwsgi")}: {choice.Reason}", Is.EqualTo(shown));
    }

    [TestCase(null, ServerWish.Wsgi, true)]
    [TestCase(null, ServerWish.Uwsgi, false)]
    [TestCase(ServerWish.Wsgi, ServerWish.Uwsgi, true)]
    [TestCase(ServerWish.Uwsgi, ServerWish.Wsgi, false)]
    public void What_is_said_is_done(ServerWish? own, ServerWish forAll, bool isBuiltIn) =>
        Assert.That(
            ServerChoice
                .Make(own, forAll, () => throw new InvalidOperationException(), () => throw new InvalidOperationException())
                .IsBuiltIn,
            Is.EqualTo(isBuiltIn)
        );
}
