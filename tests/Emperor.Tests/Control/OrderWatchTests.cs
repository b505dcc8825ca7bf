using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using Emperor.Tests.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Control;

/// <summary>What an operator is told of what he ordered.</summary>
[TestFixture, FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class OrderWatchTests
{
    private readonly Patient _patient = new();
    private OrderWatch _watch = null!;
    private bool _speaks;

    [Test]
    public void A_stop_is_done_when_the_process_has_ended() =>
        Told(Phase.Running, OrderKind.Stop, p => p.Silently(1_200).Exits(0), "stopped", true, "stopped after 1.2 s (exit 0)");

    [Test]
    public void A_restart_is_done_when_the_next_process_accepts_requests() =>
        Told(
            Phase.Running,
            OrderKind.Restart,
            p => p.Silently(1_000).Exits(0).HasProcess().Silently(200).Accepts(),
            "accepting",
            true,
            "accepting again after 1.2 s"
        );

    [Test]
    public void A_restart_waits_for_the_new_process()
    {
        Order(Phase.Running, OrderKind.Restart);
        Assert.That(Outcome(), Is.Null, "the old one still accepts requests");
        _patient.Exits(0).HasProcess();
        Assert.That(Outcome(), Is.Null);
    }

    [Test]
    public void A_start_that_dies_is_waited_through_once_and_then_has_failed()
    {
        Order(Phase.Resting, OrderKind.Start);
        _patient.HasProcess().Exits(1);
        Assert.That(Outcome(), Is.Null, "it is started again at once");
        _patient.HasProcess().Exits(1);
        Assert.That((Outcome()!.Word, Outcome()!.IsWell), Is.EqualTo(("failed", false)));
        Assert.That(Outcome()!.Text, Does.Match("failed: exit 1; next attempt in 1.0 s"));
    }

    [Test]
    public void A_reload_is_done_when_it_accepts_requests_again() =>
        Told(Phase.Running, OrderKind.Reload, p => p.Silently(600).Accepts(), "accepting", true, "accepting again after 0.6 s");

    [Test]
    public void A_start_of_what_runs_changes_nothing() =>
        Told(Phase.Running, OrderKind.Start, p => p, "unchanged", true, "it runs already");

    [Test]
    public void An_order_that_cannot_be_obeyed_is_refused_at_once() =>
        Told(Phase.Refused, OrderKind.Start, p => p, "refused", false, "its file cannot be run");

    [Test]
    public void What_never_speaks_counts_as_there_when_it_has_lived_for_ten_seconds()
    {
        Order(Phase.Resting, OrderKind.Start, speaks: false);
        _patient.HasProcess();
        Assert.That(_watch.Due(_patient.State), Is.EqualTo(_patient.Now + OrderWatch.LongEnough), "it asks to be woken");
        _patient.Silently(OrderWatch.LongEnough);
        Assert.That((Outcome()!.Word, Outcome()!.IsWell), Is.EqualTo(("running", true)));
    }

    [Test]
    public void What_has_once_spoken_is_waited_for_until_time_is_up()
    {
        Order(Phase.Running, OrderKind.Restart);
        _patient.Exits(0).HasProcess().Silently(20_000);
        Assert.That(Outcome(), Is.Null);
        _patient.Silently(50_000);
        Assert.That(
            (Outcome()!.Word, Outcome()!.Text),
            Is.EqualTo(("timeout", "not yet after 60.0 s: it is starting (a restart was asked for by hand)"))
        );
    }

    [Test]
    public void What_loses_its_file_has_failed() =>
        Told(Phase.Running, OrderKind.Restart, p => p.FileIsGone().Exits(0), "failed", false, "its file is gone");

    private void Told(Phase phase, OrderKind order, Func<Patient, Patient> life, string word, bool isWell, string text)
    {
        Order(phase, order);
        _ = life(_patient);
        var outcome = Outcome();
        Assert.That((outcome?.Word, outcome?.IsWell), Is.EqualTo((word, isWell)));
        Assert.That(outcome!.Text, Does.StartWith(text));
    }

    private void Order(Phase phase, OrderKind order, bool speaks = true)
    {
        _patient.BroughtTo(phase);
        if (phase == Phase.Running)
            _patient.Rested();
        var before = speaks ? _patient.State : _patient.State with { TellsWhenReady = false };
        _watch = new OrderWatch(order, before, _patient.Now, 60_000);
        _patient.Takes(new VassalEvent.Ordered(order));
        _speaks = speaks;
    }

    private OrderOutcome? Outcome()
    {
        var state = _patient.Phase == Phase.Gone ? null : _patient.State;
        return _watch.Judge(_speaks ? state : state! with { TellsWhenReady = false, Ready = false }, _patient.Now);
    }
}
