using Emperor.Core.Programs;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class ProgramReaderTests
{
    // The lines after exec = app, and a line of the plan that they make, as PlanText writes it.
    [TestCase("", "exec = app")]
    [TestCase("", "chdir = /etc/v")]
    [TestCase("", "processes = 1")]
    [TestCase("", "stop-signal = TERM")]
    [TestCase("", "reload = restart")]
    [TestCase("", "ready = after 1s")]
    [TestCase("", "ready-timeout = 1min")]
    [TestCase("", "restart = always")]
    [TestCase("chdir = /srv/blog", "chdir = /srv/blog")]
    [TestCase("chdir = ../blog/./x", "chdir = /etc/blog/x")]
    [TestCase("uid = www-data", "uid = www-data")]
    [TestCase("uid = 4711", "uid = 4711")]
    [TestCase("gid = www-data", "gid = www-data")]
    [TestCase("groups = adm, 20  video", "groups = adm 20 video")]
    [TestCase("groups =", "groups = ")]
    [TestCase("umask = 0027", "umask = 027")]
    [TestCase("umask = 027", "umask = 027")]
    [TestCase("env = A=1", "env = A=1")]
    [TestCase("env = A=b c=d", "env = A=b c=d")]
    [TestCase("env = A=", "env = A=")]
    [TestCase("env-file = blog.env", "env-file = /etc/v/blog.env")]
    [TestCase("env-file = -/etc/default/blog", "env-file = -/etc/default/blog")]
    [TestCase("chdir = /srv\nenv-file = - not", "env-file = -/srv/ not")]
    [TestCase("socket = /run/blog.sock", "socket = blog=/run/blog.sock")]
    [TestCase("socket = blog.sock", "socket = blog=/etc/v/blog.sock")]
    [TestCase("socket = /run/x/../blog.sock", "socket = blog=/run/blog.sock")]
    [TestCase("socket = @blog", "socket = blog=@blog")]
    [TestCase("socket = 127.0.0.1:8000", "socket = blog=127.0.0.1:8000")]
    [TestCase("socket = :8000", "socket = blog=0.0.0.0:8000")]
    [TestCase("socket = [::1]:8000", "socket = blog=[::1]:8000")]
    [TestCase("socket = web=/run/a=b", "socket = web=/run/a=b")]
    [TestCase("socket = web = @a=b", "socket = web=@a=b")]
    [TestCase("socket = web.1=[::]:80", "socket = web.1=[::]:80")]
    [TestCase("socket = /run/a=b", "socket = blog=/run/a=b")]
    [TestCase("socket = ./a=b", "socket = blog=/etc/v/a=b")]
    [TestCase("socket = @a=b", "socket = blog=@a=b")]
    [TestCase("socket = @a", "chmod-socket = 666")]
    [TestCase("socket = @a", "listen = 4096")]
    [TestCase("socket = @a", "reload = overlap")]
    [TestCase("socket = @a", "ready = accept")]
    [TestCase("socket = @a\nchmod-socket = 660", "chmod-socket = 660")]
    [TestCase("socket = @a\nchmod-socket", "chmod-socket = 666")]
    [TestCase("socket = @a\nchown-socket = www-data:33", "chown-socket = www-data:33")]
    [TestCase("socket = @a\nlisten = 100", "listen = 100")]
    [TestCase("socket = :80\nreuse-port = on", "reuse-port = true")]
    [TestCase("processes = 1000", "processes = 1000")]
    [TestCase("stop-signal = SIGINT", "stop-signal = INT")]
    [TestCase("stop-signal = quit", "stop-signal = QUIT")]
    [TestCase("stop-signal = WINCH", "stop-signal = WINCH")]
    [TestCase("stop-signal = 9", "stop-signal = KILL")]
    [TestCase("stop-signal = RTMIN+3", "stop-signal = 37")]
    [TestCase("stop-signal = SIGRTMAX-1", "stop-signal = 63")]
    [TestCase("stop-timeout = 90", "stop-timeout = 90s")]
    [TestCase("stop-timeout = 1.5", "stop-timeout = 1500ms")]
    [TestCase("stop-timeout = 250ms", "stop-timeout = 250ms")]
    [TestCase("stop-timeout = 0.5 min", "stop-timeout = 30s")]
    [TestCase("stop-timeout = 24h", "stop-timeout = 24h")]
    [TestCase("reload = overlap", "reload = overlap")]
    [TestCase("socket = @a\nreload = restart", "reload = restart")]
    [TestCase("reload = signal HUP", "reload = signal HUP")]
    [TestCase("reload = signal  12", "reload = signal USR2")]
    [TestCase("ready = notify", "ready = notify")]
    [TestCase("ready = protocol", "ready = protocol")]
    [TestCase("socket = @a\nready = accept", "ready = accept")]
    [TestCase("socket = @a\nready = http /health?x=1", "ready = http /health?x=1")]
    [TestCase("socket = @a\nready = http", "ready = http /")]
    [TestCase("ready = exec /bin/test -e 'a b'", "ready = exec /bin/test -e 'a b'")]
    [TestCase("ready = exec bin/ok", "ready = exec /etc/v/bin/ok")]
    [TestCase("ready = after 0", "ready = after 0")]
    [TestCase("ready = after 2min", "ready = after 2min")]
    [TestCase("ready = after 2min", "ready-timeout = 3min")]
    [TestCase("ready-timeout = 5", "ready-timeout = 5s")]
    [TestCase("restart = on-failure", "restart = on-failure")]
    [TestCase("restart = never", "restart = never")]
    [TestCase("success-exit-status = 3, 4 143 3", "success-exit-status = 3 4 143")]
    [TestCase("socket = @a\non-demand = true", "on-demand = true")]
    [TestCase("socket = @a\non-demand = yes\nidle = 10min", "idle = 10min")]
    [TestCase("socket = @a\nhealth = http /", "health = http /")]
    [TestCase("socket = @a\nhealth = http /", "health-interval = 10s")]
    [TestCase("health = exec true", "health-timeout = 5s")]
    [TestCase("health = exec true", "health-failures = 3")]
    [TestCase("health = exec sh -c 'a; b'", "health = exec sh -c 'a; b'")]
    [TestCase("health = exec true\nhealth-interval = 1", "health-interval = 1s")]
    [TestCase("health = exec true\nhealth-timeout = 1", "health-timeout = 1s")]
    [TestCase("health = exec true\nhealth-failures = 1", "health-failures = 1")]
    [TestCase("watchdog = 30", "watchdog = 30s")]
    [TestCase("memory-max = 300M", "memory-max = 300M")]
    [TestCase("memory-max = 1.5G", "memory-max = 1536M")]
    [TestCase("memory-max = 1073741824", "memory-max = 1G")]
    [TestCase("memory-max = 2T\nmemory-high = 1 G", "memory-high = 1G")]
    [TestCase("cpu-max = 50%", "cpu-max = 0.5")]
    [TestCase("cpu-max = 12.5%", "cpu-max = 0.125")]
    [TestCase("cpu-max = 50%%", "cpu-max = 0.5")]
    [TestCase("cpu-max = 1.5", "cpu-max = 1.5")]
    [TestCase("tasks-max = 64", "tasks-max = 64")]
    [TestCase("io-weight = 10000", "io-weight = 10000")]
    [TestCase("limit-nofile = 4096", "limit-nofile = 4096")]
    [TestCase("limit-as = 256", "limit-as = 256M")]
    [TestCase("limit-as = 2G", "limit-as = 2G")]
    [TestCase("nice = -5", "nice = -5")]
    [TestCase("nice = 19", "nice = 19")]
    [TestCase("oom-score-adj = -1000", "oom-score-adj = -1000")]
    [TestCase("cpu-affinity = 0, 2-3", "cpu-affinity = 0,2-3")]
    [TestCase("cpu-affinity = 0-31:2", "cpu-affinity = 0-31:2")]
    [TestCase("no-new-privs = true", "no-new-privs = true")]
    [TestCase("private-tmp", "private-tmp = true")]
    [TestCase("read-only = /srv/blog/", "read-only = /srv/blog/")]
    [TestCase("chdir = /srv\nread-only = blog", "read-only = /srv/blog")]
    [TestCase("after = db.ini, cache.ini", "after = cache.ini")]
    public void A_good_value_is_taken(string lines, string line)
    {
        var plan = Section.PlanOf(Section.ReadApp(lines));
        Assert.That(PlanText.Lines(plan), Does.Contain(line));
    }

    // The lines after exec = app, which is line 2; then what is told.
    [TestCase("exce = b", "3: there is no key \"exce\" in section [emperor]; did you mean \"exec\"?")]
    [TestCase("MemoryMax = 1G", "3: there is no key \"MemoryMax\" in section [emperor]; did you mean \"memory-max\"?")]
    [TestCase("user = www", "3: there is no key \"user\" in section [emperor]; did you mean \"uid\"?")]
    [TestCase("no_new_privs = 1", "3: there is no key \"no_new_privs\" in section [emperor]; did you mean \"no-new-privs\"?")]
    [TestCase(
        "qqzzxx = 1",
        "3: there is no key \"qqzzxx\" in section [emperor]; remove it, or define it with set-placeholder = NAME=VALUE when it is a placeholder"
    )]
    [TestCase(
        "master = true",
        "3: \"master\" is an option of uwsgi, which means nothing in section [emperor]; remove it, or move it to a section [uwsgi]"
    )]
    [TestCase("socket /run/a", "3: a '=' is missing after \"socket\"; add it")]
    [TestCase("= b", "3: nothing stands before the '='; write a key there, or remove the line")]
    [TestCase("uid = a\nuid = b", "4: \"uid\" takes one value, and has one on line 3 already; remove one")]
    [TestCase("uid = a\nuid = a", "warning 4: \"uid\" stands on line 3 already, with the same value; remove one")]
    [TestCase("chdir =", "3: \"chdir = \": it is empty; write a path, or remove the line")]
    [TestCase(
        "chdir = ~/blog",
        "3: \"chdir = ~/blog\": no shell reads it, so ~ is no folder; write the path, or $(HOME) for the emperor's"
    )]
    [TestCase(
        "chdir = /srv/%(site)",
        "3: \"chdir = /srv/%(site)\": %(site) has no value; correct the name, or define it with set-placeholder = NAME=VALUE"
    )]
    [TestCase(
        "chdir = $(NOWHERE)/a",
        "3: \"chdir = $(NOWHERE)/a\": $(NOWHERE) has no value; correct the name, or set that variable for the emperor"
    )]
    [TestCase("uid =", "3: \"uid = \": it names no user; write one name or number")]
    [TestCase("uid = a b", "3: \"uid = a b\": it names no user; write one name or number")]
    [TestCase("uid = 4294967295", "3: \"uid = 4294967295\": it names no user; write one name or number")]
    [TestCase(
        "uid = www-data # the web's",
        "3: \"uid = www-data # the web's\": uWSGI knows no comments behind a value, so \"# the web's\" is part of it; put it on a line of its own"
    )]
    [TestCase("gid = -", "3: \"gid = -\": it names no group; write one name or number")]
    [TestCase("groups = a:b", "3: \"groups = a:b\": it names no group; write one name or number")]
    [TestCase("umask = 22", "3: \"umask = 22\": it is no mask; write three or four octal digits, such as 022")]
    [TestCase("umask = 7777", "3: \"umask = 7777\": it is no mask; write three or four octal digits, such as 022")]
    [TestCase("env = A", "3: \"env = A\": it gives the variable no value; write NAME=VALUE")]
    [TestCase("env = 1A=b", "3: \"env = 1A=b\": that is no variable's name; write NAME=VALUE, with a NAME of letters, digits and _")]
    [TestCase("env = LISTEN_FDS=3", "3: \"env = LISTEN_FDS=3\": the emperor sets LISTEN_FDS itself; remove it")]
    [TestCase("env = A=%(fd)", "3: \"env = A=%(fd)\": descriptors have their numbers in exec only; remove it")]
    [TestCase("env-file = -", "3: \"env-file = -\": it is empty; write a path, or remove the line")]
    [TestCase("socket =", "3: \"socket = \": it is empty; write an address, such as /run/app.sock or 127.0.0.1:8000")]
    [TestCase(
        "socket = 127.0.0.1:0",
        "3: \"socket = 127.0.0.1:0\": \"127.0.0.1:0\" has no port from 1 to 65535 behind its last colon; write one, or a path that begins with /"
    )]
    [TestCase("socket = @", "3: \"socket = @\": \"@\" names no socket; write @ and a name")]
    [TestCase("socket = @a\nsocket = b=@a", "4: \"socket = b=@a\": that address stands here twice; remove one")]
    [TestCase("socket = @a\nchmod-socket = 66", "4: \"chmod-socket = 66\": it is no mode; write three octal digits, such as 660")]
    [TestCase("socket = @a\nchown-socket = a:", "4: \"chown-socket = a:\": it names no group; write one name or number")]
    [TestCase("socket = @a\nlisten = 0", "4: \"listen = 0\": it is no such number; write one from 1 to 65535")]
    [TestCase("socket = @a\nreuse-port = true", "4: \"reuse-port = true\": none of its sockets has a port; remove it")]
    [TestCase("socket = :80\nreuse-port = maybe", "4: \"reuse-port = maybe\": it is a switch; write true or false")]
    [TestCase("chmod-socket = 660", "3: \"chmod-socket = 660\": there is no socket; add \"socket = ADDRESS\", or remove it")]
    [TestCase("chown-socket = a", "3: \"chown-socket = a\": there is no socket; add \"socket = ADDRESS\", or remove it")]
    [TestCase("listen = 5", "3: \"listen = 5\": there is no socket; add \"socket = ADDRESS\", or remove it")]
    [TestCase("processes = 0", "3: \"processes = 0\": it is no such number; write one from 1 to 1000")]
    [TestCase("processes = 1001", "3: \"processes = 1001\": it is no such number; write one from 1 to 1000")]
    [TestCase("stop-signal = BYE", "3: \"stop-signal = BYE\": it is no signal; write its name or number, such as TERM or 15")]
    [TestCase("stop-signal = 32", "3: \"stop-signal = 32\": it is no signal; write its name or number, such as TERM or 15")]
    [TestCase(
        "stop-signal = STOP",
        "3: \"stop-signal = STOP\": that signal ends nothing; name one that the program ends on, such as TERM, INT or QUIT"
    )]
    [TestCase(
        "stop-timeout = soon",
        "3: \"stop-timeout = soon\": it is no time; write seconds, or a number with ms, s, min or h behind it, such as 90, 1.5 or 10min"
    )]
    [TestCase("stop-timeout = 0", "3: \"stop-timeout = 0\": it is no such time; write one from 100ms to 24h")]
    [TestCase("stop-timeout = 25h", "3: \"stop-timeout = 25h\": it is no such time; write one from 100ms to 24h")]
    [TestCase("reload = graceful", "3: \"reload = graceful\": there is no such way; write overlap, restart or signal NAME")]
    [TestCase("reload = signal", "3: \"reload = signal\": it names no signal; write one, such as signal HUP")]
    [TestCase("reload = signal X", "3: \"reload = signal X\": it is no signal; write its name or number, such as TERM or 15")]
    [TestCase(
        "reload = signal KILL",
        "3: \"reload = signal KILL\": that signal ends or stops the program; write another, such as signal HUP, or reload = restart"
    )]
    [TestCase(
        "ready = soon",
        "3: \"ready = soon\": there is no such way; write accept, notify, http PATH, exec COMMAND, protocol or after SECONDS"
    )]
    [TestCase(
        "ready = after",
        "3: \"ready = after\": there is no such way; write accept, notify, http PATH, exec COMMAND, protocol or after SECONDS"
    )]
    [TestCase(
        "ready = accept",
        "3: \"ready = accept\": there is no socket on which it could accept; add \"socket = ADDRESS\", or choose another way"
    )]
    [TestCase(
        "ready = http /",
        "3: \"ready = http /\": there is no socket that could be asked; add \"socket = ADDRESS\", or write exec COMMAND"
    )]
    [TestCase("socket = @a\nready = http x", "4: \"ready = http x\": a path begins with /; write one such as http /health")]
    [TestCase(
        "socket = @a\nready = http /a b",
        "4: \"ready = http /a b\": that is no path of a URL; write one such as http /health, without blanks"
    )]
    [TestCase("ready = exec", "3: \"ready = exec\": no program is named; write its path or name, and its arguments")]
    [TestCase(
        "ready = after 10s\nready-timeout = 9",
        "4: \"ready-timeout = 9\": it would never be ready, as that takes 10s; remove it, or write more"
    )]
    [TestCase("restart = no", "3: \"restart = no\": there is no such way; write always, on-failure or never")]
    [TestCase(
        "success-exit-status = 256",
        "3: \"success-exit-status = 256\": \"256\" is no exit code; write numbers from 0 to 255, with blanks between them"
    )]
    [TestCase("on-demand = true", "3: \"on-demand = true\": there is no socket by which it could be started; add \"socket = ADDRESS\"")]
    [TestCase(
        "socket = @a\nidle = 60",
        "4: \"idle = 60\": it would be stopped for good, as nothing starts it again; add \"on-demand = true\""
    )]
    [TestCase("health = ping", "3: \"health = ping\": there is no such check; write http PATH or exec COMMAND")]
    [TestCase(
        "health-failures = 3",
        "3: \"health-failures = 3\": there is no check; add \"health = http PATH\" or \"health = exec COMMAND\", or remove it"
    )]
    [TestCase("health = exec true\nhealth-interval = 0", "4: \"health-interval = 0\": it is no such time; write one from 100ms to 24h")]
    [TestCase(
        "watchdog = 1x",
        "3: \"watchdog = 1x\": it is no time; write seconds, or a number with ms, s, min or h behind it, such as 90, 1.5 or 10min"
    )]
    [TestCase(
        "memory-max = 300",
        "3: \"memory-max = 300\": 300 bytes are less than any program needs; write a number with K, M, G or T behind it, such as 300M"
    )]
    [TestCase(
        "memory-max = 30%",
        "3: \"memory-max = 30%\": it is no size, and what it is a share of differs from machine to machine; write one such as 300M or 1G"
    )]
    [TestCase("memory-max = 300MB", "3: \"memory-max = 300MB\": it is no size; write a number with K, M, G or T behind it, such as 300M")]
    [TestCase("memory-max = 99999T", "3: \"memory-max = 99999T\": it is more than any machine has; write a smaller one, or remove it")]
    [TestCase(
        "memory-max = 1G\nmemory-high = 2G",
        "4: \"memory-high = 2G\": it is above memory-max (1G), so it never has an effect; write a smaller one, or remove it"
    )]
    [TestCase("cpu-max = all", "3: \"cpu-max = all\": it is no share of processors; write one such as 50% or 1.5")]
    [TestCase("cpu-max = 0", "3: \"cpu-max = 0\": it is no such share of processors; write one from 1% to 8192")]
    [TestCase("tasks-max = 0", "3: \"tasks-max = 0\": it is no such number; write one from 1 to 4194304")]
    [TestCase("io-weight = 0", "3: \"io-weight = 0\": it is no such number; write one from 1 to 10000")]
    [TestCase("limit-nofile = 3", "3: \"limit-nofile = 3\": it is no such number; write one from 16 to 2147483584")]
    [TestCase(
        "limit-as = 0",
        "3: \"limit-as = 0\": 0 bytes are less than any program needs; write a number with K, M, G or T behind it, such as 300M"
    )]
    [TestCase("nice = 20", "3: \"nice = 20\": it is no such number; write one from -20 to 19")]
    [TestCase("oom-score-adj = 1001", "3: \"oom-score-adj = 1001\": it is no such number; write one from -1000 to 1000")]
    [TestCase(
        "cpu-affinity = 3-1",
        "3: \"cpu-affinity = 3-1\": it is no list of processors; write their numbers and ranges, such as 0,2-3"
    )]
    [TestCase("no-new-privs = flase", "3: \"no-new-privs = flase\": it is a switch; write true or false")]
    [TestCase("read-only =", "3: \"read-only = \": it is empty; write a path, or remove the line")]
    [TestCase("after =", "3: \"after = \": it names no vassal; write the name of one's file, such as db.ini")]
    [TestCase("after = blog.ini", "3: \"after = blog.ini\": a vassal cannot wait for itself; remove the name")]
    [TestCase(
        "uid = @(exec://id)",
        "3: \"@(exec://id)\": Emperor runs and fetches nothing while it reads its options (exec://); use @(FILE) or $(VARIABLE)"
    )]
    [TestCase("uid = @(none)", "3: \"@(none)\": cannot read \"none\": no such file; create it or correct the name")]
    [TestCase(
        "set-placeholder = fd=3",
        "3: \"fd\" cannot be a placeholder, because it has a meaning in section [emperor]; use another name"
    )]
    [TestCase(
        "set-placeholder = uid=3",
        "3: \"uid\" cannot be a placeholder, because it has a meaning in section [emperor]; use another name"
    )]
    public void A_bad_value_is_told_with_line_cause_and_cure(string lines, string told) =>
        Assert.That(Section.Told(Section.ReadApp(lines)), Is.EqualTo(new[] { told }));

    [TestCase(
        "exec = a 'b",
        "2: \"exec = a 'b\": a quote ' is opened and not closed; add the second ', or write \\' for one that is meant as such"
    )]
    [TestCase("exec =", "2: \"exec = \": no program is named; write its path or name, and its arguments")]
    [TestCase(
        "exec = a > b",
        "2: \"exec = a > b\": no shell reads it, so \">\" would be an argument; write sh -c '…', or put it into quotes"
    )]
    [TestCase(
        "exec = a # b",
        "2: \"exec = a # b\": \"#\" begins a comment in a shell, but uWSGI knows none behind a value; remove it, or put it into quotes"
    )]
    [TestCase(
        "exec = %(venv)/bin/a",
        "2: \"exec = %(venv)/bin/a\": nothing has the name in \"%(venv)/bin/a\"; correct it, or define it with set-placeholder = NAME=VALUE"
    )]
    [TestCase(
        "exec = a %(fd)",
        "2: \"exec = a %(fd)\": %(fd) is the number of a socket's descriptor, and there is no socket; add \"socket = ADDRESS\""
    )]
    [TestCase(
        "exec = a %(fd:web)\nsocket = @a",
        "2: \"exec = a %(fd:web)\": %(fd:web) names none of its sockets; correct the name; \"socket = NAME=ADDRESS\" gives one"
    )]
    [TestCase(
        "exec = a %(fd:blog)\nsocket = @a\nsocket = @b",
        "2: \"exec = a %(fd:blog)\": %(fd:blog) names 2 sockets; give each its own name: \"socket = NAME=ADDRESS\""
    )]
    [TestCase("uid = a", "0: section [emperor] has no exec, and there is no section [uwsgi]; add a line \"exec = PROGRAM ARGUMENTS\"")]
    [TestCase("", "0: section [emperor] has no exec, and there is no section [uwsgi]; add a line \"exec = PROGRAM ARGUMENTS\"")]
    public void A_section_without_a_good_program_is_refused(string lines, string told) =>
        Assert.That(Section.Told(Section.Read(lines)), Is.EqualTo(new[] { told }));

    [Test]
    public void The_first_error_is_the_refusal_and_the_others_are_counted()
    {
        var reading = Section.ReadApp("uid = a b\nnice = 99");
        Assert.That(reading.Plan, Is.Null);
        Assert.That(
            reading.Refusal(Section.File),
            Is.EqualTo("line 3: \"uid = a b\": it names no user; write one name or number (and 1 more: emperor check)")
        );
    }

    [Test]
    public void A_warning_refuses_nothing()
    {
        var reading = Section.ReadApp("uid = a\nuid = a");
        Assert.That(reading.Refusal(Section.File), Is.Null);
        Assert.That(reading.Plan!.User, Is.EqualTo("a"));
    }

    [Test]
    public void Too_many_are_refused()
    {
        string Lines(string line, int count) => string.Join('\n', Enumerable.Range(0, count).Select(i => string.Format(null, line, i)));
        Assert.That(Section.Told(Section.ReadApp(Lines("socket = @a{0}", 64))), Is.Empty);
        Assert.That(
            Section.Told(Section.ReadApp(Lines("socket = @a{0}", 65))).Single(),
            Is.EqualTo("67: \"socket = @a64\": there are more than 64 of socket; remove some")
        );
        Assert.That(Section.Told(Section.ReadApp(Lines("env = A{0}=1", 1001))).Single(), Does.Contain("more than 1000 of env"));
        Assert.That(Section.Told(Section.ReadApp(Lines("after = v{0}.ini", 65))).Single(), Does.Contain("more than 64"));
        Assert.That(
            Section.Told(Section.Read("exec = " + string.Join(' ', Enumerable.Repeat("a", 1001)))).Single(),
            Does.Contain("it has more than 1000 words; shorten it")
        );
    }
}
