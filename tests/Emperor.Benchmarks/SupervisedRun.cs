using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Emperor.Benchmarks;

/// <summary>What one supervisor has shown.</summary>
/// <param name="FirstAnswer">From its start to the application's first answer, milliseconds.</param>
/// <param name="Answered">Requests that were answered with 200.</param>
/// <param name="Failed">Requests that were not.</param>
/// <param name="LongestGap">The longest time in which no client had an answer, milliseconds.</param>
/// <param name="Processes">Its processes, the application's not counted.</param>
/// <param name="Memory">The private dirty memory of these, megabytes.</param>
internal sealed record SupervisedSample(double FirstAnswer, int Answered, int Failed, double LongestGap, int Processes, double Memory);

/// <summary>One supervisor over one gunicorn on a port of the loopback.</summary>
internal sealed class SupervisedRun : IDisposable
{
    private const string Application = """
        def application(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
            return [b"ok\n"]
        """;

    private const int Pause = 300;
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(60);

    private readonly int port;
    private readonly CancellationToken cancel;
    private readonly LaunchedProcess process;
    private readonly (string Program, string[] Arguments) restart;

    private SupervisedRun(int port, LaunchedProcess process, (string, string[]) restart, CancellationToken cancel) =>
        (this.port, this.process, this.restart, this.cancel) = (port, process, restart, cancel);

    /// <summary>gunicorn binds the port itself, as it does under supervisord.</summary>
    public static SupervisedRun OfSupervisord(string root, CancellationToken cancel)
    {
        var port = FreePort();
        var configuration = Path.Combine(root, "supervisord.conf");
        File.WriteAllText(Path.Combine(root, "app.py"), Application);
        File.WriteAllText(
            configuration,
            $"""
            [supervisord]
            nodaemon = true
            pidfile = {root}/supervisord.pid
            logfile = {root}/supervisord.log
            childlogdir = {root}
            [unix_http_server]
            file = {root}/supervisor.sock
            [rpcinterface:supervisor]
            supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
            [supervisorctl]
            serverurl = unix://{root}/supervisor.sock
            [program:app]
            command = {Found("gunicorn")} --workers 2 --bind 127.0.0.1:{port} app:application
            directory = {root}
            stopasgroup = false
            """
        );
        var process = LaunchedProcess.Start(
            Found("supervisord"),
            ["-c", configuration],
            Path.Combine(root, "log"),
            new Dictionary<string, string>()
        );
        return new SupervisedRun(port, process, (Found("supervisorctl"), ["-c", configuration, "restart", "app"]), cancel);
    }

    /// <summary>The emperor holds the port, and a reload starts the next gunicorn before the last one stops.</summary>
    public static SupervisedRun OfEmperor(string emperor, string root, CancellationToken cancel)
    {
        var port = FreePort();
        var vassals = Directory.CreateDirectory(Path.Combine(root, "vassals")).FullName;
        File.WriteAllText(Path.Combine(root, "app.py"), Application);
        File.WriteAllText(
            Path.Combine(vassals, "app.ini"),
            $"""
            [emperor]
            exec = {Found("gunicorn")} --workers 2 app:application
            chdir = {root}
            socket = 127.0.0.1:{port}
            ready = accept
            """
        );
        var control = Path.Combine(root, "control.sock");
        var process = LaunchedProcess.Start(
            emperor,
            ["--emperor", vassals, "--emperor-control", control],
            Path.Combine(root, "log"),
            new Dictionary<string, string>()
        );
        return new SupervisedRun(port, process, (emperor, ["reload", "app.ini", "--socket", control]), cancel);
    }

    public SupervisedSample Measure(int restarts, int clients)
    {
        for (var from = Clock.Now; !Ask(); Clock.Pause(TimeSpan.FromMilliseconds(2), cancel))
        {
            if (process.Ending is { } ending)
                throw new BenchmarkException($"the supervisor ended by itself: {ending}");
            if (Clock.Milliseconds(Clock.Now - from) > limit.TotalMilliseconds)
                throw new BenchmarkException("the application did not answer in a minute");
        }
        var first = Clock.Milliseconds(Clock.Now - process.StartedAt);
        Clock.Pause(TimeSpan.FromSeconds(1), cancel);
        int[] own = [.. ProcFs.WithHelpers(process.Pid, "").Where(pid => !IsApplication(pid))];
        var memory = ProcFs.Memory(own).PrivateDirty;
        var load = new Load(clients, Ask);
        for (var i = 0; i < restarts; i++)
        {
            Clock.Pause(TimeSpan.FromMilliseconds(Pause), cancel);
            Restart();
        }
        Clock.Pause(TimeSpan.FromMilliseconds(Pause), cancel);
        var (answered, failed, gap) = load.End();
        return new SupervisedSample(first, answered, failed, gap, own.Length, memory);
    }

    public void Dispose()
    {
        process.Signal(Native.SignalTerminate);
        var end = Clock.Now + 20_000_000_000;
        while (process.Ending is null && Clock.Now < end)
            Thread.Sleep(20);
        if (process.Ending is null)
            foreach (var pid in ProcFs.WithHelpers(process.Pid, "").Reverse())
                _ = Native.Kill(pid, Native.SignalKill);
    }

    private void Restart()
    {
        using var command = Process.Start(
            new ProcessStartInfo(restart.Program, restart.Arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        var words = command.StandardOutput.ReadToEnd() + command.StandardError.ReadToEnd();
        command.WaitForExit();
        if (command.ExitCode != 0)
            throw new BenchmarkException($"{restart.Program}: {words.Trim()}");
    }

    // One request on a connection of its own. Refused, reset, cut short and not 200 all count as failed.
    private bool Ask()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                ReceiveTimeout = 30_000,
                NoDelay = true,
            };
            socket.Connect(IPAddress.Loopback, port);
            socket.Send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8);
            Span<byte> answer = stackalloc byte[1024];
            var length = 0;
            int count;
            while (length < answer.Length && (count = socket.Receive(answer[length..])) > 0)
                length += count;
            return answer[..length].StartsWith("HTTP/1.1 200"u8) && answer[..length].EndsWith("ok\n"u8);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool IsApplication(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Contains("gunicorn", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string Found(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin")
            .Split(':')
            .Append("/usr/bin")
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists)
        ?? throw new BenchmarkException($"{program} is not installed (packages gunicorn and supervisor)");

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Clients that ask one request after the other until they are stopped.</summary>
    private sealed class Load
    {
        private readonly Thread[] threads;
        private readonly Lock gate = new();
        private volatile bool isOver;
        private int answered;
        private int failed;
        private long lastAnswer = Clock.Now;
        private long longestGap;

        public Load(int clients, Func<bool> ask)
        {
            threads =
            [
                .. Enumerable
                    .Range(0, clients)
                    .Select(_ => new Thread(() =>
                    {
                        while (!isOver)
                        {
                            var isAnswered = ask();
                            Count(isAnswered);
                            // As a client would: it does not hammer at a closed door.
                            if (!isAnswered)
                                Thread.Sleep(5);
                        }
                    })),
            ];
            Array.ForEach(threads, t => t.Start());
        }

        public (int Answered, int Failed, double LongestGap) End()
        {
            isOver = true;
            Array.ForEach(threads, t => t.Join());
            return (answered, failed, Clock.Milliseconds(longestGap));
        }

        private void Count(bool isAnswered)
        {
            lock (gate)
            {
                if (!isAnswered)
                {
                    failed++;
                    return;
                }
                answered++;
                longestGap = Math.Max(longestGap, Clock.Now - lastAnswer);
                lastAnswer = Clock.Now;
            }
        }
    }
}
