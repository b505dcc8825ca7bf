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
                access_log off; client_max_body_size 200m; uwsgi_buffering off; proxy_buffering off;
                {{string.Concat(temporary.Select(t => $"{t}_temp_path {folder}/{t}; "))}}
                server { listen unix:{{folder}}/u.sock; location / { include /etc/nginx/uwsgi_params; uwsgi_pass unix:{{driver.Socket}}; } }
                server { listen unix:{{folder}}/h.sock; location / { proxy_pass http://127.0.0.1:{{driver.Port}}; proxy_set_header Host $http_host; } }
            }
            """
        );
        _nginx = Process.Start("/usr/sbin/nginx", ["-e", $"{folder}/start.log", "-c", $"{folder}/nginx.conf"]);
        // A socket is there before it listens; nginx writes its number when all do.
        Wait.Until(() => File.Exists($"{folder}/pid") && new FileInfo($"{folder}/pid").Length > 0, driver.Text);
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

    [Test]
    public async Task Behind_nginx_it_is_as_directly()
    {
        const int size = 100 << 20;
        var root = Temp.Folder("root");
        File.WriteAllText($"{root}/file.txt", "0123456789");
        Temp.Write("secret.txt", "secret");
        File.CreateSymbolicLink($"{root}/outside", Temp["secret.txt"]);
        var driver = Start(
            new WsgiSetup { Workers = 2 },
            ("module", "apps"),
            ("static-map", new System.Text.Json.Nodes.JsonArray($"/static={root}"))
        );
        var (uwsgi, http) = StartNginx(driver);
        using var direct = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{driver.Port}/"), Timeout = Wait.Limit };
        using var overUwsgi = Client(uwsgi);
        using var overHttp = Client(http);
        var body = new byte[size];
        new Random(7).NextBytes(body);
        var digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(body));
        foreach (var (name, client) in new[] { ("uwsgi", overUwsgi), ("http", overHttp), ("direct", direct) })
        {
            using var uploaded = await client.PostAsync("digest", new ByteArrayContent(body));
            Assert.That(await uploaded.Content.ReadAsStringAsync(), Does.StartWith($"{size} {digest} "), $"{name}\n{driver.Text()}");

            await StreamsAsync(client, Temp[$"go-{name}"]);

            using var first = await client.GetAsync("static/file.txt");
            Assert.That(await first.Content.ReadAsStringAsync(), Is.EqualTo("0123456789"));
            Assert.That(await StatusAsync(client, r => r.Headers.IfNoneMatch.Add(first.Headers.ETag!)), Is.EqualTo((304, "")), name);
            Assert.That(
                await StatusAsync(client, r => r.Headers.IfModifiedSince = first.Content.Headers.LastModified),
                Is.EqualTo((304, "")),
                name
            );
            Assert.That(await StatusAsync(client, r => r.Headers.Range = new(2, 4)), Is.EqualTo((206, "234")), name);
            Assert.That((await StatusAsync(client, r => r.Headers.Range = new(50, null))).Status, Is.EqualTo(416), name);
            foreach (
                var target in new[]
                {
                    "static/outside",
                    "static/..%2fsecret.txt",
                    "static/%2e%2e/secret.txt",
                    "static//etc/passwd",
                    "static/../../etc/passwd",
                }
            )
            {
                using var escaped = await client.GetAsync(
                    new Uri($"{client.BaseAddress}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })
                );
                Assert.That(
                    await escaped.Content.ReadAsStringAsync(),
                    Does.StartWith("path /").Or.Contains("<title>400 Bad Request"),
                    $"{name} {target}"
                );
            }
        }
        Assert.That(driver.Said.Where(e => (string?)e["driver"] == "exit"), Is.Empty);
    }

    // The second step is made only when the first one has arrived.
    private static async Task StreamsAsync(HttpClient client, string file)
    {
        using var answer = await client.GetAsync($"steps?file={file}", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.That(await reader.ReadLineAsync(), Is.EqualTo("first"));
        File.WriteAllText(file, "");
        Assert.That(await reader.ReadLineAsync(), Is.EqualTo("second"));
    }

    private static async Task<(int Status, string Text)> StatusAsync(HttpClient client, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "static/file.txt");
        change(request);
        using var answer = await client.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
