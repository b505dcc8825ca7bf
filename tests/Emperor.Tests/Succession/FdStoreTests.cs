using System.Net.Sockets;
using System.Text;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;
using Emperor.Tests.Linux;
using NUnit.Framework;
using Serilog;

namespace Emperor.Tests.Succession;

[TestFixture]
public sealed class FdStoreTests
{
    [Test]
    public void What_is_vital_has_room_though_the_store_is_full_of_others()
    {
        using var folder = new TemporaryFolder();
        using var receiver = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        receiver.Bind(new UnixDomainSocketEndPoint(folder.PathOf("notify")));
        using var sender = UnixDatagram.Open(folder.PathOf("notify"))!;
        using var logger = new LoggerConfiguration().CreateLogger();
        using var file = Files.OpenNull();
        var store = new FdStore(sender, most: 10, new EmperorLog(logger));
        foreach (var name in (string[])["a", "b", "c", "d"])
            store.Add(name, file.Number);
        store.Add("journal", file.Number, isVital: true);
        store.Turn(0);
        store.Remove("a");
        store.Add("e", file.Number);
        store.Turn(0);
        Assert.That(
            Received(receiver),
            Is.EqualTo(
                (string[])
                    [
                        "FDSTORE=1 FDNAME=a FDPOLL=0",
                        "FDSTORE=1 FDNAME=b FDPOLL=0",
                        "FDSTORE=1 FDNAME=journal FDPOLL=0",
                        "FDSTOREREMOVE=1 FDNAME=a",
                    ]
            )
        );
        Assert.That(store.NextDue, Is.Null, "nothing waits");
    }

    [Test]
    public void What_found_no_place_gets_the_next_one_that_is_free()
    {
        using var folder = new TemporaryFolder();
        using var receiver = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        receiver.Bind(new UnixDomainSocketEndPoint(folder.PathOf("notify")));
        using var sender = UnixDatagram.Open(folder.PathOf("notify"))!;
        using var logger = new LoggerConfiguration().CreateLogger();
        using var file = Files.OpenNull();
        var store = new FdStore(sender, most: 9, new EmperorLog(logger));
        foreach (var name in (string[])["a", "b", "c"])
            store.Add(name, file.Number);
        store.Turn(0);
        Assert.That(Received(receiver), Is.EqualTo((string[])["FDSTORE=1 FDNAME=a FDPOLL=0"]));
        store.Remove("b");
        store.Remove("a");
        store.Turn(0);
        Assert.That(Received(receiver), Is.EqualTo((string[])["FDSTOREREMOVE=1 FDNAME=a", "FDSTORE=1 FDNAME=c FDPOLL=0"]));
    }

    [Test]
    public void What_was_kept_without_a_journal_cannot_be_taken_over()
    {
        Assert.That(Arrival.OfCrash([("~x1", Files.OpenNull())], out _, out var failure), Is.Null);
        Assert.That(failure, Does.EndWith("it has no journal"));
        Assert.That(Arrival.OfCrash([("~j1", Files.OpenNull())], out _, out failure), Is.Null);
        Assert.That(failure, Does.Contain("cannot be taken over"));
    }

    private static List<string> Received(Socket receiver)
    {
        var messages = new List<string>();
        var bytes = new byte[4096];
        while (receiver.Available > 0)
            messages.Add(Encoding.ASCII.GetString(bytes, 0, receiver.Receive(bytes)).Replace('\n', ' '));
        return messages;
    }
}
