using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Signals that come at any moment of an upgrade are obeyed, by the old emperor or the new one.</summary>
internal sealed class UpgradeSignalTests : UpgradeTest
{
    private const int Moments = 20;
    private const int Ends = 12;
    private const int Parts = 4;

    [Test]
    public void A_reload_of_all_is_never_lost()
    {
        Write("a.ini", "accept");
        var daemon = StartWith("a.ini");
        var span = Time(daemon);
        for (var i = 0; i < Moments; i++)
        {
            var (mark, said) = (Journal.Mark, daemon.Mark);
            daemon.Signal(Native.User2);
            Thread.Sleep(span * i / Moments);
            daemon.Signal(Native.Hangup);
            Journal.AwaitReload("a.ini", mark);
            daemon.Await(Upgraded, said);
            // What it prints may come after what it does.
            daemon.Await(@"vassals reload \(SIGHUP\)", said);
            Assert.That(daemon.Lines.Skip(said).Count(l => l.Contains("vassals reload (SIGHUP)")), Is.EqualTo(1), Logs());
        }
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void Nor_is_the_order_to_leave([Range(0, Parts - 1)] int part)
    {
        Write("a.ini", "accept");
        var first = StartWith("a.ini");
        var span = Time(first);
        Assert.That(first.Stop(), Is.Zero);
        // One that leaves does so once.
        for (var i = part; i < Ends; i += Parts)
        {
            var journal = Journal.Mark;
            var daemon = Start();
            daemon.AwaitAccepting("a.ini");
            daemon.Signal(Native.User2);
            Thread.Sleep(span * i / Ends);
            Assert.That(daemon.Stop(), Is.Zero);
            Journal.AwaitStop("a.ini", journal);
            Assert.That(Descendants(), Is.Empty);
        }
    }
}
