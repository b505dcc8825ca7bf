using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>HTTP/1.1 as RFC 9112 has it: what must work, and what must be refused because another might understand it in another way.</summary>
[TestFixture]
internal sealed class WsgiHttpTests : WsgiTest
{
    private const string Host = "Host: test\r\n";

    [Test]
    public void A_connection_serves_one_request_after_the_other()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        for (var i = 0; i < 5; i++)
        {
            client.Send($"GET /n{i} HTTP/1.1\r\n{Host}\r\n");
            var answer = client.ReadAnswer();
            Assert.That(answer.Text, Is.EqualTo($"path /n{i} script "));
            Assert.That(answer.Header("Connection"), Is.Null);
            Assert.That(answer.Header("Date"), Does.EndWith(" GMT"));
        }
        client.Send($"GET /last HTTP/1.1\r\n{Host}Connection: Close\r\n\r\n");
        Assert.That(client.ReadAnswer().Header("Connection"), Is.EqualTo("close"));
        Assert.That(client.IsClosed());
    }

    [Test]
    public void Requests_that_come_together_are_answered_in_order()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send(
            $"POST /echo HTTP/1.1\r\n{Host}Content-Length: 5\r\n\r\nfirst"
                + $"POST /echo HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x=y\r\nond\r\n0\r\nX-Trailer: 1\r\n\r\n"
                + $"GET /third HTTP/1.1\r\n{Host}\r\n"
                + $"HEAD /fourth HTTP/1.1\r\n{Host}\r\n"
                + $"POST /echo?way=none HTTP/1.1\r\n{Host}Content-Length: 5\r\n\r\nfifth"
                + $"GET /sixth HTTP/1.1\r\n{Host}\r\n"
        );
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("first"));
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("second"));
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /third script "));
        Assert.That(client.ReadAnswer(isHead: true).Header("Content-Length"), Is.EqualTo("20"));
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("not read"), "what the app has left unread is thrown away");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /sixth script "));
    }

    [Test]
    public void A_request_may_come_byte_by_byte()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        foreach (
            var c in $"POST /echo HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n4\r\nbyte\r\n0\r\n\r\nGET /x HTTP/1.1\r\n{Host}\r\n"
        )
            client.Send($"{c}");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("byte"));
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /x script "));
    }

    [TestCase("", true)]
    [TestCase("Connection: keep-alive\r\n", false)]
    public void HTTP_1_0_closes_unless_asked_not_to(string header, bool closes)
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send($"GET /x HTTP/1.0\r\n{header}\r\n");
        var answer = client.ReadAnswer();
        Assert.That(answer.Header("Connection"), Is.EqualTo(closes ? "close" : "keep-alive"));
        if (closes)
            Assert.That(client.IsClosed());
        client.Dispose();
        var streamed = WsgiClient.Ask(driver, "GET /generator HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        Assert.That((streamed.Header("Transfer-Encoding"), streamed.Header("Connection")), Is.EqualTo(((string?)null, "close")));
        Assert.That(streamed.Text, Is.EqualTo("piece 0\npiece 1\npiece 2\n"));
    }

    [Test]
    public void An_idle_connection_holds_no_worker_and_is_closed_in_time()
    {
        var driver = Start(("http-keepalive", 1));
        using var idle = WsgiClient.Http(driver);
        idle.Send($"GET /x HTTP/1.1\r\n{Host}\r\n");
        _ = idle.ReadAnswer();
        Assert.That(WsgiClient.Get(driver, "/other").Status, Is.EqualTo(200));
        Assert.That(idle.IsClosed());
    }

    [Test]
    public void A_client_that_waits_is_told_to_go_on_when_the_app_wants_the_body()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send($"POST /echo HTTP/1.1\r\n{Host}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
        client.Send("body");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("body"));
        client.Send($"POST /echo?way=none HTTP/1.1\r\n{Host}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
        var answer = client.ReadAnswer();
        Assert.That(
            (answer.Status, answer.Header("Connection")),
            Is.EqualTo((200, "close")),
            "never asked for: it may come or not, so nothing can follow"
        );
        Assert.That(
            WsgiClient.Ask(driver, $"POST /echo HTTP/1.1\r\n{Host}Content-Length: 4\r\nExpect: much\r\n\r\n").Status,
            Is.EqualTo(417)
        );
    }

    [Test]
    public void A_head_request_is_answered_without_a_body()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        foreach (var target in new[] { "/x", "/generator", "/stream" })
        {
            client.Send($"HEAD {target} HTTP/1.1\r\n{Host}\r\n");
            Assert.That(client.ReadAnswer(isHead: true).Status, Is.EqualTo(200));
        }
        client.Send($"GET /y HTTP/1.1\r\n{Host}\r\n");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /y script "));
    }

    [TestCase("GET http://other:8080/a?b=c HTTP/1.1", "/a", "b=c", "other:8080")]
    [TestCase("GET HTTPS://other HTTP/1.1", "/", "", "other")]
    [TestCase("GET http://other?q HTTP/1.1", "/", "q", "other")]
    [TestCase("GET //double/slash HTTP/1.1", "//double/slash", "", "test")]
    [TestCase("GET /a%20b%2Fc%C3%A4%zz%4 HTTP/1.1", "/a b/c\u00c3\u00a4%zz%4", "", "test")]
    [TestCase("GET /p?q?r=%20 HTTP/1.1", "/p", "q?r=%20", "test")]
    public void Targets_are_taken_apart(string line, string path, string query, string host)
    {
        var driver = Start(("wsgi-file", $"{WsgiDriver.Files}/apps.py"), ("callable", "do_environ_always"));
        var answer = WsgiClient.Ask(driver, $"{line}\r\n{Host}Connection: close\r\n\r\n");
        var environ = JsonNode.Parse(answer.Text)!;
        Assert.That(
            (environ["PATH_INFO"]!.ToString(), environ["QUERY_STRING"]!.ToString(), environ["HTTP_HOST"]!.ToString()),
            Is.EqualTo((path, query, host))
        );
    }

    [Test]
    public void A_question_about_the_server_is_not_the_apps()
    {
        var driver = Start();
        var answer = WsgiClient.Ask(driver, $"OPTIONS * HTTP/1.1\r\n{Host}\r\n");
        Assert.That((answer.Status, answer.Text), Is.EqualTo((200, "")));
        Assert.That(WsgiClient.Ask(driver, $"GET * HTTP/1.1\r\n{Host}\r\n").Status, Is.EqualTo(400));
    }

    [Test]
    public void Headers_become_variables()
    {
        var driver = Start();
        var answer = WsgiClient.Ask(
            driver,
            $"GET /environ HTTP/1.1\r\n{Host}Connection: close\r\nX-Two: a\r\nx-two:\tb \r\nCookie: a=1\r\nCookie: b=2\r\nX_Two: forged\r\nX-Empty:\r\nX-Latin: \u00e4\r\n\r\n"
        );
        var environ = JsonNode.Parse(answer.Text)!;
        Assert.That(environ["HTTP_X_TWO"]!.ToString(), Is.EqualTo("a,b"), "a name with an underscore is nobody's");
        Assert.That(environ["HTTP_COOKIE"]!.ToString(), Is.EqualTo("a=1; b=2"));
        Assert.That(environ["HTTP_X_EMPTY"]!.ToString(), Is.Empty);
        Assert.That(environ["HTTP_X_LATIN"]!.ToString(), Is.EqualTo("\u00e4"));
    }

    private static readonly TestCaseData[] Doubtful =
    [
        new("length and coding", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        new("coding and length", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        new("two lengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
        new("the same length twice", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        new("a list of lengths", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5, 5\r\n\r\nhello", 400),
        new("a signed length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: +5\r\n\r\nhello", 400),
        new("a negative length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: -5\r\n\r\nhello", 400),
        new("a hexadecimal length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 0x5\r\n\r\nhello", 400),
        new("a length with an underscore", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1_0\r\n\r\nhello", 400),
        new("a huge length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999999999999\r\n\r\nhello", 400),
        new("a length of other digits", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: \u00b2\r\n\r\nhello", 400),
        new("an empty length", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n\r\nhello", 400),
        new("two codings", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        new("identity", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: identity\r\n\r\n", 501),
        new("coding twice", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        new("coding with a tail", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
        new("coding with a vertical tab", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", 400),
        new("coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        new("a space before the colon", "POST / HTTP/1.1\r\nHost: t\r\nContent-Length : 5\r\n\r\nhello", 400),
        new("a tab before the colon", "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
        new("a folded header", "GET / HTTP/1.1\r\nHost: t\r\nX-A: b\r\n folded\r\n\r\n", 400),
        new("a folded first header", "GET / HTTP/1.1\r\n Host: t\r\nHost: t\r\n\r\n", 400),
        new("a header without a colon", "GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n", 400),
        new("a header without a name", "GET / HTTP/1.1\r\nHost: t\r\n: v\r\n\r\n", 400),
        new("a NUL in a header", "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\0b\r\n\r\n", 400),
        new("a bare CR in a header", "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\rX-B: c\r\n\r\n", 400),
        new("a bare LF in a header", "GET / HTTP/1.1\r\nHost: t\r\nX-A: a\nX-B: c\r\n\r\n", 400),
        new("lines that end with LF", "GET / HTTP/1.1\nHost: t\n\n", 400),
        new("an LF instead of the last CRLF", "GET / HTTP/1.1\r\nHost: t\r\n\nGET / HTTP/1.1\r\n\r\n", 400),
        new("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        new("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        new("a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        new("a host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        new("two spaces", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a space in the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a tab as separator", "GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("HTTP/0.9", "GET /\r\n\r\n", 400),
        new("HTTP/2", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", 505),
        new("a longer version", "GET / HTTP/1.10\r\nHost: t\r\n\r\n", 400),
        new("a small version", "GET / http/1.1\r\nHost: t\r\n\r\n", 400),
        new("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        new("a bad method", "G(T / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a long method", $"{new string('A', 33)} / HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        new("a relative target", "GET a HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a user in the target", "GET http://u@h/ HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a fragment", "GET /a#b HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("a NUL in the path", "GET /a%00b HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        new("TLS", "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003\r\n\r\n", 400),
        new("a head that is too long", $"GET / HTTP/1.1\r\nHost: t\r\nX-A: {new string('a', 40000)}\r\n\r\n", 431),
        new("a head without end", $"GET /{new string('a', 40000)}", 431),
        new("a chunk without size", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n", 400),
        new("a chunk with a sign", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400),
        new("a chunk with 0x", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400),
        new(
            "a huge chunk",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello\r\n0\r\n\r\n",
            400
        ),
        new(
            "a chunk whose size ends with LF",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
            400
        ),
        new(
            "a chunk extension with LF",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\n4\r\nhell\r\n0\r\n\r\n",
            400
        ),
        new(
            "a chunk that is longer than it says",
            "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
            400
        ),
        new("a chunk that ends with LF", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n", 400),
        new(
            "a long chunk extension",
            $"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5;{new string('x', 2000)}\r\nhello\r\n0\r\n\r\n",
            400
        ),
        new("a bad trailer", "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX Y: 1\r\n\r\n", 400),
        new(
            "endless trailers",
            $"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{string.Concat(Enumerable.Repeat($"X: {new string('y', 900)}\r\n", 20))}",
            400
        ),
    ];

    [Test]
    public void What_is_doubtful_is_refused_and_nothing_after_it_is_served()
    {
        var driver = Start();
        Assert.Multiple(() =>
        {
            foreach (var line in Doubtful)
            {
                using var client = WsgiClient.Http(driver);
                client.Send((string)line.Arguments[1]!);
                client.Send("GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n");
                client.EndSending();
                var answer = client.ReadToEnd();
                Assert.That(answer.Status, Is.EqualTo((int)line.Arguments[2]!), (string)line.Arguments[0]!);
                Assert.That(answer.Header("Connection"), Is.EqualTo("close"), (string)line.Arguments[0]!);
                Assert.That(answer.Text, Does.Not.Contain("HTTP/1.1"), (string)line.Arguments[0]!);
            }
        });
        Assert.That(driver.Log, Does.Not.Contain("GET /smuggled =>"));
        AssertServes(driver);
    }

    [Test]
    public void One_empty_line_before_a_request_is_overlooked()
    {
        var driver = Start();
        using var client = WsgiClient.Http(driver);
        client.Send($"POST /echo HTTP/1.1\r\n{Host}Content-Length: 2\r\n\r\nab\r\nGET /x HTTP/1.1\r\n{Host}\r\n");
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("ab"));
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("path /x script "));
    }
}
