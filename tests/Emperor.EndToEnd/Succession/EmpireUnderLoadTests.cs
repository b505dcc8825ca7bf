using System.Globalization;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;
using Emperor.EndToEnd.Systemd;

namespace Emperor.EndToEnd.Succession;

/// <summary>
/// What succession is for: fifty apps in uwsgi, gunicorn and the built-in server behind nginx, under constant load, and emperors that come and go.
/// </summary>
internal sealed class EmpireUnderLoadTests : SuccessionTest
{
    private const int Upgrades = 20;
    private const int Kills = 20;

    // For nineteen of either.
    private static readonly TimeSpan BatchLimit = TimeSpan.FromMinutes(8);
    private static readonly (char Kind, int Count)[] Kinds = [('u', 17), ('g', 16), ('b', 17)];

    // In the folder of the apps, which are all the same.
    private const string App = """
        import os

        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"%d" % os.getpid()]

        """;

    private const string Nginx = """
        daemon off;
        user root;
        worker_processes 1;
        error_log stderr notice;
        events { worker_connections 512; }
        http {
            access_log off;
            server {
                listen 80;
                location ~ ^/(?<app>[ub]\d+)$ { include uwsgi_params; uwsgi_pass unix:/run/uwsgi/$app.sock; }
                location ~ ^/(?<app>g\d+)$ { proxy_set_header Host localhost; proxy_pass http://unix:/run/uwsgi/$app.sock:/; }
            }
        }

        """;

    // Each connection asks for one app after another, some ten times a second.
    private static string Load =>
        $$"""
            local apps = { {{string.Join(", ", Names.Select(name => $"\"/{name}\""))}} }
            local threads, turn = 0, 0
            function request() turn = turn % #apps + 1 return wrk.format("GET", apps[turn]) end
            function delay() return 100 end

            """;

    private static IEnumerable<string> Names => Kinds.SelectMany(k => Enumerable.Range(1, k.Count).Select(i => $"{k.Kind}{i}"));

    protected override MachineSetup Setup
    {
        get
        {
            var setup = WithService();
            var files = new Dictionary<string, string>(setup.Files)
            {
                // What it has is counted, and twenty starts within two minutes are all that the unit allows.
                [$"{Unit}.d/test.conf"] = $"[Unit]\nStartLimitIntervalSec=0\n[Service]\n{AtOnce}\n",
                [Ini] = $"[uwsgi]\nemperor = {Vassals}\n",
                ["/srv/app.py"] = App,
                ["/etc/nginx/test.conf"] = Nginx,
                ["/srv/load.lua"] = Load,
            };
            foreach (var name in Names)
                files[$"{Vassals}/{name}.ini"] = VassalOf(name);
            return setup with { Files = files };
        }
    }

    [Test]
    [Takes(60)]
    public void No_request_fails_and_no_process_changes_while_twenty_emperors_are_upgraded_and_twenty_are_killed()
    {
        Installed.Require();
        Start();
        Machine.Run("systemd-run --unit=web /usr/sbin/nginx -c /etc/nginx/test.conf");
        Wait.Until(() => Ask("b1").Code == 0, Machine.Journal, Long);
        Assert.That(Machine.Try("emperor status").Code, Is.Zero, "all are well");
        // Each has two processes, when what has loaded the app and forks workers of the built-in server has left for want of work.
        Wait.Until(() => Subjects.Length == 100, Machine.Journal, Long);
        var (pids, before, numbers) = (Pids(), Subjects, Figures());
        var load = Machine.Start("wrk -t 1 -c 20 -d 3600 --timeout 30s -s /srv/load.lua http://127.0.0.1/ & echo $! >/run/wrk.pid; wait");
        Wait.Until(() => Machine.Try("test -s /run/wrk.pid").Code == 0, Machine.Journal);

        var emperor = MainPid;
        var answers = Machine.Run(Repeat(Upgrades - 1, "emperor upgrade"), BatchLimit).Split('\n').ToList();
        answers.Add(Machine.Run("emperor upgrade"));
        Assert.That(answers, Has.Count.EqualTo(Upgrades).And.All.Contains("50 vassals carried over, none restarted"));
        TestContext.Out.WriteLine(answers[^1]);
        Assert.That(MainPid, Is.EqualTo(emperor), "it is one process all the time");
        Assert.That(Pids(), Is.EqualTo(pids));
        Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
        var now = Figures();
        Assert.That((now.Open <= numbers.Open, now.Stored <= numbers.Stored), Is.EqualTo((true, true)), $"{now} instead of {numbers}");

        KillEmperor();
        var figures = Figures();
        Machine.Run(Repeat(Kills - 1, KillAndAwait), BatchLimit);
        Assert.That(Count("EVENT=adopted"), Is.EqualTo(Kills));
        Assert.That(Pids(), Is.EqualTo(pids));
        Assert.That(Subjects, Is.EquivalentTo(before), Machine.Journal());
        AwaitFigures(figures);

        Machine.Run("kill -INT $(cat /run/wrk.pid)");
        var result = load.Await(Long).Output;
        TestContext.Out.WriteLine(result);
        Assert.That(result, Does.Not.Contain("Non-2xx").And.Not.Contain("Socket errors"), Machine.Journal());
        Assert.That(
            int.Parse(Regex.Match(result, @"(\d+) requests in").Groups[1].Value, CultureInfo.InvariantCulture),
            Is.GreaterThan(1000)
        );

        ObeyAsEver();
        Machine.Run("systemctl stop emperor", Long);
        Assert.That(Show("Result"), Is.EqualTo("success"), Machine.Journal());
        AwaitNothingLeft();
        // uWSGI does not remove a socket that it has kept over a reload of its own ("VACUUM WARNING: ... changed inode. Skip removal").
        Assert.That(Machine.Run("ls /run/uwsgi").Trim(), Is.EqualTo("u1.sock"));
    }

