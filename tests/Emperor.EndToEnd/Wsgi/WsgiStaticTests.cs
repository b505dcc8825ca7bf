using System.Globalization;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Files that the worker serves itself, and those that it must not.</summary>
[TestFixture]
internal sealed class WsgiStaticTests : WsgiTest
{
    private const string Text = "0123456789";

    private WsgiDriver Serve()
    {
        var root = Temp.Folder("root");
        File.WriteAllText($"{root}/file.txt", Text);
        File.WriteAllText($"{root}/empty.css", "");
        File.WriteAllText($"{root}/packed.tar.gz", "x");
        Directory.CreateDirectory($"{root}/folder");
        File.WriteAllText($"{root}/folder/index.html", "index");
        File.WriteAllText($"{root}/with space \u00e4.txt", "space");
        File.WriteAllText($"{root}/page.php", "source");
        Temp.Folder("root-secret");
        Temp.Write("root-secret/secret.txt", "secret");
        Temp.Write("secret.txt", "secret");
        File.CreateSymbolicLink($"{root}/inside", $"{root}/file.txt");
        File.CreateSymbolicLink($"{root}/outside", Temp["secret.txt"]);
        File.CreateSymbolicLink($"{root}/outside-folder", Temp["root-secret"]);
        Temp.Folder("safe");
        Temp.Write("safe/safe.txt", "safe");
        File.CreateSymbolicLink($"{root}/to-safe", Temp["safe/safe.txt"]);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", $"{root}/pipe"))
            mkfifo.WaitForExit();
        Temp.Folder("checked");
        Temp.Write("checked/robots.txt", "robots");
        return Start(
            ("static-map", new System.Text.Json.Nodes.JsonArray($"/static={root}", $"/one.txt={root}/file.txt")),
            ("static-map2", new System.Text.Json.Nodes.JsonArray($"/folder={root}")),
            ("check-static", new System.Text.Json.Nodes.JsonArray(Temp["checked"])),
            ("static-index", new System.Text.Json.Nodes.JsonArray("index.html")),
            ("static-skip-ext", new System.Text.Json.Nodes.JsonArray(".php")),
            ("static-safe", new System.Text.Json.Nodes.JsonArray(Temp["safe"]))
        );
    }

    private static Answer Get(WsgiDriver driver, string target, string headers = "", string method = "GET") =>
        WsgiClient.Ask(driver, $"{method} {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}\r\n");

    [Test]
    public void Files_are_served_and_all_else_is_the_apps()
    {
        var driver = Serve();
        foreach (
            var (target, text) in new[]
            {
                ("/static/file.txt", Text),
                ("/static//file.txt", Text),
                ("/static/folder/../file.txt", Text),
                ("/static/with%20space%20%C3%A4.txt", "space"),
                ("/static/folder", "index"),
                ("/static/folder/", "index"),
                ("/folder/", "index"),
                ("/static/inside", Text),
                ("/static/to-safe", "safe"),
                ("/static/empty.css", ""),
                ("/one.txt", Text),
                ("/robots.txt", "robots"),
            }
        )
        {
            Assert.That(Get(driver, target).Text, Is.EqualTo(text), target);
            if (!target.Contains('%'))
                Assert.That(WsgiClient.AskUwsgi(driver, "GET", target).Text, Is.EqualTo(text), target);
        }
        foreach (
            var target in new[]
            {
                "/static/none",
                "/static",
                "/staticfile.txt",
                "/static-secret/secret.txt",
                "/static/../secret.txt",
                "/static/%2e%2e/secret.txt",
                "/static/..%2fsecret.txt",
                "/static/../root-secret/secret.txt",
                "/static/folder/../../secret.txt",
                "/static/outside",
                "/static/outside-folder/secret.txt",
                "/static/pipe",
                "/static/page.php",
                "/../secret.txt",
                "//etc/passwd",
                "/static//etc/passwd",
                "/static/%5c..%5csecret.txt",
                $"/static{Temp["secret.txt"]}",
            }
        )
        {
            Assert.That(Get(driver, target).Text, Does.StartWith("path /"), target);
            Assert.That(WsgiClient.AskUwsgi(driver, "GET", target).Text, Does.StartWith("path /"), target);
        }
        // The uwsgi protocol can carry what HTTP cannot.
        Assert.That(WsgiClient.AskUwsgi(driver, "GET", "/static/file.txt\0.png").Text, Does.StartWith("path /"));
        Assert.That(WsgiClient.AskUwsgi(driver, "GET", "/static/../secret.txt").Text, Does.StartWith("path /"));
        Assert.That(Get(driver, "/static/file.txt", "Content-Length: 0\r\n", "POST").Text, Does.StartWith("path /"));
        Wait.Until(() => driver.Log.Contains("security error"), driver.Text);
        Wait.Until(() => Count(driver, "static") > 10, driver.Text);
        AssertServes(driver);
    }

