using System.Net;
using System.Net.Sockets;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Wsgi;

/// <summary>How many workers there shall be.</summary>
[TestFixture]
public sealed class CheaperGaugeTests
{
    private static readonly CheaperRule Spare = new(2, 2, Step: 2, Overload: 3);

    // Active workers and busy ones at each look, and what is to be done after each.
    [TestCase("2/2 2/2 2/2 2/2 2/2", "0 0 0 2 0")]
    [TestCase("2/2 2/2 2/1 2/2 2/2 2/2 2/2", "0 0 0 0 0 2 0")]
    [TestCase("4/3 4/3 4/3 4/3 4/3 4/3 4/3", "0 0 0 0 0 0 0")]
    [TestCase("4/0 4/0 4/0 3/0 3/0 3/0 2/0 2/0 2/0 2/0", "0 0 -1 0 0 -1 0 0 0 0")]
    [TestCase("4/4 4/0 4/0 4/0 4/0", "0 0 0 -1 0")]
    [TestCase("0/0 0/0", "0 0")]
    public void One_is_kept_free(string seen, string deltas) => Assert.That(Look(Spare, seen), Is.EqualTo(deltas));

    [TestCase("2/2/4 2/0/3 3/0/2 2/0/0", "2 0 -1 0")]
    public void By_the_connections_that_wait(string seen, string deltas) =>
        Assert.That(Look(Spare with { ByBacklog = true }, seen), Is.EqualTo(deltas));

    [TestCase(true)]
    [TestCase(false)]
    public void Connections_that_wait_are_counted(bool isPath)
    {
        using var folder = new Linux.TemporaryFolder();
        var path = folder.PathOf("s");
        using var listener = ListeningSocket.Bind(isPath ? SocketName.OfPath(path) : SocketName.OfInternet(IPAddress.Loopback, 0), out _)!;
        Assert.That(ListeningSocket.Listen(listener, 7).Number, Is.Zero);
        using var diag = SocketDiag.Open();
        Assert.That(ListenQueue.Of(listener, diag), Is.EqualTo(new ListenQueue(0, 7)));
        EndPoint place = isPath ? new UnixDomainSocketEndPoint(path) : IPEndPoint.Parse(ListeningSocket.AddressOf(listener)!);
        List<Socket> clients = [];
        for (var i = 0; i < 3; i++)
        {
            clients.Add(new Socket(place.AddressFamily, SocketType.Stream, ProtocolType.Unspecified));
            clients[^1].Connect(place);
        }
        // The last step of a connection over TCP is taken a moment after the client has it.
        Assert.That(() => ListenQueue.Of(listener, diag), Is.EqualTo(new ListenQueue(3, 7)).After(20_000, 5));
        clients.ForEach(c => c.Dispose());
    }

    private static string Look(CheaperRule rule, string seen)
    {
        var gauge = new CheaperGauge();
        List<int> deltas = [];
        foreach (var look in seen.Split(' ').Select(s => s.Split('/').Select(int.Parse).ToArray()))
        {
            gauge = gauge.Look(rule, look[0], look[1], look.Length > 2 ? look[2] : 0, out var delta);
            deltas.Add(delta);
        }
        return string.Join(' ', deltas);
    }
}
