using System.Globalization;
using System.Net.Http;
using Emperor.EndToEnd.MainJob;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>emperor serve, with the command lines of uWSGI's and Django's documentation.</summary>
internal sealed class ServeTests : EmperorTest
{
    private const string App = """
        import os, time
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/slow":
                open("slow", "w").close()
                while not os.path.exists("go-on"):
                    time.sleep(0.01)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"Hello World %d %d %s" % (os.getpid(), os.getuid(), os.environ.get("GREETING", "").encode())]
        """;

    [Test]
    public async Task Ctrl_C_ends_it_when_the_request_in_hand_is_finished()
    {
        Temp.Write("test.py", App);
        var port = Ports.Free();
        var daemon = Serve("--http", $":{port}", "--wsgi-file", "test.py");
        daemon.Await($"serves test.py, http at http://localhost:{port}/, with 1 process of 1 thread; Ctrl-C");
        daemon.Await("test.py: pid .* is ready after");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = Wait.Limit };
        Assert.That(await client.GetStringAsync("/"), Does.StartWith("Hello World"));
        var slow = client.GetStringAsync("/slow");
        Wait.Until(() => File.Exists(Temp["slow"]), Logs);
        daemon.Signal(Native.Interrupt);
        daemon.Await("told to leave \\(SIGINT\\)");
        Temp.Write("go-on", "");
        Assert.That(await slow, Does.StartWith("Hello World"));
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        // What the app prints stands there as it is.
        Assert.That(daemon.Count(@"^\[pid: \d+\|app: 0\|req: 1/1\] "), Is.EqualTo(1), Logs());
    }

    [Test]
    public void A_socket_for_nginx_has_its_mode_and_goes_with_the_server()
    {
        Temp.Folder("mysite");
        Temp.Write("mysite/__init__.py", "");
        Temp.Write("mysite/wsgi.py", App);
        var daemon = Serve("--socket", "mysite.sock", "--module", "mysite.wsgi", "--chmod-socket=664");
        daemon.Await("is ready after");
        var socket = Temp["mysite.sock"];
        Assert.That(Convert.ToString((int)File.GetUnixFileMode(socket), 8), Is.EqualTo("664"));
        Assert.That(WsgiClient.AskUwsgiAt(socket, "GET", "/").Text, Does.StartWith("Hello World"));
        Assert.That(daemon.Stop(), Is.Zero);
        Assert.That(File.Exists(socket), Is.False);
    }

    [Test]
    public void Its_ini_file_and_SIGHUP_reload_it_while_the_socket_stays()
    {
        Temp.Write("test.py", App);
        var socket = Temp["s.sock"];
        void Write(string greeting) =>
            Temp.Write("uwsgi.ini", $"[uwsgi]\nsocket = s.sock\nwsgi-file = %dtest.py\nprocesses = 2\nenv = GREETING={greeting}\n");
        Write("one");
        var daemon = Serve("--ini", "uwsgi.ini");
        Wait.Until(() => daemon.Count("is ready after") == 2, Logs);
        string Ask() => WsgiClient.AskUwsgiAt(socket, "GET", "/").Text;
        Assert.That(Ask(), Does.EndWith(" one"));

        Write("second");
        daemon.Await("uwsgi.ini: it is reloaded");
        Wait.Until(() => Ask().EndsWith(" second", StringComparison.Ordinal), Logs);

        var mark = daemon.Mark;
        daemon.Signal(1);
        daemon.Await("uwsgi.ini: it is reloaded", mark);
        Assert.That(Ask(), Does.EndWith(" second"));

        // A file that is taken away, or broken, takes nothing with it.
        mark = daemon.Mark;
        Temp.Write("uwsgi.ini", "[uwsgi]\nsocket = s.sock\nwsgi-file = %dtest.py\nprocesses = many\n");
        daemon.Await("it is no such number", mark);
        File.Delete(Temp["uwsgi.ini"]);
        Assert.That(Ask(), Does.EndWith(" second"));
        Assert.That(daemon.Stop(), Is.Zero);
    }

    [Test]
    public void The_long_form_of_Djangos_documentation()
    {
        NeedRoot("workers become another user");
        File.SetUnixFileMode(Temp.Folder("project"), (UnixFileMode)0b111_101_101);
        Temp.Folder("project/mysite");
        Temp.Write("project/mysite/__init__.py", "");
        Temp.Write("project/mysite/wsgi.py", App);
        Command.Run(Temp.Path, "/usr/bin/python3", "-m", "venv", "--without-pip", Temp["env"]);
        Assert.That(Temp.Path, Does.Not.Contain(" "));
        var port = Ports.Free();
        var log = Temp["yourproject.log"];
        var first = Serve(
            $"--chdir={Temp["project"]}",
            "--module=mysite.wsgi:application",
            "--env",
            "GREETING=settings",
            "--master",
            $"--pidfile={Temp["master.pid"]}",
            $"--socket=127.0.0.1:{port}",
            "--processes=5",
            "--uid=65534",
            "--gid=65534",
            "--harakiri=20",
            "--max-requests=5000",
            "--vacuum",
            $"--home={Temp["env"]}",
            $"--daemonize={log}"
        );
        Assert.That(first.AwaitEnd(), Is.Zero, Logs());
        var pid = int.Parse(File.ReadAllText(Temp["master.pid"]), CultureInfo.InvariantCulture);
        try
        {
            string Said() => File.Exists(log) ? File.ReadAllText(log) : "";
            Wait.Until(() => Said().Split("is ready after").Length == 6, Said);
            var answer = Command.Run(Temp.Path, "/usr/bin/python3", "-c", AskOverTcp, $"{port}");
            Assert.That(answer, Does.EndWith(" 65534 settings\n"));
            // A line of the log may come after the answer.
            Wait.Until(() => Said().Contains("GET /tcp => generated"), Said);
        }
        finally
        {
            _ = Native.Signal(pid, Native.Terminate);
            Wait.Until(() => !ProcFs.IsAlive(pid), Logs);
        }
        Assert.That(File.Exists(Temp["master.pid"]), Is.False);
    }

    [TestCase("--http :0 --module a --no-such-option", 2, "unknown option \"--no-such-option\"")]
    [TestCase("--wsgi-file test.py", 2, "names no socket for it; add")]
    [TestCase("--http :8000", 2, "no Python app is named; add --module")]
    [TestCase("", 2, "no app; try emperor serve --http :8000 --wsgi-file app.py")]
    [TestCase("--ini nothing.ini", 2, "nothing.ini\": no such file")]
    [TestCase("spooler.ini", 1, "spooler.ini:4: \"spooler = /tmp\": the built-in server has no spooler")]
    [TestCase("--socket s.sock --wsgi-file test.py --pidfile /no/such/folder/pid", 4, "the pidfile /no/such/folder/pid cannot be written")]
    [TestCase("--socket s.sock --wsgi-file broken.py", 3, "ModuleNotFoundError: No module named 'nothing_of_that_name'")]
    [TestCase("--socket s.sock --wsgi-file missing.py", 3, "FileNotFoundError")]
    [TestCase("--socket /no/such/folder/s --wsgi-file test.py", 3, "/no/such/folder/s cannot be bound")]
    public void What_cannot_be_served_says_why(string words, int code, string text)
    {
        Temp.Write("test.py", App);
        Temp.Write("broken.py", "import nothing_of_that_name\n");
        Temp.Write("spooler.ini", "[uwsgi]\nmodule = a\nsocket = /tmp/x\nspooler = /tmp\n");
        var daemon = Serve(words.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.That(daemon.AwaitEnd(), Is.EqualTo(code), Logs());
        Assert.That(string.Join('\n', daemon.Lines), Does.Match(text));
    }

    [TestCase("serve", "--help")]
    [TestCase("help", "serve")]
    public void Help(string first, string second)
    {
        var daemon = Launch(new EmperorStart { Arguments = [first, second], Folder = Temp.Path });
        Assert.That(daemon.AwaitEnd(), Is.Zero);
        daemon.Await("Usage: emperor serve ");
        daemon.Await("--wsgi-file <FILE> ");
        daemon.Await("  3  the app did not come up");
    }

    // One request by the uwsgi protocol over TCP.
    private const string AskOverTcp = """
        import socket, struct, sys
        pairs = {"REQUEST_METHOD": "GET", "PATH_INFO": "/tcp", "REQUEST_URI": "/tcp", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_NAME": "x", "SERVER_PORT": "80"}
        body = b"".join(struct.pack("<H", len(t)) + t.encode() for pair in pairs.items() for t in pair)
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
        s.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
        print(s.makefile().read().split("\n")[-1])
        """;

    private EmperorProcess Serve(params string[] words)
    {
        var daemon = Launch(new EmperorStart { Arguments = ["serve", .. words], Folder = Temp.Path });
        if (!words.Any(w => w.StartsWith("--daemonize")))
            Wait.Quietly(() => daemon.HasEnded || daemon.Count("serves ") > 0);
        return daemon;
    }
}
