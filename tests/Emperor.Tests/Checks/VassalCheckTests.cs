using Emperor.Core.Checks;
using Emperor.Core.Configuration;
using Emperor.Tests.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Checks;

[TestFixture]
public sealed class VassalCheckTests
{
    // The lines of section [uwsgi], which begin on line 2; then the findings: line, e or w, and what they say.
    [TestCase("master = true\nsocket = /run/app/a.sock\nuid = www-data\nchdir = /srv/app\nmodule = shop.wsgi:application", "")]
    [TestCase("mastr = true", "2 e did you mean \"master\"")]
    [TestCase("qzxwvutsr = true", "2 w unknown option \"qzxwvutsr\"")]
    [TestCase("mine = 3\nprocesses = %(mine)", "")]
    [TestCase("emperor-ready = all", "2 e Emperor's own and means nothing to a vassal")]
    [TestCase("processes = 2\nprocesses = 4", "3 e has one on line 2 already, which has no effect")]
    [TestCase("master = true\nmaster = true", "3 w stands on line 2 already, with the same value")]
    [TestCase("env = A=1\nenv = B=2", "")]
    [TestCase("processes = 4 # as many as cores", "2 e \"# as many as cores\" is part of that of \"processes\"")]
    [TestCase("socket = /run/app/a.sock ; the socket", "2 e \"; the socket\" is part of that of \"socket\"")]
    [TestCase("attach-daemon = sh -c 'a ; b # c'", "")]
    [TestCase("chdir = /srv/ap", "2 e there is no folder /srv/ap")]
    [TestCase("uid = nobody2", "2 e there is no such user")]
    [TestCase("gid = staff2", "2 e there is no such group")]
    [TestCase("uid = 4711\ngid = 4711", "")]
    [TestCase("wsgi-file = app.py", "2 e there is no file /etc/v/app.py")]
    [TestCase("chdir = /srv/app\nwsgi-file = app.py", "")]
    [TestCase("chdir = /srv/app\nmodule = shop.wsgy", "3 e no module shop.wsgy in /srv/app")]
    [TestCase("chdir = /srv/app\nmodule = else.where", "3 w no module else.where")]
    [TestCase("plugin = pithon3", "2 e there is no pithon3_plugin.so in /usr/lib/uwsgi/plugins")]
    [TestCase("plugins = python3, http", "")]
    [TestCase("attach-daemon = /usr/bin/nothing -x", "2 e there is no program /usr/bin/nothing")]
    [TestCase("daemonize = /var/log/x", "2 e takes the vassal away from its emperor")]
    [TestCase("socket = /run/nowhere/a.sock", "2 e the folder /run/nowhere does not exist")]
    [TestCase("http-socket = :8000\nhttp = 127.0.0.1:8000", "3 e the address is taken by \"http-socket\" (a.ini:2)")]
    [TestCase("chdir = @(exec://rm -rf /)", "2 w nothing is run or fetched (exec://)")]
    [TestCase("include = http://example.com/x.ini", "2 w ")]
    [TestCase("chdir = $(HOME)", "2 e there is no folder /home/house")]
    [TestCase("include = missing.ini", "2 e cannot read \"missing.ini\"")]
    [TestCase("socket = $(HOME)/nowhere/%n.sock\ninclude = missing.ini", "3 e cannot read \"missing.ini\"")]
    [TestCase("strict = true\nmastr = 1", "3 e in strict mode")]
    public void Each_mistake_is_found_on_its_line_and_nothing_else(string lines, string expected)
    {
        var result = Examine("[uwsgi]\n" + lines);
        var found = result.Problems.Select(p => $"{p.Origin!.Line} {(p.Severity == Severity.Warning ? 'w' : 'e')} {p.Message}").ToArray();
        if (expected.Length == 0)
        {
            Assert.That(found, Is.Empty);
            return;
        }
        Assert.That(found, Has.Length.EqualTo(1), string.Join('\n', found));
        Assert.That(found[0], Does.StartWith(expected[..3]).And.Contain(expected[4..]));
    }

