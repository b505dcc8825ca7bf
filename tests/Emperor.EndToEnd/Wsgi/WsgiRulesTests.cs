using System.Text;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>What PEP 3333 says of server and app, over both protocols.</summary>
[TestFixture]
internal sealed class WsgiRulesTests : WsgiTest
{
    private static Answer Ask(WsgiDriver driver, string protocol, string method, string target, string? body = null)
    {
        var bytes = body is null ? null : Encoding.Latin1.GetBytes(body);
        if (protocol == "uwsgi")
            return WsgiClient.AskUwsgi(driver, method, target, bytes);
        var length = bytes is null ? "" : $"Content-Length: {bytes.Length}\r\n";
        return WsgiClient.Ask(driver, $"{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{length}\r\n{body}");
    }

    [TestCase("http", "GET", null)]
    [TestCase("http", "POST", "a body")]
    [TestCase("http", "HEAD", null)]
    [TestCase("uwsgi", "GET", null)]
    [TestCase("uwsgi", "POST", "a body")]
    [TestCase("uwsgi", "HEAD", null)]
    public void The_validator_of_the_standard_library_has_no_complaint(string protocol, string method, string? body)
    {
        var driver = Start(
            new WsgiSetup { Environment = new Dictionary<string, string> { ["VALIDATE"] = "1" } },
            ("callable", "validated")
        );
        foreach (var target in new[] { "/", "/a/b%20c?x=1", "/%C3%A4" })
        {
            var answer = Ask(driver, protocol, method, target, body);
            Assert.That(answer.Status, Is.EqualTo(200), driver.Log);
            Assert.That(answer.Text, Is.EqualTo(method == "HEAD" ? "" : $"valid {method} {body}"));
        }
        Assert.That(driver.Log, Does.Not.Contain("AssertionError"));
    }

