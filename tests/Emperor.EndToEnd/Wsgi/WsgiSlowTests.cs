using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Clients that are slow, stall, or come in crowds: one worker serves the others all the same.</summary>
[TestFixture]
internal sealed class WsgiSlowTests : WsgiTest
{
    [Test]
    public void Heads_that_do_not_come_to_an_end_hold_up_nobody_and_run_out_of_time()
    {
        var driver = Start(("http-timeout", 2), ("socket-timeout", 2));
        var slow = new List<WsgiClient>();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                slow.Add(WsgiClient.Http(driver));
                slow[^1].Send($"GET /slow HTTP/1.1\r\nHost: t\r\nX-{i}: ");
                slow.Add(WsgiClient.Uwsgi(driver));
                slow[^1].Send([0, 100, 0]);
            }
            slow.Add(WsgiClient.Http(driver));
            for (var i = 0; i < 5; i++)
                AssertServes(driver);
            // A byte now and then does not buy more time: it is the whole head that must be there in time.
            slow[0].Send("a");
            Assert.That(slow[0].ReadToEnd().Status, Is.EqualTo(408));
            Assert.That(slow[1].IsClosed());
            Assert.That(slow[^1].IsClosed(), "one that has sent nothing is closed without a word");
            AssertServes(driver);
        }
        finally
        {
            slow.ForEach(client => client.Dispose());
        }
        Wait.Until(() => Count(driver, "connections") == 0, driver.Text);
    }

    [Test]
    public void There_are_never_more_connections_than_the_worker_can_hold()
    {
        var driver = Start();
        var crowd = new List<WsgiClient>();
        try
        {
            for (var i = 0; i < 1200; i++)
            {
                crowd.Add(WsgiClient.Http(driver));
                crowd[^1].Send("GET /crowd HTTP/1.1\r\n");
            }
            AssertServes(driver);
            Assert.That(Count(driver, "connections"), Is.LessThanOrEqualTo(1000));
            Assert.That(crowd[0].IsClosed(), "the one that has waited longest made room");
            crowd[^1].Send("Host: t\r\n\r\n");
            Assert.That(crowd[^1].ReadAnswer().Text, Is.EqualTo("path /crowd script "));
        }
        finally
        {
            crowd.ForEach(client => client.Dispose());
        }
    }

    [TestCase("http")]
    [TestCase("uwsgi")]
    public void A_body_that_stalls_frees_the_worker(string protocol)
    {
        var driver = Start(("http-timeout", 1), ("socket-timeout", 1));
        using var client = protocol == "http" ? WsgiClient.Http(driver) : WsgiClient.Uwsgi(driver);
        if (protocol == "http")
            client.Send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nsome");
        else
            client.Send(WsgiClient.Packet("POST", "/echo", 100));
        AssertServes(driver);
        Wait.Until(() => driver.Log.Contains("reading the body timed out: the client stalls or is too slow on request /echo"), driver.Text);
        Assert.That(client.IsClosed());
    }

    [Test]
    public void A_body_that_trickles_frees_the_worker()
    {
        var driver = Start(("http-timeout", 1));
        using var client = WsgiClient.Http(driver);
        client.Send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n");
        using var end = new CancellationTokenSource();
        var trickle = new Thread(() =>
        {
            try
            {
                while (!end.IsCancellationRequested)
                {
                    client.Send("x");
                    Thread.Sleep(100);
                }
            }
            catch (System.Net.Sockets.SocketException) { }
        });
        trickle.Start();
        try
        {
            AssertServes(driver);
            Wait.Until(() => driver.Log.Contains("the client stalls or is too slow on request /echo"), driver.Text);
        }
        finally
        {
            end.Cancel();
            trickle.Join();
        }
    }

    [Test]
    public void A_client_that_does_not_read_frees_the_worker()
    {
        var driver = Start(("http-timeout", 1), ("socket-timeout", 1));
        foreach (var protocol in new[] { "http", "uwsgi" })
        {
            using var client = protocol == "http" ? WsgiClient.Http(driver) : WsgiClient.Uwsgi(driver);
            if (protocol == "http")
                client.Send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n");
            else
                client.Send(WsgiClient.Packet("GET", "/stream", null));
            _ = client.ReadUntil("yyyy");
            AssertServes(driver);
        }
        Wait.Until(() => driver.Log.Split("writing the answer timed out").Length - 1 == 2, driver.Text);
        Assert.That(WsgiClient.Get(driver, "/closed").Text, Is.EqualTo("""["stream", "stream"]"""));
    }

    [Test]
    public void A_default_timeout_that_the_app_has_set_is_not_the_servers()
    {
        Temp.Write("timeout_app.py", "import socket\nsocket.setdefaulttimeout(30)\nfrom apps import application\n");
        var driver = Start(("module", "timeout_app"), ("pythonpath", new System.Text.Json.Nodes.JsonArray(Temp.Path)));
        using var slow = WsgiClient.Http(driver);
        slow.Send("GET /");
        var started = System.Diagnostics.Stopwatch.GetTimestamp();
        AssertServes(driver);
        Assert.That(System.Diagnostics.Stopwatch.GetElapsedTime(started), Is.LessThan(TimeSpan.FromSeconds(25)));
    }
}