    // The lines of section [emperor], which begin on line 2; exec stands on line 2 where none is given.
    [TestCase("exec = ./app.py\nchdir = /srv/app\nuid = www-data\ngid = 33\ngroups = www-data\nsocket = /run/app/a.sock", "")]
    [TestCase("socket = @a\nchown-socket = www-data:www-data\nenv-file = -none\nread-only = /srv\nready = exec python3 x", "")]
    [TestCase("nise = 5", "3 e did you mean \"nice\"?")]
    [TestCase("memory-max = 300", "3 e \"memory-max = 300\": 300 bytes are less than")]
    [TestCase("uid = nobody2", "3 e \"uid = nobody2\": there is no user nobody2; make it, or name another")]
    [TestCase("gid = staff2", "3 e \"gid = staff2\": there is no group staff2")]
    [TestCase("groups = www-data staff2", "3 e \"groups = www-data staff2\": there is no group staff2")]
    [TestCase("socket = @a\nchown-socket = me:www-data", "4 e there is no user me")]
    [TestCase("socket = @a\nchown-socket = www-data:us", "4 e there is no group us")]
    [TestCase("chdir = /srv/ap", "3 e \"chdir = /srv/ap\": there is no folder /srv/ap; make it, or correct the name")]
    [TestCase("exec = ./ap.py", "2 e \"exec = ./ap.py\": there is no program /etc/v/ap.py; install it, or correct the name")]
    [TestCase(
        "exec = pithon3",
        "2 e \"exec = pithon3\": there is no program pithon3 in /usr/bin:/bin; install it, or write its whole path"
    )]
    [TestCase("exec = app.py\nenv = PATH=/bin:/srv/app", "")]
    [TestCase("exec = app.py\nenv = PATH=/sbin", "2 e there is no program app.py in /sbin")]
    [TestCase("health = exec /bin/none", "3 e \"health = exec /bin/none\": there is no program /bin/none")]
    [TestCase("ready = exec none", "3 e there is no program none in /usr/bin:/bin")]
    [TestCase("env-file = -b\nenv-file = /etc/v/a.ini\nenv-file = none", "5 e \"env-file = none\": there is no file /etc/v/none")]
    [TestCase("read-only = /srv\nread-only = /nowhere", "4 e \"read-only = /nowhere\": there is no /nowhere")]
    [TestCase("socket = @a\nsocket = /run/nowhere/a.sock", "4 e the folder /run/nowhere does not exist; make it")]
    [TestCase("socket = :80\nsocket = 127.0.0.1:80", "4 e the address is taken by \"socket\" (a.ini:3)")]
    [TestCase("cpu-max = 3", "3 w the machine has 2 processors, so it has no effect; write a smaller one")]
    [TestCase("cpu-max = 200%", "")]
    [TestCase("cpu-affinity = 2-3", "3 w the machine has 2 processors, numbered from 0; name some of these")]
    [TestCase("env = A=%(here)", "3 w \"env = A=%(here)\": %(here) is left as it is, since nothing has that name")]
    [TestCase("exec = python3 $PORT", "2 w \"exec = python3 $PORT\": no shell reads it, so $PORT is left as it is")]
    [TestCase("exec = python3 -c 'echo $PORT ${X}y'", "")]
    [TestCase("socket = @a\nexec = python3 %(fd)", "")]
    public void Each_mistake_of_a_program_is_found_on_its_line_and_nothing_else(string lines, string expected)
    {
        var exec = lines.Contains("exec = ", StringComparison.Ordinal) && !lines.Contains("= exec", StringComparison.Ordinal);
        var result = Examine("[emperor]\n" + (exec ? "" : "exec = python3\n") + lines);
        var found = result.Problems.Select(p => $"{p.Origin!.Line} {(p.Severity == Severity.Warning ? 'w' : 'e')} {p.Message}").ToArray();
        if (expected.Length == 0)
        {
            Assert.That(found, Is.Empty);
            return;
        }
        Assert.That(found, Has.Length.EqualTo(1), string.Join('\n', found));
        Assert.That(found[0], Does.StartWith(expected[..3]).And.Contain(expected[4..]));
    }

