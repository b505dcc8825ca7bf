using System.Diagnostics;
using System.Net;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Django and Flask behind nginx, over the uwsgi protocol and HTTP, and directly: uploads, streams and what has not changed.</summary>
[TestFixture]
internal sealed class WsgiFrameworkTests : WsgiTest
{
    private Process? _nginx;

    [TearDown]
    public void EndNginx()
    {
        if (_nginx is null)
            return;
        _ = Native.Signal(_nginx.Id, Native.Terminate);
        _nginx.WaitForExit();
        _nginx.Dispose();
    }

    /// <summary>Starts nginx in front of both sockets; returns the sockets of its own.</summary>
    private (string Uwsgi, string Http) StartNginx(WsgiDriver driver)
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
                access_log off; client_max_body_size 200m;
                {{string.Concat(temporary.Select(t => $"{t}_temp_path {folder}/{t}; "))}}
                server { listen unix:{{folder}}/u.sock; location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:{{driver.Socket}}; } }
                server { listen unix:{{folder}}/h.sock; location / { proxy_pass http://127.0.0.1:{{driver.Port}}; proxy_set_header Host $http_host; } }
            }
            """
        );
        _nginx = Process.Start("/usr/sbin/nginx", ["-e", $"{folder}/start.log", "-c", $"{folder}/nginx.conf"]);
        Wait.Until(() => File.Exists($"{folder}/h.sock"), driver.Text);
        return ($"{folder}/u.sock", $"{folder}/h.sock");
    }

    private static HttpClient Client(string socket) =>
        new(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancel) =>
                {
                    var connection = new System.Net.Sockets.Socket(
                        System.Net.Sockets.AddressFamily.Unix,
                        System.Net.Sockets.SocketType.Stream,
                        System.Net.Sockets.ProtocolType.Unspecified
                    );
                    await connection.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(socket), cancel);
                    return new System.Net.Sockets.NetworkStream(connection, ownsSocket: true);
                },
            }
        )
        {
            BaseAddress = new Uri("http://localhost/"),
            Timeout = Wait.Limit,
        };

    [TestCase("django_app", 0)]
    [TestCase("django_app", 65536)]
    [TestCase("flask_app", 0)]
    public async Task Frameworks_work(string module, int postBuffering)
    {
        var driver = Start(new WsgiSetup { Workers = 2 }, ("module", $"{module}:application"), ("post-buffering", postBuffering));
        var (uwsgi, http) = StartNginx(driver);
        using var direct = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{driver.Port}/"), Timeout = Wait.Limit };
        using var overUwsgi = Client(uwsgi);
        using var overHttp = Client(http);
        foreach (var client in new[] { overUwsgi, overHttp, direct })
        {
            for (var i = 0; i < 20; i++)
                Assert.That(await client.GetStringAsync("hello"), Is.EqualTo("hello"), driver.Text());
            Assert.That(await client.GetStringAsync("stream"), Is.EqualTo(string.Concat(Enumerable.Range(0, 100).Select(n => $"{n}\n"))));
            using var form = new FormUrlEncodedContent([new("name", "a b\u00e4")]);
            using var posted = await client.PostAsync("form", form);
            Assert.That(await posted.Content.ReadAsStringAsync(), Is.EqualTo("a b\u00e4"));
            using var file = new MultipartFormDataContent { { new ByteArrayContent(new byte[10 << 20]), "file", "upload.bin" } };
            using var uploaded = await client.PostAsync("upload", file);
            Assert.That(await uploaded.Content.ReadAsStringAsync(), Is.EqualTo($"upload.bin {10 << 20}"), driver.Text());
            using var chunked = new HttpRequestMessage(HttpMethod.Post, "body") { Content = new StringContent("chunked body") };
            chunked.Headers.TransferEncodingChunked = true;
            using var read = await client.SendAsync(chunked);
            Assert.That(await read.Content.ReadAsStringAsync(), Is.EqualTo("chunked body"));
            Assert.That((await client.GetByteArrayAsync("file")).Length, Is.EqualTo(new FileInfo($"{WsgiDriver.Files}/apps.py").Length));
            using var first = await client.GetAsync("etag");
            using var again = new HttpRequestMessage(HttpMethod.Get, "etag");
            again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
            using var same = await client.SendAsync(again);
            Assert.That((first.StatusCode, same.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.NotModified)));
            using var failed = await client.GetAsync("error");
            Assert.That(failed.StatusCode, Is.EqualTo(HttpStatusCode.InternalServerError));
            using var unread = await client.PostAsync("hello", new ByteArrayContent(new byte[3 << 20]));
            Assert.That(unread.StatusCode, Is.EqualTo(HttpStatusCode.OK), driver.Text());
        }
        Assert.That(driver.Log, Does.Contain("via sendfile()"));
        Assert.That(driver.Said.Where(e => (string?)e["driver"] == "exit"), Is.Empty);
    }
}
