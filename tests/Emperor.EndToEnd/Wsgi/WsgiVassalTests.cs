using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>The usual ini file of a uwsgi vassal, run by the emperor alone behind nginx: no uwsgi is there.</summary>
internal sealed class WsgiVassalTests : EmperorTest
{
    private const string App = """
        import os, time
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/hang":
                time.sleep(600)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"VERSION %d" % os.getpid()]
        """;

    private Process? _nginx;

    private string SocketPath => Temp["app.sock"];

    [TearDown]
    public void EndNginx()
    {
        if (_nginx is null)
            return;
        _ = Native.Signal(_nginx.Id, Native.Terminate);
        _nginx.WaitForExit();
        _nginx.Dispose();
    }

    [Test]
    public async Task A_reload_under_load_fails_no_request_and_a_broken_app_takes_nothing_down()
    {
        WriteApp("one");
        WriteVassal("processes = 2", "threads = 2");
        var daemon = StartWithoutUwsgi();
        daemon.AwaitVassal("app.ini", "copy 2.* start 2");
        Wait.Until(() => daemon.Count("is ready after") == 2, Logs);
        using var client = Client(StartNginx());
        await AwaitBothProcesses(client);

        using var end = new CancellationTokenSource();
        var load = Enumerable.Range(0, 4).Select(_ => Load(client, end.Token)).ToArray();
        WriteApp("second");
        Touch(5);
        daemon.AwaitVassal("app.ini", "it is reloaded");
        // A former process may take a connection until it has seen that it is told to stop.
        Wait.Until(() => daemon.Count(" has ended") == 2, Logs);
        Assert.That(await client.GetStringAsync("/"), Does.StartWith("second "));

        WriteApp("three\nimport nothing_of_that_name");
        Touch(10);
        daemon.AwaitVassal("app.ini", "cannot be loaded: .*No module named 'nothing_of_that_name'");
        daemon.AwaitVassal("app.ini", "the reload failed: .*; the former processes serve on");
        await end.CancelAsync();
        var answers = await Task.WhenAll(load);
        Assert.That(answers.Sum(), Is.GreaterThan(0));
        Assert.That(await client.GetStringAsync("/"), Does.StartWith("second "));

        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(File.Exists(SocketPath), Is.False);
    }

    [Test]
    public async Task A_request_that_hangs_ends_its_worker_and_another_takes_its_place()
    {
        WriteApp("one");
        WriteVassal("processes = 1", "harakiri = 1", "harakiri-verbose = true");
        var daemon = StartWithoutUwsgi();
        daemon.AwaitVassal("app.ini", "is ready after");
        using var client = Client(StartNginx());
        var first = await client.GetStringAsync("/");
        // Within three seconds of its limit; where others have the processors it may be more, but hardly each time.
        for (var attempt = 1; ; attempt++)
        {
            Wait.Until(() => daemon.Count("is ready after") > daemon.Count("is killed: its request"), Logs);
            var clock = Stopwatch.StartNew();
            using var hung = await client.GetAsync("/hang");
            Assert.That(hung.StatusCode, Is.EqualTo(HttpStatusCode.BadGateway));
            Assert.That(clock.Elapsed, Is.GreaterThanOrEqualTo(TimeSpan.FromSeconds(1)));
            if (clock.Elapsed < TimeSpan.FromSeconds(4))
                break;
            Assert.That(attempt, Is.LessThan(5), $"the last one took {clock.Elapsed}");
        }
        daemon.AwaitVassal("app.ini", @"is killed: its request takes longer than 1 s \(harakiri\)");
        daemon.Await("hello.py\", line 4 in application");
        Wait.Until(() => daemon.Count("is ready after") > daemon.Count("is killed: its request"), Logs);
        Assert.That(await client.GetStringAsync("/"), Does.StartWith("one ").And.Not.EqualTo(first));
    }

    [Test]
    public void What_cannot_be_run_says_why()
    {
        WriteApp("one");
        WriteVassal("spooler = /tmp");
        var daemon = StartWithoutUwsgi();
        daemon.AwaitVassal("app.ini", "the built-in server has no spooler; .* write \"server = uwsgi\" in a section .emperor.");
    }

    private EmperorProcess StartWithoutUwsgi() =>
        Launch(
                new EmperorStart
                {
                    Arguments = ["--emperor", Vassals, "--emperor-freq", "600", "--binary-path", Temp["no-uwsgi"]],
                    Folder = Temp.Path,
                }
            )
            .AwaitGoverning();

    // Versions differ in length: Python takes a module's old bytecode when time, in seconds, and size are the same.
    private void WriteApp(string version)
    {
        var folder = Directory.CreateDirectory(Temp["project"]).FullName;
        var lines = version.Split('\n', 2);
        File.WriteAllText($"{folder}/hello.py", App.Replace("VERSION", lines[0]) + (lines.Length > 1 ? $"\n{lines[1]}\n" : "\n"));
    }

    private void WriteVassal(params string[] lines) =>
        File.WriteAllLines(
            $"{Vassals}/app.ini",
            [
                "[uwsgi]",
                $"base = {Temp.Path}",
                "chdir = %(base)/project   # where it lives",
                "module = hello:application",
                "master = true",
                "plugins = python3",
                $"socket = {SocketPath}",
                "chmod-socket = 666",
                "vacuum = true",
                "die-on-term = true",
                .. lines,
            ]
        );

    private void Touch(int seconds) => File.SetLastWriteTimeUtc($"{Vassals}/app.ini", DateTime.UtcNow.AddSeconds(seconds));

    private static async Task<int> Load(HttpClient client, CancellationToken end)
    {
        var count = 0;
        for (; !end.IsCancellationRequested; count++)
            _ = await client.GetStringAsync("/", CancellationToken.None);
        return count;
    }

    // The kernel decides which worker gets a connection.
    private async Task AwaitBothProcesses(HttpClient client)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var end = Stopwatch.StartNew(); seen.Count < 2 && end.Elapsed < Wait.Limit; )
        {
            foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => client.GetStringAsync("/"))))
                seen.Add(answer);
        }
        Assert.That(seen, Has.Count.EqualTo(2), Logs());
    }

    private string StartNginx()
    {
        var folder = Temp.Folder("nginx");
        string[] temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        File.WriteAllText(
            $"{folder}/nginx.conf",
            $$"""
            {{(Native.IsRoot ? "user root;" : "")}}
            daemon off; worker_processes 1; pid {{folder}}/pid; error_log {{folder}}/error.log;
            events { }
            http {
                access_log off;
                {{string.Concat(temporary.Select(t => $"{t}_temp_path {folder}/{t}; "))}}
                server { listen unix:{{folder}}/u.sock; location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:{{SocketPath}}; } }
            }
            """
        );
        _nginx = Process.Start("/usr/sbin/nginx", ["-e", $"{folder}/start.log", "-c", $"{folder}/nginx.conf"]);
        // A socket is there before it listens; nginx writes its number when all do.
        Wait.Until(() => File.Exists($"{folder}/pid") && new FileInfo($"{folder}/pid").Length > 0, Logs);
        return $"{folder}/u.sock";
    }

    private static HttpClient Client(string socket) =>
        new(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancel) =>
                {
                    var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                    return new NetworkStream(connection, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = new Uri("http://localhost/"),
            Timeout = Wait.Limit,
        };
}
