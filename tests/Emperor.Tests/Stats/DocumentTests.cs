using System.Buffers;
using System.Text;
using System.Text.Json;
using Emperor.Core;
using Emperor.Core.Configuration;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Stats;

/// <summary>The documents as text, and the addresses they are served at.</summary>
[TestFixture]
public sealed class DocumentTests
{
    private static readonly EmperorIdentity Identity = new("1.0", 7, 0, 0, "/", ["/v"], 1_000_000);

    private static readonly Instant Moment = new(1_000, 1_700_000_000_000);

    private readonly List<Effect> _effects = [];

    [TestCase(false)]
    [TestCase(true)]
    public void What_is_put_together_from_parts_is_json_with_any_number_of_vassals(bool minified)
    {
        var document = new StatsDocument(Identity, minified);
        var empire = new Empire(new EmpirePolicy());
        for (var count = 0; count < 4; count++)
        {
            var text = Written(document, empire.Snapshot(Moment, isReady: true, default, []));
            Assert.That(JsonDocument.Parse(text).RootElement.GetProperty("vassals").GetArrayLength(), Is.EqualTo(count));
            Assert.That(text.Contains('\n'), Is.EqualTo(!minified));
            empire.Handle($"a\"{count}\u00e9.ini", new VassalEvent.FileRefused("bad\n\"file\""), Moment, _effects);
        }
    }

    [Test]
    public void What_has_changed_is_written_anew_and_what_was_removed_leaves_nothing()
    {
        var document = new StatsDocument(Identity, minified: false);
        var empire = new Empire(new EmpirePolicy());
        foreach (var name in (string[])["a", "b", "c"])
            empire.Handle(name, new VassalEvent.FileAccepted(1), Moment, _effects);
        _ = Written(document, empire.Snapshot(Moment, isReady: true, default, []));
        empire.Handle("b", new VassalEvent.Spawned(1, 42), Moment, _effects);
        empire.Handle("a", new VassalEvent.Exited(1, new ProcessEnd(26, Signaled: false, "exit 26")), Moment, _effects);
        empire.Handle("a", new VassalEvent.FileGone(), Moment, _effects);
        var snapshot = empire.Snapshot(Moment, isReady: true, default, []);
        var usage = new Usage(
            5_000,
            new Dictionary<string, ProcessFigures>
            {
                ["b"] = new(42, 2, 30, 4_096, IsProportional: true, 5, 1),
                ["c"] = new(1, 1, 1, 1, true, 1, 1),
            }
        );
        var text = Written(document, snapshot, usage);
        // A document that was never written before is the witness.
        Assert.That(text, Is.EqualTo(Written(new StatsDocument(Identity, minified: false), snapshot, usage)));
        var vassals = JsonDocument.Parse(text).RootElement.GetProperty("vassals").EnumerateArray().ToArray();
        Assert.That(vassals.Select(v => v.GetProperty("id").GetString()), Is.EquivalentTo(new[] { "b", "c" }));
        var b = vassals.Single(v => v.GetProperty("id").GetString() == "b");
        Assert.That(b.GetProperty("pid").GetInt32(), Is.EqualTo(42));
        Assert.That(b.GetProperty("resources").GetProperty("processes").GetInt32(), Is.EqualTo(2));
        var c = vassals.Single(v => v.GetProperty("id").GetString() == "c");
        Assert.That(c.GetProperty("resources").ValueKind, Is.EqualTo(JsonValueKind.Null), "those figures are another process's");
    }

    [TestCase(false, false, "nothing")]
    [TestCase(true, false, "upgrade")]
    [TestCase(true, true, "upgrade and crash")]
    public void What_vassals_have_lived_on_over_is_told(bool overUpgrade, bool overCrash, string survives)
    {
        var empire = new Empire(new EmpirePolicy());
        var continuity = new Continuity(3, 1, overUpgrade, overCrash);
        var snapshot = empire.Snapshot(Moment, isReady: true, default, [], continuity: continuity);
        var document = JsonDocument.Parse(Written(new StatsDocument(Identity, minified: true), snapshot)).RootElement;
        Assert.That(document.GetProperty("upgrades").GetInt32(), Is.EqualTo(3));
        Assert.That(document.GetProperty("crashes").GetInt32(), Is.EqualTo(1));
        Assert.That(document.GetProperty("survives").GetString(), Is.EqualTo(survives));
        var metrics = new ArrayBufferWriter<byte>();
        new MetricsDocument(Identity).Write(metrics, snapshot, Usage.Unknown, openMetrics: true);
        var text = Encoding.UTF8.GetString(metrics.WrittenSpan);
        Assert.That(text, Does.Contain("emperor_upgrades_total 3\n").And.Contain("emperor_crashes_total 1\n"));
        Assert.That(text, Does.Contain($"emperor_survives{{event=\"crash\"}} {(overCrash ? 1 : 0)}\n"));
    }

    [TestCase(null, false)]
    [TestCase("*/*", false)]
    [TestCase("text/plain", false)]
    [TestCase("application/openmetrics-text", true)]
    [TestCase("application/openmetrics-text; version=1.0.0; charset=utf-8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true)]
    [TestCase("text/plain;q=0.5, application/openmetrics-text; version=1.0.0; q=0.75", true)]
    [TestCase("application/openmetrics-text;q=0", false)]
    public void Openmetrics_is_for_those_who_say_that_they_take_it(string? accept, bool takes) =>
        Assert.That(MetricsDocument.WantsOpenMetrics(accept), Is.EqualTo(takes));

    [TestCase("/run/e.sock", null, 0)]
    [TestCase("e.sock", null, 0)]
    [TestCase("@name", null, 0)]
    [TestCase("/tmp/with:colon", null, 0)]
    [TestCase(":1717", "", 1717)]
    [TestCase("*:1717", "", 1717)]
    [TestCase("127.0.0.1:1717", "127.0.0.1", 1717)]
    [TestCase("[::1]:1717", "::1", 1717)]
    public void An_address_is_a_path_a_name_or_a_port(string text, string? host, int port) =>
        Assert.That(ServerAddress.Parse(text), Is.EqualTo(new ServerAddress(text, host, port)));

    [TestCase("")]
    [TestCase("@")]
    [TestCase("host:")]
    [TestCase("host:0")]
    [TestCase("host:65536")]
    [TestCase("host:-1")]
    [TestCase("host:x")]
    [TestCase("::1:1717")]
    [TestCase("[::1:1717")]
    [TestCase("[]:1717")]
    public void What_is_no_address_is_refused(string text) => Assert.That(ServerAddress.Parse(text), Is.Null);

    [Test]
    public void A_path_must_fit_into_the_kernels_structure()
    {
        Assert.That(ServerAddress.Parse($"/{new string('x', 106)}"), Is.Not.Null);
        Assert.That(ServerAddress.Parse($"/{new string('x', 107)}"), Is.Null);
    }

    private static string Written(StatsDocument document, EmpireSnapshot snapshot, Usage? usage = null)
    {
        var output = new ArrayBufferWriter<byte>();
        document.Write(output, snapshot, usage ?? Usage.Unknown);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