    // One of each kind is touched, one is killed, one is removed.
    private void ObeyAsEver()
    {
        var stored = Stored;
        foreach (var (kind, _) in Kinds)
        {
            Machine.Run($"touch {Vassals}/{kind}1.ini; kill -9 {PidOf($"{kind}2.ini")}; rm {Vassals}/{kind}3.ini");
            foreach (var match in (string[])[$"{kind}1.ini EVENT=accepting", $"{kind}2.ini EVENT=accepting", $"{kind}3.ini EVENT=stopped"])
                Wait.Until(() => Count($"VASSAL={match} _PID={MainPid}") > 0, () => match + Machine.Journal(), Long);
            foreach (var nth in (int[])[1, 2])
                Assert.That(Ask($"{kind}{nth}").Code, Is.Zero);
            Assert.That(Ask($"{kind}3").Code, Is.Not.Zero);
        }
        // Each has as many processes as before, though those of before were init's children; two of the built-in server have loaded their apps again.
        Wait.Until(() => Subjects.Length is (47 * 2) or (47 * 2 + 2), () => Machine.Run("ps -ef") + Machine.Journal(), Long);
        Wait.Until(() => Stored < stored, Machine.Journal, Long);
    }

    private static string VassalOf(string name) =>
        name[0] switch
        {
            'u' => $"[uwsgi]\nplugin = python3\nchdir = /srv\nmodule = app\nmaster = true\nsocket = /run/uwsgi/{name}.sock\nvacuum = true\n"
                + "disable-logging = true\nneed-app = true\n",
            'b' =>
                $"[uwsgi]\nchdir = /srv\nmodule = app\nmaster = true\nprocesses = 2\nsocket = /run/uwsgi/{name}.sock\n[emperor]\nserver = wsgi\n",
            _ => $"[emperor]\nexec = gunicorn --workers 1 --chdir /srv app\nsocket = /run/uwsgi/{name}.sock\nready = accept\n",
        };

    private static string Repeat(int times, string command) => $"for i in $(seq {times}); do {command} || exit; done";

    private const string KillAndAwait =
        "{ old=$(systemctl show -P MainPID emperor); kill -9 $old; "
        + "until set -- $(systemctl show -P MainPID -P ActiveState emperor); [ $1 != 0 ] && [ $1 != $old ] && [ $2 = active ]; do sleep 0.05; done; }";

    private CommandResult Ask(string app) => Machine.Try($"curl -sf --max-time 20 http://127.0.0.1/{app}");

    // Of all vassals.
    private string Pids() =>
        Machine.Run(
            "emperor status --json | python3 -c 'import json, sys; print(*((v[\"name\"], v[\"pid\"]) for v in json.load(sys.stdin)[\"vassals\"]))'"
        );

    // Descriptors of the emperor's, and those that systemd keeps.
    private (int Open, int Stored) Figures() =>
        (int.Parse(Machine.Run($"ls /proc/{MainPid}/fd | wc -l"), CultureInfo.InvariantCulture), Stored);

    private void AwaitFigures((int Open, int Stored) expected)
    {
        var last = expected;
        Wait.Until(() => (last = Figures()) == expected, () => $"{last} descriptors instead of {expected}\n{Machine.Journal()}", Long);
    }
}