    [Test]
    public void Both_sections_of_a_file_are_looked_at()
    {
        var result = Examine("[uwsgi]\nmastr = true\nsocket = @a\n[emperor]\nexec = a\nnice = 1\n[Emperor]\n");
        Assert.That(result.Problems.Select(p => p.Origin!.Line), Is.EqualTo(new[] { 2, 5 }));
        Assert.That(result.Sockets.Single().Key, Is.EqualTo("@a"));
        var misspelt = Examine("[uwsgi]\nmaster = true\n[Emperor]\nmemory-max = 1G\n");
        Assert.That(misspelt.Problems.Single().Message, Does.StartWith("line 3: \"[Emperor]\" is not [emperor]"));
    }

    [Test]
    public void What_it_waits_for_is_told_with_its_line()
    {
        var result = Examine("[emperor]\nexec = python3\nafter = ab.ini\nafter = c.ini, b.ini\n");
        Assert.That(result.After.Select(a => $"{a.Name} {a.Origin.Line}"), Is.EqualTo(new[] { "ab.ini 3", "c.ini 4", "b.ini 4" }));
    }

    [TestCase("", "the file is empty")]
    [TestCase("socket = x\n", "no section")]
    [TestCase("[uwsg]\nsocket = x\n", "no section [uwsgi], only [uwsg]")]
    public void What_the_emperor_would_refuse_is_told(string text, string message) =>
        Assert.That(Examine(text).Problems.Single().Message, Does.Contain(message));

    [TestCase(":8000", "127.0.0.1:8000", true)]
    [TestCase("0.0.0.0:8000", "*:8000", true)]
    [TestCase("localhost:8000", "127.0.0.1:8000", true)]
    [TestCase("127.0.0.2:8000", "127.0.0.1:8000", false)]
    [TestCase(":8000", ":8001", false)]
    [TestCase(":0", ":0", false)]
    [TestCase("a.sock", "/etc/v/a.sock", true)]
    [TestCase("/run/../etc/v/a.sock", "a.sock", true)]
    [TestCase("@a", "@a", true)]
    [TestCase("@a", "a", false)]
    [TestCase("fd://0", "fd://0", false)]
    public void Two_addresses_collide_when_only_one_can_listen(string one, string other, bool collide)
    {
        var claims = new[] { one, other }.SelectMany(a =>
            SocketClaim.Of([new ExportedOption("socket", a, OptionOrigin.CommandLine)], "/etc/v")
        );
        var pair = claims.ToArray();
        Assert.That(pair.Length == 2 && pair[0].Collides(pair[1]), Is.EqualTo(collide));
    }

    [Test]
    public void Variables_of_whoever_looks_are_no_options_of_the_vassal()
    {
        var host = Host("[uwsgi]\nmaster = true\n").WithVariable("UWSGI_DAEMONIZE", "/tmp/x");
        Assert.That(VassalCheck.Examine("a.ini", host, Accounts).Problems, Is.Empty);
    }

    [Test]
    public void A_key_that_the_emperor_collects_is_no_mistake()
    {
        var host = Host("[uwsgi]\nmaster = true\n[emperor]\ntier = gold\n");
        Assert.That(VassalCheck.Examine("a.ini", host, Accounts).Problems.Single().Message, Does.Contain("there is no key \"tier\""));
        Assert.That(VassalCheck.Examine("a.ini", host, Accounts, ["tier"]).Problems, Is.Empty);
    }

    private static readonly KnownAccounts Accounts = new(name => name == "www-data", name => name == "www-data");

    private static CheckResult Examine(string text) => VassalCheck.Examine("a.ini", Host(text), Accounts);

    private static FakeConfigHost Host(string text) =>
        new FakeConfigHost { WorkingDirectory = "/etc/v" }
            .With("a.ini", text)
            .With("/srv/app/app.py", "")
            .With("/srv/app/shop/wsgi.py", "")
            .With("/run/app/other.sock", "")
            .With("/var/log/syslog", "")
            .With("/usr/bin/python3", "")
            .With("/usr/lib/uwsgi/plugins/python3_plugin.so", "");
}
