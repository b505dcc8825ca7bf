using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Bodies, in both directions and of all sizes.</summary>
[TestFixture]
internal sealed class WsgiBodyTests : WsgiTest
{
    private const int Upload = 100 << 20;
    private const int Piece = 1 << 20;

    [Test]
    public void A_body_can_be_read_in_every_way()
    {
        var body = new StringBuilder();
        for (var i = 0; body.Length < 100_000; i++)
            body.Append(CultureInfo.InvariantCulture, $"line {i}{new string('.', i % 97)}\n");
        body.Append("no newline at the end");
        var text = body.ToString();
        foreach (var options in new[] { 0, 1000, 1_000_000 })
        {
            var driver = Start(("post-buffering", options));
            foreach (var way in new[] { "all", "lines", "iterate", "line", "small" })
            {
                var http = WsgiClient.Ask(
                    driver,
                    $"POST /echo?way={way} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {text.Length}\r\n\r\n{text}"
                );
                Assert.That(http.Text, Is.EqualTo(text), $"{way}, http, post-buffering {options}");
                var uwsgi = WsgiClient.AskUwsgi(driver, "POST", $"/echo?way={way}", Encoding.Latin1.GetBytes(text));
                Assert.That(uwsgi.Text, Is.EqualTo(text), $"{way}, uwsgi, post-buffering {options}");
            }
        }
    }

    [TestCase("length", 0)]
    [TestCase("length", 65536)]
    [TestCase("chunked", 0)]
    [TestCase("uwsgi", 0)]
    public void An_upload_of_100_MB_takes_little_memory(string how, int postBuffering)
    {
        var driver = Start(("post-buffering", postBuffering));
        using var client = how == "uwsgi" ? WsgiClient.Uwsgi(driver) : WsgiClient.Http(driver);
        if (how == "uwsgi")
            client.Send(WsgiClient.Packet("POST", "/digest", Upload));
        else
            client.Send(
                $"POST /digest HTTP/1.1\r\nHost: t\r\n{(how == "chunked" ? "Transfer-Encoding: chunked" : $"Content-Length: {Upload}")}\r\n\r\n"
            );
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = new byte[Piece];
        new Random(1).NextBytes(piece);
        for (var sent = 0; sent < Upload; sent += Piece)
        {
            // No piece is like another; to make all of them by chance would take longer than to send them.
            Assert.That(BitConverter.TryWriteBytes(piece, sent));
            digest.AppendData(piece);
            if (how == "chunked")
                client.Send($"{Piece:x}\r\n");
            client.Send(piece);
            if (how == "chunked")
                client.Send("\r\n");
        }
        if (how == "chunked")
            client.Send("0\r\n\r\n");
        var answer = how == "uwsgi" ? client.ReadToEnd() : client.ReadAnswer();
        var words = answer.Text.Split(' ');
        Assert.That(words[0], Is.EqualTo($"{Upload}"), answer.ToString());
        Assert.That(words[1], Is.EqualTo(Convert.ToHexStringLower(digest.GetHashAndReset())));
        Assert.That(int.Parse(words[2], CultureInfo.InvariantCulture), Is.LessThan(60_000), "KiB of memory at the highest");
        Assert.That(words[3], Is.EqualTo($"{Upload}"), "an app finds CONTENT_LENGTH even if the client did not say it");
    }

