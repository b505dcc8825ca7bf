using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>A test of the WSGI worker alone, with a folder of its own and any number of drivers.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal abstract class WsgiTest
{
    private readonly List<WsgiDriver> _drivers = [];

    protected TempFolder Temp { get; } = new();

    [TearDown]
    public void End()
    {
        var failed = TestContext.CurrentContext.Result.Outcome.Status == NUnit.Framework.Interfaces.TestStatus.Failed;
        foreach (var driver in _drivers)
        {
            if (failed)
                TestContext.Out.WriteLine(driver.Text());
            driver.Dispose();
        }
        Temp.Dispose();
    }

    /// <summary>Starts a worker or more with these options, and waits until they serve.</summary>
    protected WsgiDriver Start(params (string Name, JsonNode? Value)[] options) => Start(new WsgiSetup(), options);

    protected WsgiDriver Start(WsgiSetup setup, params (string Name, JsonNode? Value)[] options)
    {
        var all = new JsonObject();
        foreach (var (name, value) in options)
            all[name] = value;
        var driver = WsgiDriver.Start(Temp.Folder($"driver-{_drivers.Count}"), setup with { Options = all });
        _drivers.Add(driver);
        return driver;
    }

    /// <summary>A count of the first worker's first core.</summary>
    protected static long Count(WsgiDriver driver, string name) => (long)driver.Slot(0)["cores"]![0]![name]!;

    /// <summary>Fails unless the workers serve, and have never been others.</summary>
    protected static void AssertServes(WsgiDriver driver, string? only = null)
    {
        var answer = only == "uwsgi" ? WsgiClient.AskUwsgi(driver, "GET", "/hello") : WsgiClient.Get(driver, "/hello");
        Assert.That(answer.Text, Is.EqualTo("path /hello script "));
        Assert.That(driver.Said.Where(e => (string?)e["driver"] == "exit"), Is.Empty);
        Assert.That(driver.Log, Does.Not.Contain("worker.py").And.Not.Contain("/proc/self/fd"), "a fault of the worker itself");
    }
}
