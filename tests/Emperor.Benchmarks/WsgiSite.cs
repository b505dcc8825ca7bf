using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Emperor.Benchmarks;

/// <summary>The app that all servers serve: some pages of plain WSGI, and Django beside it.</summary>
internal static class WsgiApp
{
    public const string Plain = """
        HELLO = b"Hello, world!\n"
        LARGE = b"x" * 1048576
        def application(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/upload":
                size = 0
                read = environ["wsgi.input"].read
                while piece := read(65536):
                    size += len(piece)
                body = b"%d\n" % size
            else:
                body = LARGE if path == "/large" else HELLO
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]
        """;

    public const string Django = """
        from django.conf import settings
        settings.configure(DEBUG=False, SECRET_KEY="benchmark", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.messages"],
            MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"],
            TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}])
        import django.core.wsgi
        from django.http import HttpResponse
        from django.template import engines
        from django.urls import path
        PAGE = "<table>{% for row in rows %}<tr><td>{{ row.number }}</td><td>{{ row.name }}</td></tr>{% endfor %}</table>"
        ROWS = [{"number": n, "name": f"row <{n}>"} for n in range(30)]
        def page(request):
            return HttpResponse(engines["django"].from_string(PAGE).render({"rows": ROWS}, request))
        urlpatterns = [path("page", page)]
        application = django.core.wsgi.get_wsgi_application()
        """;

    public static void Write(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "plain.py"), Plain);
        File.WriteAllText(Path.Combine(folder, "page.py"), Django);
    }
}

