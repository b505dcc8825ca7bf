using Emperor.Linux;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

[TestFixture]
public sealed class SignalInboxTests
{
    private const int Patience = 30_000;

    [Test]
    public void The_signal_for_an_upgrade_is_taken_in_as_others_are()
    {
        using var loop = new EventLoop();
        using var inbox = new SignalInbox(loop);
        using var self = PidRef.Open(Self.Pid, out _)!;
        Assert.That(self.Signal(Signals.User2).Number, Is.Zero);
        var ready = new List<Readiness>();
        int signal;
        for (var until = Environment.TickCount64 + Patience; !inbox.TryTake(out signal) && Environment.TickCount64 < until; )
            loop.Wait(ready, Patience);
        Assert.That(signal, Is.EqualTo(Signals.User2));
    }
}
