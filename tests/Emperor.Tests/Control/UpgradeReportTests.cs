using System.Text;
using System.Text.Json;
using Emperor.Core.Control;
using NUnit.Framework;

namespace Emperor.Tests.Control;

[TestFixture]
public sealed class UpgradeReportTests
{
    [TestCase(50, new string[0], "50 vassals carried over, none restarted")]
    [TestCase(1, new[] { "a.ini" }, "1 vassal carried over, 1 restarted (a.ini)")]
    [TestCase(0, new[] { "a\nb", "c" }, @"0 vassals carried over, 2 restarted (a\nb, c)")]
    [TestCase(0, new[] { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11" }, "0 vassals carried over, 11 restarted")]
    public void It_is_told_in_a_sentence(int carried, string[] restarted, string words) =>
        Assert.That(
            new UpgradeReport("0.1.0", "0.2.0", 184, carried, restarted).Sentence(),
            Is.EqualTo($"upgraded from 0.1.0 to 0.2.0 in 0.18 s: {words}")
        );

    [Test]
    public void It_is_told_to_programs_too()
    {
        var line = ControlProtocol.Line(new ControlReply { Upgrade = new UpgradeReport("1", "2", 3, 4, ["x"]) });
        Assert.That(
            Encoding.UTF8.GetString(line).Trim(),
            Is.EqualTo("""{"v":1,"ok":true,"more":false,"upgrade":{"from":"1","to":"2","took_ms":3,"carried":4,"restarted":["x"]}}""")
        );
        Assert.That(JsonSerializer.Deserialize(line, ControlJson.Default.ControlReply)!.Upgrade!.Restarted, Is.EqualTo(new[] { "x" }));
    }
}
