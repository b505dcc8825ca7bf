using Emperor.EndToEnd.Support;

namespace Emperor.EndToEnd.Succession;

/// <summary>Signals that come at any moment of an upgrade are obeyed, by the old emperor or the new one.</summary>
internal sealed class UpgradeSignalTests : UpgradeTest
{
    // The new program runs well within this.
    private const int Moments = 20;
    private static readonly TimeSpan Span = TimeSpan.FromMilliseconds(600);

    [Test]
    public void A_reload_of_all_is_never_lost()
    {
        Write("a.ini", "accept");
        var daemon = StartWith("a.ini");
        for (var i = 0; i < Moments; i++)
        {
            var (mark, said) = (Journal.Mark, daemon.Mark);
            daemon.Signal(Native.User2);
            Thread.Sleep(Span * i / Moments);
            daemon.Signal(Native.Hangup);
            Journal.AwaitReload("a.ini", mark);
            daemon.Await(Upgraded, said);
            Assert.That(daemon.Lines.Skip(said).Count(l => l.Contains("vassals reload (SIGHUP)")), Is.EqualTo(1), Logs());
        }
        Assert.That(Journal.Starts("a.ini"), Is.EqualTo(1));
    }

    [Test]
    public void Nor_is_the_order_to_leave([Range(0, 5)] int part)
    {
        // One that leaves does so once.
        for (var i = part; i < Moments; i += 6)
        {
            var journal = Journal.Mark;
            Write("a.ini", "accept");
            var daemon = Start();
            daemon.AwaitAccepting("a.ini");
            daemon.Signal(Native.User2);
            Thread.Sleep(Span * i / Moments);
            Assert.That(daemon.Stop(), Is.Zero);
            Journal.AwaitStop("a.ini", journal);
            Assert.That(Descendants(), Is.Empty);
        }
    }
}
