using System.Text;
using Emperor.Core.Sockets;
using NUnit.Framework;

namespace Emperor.Tests.Sockets;

[TestFixture]
public sealed class SocketAddressTests
{
    [TestCase("/run/app.sock", SocketKind.Path, "/run/app.sock")]
    [TestCase("/run/a:80", SocketKind.Path, "/run/a:80")]
    [TestCase("app.sock", SocketKind.Path, "/vassals/app.sock")]
    [TestCase("run/app.sock", SocketKind.Path, "/vassals/run/app.sock")]
    [TestCase("@app", SocketKind.Abstract, "@app")]
    [TestCase("@a:80", SocketKind.Abstract, "@a:80")]
    [TestCase(@"\0app", SocketKind.Abstract, "@app")]
    [TestCase("127.0.0.1:8000", SocketKind.Internet, "127.0.0.1:8000")]
    [TestCase(":8000", SocketKind.Internet, "0.0.0.0:8000")]
    [TestCase("0.0.0.0:08000", SocketKind.Internet, "0.0.0.0:8000")]
    [TestCase("[::1]:8000", SocketKind.Internet, "[::1]:8000")]
    [TestCase("[::]:1", SocketKind.Internet, "[::]:1")]
    [TestCase("[0:0:0:0:0:0:0:1]:65535", SocketKind.Internet, "[::1]:65535")]
    [TestCase("[::ffff:1.2.3.4]:80", SocketKind.Internet, "[::ffff:1.2.3.4]:80")]
    public void An_address_is_read(string text, SocketKind kind, string spelling)
    {
        var address = SocketAddress.Parse(text, "/vassals", out var failure);
        Assert.That(failure, Is.Empty);
        Assert.That((address!.Kind, address.ToString()), Is.EqualTo((kind, spelling)));
        Assert.That(SocketAddress.Parse(spelling, "/elsewhere", out _), Is.EqualTo(address), "its spelling is not its own");
    }

    [TestCase("", "empty")]
    [TestCase("@", "names no socket")]
    [TestCase("/run/", "a folder's path")]
    [TestCase(":", "no port")]
    [TestCase(":0", "no port")]
    [TestCase(":65536", "no port")]
    [TestCase(":80x", "no port")]
    [TestCase(":+80", "no port")]
    [TestCase("127.0.0.1:", "no port")]
    [TestCase("localhost:80", "host names are not looked up")]
    [TestCase("1:80", "no address before its port")]
    [TestCase("1.2.3:80", "no address before its port")]
    [TestCase("1.2.3.256:80", "no address before its port")]
    [TestCase("1.2.3.010:80", "no address before its port")]
    [TestCase("::1:80", "brackets")]
    [TestCase("[::1%lo]:80", "no address before its port")]
    [TestCase("[127.0.0.1]:80", "no address before its port")]
    [TestCase("[::1]", "no port")]
    public void What_is_no_address_is_refused_with_the_cure(string text, string words)
    {
        Assert.That(SocketAddress.Parse(text, "/vassals", out var failure), Is.Null);
        Assert.That(failure, Does.Contain(words));
    }

    [Test]
    public void A_path_may_have_107_bytes_and_is_never_cut()
    {
        var longest = "/" + new string('a', 104) + "ä";
        Assert.That(Encoding.UTF8.GetByteCount(longest), Is.EqualTo(SocketAddress.LongestName));
        Assert.That(SocketAddress.Parse(longest, "/", out _), Is.Not.Null);
        Assert.That(SocketAddress.Parse(longest + "b", "/", out var failure), Is.Null);
        Assert.That(failure, Does.Contain("has 108 bytes, and the kernel takes 107"));
    }
}
