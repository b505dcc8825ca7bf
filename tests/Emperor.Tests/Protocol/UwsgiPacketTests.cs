using System.Text;
using Emperor.Core.Control;
using Emperor.Core.Protocol;
using NUnit.Framework;

namespace Emperor.Tests.Protocol;

[TestFixture]
public sealed class UwsgiPacketTests
{
    [Test]
    public void A_configuration_stands_behind_modifier_115_and_its_size()
    {
        var packet = UwsgiPacket.Configuration(new byte[0x1234]);
        Assert.That(packet[..4], Is.EqualTo(new byte[] { 115, 0x34, 0x12, 0 }));
        Assert.That(packet, Has.Length.EqualTo(4 + 0x1234));
        Assert.That(UwsgiPacket.Configuration(new byte[UwsgiPacket.MostContent]), Has.Length.EqualTo(4 + 65535));
        Assert.Throws<ArgumentOutOfRangeException>(() => UwsgiPacket.Configuration(new byte[UwsgiPacket.MostContent + 1]));
    }

    [TestCase("cmd=spawn vassal=a.ini", CommandKind.Spawn, "a.ini")]
    [TestCase("vassal=a.ini command=respawn", CommandKind.Respawn, "a.ini")]
    [TestCase("cmd=stop other=x vassal=a.ini", CommandKind.Stop, "a.ini")]
    [TestCase("cmd=log msg=hello", CommandKind.Log, "hello")]
    [TestCase("cmd=stop vassal=a.ini vassal=b.ini", CommandKind.Stop, "b.ini")]
    public void A_command_is_read(string pairs, CommandKind kind, string text) =>
        Assert.That(EmperorCommand.Read(Packet(pairs)), Is.EqualTo(new EmperorCommand(kind, text)));

    [TestCase("")]
    [TestCase("cmd=spawn")]
    [TestCase("cmd=spawn vassal=")]
    [TestCase("vassal=a.ini")]
    [TestCase("cmd=destroy vassal=a.ini")]
    [TestCase("cmd=log")]
    [TestCase("cmd=Stop vassal=a.ini")]
    public void What_is_no_command_is_none(string pairs) => Assert.That(EmperorCommand.Read(Packet(pairs)), Is.Null);

    [Test]
    public void No_cut_and_no_changed_length_is_read_and_nothing_throws()
    {
        var whole = Packet("cmd=stop vassal=a.ini");
        for (var length = 0; length < whole.Length; length++)
            Assert.That(EmperorCommand.Read(whole.AsSpan(0, length)), Is.Null, $"the first {length} bytes");
        Assert.That(EmperorCommand.Read([.. whole, 0]), Is.Null);
        Assert.That(EmperorCommand.Read(Packet("cmd=log msg=" + new string('x', EmperorCommand.MostBytes))), Is.Null);
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var noise = new byte[random.Next(40)];
            random.NextBytes(noise);
            _ = EmperorCommand.Read(noise);
            var near = (byte[])whole.Clone();
            near[random.Next(near.Length)] = (byte)random.Next(256);
            _ = EmperorCommand.Read(near);
        }
    }

    private static byte[] Packet(string pairs)
    {
        var body = new List<byte>();
        foreach (var text in pairs.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(p => p.Split('=')))
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            body.AddRange([(byte)bytes.Length, (byte)(bytes.Length >> 8), .. bytes]);
        }
        return [0, (byte)body.Count, (byte)(body.Count >> 8), 0, .. body];
    }
}