    [Test]
    public void A_body_beyond_limit_post_is_refused()
    {
        var driver = Start(("limit-post", 1000));
        foreach (var size in new[] { 1000, 1001, 3_000_000 })
        {
            var status = size == 1000 ? 200 : 413;
            var body = new string('x', size);
            Assert.That(
                WsgiClient.Ask(driver, $"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: {size}\r\n\r\n{body}").Status,
                Is.EqualTo(status)
            );
            var chunked = $"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n";
            Assert.That(WsgiClient.Ask(driver, chunked).Status, Is.EqualTo(status));
            Assert.That(WsgiClient.AskUwsgi(driver, "POST", "/echo", new byte[size]).Status, Is.EqualTo(status));
        }
        AssertServes(driver);
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    public void An_answer_arrives_though_its_request_was_not_read(string protocol)
    {
        var driver = Start();
        var body = new byte[20 << 20];
        if (protocol == "uwsgi")
        {
            Assert.That(WsgiClient.AskUwsgi(driver, "POST", "/echo?way=none", body).Text, Is.EqualTo("not read"));
            return;
        }
        using var client = WsgiClient.Http(driver);
        client.Send($"POST /echo?way=none HTTP/1.1\r\nHost: t\r\nContent-Length: {body.Length}\r\n\r\n");
        client.Send(body);
        Assert.That(client.ReadAnswer().Text, Is.EqualTo("not read"));
    }

    [Test]
    public void An_upload_that_ends_early_is_an_error_of_the_read_and_not_of_the_worker()
    {
        var driver = Start();
        using (var client = WsgiClient.Http(driver))
        {
            client.Send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nonly this");
        }
        Wait.Until(() => driver.Log.Contains("the client has closed the connection on request /echo"), driver.Text);
        AssertServes(driver);
    }

    [Test]
    public void An_answer_is_sent_while_it_is_made()
    {
        var driver = Start();
        foreach (var protocol in new[] { "http", "uwsgi" })
        {
            var file = Temp[$"go-{protocol}"];
            using var client = protocol == "http" ? WsgiClient.Http(driver) : WsgiClient.Uwsgi(driver);
            if (protocol == "http")
                client.Send($"GET /steps?file={file} HTTP/1.1\r\nHost: t\r\n\r\n");
            else
                client.Send(WsgiClient.Packet("GET", $"/steps?file={file}", null));
            var first = client.ReadUntil("first\n");
            Assert.That(first, Does.Not.Contain("second"));
            File.WriteAllText(file, "");
            _ = client.ReadUntil("second\n");
        }
    }

    [Test]
    public void A_large_answer_arrives_whole()
    {
        var driver = Start();
        const int size = 50 << 20;
        Assert.That(WsgiClient.Get(driver, $"/large?size={size}").Body, Has.Length.EqualTo(size));
        Assert.That(WsgiClient.AskUwsgi(driver, "GET", $"/large?size={size}").Body, Has.Length.EqualTo(size));
    }

    [TestCase("plain", "", true)]
    [TestCase("tell", "", true)]
    [TestCase("plain", "5000", true)]
    [TestCase("temporary", "", true)]
    [TestCase("spooled", "", false)]
    [TestCase("bytes", "", false)]
    [TestCase("gzip", "", false)]
    public void Files_are_sent_by_the_kernel_where_that_sends_what_reading_would(string kind, string length, bool bySendfile)
    {
        var driver = Start();
        var data = string.Concat(Enumerable.Repeat("0123456789", 100_000));
        var path = Temp.Write("file", data);
        if (kind == "gzip")
        {
            using var packed = new GZipStream(File.Create(path), CompressionLevel.Fastest);
            packed.Write(Encoding.ASCII.GetBytes(data));
        }
        var expected =
            kind == "tell" ? data[10..]
            : length.Length > 0 ? data[..5000]
            : data;
        var target = $"/file?kind={kind}&size={data.Length}&path={path}" + (length.Length > 0 ? $"&length={length}" : "");
        Assert.That(WsgiClient.Get(driver, target).Text, Is.EqualTo(expected));
        Assert.That(WsgiClient.AskUwsgi(driver, "GET", target).Text, Is.EqualTo(expected));
        Assert.That(WsgiClient.Ask(driver, $"HEAD {target} HTTP/1.1\r\nHost: t\r\n\r\n").Status, Is.EqualTo(200));
        Wait.Until(() => driver.Log.Split('\n').Count(l => l.Contains("/file?")) == 3, driver.Text);
        Assert.That(driver.Log.Split('\n').Count(l => l.Contains("via sendfile()")), Is.EqualTo(bySendfile ? 2 : 0));
    }
}
