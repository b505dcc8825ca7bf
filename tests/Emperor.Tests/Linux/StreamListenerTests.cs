using System.Net;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class StreamListenerTests : IDisposable
{
    private static readonly SocketRights Usual = new(null, null, null);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Path => _folder.PathOf("a.sock");

    [TestCase("", false)]
    [TestCase("a", true)]
    [TestCase("@a", true)]
    public void A_unix_name_is_neither_empty_nor_too_long(string text, bool isFine)
    {
        Assert.That(SocketName.OfUnix(text) is not null, Is.EqualTo(isFine));
        Assert.That(SocketName.OfUnix(text)?.Path, Is.EqualTo(text == "a" ? "a" : null));
        Assert.That(SocketName.OfUnix(text.PadRight(107, 'ä')), Is.Null, "107 characters of two bytes");
        Assert.That(SocketName.OfUnix(text.PadRight(107, 'x')), Is.Not.Null);
        Assert.That(SocketName.OfUnix(text.PadRight(108, 'x')), Is.Null);
    }

    [TestCase(null)]
    [TestCase(0x1A0U)]
    [TestCase(0x1B6U)]
    public void Its_file_has_the_mode_asked_for_or_what_the_umask_leaves(uint? mode)
    {
        var umask = Self.Umask;
        using var listener = Listen(new SocketRights(mode, null, null));
        Assert.That(File.GetUnixFileMode(Path), Is.EqualTo((UnixFileMode)(mode ?? (0x1FF & ~umask))));
        Assert.That(Self.Umask, Is.EqualTo(umask));
    }

    [Test]
    public void A_client_is_known_and_both_ends_are_told_of_the_end()
    {
        using var listener = Listen();
        Assert.That(listener.Accept(out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.Again), "it does not block");
        using var client = StreamConnection.Connect(SocketName.OfPath(Path), out _)!;
        var server = listener.Accept(out _)!;
        Assert.That(server.Peer(), Is.EqualTo((Self.Pid, Self.Uid, Self.Gid)));
        Assert.That(client.Send("abc"u8, out var sent).Number + sent, Is.EqualTo(3));
        client.EndWriting();
        var buffer = new byte[8];
        Assert.That(server.Wait(output: false, 10_000));
        Assert.That(server.Read(buffer, out var count), Is.EqualTo(ChannelRead.Data));
        Assert.That(buffer[..count], Is.EqualTo("abc"u8.ToArray()));
        Assert.That(server.Read(buffer, out _), Is.EqualTo(ChannelRead.Closed));
        Assert.That(client.Read(buffer, out _), Is.EqualTo(ChannelRead.Nothing));
        server.Dispose();
        Assert.That(client.Read(buffer, out _), Is.EqualTo(ChannelRead.Closed));
        Assert.That(client.Send("d"u8, out _), Is.EqualTo(Errno.BrokenPipe));
    }

    [Test]
    public void What_somebody_uses_or_is_no_socket_is_left_alone_and_what_nobody_uses_is_replaced()
    {
        File.WriteAllText(Path, "somebody's");
        Assert.That(Refusal().State, Is.EqualTo(SocketFileState.NoSocket));
        Assert.That(File.ReadAllText(Path), Is.EqualTo("somebody's"));
        File.Delete(Path);
        using (Listen())
        {
            Assert.That(Refusal().State, Is.EqualTo(SocketFileState.Live));
            // A link is not followed, not even to a socket.
            File.CreateSymbolicLink(_folder.PathOf("link"), Path);
            Assert.That(Refusal("link").State, Is.EqualTo(SocketFileState.NoSocket));
        }
        Assert.That(Path, Does.Not.Exist);
        ListeningSocket.Bind(SocketName.OfPath(Path), out _)!.Dispose();
        Assert.That(Path, Does.Exist);
        using var listener = Listen();
        using var client = StreamConnection.Connect(SocketName.OfPath(Path), out var error);
        Assert.That(client, Is.Not.Null, $"{error}");
        Assert.That(Refusal("no/such/folder"), Is.EqualTo(new ListenFailure(SocketFileState.Absent, Errno.NoEntry)));
    }

    [Test]
    public void At_its_end_it_removes_its_own_file_and_no_other()
    {
        var first = Listen();
        File.Delete(Path);
        using var second = Listen();
        first.Dispose();
        Assert.That(Path, Does.Exist);
        second.Dispose();
        Assert.That(Path, Does.Not.Exist);
        using var third = Listen();
        second.Dispose();
        Assert.That(Path, Does.Exist, "it has ended already");
    }

    [Test]
    public void One_that_is_handed_over_is_neither_closed_nor_removed()
    {
        using var fd = ListeningSocket.Bind(SocketName.OfPath(Path), out _)!;
        Assert.That(ListeningSocket.Listen(fd, 1).Number, Is.Zero);
        var listener = StreamListener.Adopt(fd);
        Assert.That(listener.Accept(out var error), Is.Null);
        Assert.That(error, Is.EqualTo(Errno.Again));
        listener.Dispose();
        Assert.That(fd.IsClosed, Is.False);
        Assert.That(Path, Does.Exist);
    }

    [Test]
    public void A_port_or_an_abstract_name_that_is_taken_is_told_so()
    {
        using var fd = ListeningSocket.Bind(SocketName.OfInternet(IPAddress.Loopback, 0), out _)!;
        Assert.That(ListeningSocket.Listen(fd, 1).Number, Is.Zero);
        var port = IPEndPoint.Parse(ListeningSocket.AddressOf(fd)!).Port;
        Assert.That(StreamListener.Listen(SocketName.OfInternet(IPAddress.Loopback, port), Usual, out var failure), Is.Null);
        Assert.That(failure, Is.EqualTo(new ListenFailure(SocketFileState.Live, Errno.AddressInUse)));
        var name = SocketName.OfAbstract($"emperor-test-{Guid.NewGuid():N}");
        using var one = StreamListener.Listen(name, Usual, out _);
        Assert.That(one, Is.Not.Null);
        Assert.That(StreamListener.Listen(name, Usual, out failure), Is.Null);
        Assert.That(failure.State, Is.EqualTo(SocketFileState.Live));
    }

    private StreamListener Listen(SocketRights? rights = null)
    {
        var listener = StreamListener.Listen(SocketName.OfPath(Path), rights ?? Usual, out var failure);
        Assert.That(listener, Is.Not.Null, $"{failure}");
        return listener!;
    }

    private ListenFailure Refusal(string name = "a.sock")
    {
        Assert.That(StreamListener.Listen(SocketName.OfPath(_folder.PathOf(name)), Usual, out var failure), Is.Null);
        return failure;
    }
}
