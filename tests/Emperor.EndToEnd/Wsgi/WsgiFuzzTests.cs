using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Wsgi;

/// <summary>Malformed requests by the thousand: no worker is lost, none grows, none waits, and nothing in the worker itself raises.</summary>
[TestFixture]
internal sealed class WsgiFuzzTests : WsgiTest
{
    // Of all cases together; EMPEROR_FUZZ_SECONDS is for longer ones.
    private static readonly int Seconds = int.TryParse(
        Environment.GetEnvironmentVariable("EMPEROR_FUZZ_SECONDS"),
        CultureInfo.InvariantCulture,
        out var seconds
    )
        ? seconds
        : 24;

    // The same requests each time, so that what fails fails again; EMPEROR_FUZZ_SEED is for others.
    private static readonly int Seed = int.TryParse(
        Environment.GetEnvironmentVariable("EMPEROR_FUZZ_SEED"),
        CultureInfo.InvariantCulture,
        out var seed
    )
        ? seed
        : 20_260_101;

    [Test]
    public void The_parsers_understand_what_plain_readers_do()
    {
        TestContext.Out.WriteLine($"seed {Seed}");
        using var fuzz = Process.Start(
            new ProcessStartInfo(
                "/usr/bin/python3",
                ["-B", $"{WsgiDriver.Files}/fuzz_parsers.py", $"{WsgiDriver.Files}/worker.py", $"{Seed}", $"{Seconds / 4}"]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        var said = fuzz.StandardOutput.ReadToEnd().Trim().Split('\n');
        fuzz.WaitForExit();
        Assert.That(said, Has.Length.EqualTo(1), string.Join('\n', said.Take(20)));
        Assert.That(int.Parse(said[0].Split(' ')[0], CultureInfo.InvariantCulture), Is.GreaterThan(2_000));
    }

    [TestCase(null)]
    [TestCase("uwsgi")]
    [TestCase("http")]
    public void Malformed_requests_do_no_harm(string? only)
    {
        Temp.Folder("static");
        Temp.Write("static/file", "0123456789");
        var driver = Start(
            new WsgiSetup { Workers = 2, Only = only },
            ("threads", 2),
            ("static-map", new JsonArray($"/static={Temp["static"]}")),
            ("http-timeout", 5),
            ("disable-logging", true)
        );
        for (var i = 0; i < 50; i++)
            AssertServes(driver, only);
        var before = Rss(driver);
        TestContext.Out.WriteLine($"seed {Seed}");
        using var fuzz = Process.Start(
            new ProcessStartInfo(
                "/usr/bin/python3",
                [
                    $"{WsgiDriver.Files}/fuzz.py",
                    $"{Seed}",
                    $"{Seconds / 4}",
                    $"{(only == "uwsgi" ? 0 : driver.Port)}",
                    only == "http" ? "" : driver.Socket,
                ]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        var said = fuzz.StandardOutput.ReadToEnd().Trim().Split('\n');
        fuzz.WaitForExit();
        Assert.That(said, Has.Length.EqualTo(1), string.Join('\n', said));
        Assert.That(int.Parse(said[0].Split(' ')[0], CultureInfo.InvariantCulture), Is.GreaterThan(20));
        Assert.That(driver.Log.Split('\n').Where(l => l.Contains("Traceback")), Is.Empty);
        Wait.Until(
            () => Enumerable.Range(0, 2).All(s => driver.Slot(s)["cores"]!.AsArray().All(c => (long)c!["since"]! == 0)),
            driver.Text
        );
        AssertServes(driver, only);
        Assert.That(Rss(driver) - before, Is.LessThan(20_000_000));
    }

    private static long Rss(WsgiDriver driver) =>
        Enumerable
            .Range(0, 2)
            .Sum(slot => 1024 * long.Parse(ProcFs.Status(driver.Pid(slot), "VmRSS").Split(" ")[0], CultureInfo.InvariantCulture));
}
