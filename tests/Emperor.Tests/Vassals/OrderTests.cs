using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>What operators order by hand; which phase answers what is in <see cref="TransitionTable"/>.</summary>
[TestFixture]
public sealed class OrderTests
{
    [Test]
    public void A_stop_by_hand_lasts_through_SIGHUP_and_SIGURG_until_a_start_by_hand()
    {
        var patient = Stopped();
        patient.Takes(new VassalEvent.ReloadAsked()).Takes(new VassalEvent.Forgiven()).After(10_000_000);
        Assert.That((patient.Phase, patient.State.StoppedByHand, patient.Deeds), Is.EqualTo((Phase.Resting, true, "")));
        Assert.That(Ordered(patient, OrderKind.Start).Deeds, Is.EqualTo("spawn 2"));
        Assert.That(patient.State.StoppedByHand, Is.False);
    }

    [Test]
    public void A_stop_by_hand_lasts_until_the_file_changes() => Assert.That(Stopped().FileIsGood(2).Deeds, Is.EqualTo("spawn 2"));

    [Test]
    public void A_reload_does_not_start_what_was_stopped_by_hand()
    {
        var patient = Ordered(Stopped(), OrderKind.Reload);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Resting, "")));
        Assert.That(patient.Notes.Single().Text, Does.Contain("it was stopped by hand; start it"));
    }

    [Test]
    public void What_does_not_obey_a_stop_is_killed_and_rests()
    {
        var patient = Ordered(new Patient().BroughtTo(Phase.Running), OrderKind.Stop).AtItsDeadline();
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Killing, "kill")));
        Assert.That(patient.IsKilledBy(9).Phase, Is.EqualTo(Phase.Resting));
    }

    [Test]
    public void A_restart_starts_the_next_process_when_the_last_one_has_ended_and_never_beside_it()
    {
        var patient = Ordered(new Patient().BroughtTo(Phase.Running), OrderKind.Restart);
        Assert.That(patient.Deeds, Is.EqualTo("send 0"));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
        Assert.That(patient.State.Reason, Is.EqualTo("a restart was asked for by hand"));
    }

    [Test]
    public void A_restart_does_not_cost_a_vassal_the_configuration_that_it_runs_with()
    {
        var patient = Ordered(new Patient().BroughtTo(Phase.Running).FileIsBad("it is empty"), OrderKind.Restart);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Running, "")));
        Assert.That(patient.Notes.Single().Text, Does.Contain("it is empty").And.Contain("mend the file"));
    }

    [Test]
    public void A_start_while_it_stops_follows_its_end()
    {
        var patient = Ordered(Ordered(new Patient().BroughtTo(Phase.Running), OrderKind.Stop), OrderKind.Start);
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    [Test]
    public void A_retry_keeps_the_failures_and_a_start_forgets_them()
    {
        var retried = new Patient().BroughtTo(Phase.Backoff);
        var failures = retried.State.Failures;
        Assert.That(failures, Is.GreaterThan(0));
        Assert.That(Ordered(retried, OrderKind.Retry).State.Failures, Is.EqualTo(failures));
        Assert.That(Ordered(new Patient().BroughtTo(Phase.Backoff), OrderKind.Start).State.Failures, Is.Zero);
    }

    [Test]
    public void What_was_stopped_with_a_bad_file_is_not_started_with_it()
    {
        var patient = Ordered(new Patient().BroughtTo(Phase.Running).FileIsBad("it is empty"), OrderKind.Stop).Exits(0);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Resting));
        Assert.That(Ordered(patient, OrderKind.Start).Deeds, Is.Empty);
        Assert.That(patient.FileIsGood(3).Deeds, Is.EqualTo("spawn 2"));
    }

    [Test]
    public void Whoever_has_once_said_that_it_accepts_requests_is_known_for_it()
    {
        var patient = new Patient().BroughtTo(Phase.Running);
        Assert.That(patient.State.TellsWhenReady);
        Assert.That(patient.Exits(1).HasProcess().State.TellsWhenReady, "also of its next process");
        Assert.That(new Patient().BroughtTo(Phase.Starting).Says(VassalMessage.Spawned).State.TellsWhenReady, Is.False);
    }

    [Test]
    public void A_stop_by_hand_closes_the_socket_of_one_that_waits_and_a_start_lets_it_wait_again()
    {
        var patient = Ordered(new Patient().FileIsOnDemand().Listens(), OrderKind.Stop);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Resting, "unlisten")));
        Assert.That(patient.State.StoppedByHand);
        patient.Takes(new VassalEvent.Knocked()).Takes(new VassalEvent.ReloadAsked()).After(10_000_000);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Resting, "")));
        Ordered(patient, OrderKind.Start);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Waiting, $"await {Patient.Socket.Address}")));
        Assert.That(patient.State.StoppedByHand, Is.False);
    }

    [Test]
    public void One_on_demand_that_is_stopped_by_hand_while_it_runs_rests_without_its_socket()
    {
        var patient = Ordered(Connected(), OrderKind.Stop);
        Assert.That(patient.Deeds, Is.EqualTo("send 0"));
        patient.Exits(0);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Resting, "bury, unlisten")));
    }

    [Test]
    public void One_on_demand_that_leaves_by_itself_and_is_stopped_by_hand_meanwhile_rests()
    {
        var patient = Ordered(Connected().Says(VassalMessage.Stopping), OrderKind.Stop).Exits(0);
        Assert.That((patient.Phase, patient.State.Bound), Is.EqualTo((Phase.Resting, (Core.Sockets.OnDemandSocket?)null)));
    }

    [Test]
    public void A_restart_of_one_on_demand_ends_its_process_and_lets_it_wait()
    {
        var patient = Ordered(Connected(), OrderKind.Restart).Exits(0);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Waiting, $"bury, await {Patient.Socket.Address}")));
    }

    private static Patient Connected() => new Patient().FileIsOnDemand().Listens().Takes(new VassalEvent.Knocked()).HasProcess().Accepts();

    private static Patient Stopped() => Ordered(new Patient().BroughtTo(Phase.Running), OrderKind.Stop).Exits(0);

    private static Patient Ordered(Patient patient, OrderKind order) => patient.Takes(new VassalEvent.Ordered(order));
}
