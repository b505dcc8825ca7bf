using System.Reflection;
using System.Runtime.InteropServices;

namespace Emperor.EndToEnd.Programs;

/// <summary>A program that real people run, and how its file says so.</summary>
/// <param name="Name">Its name; the test's too.</param>
/// <param name="Lines">What its file says, besides its sockets; {dir} is the folder of its app.</param>
internal sealed record RealServer(string Name, params string[] Lines)
{
    /// <summary>Its app's file: its name and its text.</summary>
    public (string Name, string Text) App { get; init; } = ("none", "");

    /// <summary>What must be installed.</summary>
    public string? Program { get; init; }

    /// <summary>Whether the process that answers is one that the vassal's process has started.</summary>
    public bool HasWorkers { get; init; }

    private const string Wsgi = """
        import os
        if os.environ.get("BROKEN"):
            raise SystemExit(3)
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(os.getpid()).encode()]
        """;

    private const string Asgi = """
        import os
        async def app(scope, receive, send):
            if scope["type"] != "http":
                return
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
        """;

    // http.Server's own close() ends idle connections at once, also those whose next request is under way (Node.js 19 and later). An app that
    // loses none stops to listen, and ends each connection with its next answer.
    private const string Node = """
        const http = require('http'), net = require('net');
        if (process.env.BROKEN) process.exit(3);
        let leaving = false;
        const server = http.createServer((request, response) => {
            if (leaving) response.setHeader('Connection', 'close');
            response.end(String(process.pid));
        });
        server.listen({ fd: 3 });
        process.on('SIGTERM', () => {
            leaving = true;
            net.Server.prototype.close.call(server, () => process.exit(0));
            setTimeout(() => process.exit(0), 5000).unref();
        });
        """;

    private static readonly string Dotnet = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet"));

    private static string Kestrel =>
        typeof(RealServer).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "KestrelProgram").Value!;

    /// <summary>gunicorn with one thread a worker.</summary>
    public static RealServer GunicornSync { get; } =
        new("gunicorn", "exec = gunicorn --workers 2 --chdir {dir} app:app", "ready = accept")
        {
            App = ("app.py", Wsgi),
            Program = "gunicorn",
            HasWorkers = true,
        };

    /// <summary>gunicorn with threads.</summary>
    public static RealServer GunicornThreads { get; } =
        GunicornSync with
        {
            Lines = ["exec = gunicorn --workers 1 --threads 8 --chdir {dir} app:app", "ready = http /"],
        };

    /// <summary>uvicorn.</summary>
    public static RealServer Uvicorn { get; } =
        new("uvicorn", "exec = uvicorn --fd %(fd) --app-dir {dir} --log-level warning app:app", "ready = http /")
        {
            App = ("app.py", Asgi),
            Program = "uvicorn",
        };

    /// <summary>Node.js.</summary>
    public static RealServer NodeJs { get; } =
        new("node", "exec = node {dir}/app.js", "ready = accept") { App = ("app.js", Node), Program = "node" };

    /// <summary>ASP.NET Core.</summary>
    public static RealServer AspNetCore { get; } = new("kestrel", $"exec = {Dotnet} {Kestrel}", "ready = notify");

    /// <summary>All that serve over a socket of the emperor's.</summary>
    public static IReadOnlyList<RealServer> All { get; } =
    [GunicornSync, GunicornThreads with { Name = "gthread" }, Uvicorn, NodeJs, AspNetCore];

    /// <summary>The test's name.</summary>
    public override string ToString() => Name;
}
