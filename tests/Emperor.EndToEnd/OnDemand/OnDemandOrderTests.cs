using System.Net.Sockets;
using Emperor.EndToEnd.Control;
using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.OnDemand;

/// <summary>What operators order of vassals on demand.</summary>
internal sealed class OnDemandOrderTests : OnDemandTest
{
    private string Shop => $"{Run}/shop.socket";

    [Test]
    public void A_stop_closes_the_socket_until_a_start_lets_the_vassal_wait_again()
    {
        WriteServer("shop.ini");
        var daemon = StartInFolder("--emperor-control", Temp["control"]);
        AwaitArmed(daemon, "shop.ini");
        Assert.That(Order("stop"), Is.EqualTo("stopped"));
        Assert.Throws<SocketException>(() => Connect(Shop).Dispose());
        Assert.That(Order("start"), Is.EqualTo("on-demand"));
        Assert.That(Order("start"), Is.EqualTo("on-demand"), "again");
        var first = Ask(Shop);
        using (var client = new RawClient(Temp["control"]))
        {
            var running = client.Ask("""{"v":1,"verb":"status","names":["shop"]}""")["vassals"]![0]!;
            Assert.That(((int?)running["pid"], (string?)running["on_demand"]), Is.EqualTo((first, Shop)), "it is told while it runs");
        }
        Assert.That(Order("stop"), Is.EqualTo("stopped"));
        Assert.That(ProcFs.IsAlive(first), Is.False);
        Assert.Throws<SocketException>(() => Connect(Shop).Dispose());
        Assert.That(Order("start"), Is.EqualTo("on-demand"));
        Assert.That(Ask(Shop), Is.Not.EqualTo(first));
    }

    [Test]
    public void A_restart_ends_the_process_and_the_next_connection_starts_another()
    {
        WriteServer("shop.ini");
        var daemon = StartInFolder("--emperor-control", Temp["control"]);
        AwaitArmed(daemon, "shop.ini");
        var first = Ask(Shop);
        Assert.That(Order("restart"), Is.EqualTo("on-demand"));
        Assert.That(ProcFs.IsAlive(first), Is.False);
        Assert.That(Ask(Shop), Is.Not.EqualTo(first));
        Assert.That(Order("reload"), Is.EqualTo("accepting"));
    }

    // What has come of it.
    private string? Order(string verb)
    {
        using var client = new RawClient(Temp["control"]);
        client.Send($$"""{"v":1,"verb":"{{verb}}","names":["shop.ini"]}""" + "\n");
        return (string?)client.Read()!["outcome"]!["result"];
    }
}
