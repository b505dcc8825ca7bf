using Emperor.Core.Configuration;
using Emperor.Core.Wsgi;
using Emperor.Tests.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>What a file asks of its master besides workers.</summary>
[TestFixture]
public sealed class WsgiDutyTests
{
    private const string File = "blog.ini";

    private static WsgiReading Read(string lines) =>
        WsgiReader.Read(
            File,
            new FakeConfigHost { WorkingDirectory = "/etc/v" }.With(
                File,
                "[uwsgi]\nmodule = a\nsocket = /run/b\n" + lines.Replace("; ", "\n", StringComparison.Ordinal)
            )
        );

    private static string Shown(WsgiDuties d)
    {
        var parts = new List<string>();
        void Add(string name, IEnumerable<string> values)
        {
            var text = string.Join(' ', values);
            if (text.Length > 0)
                parts.Add($"{name} {text}");
        }
        Add("pid", d.PidFiles);
        Add("touch", d.TouchFiles);
        Add("fifo", d.Fifos);
        Add("daemon", d.Daemons.Select(c => $"{c.Command}/{c.StopSignal}"));
        Add("stats", d.Stats.Select(a => a.Text));
        Add(
            "how",
            new[] { (d.StatsHttp, "http"), (d.StatsMinified, "min"), (d.StatsNoCores, "no-cores") }.Where(f => f.Item1).Select(f => f.Item2)
        );
        if (d.Log is { } log)
            parts.Add($"log {log.Path}/{(log.Mode is { } mode ? Convert.ToString(mode, 8) : "-")}/{log.MaxSize}");
        return string.Join("; ", parts);
    }

    [TestCase("", "")]
    [TestCase("pidfile = /run/blog.pid", "pid /run/blog.pid")]
    [TestCase("pidfile = blog.pid # here", "pid /etc/v/blog.pid")]
    [TestCase("pidfile = /a; pidfile2 = /b; safe-pidfile = /c; safe-pidfile2 = /d", "pid /a /b /c /d")]
    [TestCase("chdir = /srv; pidfile = a; safe-pidfile = b; pidfile2 = c; safe-pidfile2 = d", "pid /etc/v/a /etc/v/b /srv/c /srv/d")]
    [TestCase("chdir = /srv; touch-reload = a; master-fifo = b; stats = c", "touch /srv/a; fifo /srv/b; stats /srv/c")]
    [TestCase("chdir = /srv; logto2 = a", "log /etc/v/a/-/0")]
    [TestCase("chdir = /srv; daemonize2 = a", "log /srv/a/-/0")]
    [TestCase("touch-reload = /srv/reload", "touch /srv/reload")]
    [TestCase("touch-reload = %p", "touch /etc/v/blog.ini")]
    [TestCase("touch-reload = /a; touch-chain-reload = /b; touch-workers-reload = /c; fs-reload = /a", "touch /a /c /b")]
    [TestCase("master-fifo = /run/%n.fifo", "fifo /run/blog.fifo")]
    [TestCase("stats = /run/s; stats = 127.0.0.1:9191; stats-server = @abstract", "stats /run/s 127.0.0.1:9191 @abstract")]
    [TestCase("stats = :9191; stats-http = true; stats-min = true; stats-no-cores = 1", "stats :9191; how http min no-cores")]
    [TestCase("stats = stats.sock", "stats /etc/v/stats.sock")]
    [TestCase("attach-daemon = celery -A blog worker # all", "daemon celery -A blog worker # all/15")]
    [TestCase("attach-daemon2 = cmd=redis-server,stopsignal=2,freq=5", "daemon redis-server/2")]
    [TestCase("logto = /var/log/blog.log", "log /var/log/blog.log/-/0")]
    [TestCase("daemonize = blog.log; logfile-chmod = 644; log-maxsize = 20971520", "log /etc/v/blog.log/644/20971520")]
    [TestCase("daemonize = /a; logto2 = /b", "log /b/-/0")]
    [TestCase("logger = file:/tmp/errlog; req-logger = file:/tmp/reqlog", "log /tmp/errlog/-/0")]
    [TestCase("daemonize = true", "")]
    [TestCase("touch-reload = true", "")]
    public void Duties(string lines, string shown)
    {
        var reading = Read(lines);
        Assert.That(reading.Refusal(File), Is.Null);
        Assert.That(Shown(reading.Plan!.Wsgi!.Duties), Is.EqualTo(shown));
    }

    [TestCase("stats = 9191", "")]
    [TestCase("stats = a:b:c", "it is no address; write a path")]
    [TestCase("stats = localhost:0", "it is no address; write a path")]
    [TestCase("logto = 192.168.1.1:514", "the log cannot be sent to another machine; name a file")]
    [TestCase("logto = /a; logfile-chmod = rw", "it is no mode; write three octal digits")]
    [TestCase("attach-daemon2 = freq=3", "it names no command; add cmd=COMMAND")]
    [TestCase("attach-daemon2 = cmd=x,pidfile=/run/x", "does not know pidfile of a daemon; remove it")]
    [TestCase("attach-daemon2 = cmd=x,stopsignal=99", "does not know stopsignal of a daemon")]
    [TestCase("hook-master-start = exec:touch /x", "has no hooks but unix_signal; remove it")]
    [TestCase("hook-master-start = unix_signal:15 gracefully_kill_them_all; plugins = 0:python", "")]
    [TestCase("logto = /a; log-maxsize = big", "it is no such number")]
    public void Refusals(string lines, string words) =>
        Assert.That(Read(lines).Refusal(File) ?? "", words.Length == 0 ? Is.Empty : Does.Contain(words));

    [TestCase("log-slow = true", "it is a number, and uWSGI reads this as 0; write the number")]
    [TestCase("daemonize = true", "that is no file, so it has no effect; name one")]
    [TestCase("touch-reload = true", "that is no file, so it has no effect; name one")]
    [TestCase("logger = syslog", "only file:PATH is a place for the log here")]
    [TestCase("static-expires = /x 60", "files are sent as they are")]
    [TestCase("log-encoder = json", "lines have the form that log-format gives them")]
    public void Warnings(string lines, string words)
    {
        var reading = Read(lines);
        Assert.That(reading.Refusal(File), Is.Null);
        Assert.That(reading.Problems.Single().ToString(), Does.Contain(words));
    }

    [TestCase("procname = blog", "blog")]
    [TestCase("auto-procname = true", "uWSGI worker {}")]
    [TestCase("auto-procname = true; procname-prefix-spaced = blog", "blog uWSGI worker {}")]
    [TestCase("procname = x; procname-prefix = a-; procname-append = -z", "a-x-z")]
    [TestCase("procname-prefix = a", null)]
    [TestCase("auto-procname = false", null)]
    public void The_name_of_the_processes(string lines, string? name)
    {
        using var json = System.Text.Json.JsonDocument.Parse(Read(lines).Plan!.Wsgi!.Options);
        Assert.That(json.RootElement.TryGetProperty("procname", out var value) ? value.GetString() : null, Is.EqualTo(name));
    }

    [Test]
    public void Modules_are_watched_when_asked_for() =>
        Assert.That(Read("py-auto-reload = 2").Plan!.Wsgi!.Options, Does.Contain("\"py-autoreload\":2"));

    [TestCase("wsgi-file = x.py; mount = /b=y.py; mount = /=z", "||/b|")]
    [TestCase("", "")]
    public void Where_apps_are_mounted(string lines, string shown) =>
        Assert.That(string.Join('|', Read(lines).Plan!.Wsgi!.Mountpoints), Is.EqualTo(shown));
}
