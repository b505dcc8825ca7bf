using Emperor.Core.Reign;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Reign;

/// <summary>What the emperor as a whole says of vassals that wait for connections.</summary>
[TestFixture]
public sealed class OnDemandReignTests
{
    [TestCase(ReadyPolicy.Settled)]
    [TestCase(ReadyPolicy.All)]
    public void One_that_waits_is_settled_and_well(ReadyPolicy policy)
    {
        var watch = new ReadyWatch(policy, 60_000);
        watch.Begin(["a.ini"], 0);
        Assert.That(watch.Judge(Vassals(Vassal("a.ini", Phase.Waiting)), 1), Is.EqualTo(ReadyVerdict.Ready));
        Assert.That(watch.Failed, Is.Empty);
    }

    [Test]
    public void One_whose_socket_cannot_be_bound_has_failed()
    {
        var watch = new ReadyWatch(ReadyPolicy.All, 60_000);
        watch.Begin(["a.ini"], 0);
        Assert.That(watch.Judge(Vassals(Vassal("a.ini", Phase.Backoff)), 1), Is.EqualTo(ReadyVerdict.Failed));
    }

    [Test]
    public void The_status_counts_them_apart()
    {
        var vassals = new[] { Vassal("a.ini", Phase.Waiting), Vassal("b.ini", Phase.Waiting), Vassal("c.ini", Phase.Running) };
        Assert.That(StatusLine.Of(vassals, 0, 60_000), Is.EqualTo("The Emperor is governing 3 vassals, 2 on demand"));
        Assert.That(
            StatusLine.Of([.. vassals, Vassal("d.ini", Phase.Refused)], 0, 60_000),
            Is.EqualTo("The Emperor is governing 4 vassals, 2 on demand; 1 not running: d.ini (config error)")
        );
    }

    private static Dictionary<string, VassalState> Vassals(VassalState vassal) => new() { [vassal.Name] = vassal };

    private static VassalState Vassal(string name, Phase phase) =>
        new()
        {
            Name = name,
            Phase = phase,
            Socket = new OnDemandSocket("/run/a"),
        };
}
