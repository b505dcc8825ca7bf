using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>Orders to stop, curses and heartbeats: whatever the process does, it ends.</summary>
[TestFixture]
public sealed class StopTests
{
    private static readonly VassalPolicy Times = new()
    {
        CurseTolerance = 7_000,
        Mercy = 5_000,
        KillPatience = 2_000,
        RequiredHeartbeat = 3_000,
    };

    [TestCase(Phase.Starting)]
    [TestCase(Phase.Running)]
    [TestCase(Phase.Reloading)]
    public void A_vassal_without_a_file_is_told_to_stop_and_killed_when_it_does_not(Phase phase)
    {
        var patient = new Patient(Times).BroughtTo(phase).FileIsGone();
        var told = patient.Now;
        Assert.That(patient.Deeds, Is.EqualTo("send 0"));
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
        Assert.That(patient.Now - told, Is.EqualTo(Times.CurseTolerance));
        Assert.That(patient.IsKilledBy(9).Phase, Is.EqualTo(Phase.Gone));
    }

    [Test]
    public void A_graceful_stop_is_another_byte()
    {
        var patient = new Patient(Times with { GracefulStop = true }).BroughtTo(Phase.Running).FileIsGone();
        Assert.That(patient.Deeds, Is.EqualTo("send 2"));
    }

    [Test]
    public void A_process_that_survives_its_kill_is_killed_again_and_reported()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Stopping).AtItsDeadline();
        for (var i = 0; i < 3; i++)
        {
            var killed = patient.Now;
            Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
            Assert.That(patient.Now - killed, Is.EqualTo(Times.KillPatience));
            Assert.That(patient.Notes.Single().Level, Is.EqualTo(NoteLevel.Error));
        }
    }

    [Test]
    public void A_file_that_goes_and_comes_back_while_its_vassal_stops_is_started_anew_exactly_once()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Stopping);
        Assert.That(patient.FileIsGood(2).FileIsGone().FileIsGood(3).Deeds, Is.Empty, "never beside the old process");
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
        Assert.That(patient.HasProcess().Accepts().Rested().FileIsGood(4).Deeds, Is.EqualTo("send 1"));
    }

    [Test]
    public void A_file_that_comes_back_while_its_vassal_is_killed_is_started_anew_too()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Stopping).AtItsDeadline().FileIsGood(2);
        Assert.That(patient.IsKilledBy(9).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    [Test]
    public void A_cursed_vassal_is_killed_after_its_tolerance_and_replaced()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Running).HangsUp();
        var cursed = patient.Now;
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
        Assert.That(patient.Now - cursed, Is.EqualTo(Times.CurseTolerance));
        Assert.That(patient.IsKilledBy(9).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    [Test]
    public void The_end_of_a_cursed_vassal_ends_the_curse()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Running).HangsUp().Exits(1);
        Assert.That((patient.Deeds, patient.State.NextDeadline), Is.EqualTo(("bury, spawn 2", (long?)null)));
    }

    [Test]
    public void Before_the_first_heartbeat_none_is_expected() =>
        Assert.That(new Patient(Times).BroughtTo(Phase.Running).After(1_000_000).Phase, Is.EqualTo(Phase.Running));

    [Test]
    public void Each_heartbeat_earns_the_same_time_and_the_missing_one_ends_in_a_kill_and_a_respawn()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Running);
        for (var i = 0; i < 5; i++)
            patient.Says(VassalMessage.Heartbeat).After(Times.RequiredHeartbeat - 1);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Running));
        Assert.That(patient.After(1).Deeds, Is.EqualTo("kill"));
        Assert.That(patient.IsKilledBy(9).Deeds, Is.EqualTo("bury, spawn 2"));
        Assert.That(patient.State.NextDeadline, Is.Null, "the next process has sent none yet");
    }

    [Test]
    public void A_heartbeat_does_not_save_a_vassal_that_was_told_to_stop()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Running).Says(VassalMessage.Heartbeat).FileIsGone();
        var due = patient.State.NextDeadline;
        Assert.That(patient.Says(VassalMessage.Heartbeat).State.NextDeadline, Is.EqualTo(due));
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
    }

    [Test]
    public void Without_a_required_heartbeat_none_is_waited_for()
    {
        var patient = new Patient(Times with { RequiredHeartbeat = 0 }).BroughtTo(Phase.Running).Says(VassalMessage.Heartbeat);
        Assert.That(patient.State.NextDeadline, Is.Null);
    }

    [Test]
    public void At_the_end_every_phase_ends_within_mercy([Values] Phase phase)
    {
        var patient = new Patient(Times).BroughtTo(phase);
        var (began, before) = (patient.Now, patient.State);
        patient.Takes(new VassalEvent.Ragnarok());
        var isTold = phase is Phase.Starting or Phase.Running or Phase.Reloading;
        Assert.That(
            patient.Deeds,
            Is.EqualTo(
                isTold ? "send 0"
                : phase == Phase.Waiting ? "unlisten"
                : ""
            )
        );
        if (!before.HasProcess)
        {
            Assert.That(patient.Phase, Is.EqualTo(Phase.Gone));
            return;
        }
        if (phase != Phase.Killing)
        {
            Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
            Assert.That(patient.Now - began, Is.LessThanOrEqualTo(Times.Mercy));
        }
        Assert.That((patient.IsKilledBy(9).Phase, patient.Deeds), Is.EqualTo((Phase.Gone, "bury")));
    }

    [Test]
    public void The_end_shortens_the_time_of_a_vassal_that_was_stopping_and_never_lengthens_it()
    {
        var late = new Patient(Times).BroughtTo(Phase.Stopping).Takes(new VassalEvent.Ragnarok());
        Assert.That(late.State.Deadline - late.Now, Is.EqualTo(Times.Mercy));
        var early = new Patient(Times).BroughtTo(Phase.Stopping).Silently(6_000).Takes(new VassalEvent.Ragnarok());
        Assert.That(early.State.Deadline - early.Now, Is.EqualTo(1_000));
    }

    [Test]
    public void Without_mercy_every_process_is_killed_and_nothing_follows([Values] Phase phase)
    {
        var patient = new Patient(Times).BroughtTo(phase);
        var had = patient.State.HasProcess;
        Assert.That(
            patient.Takes(new VassalEvent.NoMercy()).Deeds,
            Is.EqualTo(
                had ? "kill"
                : phase == Phase.Waiting ? "unlisten"
                : ""
            )
        );
        if (had)
            patient.IsKilledBy(9);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Gone));
    }

    [Test]
    public void A_stop_that_could_not_be_sent_ends_in_the_kill_all_the_same()
    {
        var patient = new Patient(Times).BroughtTo(Phase.Stopping).IsDeafTo(EmperorMessage.Stop);
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo("kill"));
    }
}
