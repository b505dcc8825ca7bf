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
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class FdStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Socket _receiver = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly UnixDatagram _sender;
    private readonly Serilog.Core.Logger _logger = new LoggerConfiguration().CreateLogger();
    private readonly SafeFd _file = Files.OpenNull();

    public FdStoreTests()
    {
        _receiver.Bind(new UnixDomainSocketEndPoint(_folder.PathOf("notify")));
        _sender = UnixDatagram.Open(_folder.PathOf("notify"))!;
    }

    public void Dispose()
    {
        _file.Dispose();
        _logger.Dispose();
        _sender.Dispose();
        _receiver.Dispose();
        _folder.Dispose();
    }

    [Test]
    public void What_is_vital_has_room_though_the_store_is_full_of_others()
    {
        var store = StoreOf(most: 10);
        foreach (var name in (string[])["a", "b", "c", "d"])
            store.Add(name, _file.Number);
        store.Add("journal", _file.Number, isVital: true);
        store.Turn(0);
        store.Remove("a");
        store.Add("e", _file.Number);
        store.Turn(0);
        Assert.That(
            Received(),
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
        var store = StoreOf(most: 9);
        foreach (var name in (string[])["a", "b", "c"])
            store.Add(name, _file.Number);
        store.Turn(0);
        Assert.That(Received(), Is.EqualTo((string[])["FDSTORE=1 FDNAME=a FDPOLL=0"]));
        store.Remove("b");
        store.Remove("a");
        store.Turn(0);
        Assert.That(Received(), Is.EqualTo((string[])["FDSTOREREMOVE=1 FDNAME=a", "FDSTORE=1 FDNAME=c FDPOLL=0"]));
    }

    [Test]
    public void What_was_kept_without_a_journal_cannot_be_taken_over()
    {
        Assert.That(Arrival.OfCrash([("~x1", Files.OpenNull())], out _, out var failure), Is.Null);
        Assert.That(failure, Does.EndWith("it has no journal"));
        Assert.That(Arrival.OfCrash([("~j1", Files.OpenNull())], out _, out failure), Is.Null);
        Assert.That(failure, Does.Contain("cannot be taken over"));
    }

    private FdStore StoreOf(int most) => new(_sender, most, new EmperorLog(_logger));

    private List<string> Received()
    {
        var messages = new List<string>();
        var bytes = new byte[4096];
        while (_receiver.Available > 0)
            messages.Add(Encoding.ASCII.GetString(bytes, 0, _receiver.Receive(bytes)).Replace('\n', ' '));
        return messages;
    }
}
