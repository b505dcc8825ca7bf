using System.Text.RegularExpressions;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Systemd;

/// <summary>Django in uwsgi behind nginx with deploy/nginx.conf, all under systemd.</summary>
internal sealed class SiteInMachineTests : ServiceTest
{
    private const int Reloads = 4;
    private const string Loaded = "/tmp/loaded";

    private const string Shop = """
        [uwsgi]
        plugin = python3
        chdir = /srv/shop
        module = shop.wsgi
        master = true
        processes = 2
        uid = www-data
        gid = www-data
        socket = /run/uwsgi/shop.sock
        chmod-socket = 660
        need-app = true
        disable-logging = true
        vacuum = true

        """;

    private const string NginxConfiguration = """
        daemon off;
        user www-data;
        worker_processes 1;
        error_log stderr notice;
        events { worker_connections 256; }
        http {
            access_log off;
            include /deploy/nginx.conf;
        }

        """;

    private const string Ask = "curl -s -o /dev/null -w '%{http_code}' -H 'Host: shop.localhost' http://127.0.0.1/";

    [Test]
    [Takes(30)]
    public void Start_blocks_until_Django_answers_and_reloads_under_load_fail_no_request()
    {
        Installed.Require();
        MakeSite();
        Assert.That(Machine.Run(Ask), Is.EqualTo("502"));
        // Nothing between the two: when start comes back, the application answers.
        var answer = Machine.Run($"systemctl start emperor && {Ask}", Long);
        Assert.That(answer, Is.EqualTo("200"), Machine.Journal());

        var masters = Running("uwsgi");
        // Each connection waits for its answer, so reloads of two seconds and more are seen as slow answers and nothing else.
        var load = Machine.Start(
            "wrk -t 1 -c 20 -d 600 --timeout 30s -H 'Host: shop.localhost' http://127.0.0.1/ & echo $! >/run/wrk.pid; wait"
        );
        Wait.Until(() => Machine.Try("test -s /run/wrk.pid").Code == 0, () => Machine.Journal());
        for (var i = 1; i <= Reloads; i++)
        {
            Machine.Run("systemctl reload emperor", Long);
            Assert.That(Machine.Run($"wc -l <{Loaded}"), Is.EqualTo($"{1 + i}"), "systemctl reload came back before the application");
            AwaitMessages("VASSAL=shop.ini EVENT=accepting", 1 + i);
        }
        Machine.Run("kill -INT $(cat /run/wrk.pid)");
        var result = load.Await(Long);
        TestContext.Out.WriteLine(result.Output);
        Assert.That(result.Output, Does.Not.Contain("Non-2xx").And.Not.Contain("Socket errors"), Machine.Journal());
        var requests = int.Parse(Regex.Match(result.Output, @"(\d+) requests in").Groups[1].Value);
        Assert.That(requests, Is.GreaterThan(100 * Reloads));
        Assert.That(Running("uwsgi").Intersect(masters), Is.Not.Empty, "uwsgi's graceful reload keeps its master");

        Machine.Run("systemctl stop emperor");
        Assert.That(Show("Result"), Is.EqualTo("success"));
        Assert.That(Running("uwsgi"), Is.Empty);
        Assert.That(Machine.Run(Ask), Is.EqualTo("502"));
    }

    private void MakeSite()
    {
        var project = DjangoProject.Create(Temp, "shop");
        // An application that takes its time to come up, and writes down when it is.
        File.AppendAllText(
            $"{project.Folder}/shop/wsgi.py",
            $"\nimport time\ntime.sleep(2)\nprint('loaded', file=open('{Loaded}', 'a'))\n"
        );
        Command.Run("/", "cp", "-a", project.Folder, Machine.Outside("/srv/"));
        Machine.Write(Ini, $"[uwsgi]\nemperor = {Vassals}\n");
        Machine.Write("/srv/shop/uwsgi.ini", Shop);
        Machine.Run($"ln -s /srv/shop/uwsgi.ini {Vassals}/shop.ini");
        Machine.Write("/etc/nginx/test.conf", NginxConfiguration);
        Machine.Run("systemd-run --unit=web /usr/sbin/nginx -c /etc/nginx/test.conf");
        Wait.Until(() => Machine.Try(Ask).Code == 0, () => Machine.Journal(), Long);
    }
}