    [Test]
    public void A_file_that_has_not_changed_is_not_sent_again()
    {
        var driver = Serve();
        var first = Get(driver, "/static/file.txt");
        Assert.That((first.Header("Content-Type"), first.Header("Content-Length")), Is.EqualTo(("text/plain", "10")));
        Assert.That(Get(driver, "/static/packed.tar.gz").Header("Content-Type"), Is.EqualTo("application/gzip"));
        var tag = first.Header("ETag")!;
        var modified = first.Header("Last-Modified")!;
        var before = DateTime
            .Parse(modified, CultureInfo.InvariantCulture)
            .ToUniversalTime()
            .AddSeconds(-10)
            .ToString("R", CultureInfo.InvariantCulture);
        foreach (
            var (headers, status) in new[]
            {
                ($"If-None-Match: {tag}\r\n", 304),
                ($"If-None-Match: \"a\", W/{tag}\r\n", 304),
                ("If-None-Match: *\r\n", 304),
                ("If-None-Match: \"other\"\r\n", 200),
                ($"If-None-Match: \"other\"\r\nIf-Modified-Since: {modified}\r\n", 200),
                ($"If-Modified-Since: {modified}\r\n", 304),
                ($"If-Modified-Since: {before}\r\n", 200),
                ("If-Modified-Since: nonsense\r\n", 200),
                ("If-Modified-Since: Mon, 99 Jan 99999 00:00:00 GMT\r\n", 200),
            }
        )
            Assert.That(Get(driver, "/static/file.txt", headers).Status, Is.EqualTo(status), headers);
        var head = Get(driver, "/static/file.txt", "", "HEAD");
        Assert.That((head.Status, head.Header("Content-Length"), head.Text), Is.EqualTo((200, "10", "")));
    }

    [TestCase("bytes=0-3", 206, "0123", "bytes 0-3/10")]
    [TestCase("bytes=4-", 206, "456789", "bytes 4-9/10")]
    [TestCase("bytes=-3", 206, "789", "bytes 7-9/10")]
    [TestCase("bytes=-30", 206, Text, "bytes 0-9/10")]
    [TestCase("bytes=8-100", 206, "89", "bytes 8-9/10")]
    [TestCase("bytes=9-9", 206, "9", "bytes 9-9/10")]
    [TestCase("bytes=10-", 416, "", "bytes */10")]
    [TestCase("bytes=-0", 416, "", "bytes */10")]
    [TestCase("bytes=5-3", 200, Text, null)]
    [TestCase("bytes=0-1,3-4", 200, Text, null)]
    [TestCase("lines=0-1", 200, Text, null)]
    [TestCase("bytes=-", 200, Text, null)]
    [TestCase("bytes=a-b", 200, Text, null)]
    public void A_part_of_a_file_can_be_asked_for(string range, int status, string text, string? contentRange)
    {
        var driver = Serve();
        var answer = Get(driver, "/static/file.txt", $"Range: {range}\r\n");
        Assert.That((answer.Status, answer.Text, answer.Header("Content-Range")), Is.EqualTo((status, text, contentRange)));
        var tag = answer.Header("ETag");
        if (status == 206)
        {
            Assert.That(Get(driver, "/static/file.txt", $"Range: {range}\r\nIf-Range: {tag}\r\n").Status, Is.EqualTo(206));
            Assert.That(Get(driver, "/static/file.txt", $"Range: {range}\r\nIf-Range: \"old\"\r\n").Status, Is.EqualTo(200));
        }
    }
}
