using Emperor.Core.Configuration;
using Emperor.Core.Wsgi;
using Emperor.Tests.Configuration;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>Ini files as people write them can be run as they are. That their values are those that uwsgi reads is a test beside the real one.</summary>
[TestFixture]
public sealed class ShapeTests
{
    private static readonly string Folder = Path.Combine(TestContext.CurrentContext.TestDirectory, "Wsgi", "Shapes");

    private static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.ini").Select(file => Path.GetFileName(file)).Order();

    [TestCaseSource(nameof(Names))]
    public void It_is_run(string name)
    {
        var host = new FakeConfigHost { WorkingDirectory = "/etc/v" };
        foreach (var file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories))
            host.With(Path.GetRelativePath(Folder, file), File.ReadAllBytes(file));
        var reading = WsgiReader.Read(name, host);
        // Django's page names no socket, which is given on the command line there.
        Assert.That(
            reading.Refusal(name) ?? "",
            name.StartsWith("01", StringComparison.Ordinal) ? Does.Contain("names no socket") : Is.Empty
        );
        Assert.That(reading.Plan!.Wsgi!.App, Is.Not.Empty);
    }
}
