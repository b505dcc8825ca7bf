using System.Net.Sockets;
using System.Text;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Linux;

[TestFixture]
public sealed class UnixDatagramTests
{
    [Test]
    public void A_descriptor_goes_with_a_message_and_stays_ours()
    {
        using var folder = new TemporaryFolder();
        using var receiver = Receiver(folder.PathOf("notify"));
        using var sender = UnixDatagram.Open(folder.PathOf("notify"))!;
        using var file = Files.CreateSealedFile("store", "kept"u8);
        Assert.That(sender.Send("FDSTORE=1\nFDNAME=state", file.Number).Number, Is.Zero);
        var message = Receive(receiver, out var received);
        using (received)
        {
            Assert.That(message, Is.EqualTo("FDSTORE=1\nFDNAME=state"));
            Assert.That(received, Is.Not.Null, "no descriptor has come");
            Assert.That(received!.Number, Is.Not.EqualTo(file.Number));
            var content = new byte[10];
            Assert.That(Files.ReadAt(received, content, 0, out var length).Number, Is.Zero);
            Assert.That(Encoding.UTF8.GetString(content, 0, length), Is.EqualTo("kept"));
        }
        Assert.That(Files.IsOpen(file.Number));
    }

    [Test]
    public void What_cannot_be_sent_is_told_at_once()
    {
        using var folder = new TemporaryFolder();
        using var sender = UnixDatagram.Open(folder.PathOf("notify"))!;
        using var file = Files.OpenNull();
        Assert.That(sender.Send("FDSTORE=1", file.Number), Is.EqualTo(Errno.NoEntry), "nobody is there");
        using var receiver = Receiver(folder.PathOf("notify"));
        Assert.That(sender.Send("FDSTORE=1", 987_654).ToString(), Does.Contain("errno 9"));
        var sent = 0;
        Errno error;
        while ((error = sender.Send("FDSTORE=1", file.Number)).Number == 0)
            Assert.That(++sent, Is.LessThan(1_000_000));
        Assert.That(error, Is.EqualTo(Errno.Again), "the receiver does not read");
    }

    private static Socket Receiver(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static unsafe string Receive(Socket socket, out SafeFd? descriptor)
    {
        var control = stackalloc byte[MessageHeader.RightsSpace];
        var content = stackalloc byte[256];
        var piece = new MessageHeader.Piece { Base = content, Length = 256 };
        var message = new MessageHeader
        {
            Pieces = &piece,
            PieceCount = 1,
            Control = control,
            ControlLength = MessageHeader.RightsSpace,
        };
        var flags = Constants.MsgDontWait | Constants.MsgCMsgCloExec;
        var length = Native.ReceiveMessage((int)socket.Handle, &message, flags);
        Assert.That((long)length, Is.Positive);
        var isRights = message.ControlLength >= MessageHeader.RightsLength && *(int*)(control + 12) == Constants.ScmRights;
        descriptor = isRights ? new SafeFd(*(int*)(control + 16)) : null;
        return Encoding.UTF8.GetString(content, (int)length);
    }
}
