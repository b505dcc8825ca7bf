using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd;

/// <summary>Metrics and health over HTTP, asked by curl and read by the parsers of those who collect them.</summary>
internal sealed class MetricsTests : EmperorTest
{
    private readonly int _port = Ports.Free();

    private string Url => $"http://127.0.0.1:{_port}";

    private string[] Options => ["--emperor-metrics", $"127.0.0.1:{_port}"];

    [Test]
    public void Both_formats_are_taken_by_promtool_and_by_a_parser_of_openmetrics()
    {
        Write("a\"b\\c.ini", "spawned", "accept", "loyal");
        Write("bad.ini", "exit 3");
        var daemon = Start([.. Options, "--emperor-throttle", "60000"]);
        daemon.AwaitVassal("bad.ini", "next start in");
        daemon.AwaitVassal("a\"b\\c.ini", "is loyal");
        File.AppendAllText($"{Vassals}/a\"b\\c.ini", "# changed\n");
        var text = "";
        // What processes use is measured in the background, and told as soon as it is known.
        Wait.Until(
            () =>
                (text = Run("curl", "", "-sS", $"{Url}/metrics")).Contains("emperor_reload_duration_seconds_count 1")
                && Regex.IsMatch(text, @"emperor_vassal_memory_bytes\{[^}]+\} [1-9]"),
            () => $"the reload is not counted, or the memory is not known\n{text}"
        );
        Run("promtool", text, "check", "metrics");
        Assert.That(text, Does.Contain("emperor_vassal_up{vassal=\"bad.ini\"} 0\n"));
        Assert.That(text, Does.Contain("emperor_vassal_up{vassal=\"a\\\"b\\\\c.ini\"} 1\n"));
        Assert.That(text, Does.Contain("emperor_vassal_last_exit_code{vassal=\"bad.ini\"} 3\n"));
        Assert.That(text, Does.Contain("emperor_vassal_deaths_total{vassal=\"bad.ini\"} 2\n"));
        Assert.That(text, Does.Contain("emperor_vassal_state{vassal=\"bad.ini\",emperor_vassal_state=\"backoff\"} 1\n"));
        Assert.That(text, Does.Contain("emperor_vassals{state=\"backoff\"} 1\n"));
        Assert.That(text, Does.Match(@"emperor_scans_total\{[^}]+\} [1-9]"));

        const string parser = """
            import sys
            from prometheus_client.openmetrics.parser import text_string_to_metric_families
            families = {f.name: f for f in text_string_to_metric_families(sys.stdin.read())}
            up = {s.labels["vassal"]: s.value for s in families["emperor_vassal_up"].samples}
            assert up == {"bad.ini": 0.0, 'a"b\\c.ini': 1.0}, up
            assert families["emperor_vassal_state"].type == "stateset"
            assert families["emperor_reload_duration_seconds"].type == "histogram"
            """;
        var answer = Run("curl", "", "-sSi", "-H", "Accept: application/openmetrics-text; version=1.0.0", $"{Url}/metrics");
        Assert.That(answer, Does.Contain("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
        var open = answer.Split("\r\n\r\n", 2)[1];
        Assert.That(open, Does.EndWith("# EOF\n"));
        Run("/usr/bin/python3", open, "-c", parser);
    }

    [Test]
    public void A_load_balancer_learns_whether_the_emperor_lives_and_is_ready()
    {
        // Longer than a busy machine needs for the questions that are asked meanwhile.
        Write("slow.ini", "spawned", "sleep 8000", "accept", "stop-delay 8000");
        var daemon = Start(Options);
        Assert.That(Status("/-/ready"), Is.EqualTo("503"), "its vassal does not accept requests yet");
        Assert.That(Status("/-/healthy"), Is.EqualTo("200"));
        daemon.AwaitAccepting("slow.ini");
        Wait.Until(() => Status("/-/ready") == "200", () => "it does not become ready");
        daemon.Signal(Native.Terminate);
        Wait.Until(() => Status("/-/ready") == "503", () => "it leaves and says that it is ready");
        Assert.That(Status("/-/healthy"), Is.EqualTo("200"), "it leaves in good health");
        Assert.That(daemon.AwaitEnd(), Is.Zero);
    }

    [TestCase("GET /metrics HTTP/1.0\n\n", "200")]
    [TestCase("HEAD /metrics HTTP/1.1\r\n\r\n", "200")]
    [TestCase("GET /metrics?x=y HTTP/1.1\r\n\r\n", "200")]
    [TestCase("GET /nothing HTTP/1.1\r\n\r\n", "404")]
    [TestCase("POST /metrics HTTP/1.1\r\n\r\n", "405")]
    [TestCase("GET /metrics\r\n\r\n", "400")]
    [TestCase("GET metrics HTTP/1.1\r\n\r\n", "400")]
    [TestCase("\0\u0001\u0002\r\n\r\n", "400")]
    [TestCase("TOO LONG", "431")]
    public void Every_request_has_an_answer(string request, string status)
    {
        Start(Options);
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, _port);
        var text = request == "TOO LONG" ? $"GET / HTTP/1.1\r\nX: {new string('y', 9000)}\r\n\r\n" : request;
        client.Client.Send(Encoding.Latin1.GetBytes(text));
        var answer = StatsClient.ReadAll(client.Client);
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {status} "));
        if (request.StartsWith("HEAD"))
            Assert.That(answer, Does.EndWith("\r\n\r\n"), "no body");
    }

    [Test]
    public void A_client_that_never_ends_its_request_is_dropped_and_nobody_waits_for_it()
    {
        Start(Options);
        var clients = Enumerable.Range(0, 100).Select(_ => new TcpClient("127.0.0.1", _port)).ToList();
        foreach (var client in clients)
            client.Client.Send("GET /metr"u8);
        Assert.That(Status("/-/healthy"), Is.EqualTo("200"));
        foreach (var client in clients)
        {
            client.ReceiveTimeout = 30_000;
            Assert.That(client.Client.Receive(new byte[10]), Is.Zero, "it was not dropped");
            client.Dispose();
        }
    }

    private string Status(string path) => Run("curl", "", "-sS", "-o", "/dev/null", "-w", "%{http_code}", Url + path);

    private static string Run(string program, string input, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, $"{program} {string.Join(' ', arguments)}: {errors.Result}\n{text}\n{input}");
        return text;
    }
}