/// <summary>A server with the plain app and the Django page, each on a port and on a unix socket with an nginx in front.</summary>
internal sealed class WsgiSite : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(120);

    private readonly List<LaunchedProcess> processes = [];
    private readonly CancellationToken cancel;

    private WsgiSite(string root, CancellationToken cancel)
    {
        (Root, this.cancel) = (root, cancel);
        Directory.CreateDirectory(root);
        Vassals = Directory.CreateDirectory(Path.Combine(root, "vassals")).FullName;
        WsgiApp.Write(root);
    }

    public string Root { get; }

    public string Vassals { get; }

    /// <summary>The process that was started first: the emperor, or the server.</summary>
    public int Pid => processes[0].Pid;

    /// <summary>The ports of the server itself, by app.</summary>
    public Dictionary<string, int> Direct { get; } = [];

    /// <summary>Those of the nginx in front.</summary>
    public Dictionary<string, int> Proxied { get; } = [];

    /// <summary>The variables of all: Debian's python3 and nothing else.</summary>
    private static Dictionary<string, string> Variables => new() { ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin" };

    /// <summary>uwsgi as a vassal of its own emperor, or of none but the built-in server, with the very same files.</summary>
    public static WsgiSite OfUwsgiFiles(Contender contender, bool isBuiltIn, string root, CancellationToken cancel)
    {
        var site = new WsgiSite(root, cancel);
        foreach (var app in new[] { "plain", "page" })
        {
            site.Direct[app] = FreePort();
            site.WriteVassal(app, app, isBuiltIn, $"http-socket = 127.0.0.1:{site.Direct[app]}");
        }
        site.StartEmperor(contender, isBuiltIn);
        site.StartNginx(app => $"include /etc/nginx/uwsgi_params; uwsgi_pass unix:{root}/{app}.sock;");
        return site;
    }

    public static WsgiSite OfGunicorn(string root, CancellationToken cancel)
    {
        var site = new WsgiSite(root, cancel);
        foreach (var app in new[] { "plain", "page" })
        {
            site.Direct[app] = FreePort();
            string[] arguments =
            [
                "--workers",
                "2",
                "--preload",
                "--chdir",
                root,
                "--bind",
                $"127.0.0.1:{site.Direct[app]}",
                "--bind",
                $"unix:{root}/{app}.sock",
                $"{app}:application",
            ];
            site.Start("/usr/bin/gunicorn", arguments, $"gunicorn-{app}");
        }
        site.StartNginx(app => $"proxy_pass http://unix:{root}/{app}.sock; proxy_set_header Host $http_host;");
        return site;
    }

    /// <summary>An emperor over no vassals yet.</summary>
    public static WsgiSite OfNone(Contender contender, bool isBuiltIn, string root, CancellationToken cancel)
    {
        var site = new WsgiSite(root, cancel);
        site.StartEmperor(contender, isBuiltIn);
        return site;
    }

    public void WriteVassal(string name, string app, bool isBuiltIn, params string[] lines)
    {
        // In one step, and not before it is whole.
        var text = Path.Combine(Root, $"{name}.ini");
        File.WriteAllLines(
            text,
            [
                "[uwsgi]",
                .. isBuiltIn ? Array.Empty<string>() : ["plugin = python3"],
                $"chdir = {Root}",
                $"module = {app}:application",
                "master = true",
                "processes = 2",
                "disable-logging = true",
                "listen = 128",
                "vacuum = true",
                $"socket = {Root}/{name}.sock",
                "chmod-socket = 666",
                .. lines,
            ]
        );
        File.Move(text, Path.Combine(Vassals, $"{name}.ini"));
    }

    public void AwaitAnswer(int port, string path)
    {
        for (var from = Clock.Now; !Ask(port, path); Clock.Pause(TimeSpan.FromMilliseconds(5), cancel))
        {
            foreach (var process in processes)
            {
                if (process.Ending is { } ending)
                    throw new BenchmarkException($"a server ended by itself: {ending}; see the logs in {Root} (--keep)");
            }
            if (Clock.Milliseconds(Clock.Now - from) > limit.TotalMilliseconds)
                throw new BenchmarkException($"there was no answer from port {port} in two minutes; see the logs in {Root} (--keep)");
        }
    }

    /// <summary>One request on a connection of its own.</summary>
    public static bool Ask(int port, string path)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000 };
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(System.Text.Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            Span<byte> answer = stackalloc byte[16];
            var length = 0;
            int count;
            while (length < answer.Length && (count = socket.Receive(answer[length..])) > 0)
                length += count;
            return answer[..length].StartsWith("HTTP/1.1 200"u8) || answer[..length].StartsWith("HTTP/1.0 200"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>The processes below the first one, without nginx.</summary>
    public IReadOnlyList<int> Below() => [.. ProcFs.WithHelpers(Pid, "").Skip(1)];

    public void Dispose()
    {
        foreach (var process in processes)
            process.Signal(process.Pid == Pid ? Native.SignalInterrupt : Native.SignalTerminate);
        var end = Clock.Now + 30_000_000_000;
        while (processes.Exists(p => p.Ending is null) && Clock.Now < end)
            Thread.Sleep(20);
        foreach (var process in processes.Where(p => p.Ending is null))
        foreach (var pid in ProcFs.WithHelpers(process.Pid, "").Reverse())
            _ = Native.Kill(pid, Native.SignalKill);
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private void StartEmperor(Contender contender, bool isBuiltIn)
    {
        string[] choice = isBuiltIn ? ["--emperor-server", "wsgi"] : [];
        Start(contender.Program, ["--emperor", Vassals, .. choice], "emperor");
    }

    private void Start(string program, string[] arguments, string log) =>
        processes.Add(LaunchedProcess.Start(program, arguments, Path.Combine(Root, $"{log}.log"), Variables));

    private void StartNginx(Func<string, string> pass)
    {
        var servers = new List<string>();
        foreach (var app in Direct.Keys)
        {
            Proxied[app] = FreePort();
            servers.Add($"server {{ listen 127.0.0.1:{Proxied[app]}; location / {{ {pass(app)} }} }}");
        }
        string[] temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        var configuration = Path.Combine(Root, "nginx.conf");
        File.WriteAllText(
            configuration,
            $$"""
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            daemon off; worker_processes 1; pid {{Root}}/nginx.pid; error_log {{Root}}/nginx.log;
            events { worker_connections 2048; }
            http {
                access_log off; client_max_body_size 100m; keepalive_requests 1000000;
                {{string.Concat(temporary.Select(t => $"{t}_temp_path {Root}/{t}; "))}}
                {{string.Join("\n    ", servers)}}
            }
            """
        );
        Start("/usr/sbin/nginx", ["-e", $"{Root}/nginx.log", "-c", configuration], "nginx-start");
    }
}

/// <summary>What wrk has seen.</summary>
internal sealed record WrkResult(double Rate, double P99, long Requests, long Failed)
{
    /// <summary>Asks for some seconds.</summary>
    public static WrkResult Run(int port, string path, int connections, int seconds, string? script, CancellationToken cancel)
    {
        using var process = Begin(port, path, connections, seconds, script);
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        cancel.ThrowIfCancellationRequested();
        return Read(text);
    }

    public static Process Begin(int port, string path, int connections, int seconds, string? script)
    {
        string[] arguments =
        [
            "-t1",
            $"-c{connections}",
            $"-d{seconds}s",
            "--timeout",
            "30s",
            "--latency",
            $"http://127.0.0.1:{port}{path}",
        ];
        var start = new ProcessStartInfo("/usr/bin/wrk", script is null ? arguments : ["-s", script, .. arguments])
        {
            RedirectStandardOutput = true,
        };
        return Process.Start(start) ?? throw new BenchmarkException("wrk cannot be started");
    }

    public static WrkResult Read(string text)
    {
        double rate = 0;
        double p99 = 0;
        long requests = 0;
        long failed = 0;
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line.StartsWith("Requests/sec:", StringComparison.Ordinal))
                rate = double.Parse(words[1], CultureInfo.InvariantCulture);
            else if (line.StartsWith("99%", StringComparison.Ordinal))
                p99 = Time(words[1]);
            else if (line.Contains(" requests in ", StringComparison.Ordinal))
                requests = long.Parse(words[0], CultureInfo.InvariantCulture);
            else if (line.StartsWith("Non-2xx", StringComparison.Ordinal))
                failed += long.Parse(words[^1], CultureInfo.InvariantCulture);
            // Socket errors: connect 0, read 1, write 0, timeout 0
            else if (line.StartsWith("Socket errors", StringComparison.Ordinal))
                failed += words.Where(w => char.IsAsciiDigit(w[0])).Sum(w => long.Parse(w.TrimEnd(','), CultureInfo.InvariantCulture));
        }
        return requests == 0 ? throw new BenchmarkException($"wrk had no answer: {text}") : new WrkResult(rate, p99, requests, failed);
    }

    // Milliseconds.
    private static double Time(string text)
    {
        var number = double.Parse(text.TrimEnd('u', 'm', 's'), CultureInfo.InvariantCulture);
        return text.EndsWith("us", StringComparison.Ordinal) ? number / 1000
            : text.EndsWith("ms", StringComparison.Ordinal) ? number
            : number * 1000;
    }
}
