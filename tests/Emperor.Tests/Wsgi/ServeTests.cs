using Emperor.Core.Configuration;
using Emperor.Core.Reign;
using Emperor.Core.Wsgi;
using Emperor.Tests.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>The command line of "emperor serve".</summary>
[TestFixture]
public sealed class ServeTests
{
    private static FakeConfigHost Host => new() { WorkingDirectory = "/srv" };

    private static WsgiReading Read(string words, FakeConfigHost? host = null) =>
        WsgiReader.ReadCommandLine(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), host ?? Host);

    private static string Shown(WsgiReading reading)
    {
        Assert.That(reading.Refusal(""), Is.Null);
        var plan = reading.Plan!;
        var sockets = plan.Sockets.Zip(plan.Wsgi!.Protocols, (s, p) => $"{p}={s.Address}/{Convert.ToString(s.Mode, 8)}");
        return $"{plan.Wsgi.App} {string.Join(' ', sockets)} {plan.Processes}x{plan.Wsgi.Threads} {plan.User ?? "-"}:{plan.Group ?? "-"}";
    }

    // Those of the uWSGI tutorial and of Django's documentation.
    [TestCase("--http :8000 --wsgi-file test.py", "test.py http=0.0.0.0:8000/755 1x1 -:-")]
    [TestCase("--http :8000 --module mysite.wsgi", "mysite.wsgi http=0.0.0.0:8000/755 1x1 -:-")]
    [TestCase("--http :8000 --home /env --chdir /path/to/your/project -w project.wsgi", "project.wsgi http=0.0.0.0:8000/755 1x1 -:-")]
    [TestCase("--socket mysite.sock --module mysite.wsgi --chmod-socket=664", "mysite.wsgi uwsgi=/srv/mysite.sock/664 1x1 -:-")]
    [TestCase("--socket :8001 --wsgi-file test.py", "test.py uwsgi=0.0.0.0:8001/755 1x1 -:-")]
    [TestCase(
        "--chdir=/path/to/your/project --module=mysite.wsgi:application --env DJANGO_SETTINGS_MODULE=mysite.settings --master "
            + "--pidfile=/tmp/project-master.pid --socket=127.0.0.1:49152 --processes=5 --uid=1000 --gid=2000 --harakiri=20 "
            + "--max-requests=5000 --vacuum --home=/env --daemonize=/var/log/uwsgi/yourproject.log",
        "mysite.wsgi:application uwsgi=127.0.0.1:49152/755 5x1 1000:2000"
    )]
    [TestCase(
        "--http-socket 127.0.0.1:3031 --wsgi-file app.py --callable app --processes 4 --threads 2 --stats 127.0.0.1:9191",
        "app.py http=127.0.0.1:3031/755 4x2 -:-"
    )]
    [TestCase(
        "-s /tmp/y.sock --manage-script-name --mount /yourapplication=myapp:app",
        "/yourapplication=myapp:app uwsgi=/tmp/y.sock/755 1x1 -:-"
    )]
    [TestCase("--ini uwsgi.ini", "blog uwsgi=/srv/blog.sock/755 3x1 -:-")]
    [TestCase("uwsgi.ini --processes 2", "blog uwsgi=/srv/blog.sock/755 3x1 -:-")]
    [TestCase("--set base=/x --socket %(base)/s --module a", "a uwsgi=/x/s/755 1x1 -:-")]
    public void Command_lines(string words, string shown) =>
        Assert.That(
            Shown(
                Read(
                    words,
                    Host.With("/env/bin/python3", "")
                        .With("uwsgi.ini", "[uwsgi]\nmodule = %n\nset = x=y\nmodule = blog\nsocket = blog.sock\nprocesses = 3\n")
                )
            ),
            Is.EqualTo(shown)
        );

    [Test]
    public void The_environment_counts_as_with_uwsgi()
    {
        var host = Host;
        host.Variables.Add(new("UWSGI_HTTP", ":80"));
        host.Variables.Add(new("UWSGI_MODULE", "a"));
        Assert.That(Shown(Read("", host)), Is.EqualTo("a http=0.0.0.0:80/755 1x1 -:-"));
    }

    [TestCase("--http :80", "no Python app is named; add --module")]
    [TestCase("--module a", "names no socket")]
    [TestCase("--no-such", "unknown option \"--no-such\"")]
    [TestCase("--module", "option \"--module\" needs a value")]
    [TestCase("--ini nothing.ini", "cannot read \"nothing.ini\": no such file")]
    [TestCase("--http :80 --module a --spooler /x", "the built-in server has no spooler")]
    [TestCase("--http :80 --module a --yaml x.yml", "only ini files are")]
    public void Refusals(string words, string text) =>
        Assert.That(string.Join('\n', Read(words).Problems.Where(p => p.Severity != Severity.Warning)), Does.Contain(text));

    [Test]
    public void The_server_has_its_own_part()
    {
        string[] words =
        [
            "--http",
            ":80",
            "--module",
            "a",
            "--pidfile",
            "/p",
            "--daemonize",
            "/l",
            "--uid",
            "33",
            "--chdir",
            "/x",
            "--log-level",
            "debug",
        ];
        var host = Host;
        var read = ConfigurationReader.Read(words, host, isVassal: true);
        var (settings, problems) = SettingsBuilder.BuildServe(read, host, new ServeRequest("a", words, null, ""));
        Assert.That(problems, Is.Empty);
        Assert.That(
            (
                settings!.PidFile,
                settings.Daemonize,
                settings.User,
                settings.ChangeDirectory,
                settings.Control,
                settings.Ready,
                settings.LogLevel
            ),
            Is.EqualTo(("/p", "/l", (AccountReference?)null, (string?)null, "none", ReadyPolicy.All, EmperorLogLevel.Debug))
        );
        var plan = Read(string.Join(' ', words)).Plan!;
        Assert.That((plan.User, plan.Wsgi!.Duties), Is.EqualTo(("33", WsgiDuties.None)));
    }

    [Test]
    public void The_help_tells_of_every_option_that_does_something()
    {
        var text = ServeHelp.Render(100);
        var done = WsgiOptions.All.Where(o => o.Fate is WsgiFate.Worker or WsgiFate.Emperor && o.Name == o.Canonical).Select(o => o.Name);
        Assert.That(done.Where(name => !text.Contains($"--{name}", StringComparison.Ordinal)), Is.Empty);
        Assert.That(ServeHelp.Explained.Where(name => OptionTable.Instance.Find(name) is null), Is.Empty);
        Assert.That(ServeOptions.Names.Where(name => OptionTable.Instance.Find(name) is null), Is.Empty);
        Assert.That(ServeHelp.Explained, Is.Unique);
    }
}