    [Test]
    public void Variables_may_come_in_every_order_whatever_came_before()
    {
        var driver = Start();
        (string, string)[] usual =
        [
            ("QUERY_STRING", ""),
            ("REQUEST_METHOD", "GET"),
            ("PATH_INFO", "/environ"),
            ("HTTP_HOST", "test"),
            ("HTTP_A", "a"),
            ("HTTP_B", ""),
        ];
        var large = ("HTTP_B", new string('b', 700));
        (string Name, string Value)[][] requests =
        [
            usual,
            usual,
            [.. usual.Reverse()],
            [.. usual[..3]],
            [.. usual, ("HTTP_C", "c")],
            [.. usual[..4], ("HTTP_A", new string('a', 255)), large],
            [.. usual[..4], ("HTTP_A", new string('a', 256)), ("HTTP_B", new string('b', 257))],
            [.. usual[..4], ("HTTP_AA", "x"), ("HTTP_", "y")],
            [large, .. usual[..5]],
            usual,
        ];
        foreach (var request in requests)
        {
            using var client = WsgiClient.Uwsgi(driver);
            client.Send(WsgiClient.Packet(request));
            var environ = JsonNode.Parse(client.ReadToEnd().Text)!.AsObject();
            Assert.That(
                environ.Select(v => (v.Key, $"{v.Value}")).Where(v => v.Key.StartsWith("HTTP_", StringComparison.Ordinal)),
                Is.EquivalentTo(request.Where(v => v.Name.StartsWith("HTTP_", StringComparison.Ordinal)))
            );
        }
        // Where a length does not fit to the expected name behind it.
        var broken = WsgiClient.Packet(usual);
        broken[4 + 2 + "QUERY_STRING".Length] = 1;
        using var last = WsgiClient.Uwsgi(driver);
        last.Send(broken);
        Assert.That(last.ReadToEnd().Status, Is.EqualTo(400));
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    public void The_environment_is_that_of_the_request(string protocol)
    {
        var driver = Start(new WsgiSetup { Workers = 2 }, ("threads", 2));
        var environ = JsonNode.Parse(Ask(driver, protocol, "GET", "/environ?a=b%20c").Text)!;
        foreach (
            var (name, value) in new[]
            {
                ("REQUEST_METHOD", "GET"),
                ("PATH_INFO", "/environ"),
                ("SCRIPT_NAME", ""),
                ("QUERY_STRING", "a=b%20c"),
                ("REQUEST_URI", "/environ?a=b%20c"),
                ("SERVER_PROTOCOL", "HTTP/1.1"),
                ("HTTP_HOST", "test"),
                ("wsgi.url_scheme", "http"),
                ("REMOTE_ADDR", protocol == "http" ? "127.0.0.1" : "192.0.2.1"),
                ("SERVER_PORT", protocol == "http" ? $"{driver.Port}" : "80"),
            }
        )
            Assert.That(environ[name]?.ToString(), Is.EqualTo(value), name);
        Assert.That((bool)environ["wsgi.multiprocess"]!, Is.True);
        Assert.That((bool)environ["wsgi.multithread"]!, Is.True);
        Assert.That((bool)environ["wsgi.run_once"]!, Is.False);
        Assert.That(environ["wsgi.version"]!.ToJsonString(), Is.EqualTo("[1,0]"));
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    public void What_an_app_writes_and_returns_arrives_in_order(string protocol)
    {
        var driver = Start();
        Assert.That(Ask(driver, protocol, "GET", "/write").Text, Is.EqualTo("written in two and returned"));
        Assert.That(Ask(driver, protocol, "GET", "/generator?n=3").Text, Is.EqualTo("piece 0\npiece 1\npiece 2\n"));
        Assert.That(Ask(driver, protocol, "GET", "/lazy").Text, Is.EqualTo("lazy"));
        var errors = Ask(driver, protocol, "GET", "/errors");
        Assert.That(errors.Text, Is.EqualTo("said"));
        Wait.Until(() => driver.Log.Contains("a line for wsgi.errors"), driver.Text);
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    public void Every_answer_is_closed(string protocol)
    {
        var driver = Start();
        foreach (var target in new[] { "/generator", "/raise?when=first", "/raise?when=after", "/excinfo?late=1" })
        {
            // Two of them are cut off.
            using var client = protocol == "http" ? WsgiClient.Http(driver) : WsgiClient.Uwsgi(driver);
            if (protocol == "http")
                client.Send($"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
            else
                client.Send(WsgiClient.Packet("GET", target, null));
            _ = client.ReadToEnd();
        }
        _ = Ask(driver, protocol, "HEAD", "/generator");
        Assert.That(Ask(driver, protocol, "GET", "/closed").Text, Is.EqualTo("""["generator", "raise", "raise", "late", "generator"]"""));
    }

    [Test]
    public void A_client_that_leaves_ends_a_stream_and_closes_it()
    {
        var driver = Start();
        using (var client = WsgiClient.Http(driver))
        {
            client.Send("GET /stream HTTP/1.1\r\nHost: test\r\n\r\n");
            _ = client.ReadUntil("yyyy");
        }
        Wait.Until(() => WsgiClient.Get(driver, "/closed").Text.Contains("stream"), driver.Text);
        Wait.Until(() => driver.Log.Contains("probably the client disconnected) on request /stream"), driver.Text);
        Wait.Until(() => Count(driver, "write_errors") == 1, driver.Text);
    }

    [TestCase("http", "before", "Internal Server Error")]
    [TestCase("http", "first", "Internal Server Error")]
    [TestCase("http", "exit", "Internal Server Error")]
    [TestCase("uwsgi", "before", "Internal Server Error")]
    [TestCase("uwsgi", "first", "Internal Server Error")]
    [TestCase("uwsgi", "exit", "Internal Server Error")]
    public void An_error_before_the_answer_is_a_500_and_a_traceback(string protocol, string when, string text)
    {
        var driver = Start();
        var answer = Ask(driver, protocol, "GET", $"/raise?when={when}");
        Assert.That((answer.Status, answer.Text), Is.EqualTo((500, text)));
        Wait.Until(() => driver.Log.Contains("apps.py\", line "), driver.Text);
        Assert.That(driver.Log, Does.Not.Contain("worker.py").And.Not.Contain("/proc/self/fd"), "the traceback begins where the app does");
        Assert.That(Ask(driver, protocol, "GET", "/x").Status, Is.EqualTo(200));
        Wait.Until(() => Count(driver, "exceptions") == 1, driver.Text);
    }

    [Test]
    public void An_error_in_the_middle_of_an_answer_cuts_it_off()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send("GET /raise?when=after HTTP/1.1\r\nHost: test\r\n\r\n");
        var all = client.ReadToEnd();
        Assert.That(all.Header("Transfer-Encoding"), Is.EqualTo("chunked"));
        Assert.That(all.Text, Is.EqualTo("4\r\nsome\r\n"), "no last chunk: the client knows that it is not all");
    }

    [Test]
    public void An_error_handler_may_answer_instead()
    {
        var driver = Start();
        var answer = WsgiClient.Get(driver, "/excinfo");
        Assert.That((answer.Status, answer.Text, answer.Header("X-First")), Is.EqualTo((500, "handled", (string?)null)));
    }

    [TestCase("twice")]
    [TestCase("status")]
    [TestCase("status-type")]
    [TestCase("informational")]
    [TestCase("header-newline")]
    [TestCase("header-name")]
    [TestCase("header-type")]
    [TestCase("headers-type")]
    [TestCase("transfer")]
    [TestCase("length")]
    [TestCase("unicode")]
    [TestCase("str")]
    [TestCase("nothing")]
    [TestCase("none")]
    public void A_wrong_answer_of_the_app_is_a_500(string what)
    {
        var driver = Start();
        foreach (var protocol in new[] { "http", "uwsgi" })
        {
            var answer = Ask(driver, protocol, "GET", $"/bad?what={what}");
            Assert.That((answer.Status, answer.Text), Is.EqualTo((500, "Internal Server Error")));
            Assert.That(answer.Head, Does.Not.Contain("X-Injected"));
        }
        Assert.That(WsgiClient.Get(driver, "/x").Status, Is.EqualTo(200));
    }

    [Test]
    public void Headers_about_the_connection_are_the_servers()
    {
        var driver = Start(("http-keepalive", 1));
        using var client = WsgiClient.Http(driver);
        for (var i = 0; i < 2; i++)
        {
            client.Send("GET /hop HTTP/1.1\r\nHost: test\r\n\r\n");
            var answer = client.ReadAnswer();
            Assert.That(
                (answer.Header("Connection"), answer.Header("Keep-Alive"), answer.Header("X-Other")),
                Is.EqualTo(((string?)null, (string?)null, "kept"))
            );
        }
        Wait.Until(() => driver.Log.Contains("header Connection is left out"), driver.Text);
        driver.Tell("stop 0");
        _ = driver.AwaitExit(driver.Pid(0));
        Assert.That(driver.Log.Split("header Connection is left out"), Has.Length.EqualTo(2), "said once");
    }

    [Test]
    public void No_more_is_sent_than_the_app_has_announced()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        foreach (var sends in new[] { "5", "2,3", "3,1,1" })
        {
            client.Send($"GET /length?says=3&sends={sends} HTTP/1.1\r\nHost: test\r\n\r\n");
            Assert.That(client.ReadAnswer().Text, Is.EqualTo("xxx"), "the connection is in step");
        }
    }

    [Test]
    public void An_answer_that_is_shorter_than_announced_closes_the_connection()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send("GET /length?says=10&sends=3 HTTP/1.1\r\nHost: test\r\n\r\n");
        Assert.That(client.ReadToEnd().Text, Is.EqualTo("xxx"));
    }

    [TestCase("204%20No%20Content")]
    [TestCase("304%20Not%20Modified")]
    public void Some_answers_have_no_body(string status)
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        for (var i = 0; i < 2; i++)
        {
            client.Send($"GET /status?body=1&status={status} HTTP/1.1\r\nHost: test\r\n\r\n");
            var answer = client.ReadAnswer();
            Assert.That((answer.Header("Transfer-Encoding"), answer.Header("Content-Length")), Is.EqualTo(((string?)null, (string?)null)));
        }
        client.Send("GET /x HTTP/1.1\r\nHost: test\r\n\r\n");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /x script "));
    }
}
