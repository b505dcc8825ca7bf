using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>How soon a vassal that ended unasked is started again.</summary>
[TestFixture]
public sealed class RespawnTests
{
    private static readonly VassalPolicy Quick = new() { Throttle = 1_000, MaxThrottle = 3_500 };

    [Test]
    public void The_delay_grows_by_the_throttle_with_each_failure_and_stays_at_its_ceiling()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        Assert.That(Delays(patient, 8, lifetime: 5_000), Is.EqualTo(new long[] { 0, 1_000, 2_000, 3_000, 3_500, 3_500, 3_500, 3_500 }));
    }

    [Test]
    public void Without_a_blacklist_a_vassal_that_lives_a_second_is_replaced_at_once_for_ever()
    {
        var patient = new Patient(Quick with { Blacklist = false }).BroughtTo(Phase.Starting);
        Assert.That(Delays(patient, 5, lifetime: 1_000), Is.EqualTo(new long[5]));
    }

    [Test]
    public void Even_without_a_blacklist_a_second_short_life_in_a_row_costs_a_tenth_of_a_second()
    {
        var patient = new Patient(Quick with { Blacklist = false }).BroughtTo(Phase.Starting);
        Assert.That(Delays(patient, 5, lifetime: 999), Is.EqualTo(new long[] { 0, 100, 100, 100, 100 }));
    }

    [Test]
    public void A_vassal_that_is_loyal_at_once_and_dies_at_once_does_not_storm()
    {
        // A sub-emperor says that it is loyal before it does anything else.
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        var delays = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            patient.IsLoyal().Silently(3).Exits(1);
            delays.Add(DelayOf(patient));
        }
        Assert.That(delays, Is.EqualTo(new long[] { 0, 100, 100, 100, 100 }));
    }

    [Test]
    public void Loyalty_clears_all_failures()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        _ = Delays(patient, 4, lifetime: 5_000);
        Assert.That(patient.IsLoyal().State.Failures, Is.Zero);
        patient.Silently(5_000).Exits(1);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Starting), "a loyal vassal's death is no failed start");
        Assert.That(patient.State.Failures, Is.Zero);
    }

    [Test]
    public void Accepting_for_a_while_is_as_good_as_loyal()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        _ = Delays(patient, 4, lifetime: 5_000);
        patient.Accepts().Silently(Quick.LoyalAfter).Exits(1);
        Assert.That((patient.Phase, patient.State.Failures), Is.EqualTo((Phase.Starting, 0)));
    }

    [Test]
    public void Accepting_for_less_than_that_while_is_a_failed_start()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        _ = Delays(patient, 2, lifetime: 5_000);
        patient.Accepts().Silently(Quick.LoyalAfter - 1).Exits(1);
        Assert.That((patient.Phase, patient.State.Failures), Is.EqualTo((Phase.Backoff, 3)));
    }

    [Test]
    public void A_changed_file_is_a_new_chance_at_once_and_forgets_the_failures()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Backoff).FileIsGood(9);
        Assert.That((patient.Phase, patient.Deeds, patient.State.Failures), Is.EqualTo((Phase.Starting, "spawn 3", 0)));
    }

    [TestCase(Phase.Starting)]
    [TestCase(Phase.Cursed)]
    [TestCase(Phase.Killing)]
    public void A_file_that_changes_before_a_failing_vassal_ends_is_tried_as_soon_as_it_has_ended(Phase phase)
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Starting);
        _ = Delays(patient, 4, lifetime: 5_000);
        if (phase != Phase.Starting)
            patient.HangsUp();
        if (phase == Phase.Killing)
            patient.AtItsDeadline();
        Assert.That(patient.Phase, Is.EqualTo(phase));

        patient.FileIsGood(9).Silently(2_000).Exits(1);

        Assert.That(patient.Phase, Is.EqualTo(Phase.Starting));
    }

    [Test]
    public void Forgiveness_starts_what_waits_and_forgets_its_failures()
    {
        var patient = new Patient(Quick).BroughtTo(Phase.Backoff).Takes(new VassalEvent.Forgiven());
        Assert.That((patient.Phase, patient.State.Failures, patient.State.ShortLives), Is.EqualTo((Phase.Starting, 0, 0)));
    }

    [Test]
    public void Forgiveness_does_not_start_what_rests()
    {
        var patient = new Patient().BroughtTo(Phase.Resting).Takes(new VassalEvent.Forgiven());
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Resting, "")));
    }

    [Test]
    public void A_spawn_that_fails_is_never_repeated_in_the_same_breath()
    {
        var patient = new Patient(Quick with { Blacklist = false }).FileIsGood();
        for (var i = 0; i < 20; i++)
        {
            patient.CannotBeSpawned();
            Assert.That(patient.Phase, Is.EqualTo(Phase.Backoff));
            Assert.That(DelayOf(patient), Is.EqualTo(Quick.ShortLifeDelay));
        }
    }

    [Test]
    public void The_same_cause_of_a_failed_spawn_is_an_error_once_and_a_new_cause_is_one_again()
    {
        var patient = new Patient(Quick).FileIsGood();
        var levels = new List<NoteLevel>();
        foreach (var cause in new[] { "no program", "no program", "no folder", "no folder" })
        {
            levels.Add(patient.CannotBeSpawned(cause).Notes.Single().Level);
            patient.AtItsDeadline();
        }
        Assert.That(levels, Is.EqualTo(new[] { NoteLevel.Error, NoteLevel.Debug, NoteLevel.Error, NoteLevel.Debug }));
    }

    [Test]
    public void Exile_lasts_until_the_file_changes()
    {
        var patient = new Patient().BroughtTo(Phase.Running).Exits(ProcessEnd.ExileCode);
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Resting, (long?)null)));
        Assert.That(patient.Takes(new VassalEvent.ReloadAsked()).Deeds, Is.Empty);
        Assert.That(patient.FileIsGood(9).Deeds, Is.EqualTo("spawn 2"));
    }

    [Test]
    public void Signal_26_is_no_exile() =>
        Assert.That(new Patient().BroughtTo(Phase.Running).IsKilledBy(26).Deeds, Is.EqualTo("bury, spawn 2"));

    [Test]
    public void A_vassal_that_stops_of_its_own_will_is_told_to_and_rests_until_its_file_changes()
    {
        var patient = new Patient().BroughtTo(Phase.Running).Says(VassalMessage.Stopping);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, "send 0")));
        patient.Exits(0);
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Resting, (long?)null)));
        Assert.That(patient.FileIsGood(9).Deeds, Is.EqualTo("spawn 2"));
    }

    [Test]
    public void A_vassal_says_often_that_it_stops_and_is_answered_once()
    {
        var patient = new Patient().BroughtTo(Phase.Running).Says(VassalMessage.Stopping);
        Assert.That(patient.Says(VassalMessage.Stopping).Deeds, Is.Empty);
    }

    [Test]
    public void Born_is_the_time_of_the_first_file_that_could_run()
    {
        var patient = new Patient().FileIsBad().FileIsGood(70).HasProcess().FileIsGood(90);
        Assert.That(patient.State.File, Is.EqualTo((70L, 90L)));
    }

    private static List<long> Delays(Patient patient, int deaths, long lifetime)
    {
        var delays = new List<long>();
        for (var i = 0; i < deaths; i++)
        {
            patient.Silently(lifetime).Exits(1);
            delays.Add(DelayOf(patient));
        }
        return delays;
    }

    // How long until the next process; it is there when this returns.
    private static long DelayOf(Patient patient)
    {
        var died = patient.Now;
        if (patient.Phase == Phase.Backoff)
            patient.AtItsDeadline();
        Assert.That(patient.Phase, Is.EqualTo(Phase.Starting));
        var delay = patient.Now - died;
        patient.HasProcess();
        return delay;
    }
}
