using System.Diagnostics;
using System.Text.RegularExpressions;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Lines about requests, with uwsgi itself as the oracle.</summary>
[TestFixture]
internal sealed partial class WsgiLogTests : WsgiTest
{
    private const string Every =
        "%(uri)|%(method)|%(user)|%(addr)|%(host)|%(proto)|%(uagent)|%(referer)|%(status)|%(rsize)|%(hsize)|%(size)|%(cl)|%(wid)|"
        + "%(vars)|%(core)|%(pktsize)|%(modifier1)|%(headers)|%(werr)|%(rerr)|%(var.HTTP_X_ONE)|100%|%(nothing)";

    private static readonly (string Method, string Target, (string, string)[] More)[] Requests =
    [
        ("GET", "/x?a=b", [("SCRIPT_NAME", "")]),
        ("POST", "/echo", [("HTTP_USER_AGENT", "agent"), ("HTTP_REFERER", "http://r/"), ("REMOTE_USER", "me"), ("HTTP_X_ONE", "one")]),
        ("GET", "/status?status=404%20Not%20Found&body=1", []),
        ("GET", "/write", []),
        ("GET", "/generator?n=2", []),
    ];

    [TestCase("")]
    [TestCase(Every)]
    public void They_are_those_of_uwsgi(string format)
    {
        List<(string, System.Text.Json.Nodes.JsonNode?)> options = format.Length > 0 ? [("log-format", format)] : [];
        var driver = Start([.. options]);
        foreach (var (method, target, more) in Requests)
            _ = WsgiClient.AskUwsgi(driver, method, target, method == "POST" ? "body"u8.ToArray() : null, more);
        var socket = Temp["real.sock"];
        var ours = Lines(() => driver.Log);
        List<string> arguments =
        [
            "--plugin",
            "python3",
            "--socket",
            socket,
            "--master",
            "--chdir",
            WsgiDriver.Files,
            "--module",
            "apps",
            "--need-app",
            "--die-on-term",
            .. format.Length > 0 ? new[] { "--log-format", format } : [],
        ];
        var start = new ProcessStartInfo("uwsgi", arguments)
        {
            RedirectStandardError = true,
            Environment = { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        };
        using var uwsgi = Process.Start(start)!;
        var log = new System.Text.StringBuilder();
        uwsgi.ErrorDataReceived += (_, line) =>
        {
            lock (log)
                _ = log.AppendLine(line.Data);
        };
        uwsgi.BeginErrorReadLine();
        string Text()
        {
            lock (log)
                return log.ToString();
        }
        try
        {
            Wait.Until(() => Text().Contains("spawned uWSGI worker 1"), Text);
            foreach (var (method, target, more) in Requests)
                _ = WsgiClient.AskUwsgiAt(socket, method, target, method == "POST" ? "body"u8.ToArray() : null, more);
            Assert.That(ours, Is.EqualTo(Lines(Text)));
        }
        finally
        {
            _ = Native.Signal(uwsgi.Id, Native.Terminate);
            uwsgi.WaitForExit();
        }
    }

    // What differs from one run to the next is made equal.
    private static List<string> Lines(Func<string> text)
    {
        List<string> lines = [];
        Wait.Until(() => (lines = [.. text().Split('\n').Where(l => l.Contains("HTTP/1.1"))]).Count >= Requests.Length, text);
        return [.. lines.Select(l => Changing().Replace(l.TrimEnd(), "#"))];
    }

    [GeneratedRegex(
        @"(?<=pid: )\d+|(?<=\[)[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}|(?<=bytes in )\d+(?= msecs)|\d+(?= switches)"
    )]
    private static partial Regex Changing();

    [Test]
    public void Only_what_is_asked_for_is_logged()
    {
        foreach (
            var (options, expected) in new[]
            {
                (new (string, System.Text.Json.Nodes.JsonNode?)[] { ("disable-logging", true) }, ""),
                ([("disable-logging", true), ("log-4xx", true)], "404 Not Found"),
                ([("disable-logging", true), ("log-5xx", true)], "500 Oops"),
                ([("disable-logging", true), ("log-4xx", true), ("log-5xx", true)], "404 Not Found 500 Oops"),
                ([("disable-logging", true), ("log-big", 1000)], "/large"),
            }
        )
        {
            var driver = Start([.. options]);
            foreach (var target in new[] { "/x", "/status?status=404%20Not%20Found", "/status?status=500%20Oops", "/large?size=65536" })
                _ = WsgiClient.Get(driver, target);
            driver.Tell("stop 0");
            _ = driver.AwaitExit(driver.Pid(0));
            var words = expected.Length == 0 ? [] : expected.Split(' ').Where(w => w[0] is '4' or '5' or '/').ToArray();
            List<string> lines = [];
            // The last of them may be read after the worker's end.
            Wait.Until(
                () => (lines = [.. driver.Log.Split('\n').Where(l => l.Contains("=> generated"))]).Count >= words.Length,
                driver.Text
            );
            Assert.That(lines, Has.Count.EqualTo(words.Length), driver.Log);
            foreach (var (line, word) in lines.Zip(words))
                Assert.That(line, Does.Contain(word));
        }
    }

    [Test]
    public void A_request_cannot_forge_a_line()
    {
        var driver = Start();
        _ = WsgiClient.AskUwsgi(driver, "GET", "/x\nforged line\u001b[31m");
        Wait.Until(() => driver.Log.Contains("=> generated"), driver.Text);
        Assert.That(driver.Log, Does.Contain(@"/x\nforged line\x1b[31m"));
        Assert.That(driver.Log.Split('\n').Where(l => l.StartsWith("forged", StringComparison.Ordinal)), Is.Empty);
    }
}
