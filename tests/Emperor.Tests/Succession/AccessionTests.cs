using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Tests.Programs;
using Emperor.Tests.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Succession;

/// <summary>What a new emperor must make up for.</summary>
[TestFixture]
public sealed class AccessionTests
{
    private const string Why = "ended while there was no emperor, nobody saw how";

    private static readonly HashSet<int> Nobody = [];

    [Test]
    public void A_process_that_is_no_more_has_ended_in_every_phase_that_has_one([Values] Phase phase)
    {
        var patient = new Patient().BroughtTo(phase);
        var losses = Accession.Losses(patient.State, Nobody, Why).ToArray();
        Assert.That(losses, Has.Length.EqualTo(patient.State.HasProcess ? 1 : 0));
        Assert.That(Accession.Losses(patient.State, new HashSet<int> { patient.State.Incarnation }, Why), Is.Empty);
        foreach (var loss in losses)
        {
            var end = ((VassalEvent.Exited)loss).End;
            Assert.That((end.Code, end.Signaled, end.Words, end.IsExile), Is.EqualTo((Accession.UnknownCode, false, Why, false)));
            Assert.That(patient.Takes(loss).State.HasProcess, Is.EqualTo(patient.Phase == Phase.Starting), "it is followed as any end is");
        }
    }

    [Test]
    public void A_process_that_was_not_there_yet_could_not_be_started()
    {
        var patient = new Patient().FileIsGood();
        var loss = Accession.Losses(patient.State, Nobody, Why).Single();
        Assert.That(loss, Is.TypeOf<VassalEvent.SpawnFailed>());
        Assert.That(patient.Takes(loss).Phase, Is.EqualTo(Phase.Backoff));
        Assert.That(patient.AtItsDeadline().Phase, Is.EqualTo(Phase.Starting));
    }

    [Test]
    public void Of_a_program_only_those_are_missed_that_are_not_there()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog with { Processes = 3 });
        var losses = Accession.Losses(patient.State, new HashSet<int> { 2 }, Why).ToArray();
        Assert.That(losses.Cast<VassalEvent.Exited>().Select(e => e.Incarnation), Is.EqualTo(new[] { 1, 3 }));
        foreach (var loss in losses)
            patient.Takes(loss);
        Assert.That(patient.State.Members.Select(m => m.Incarnation), Is.EqualTo(new[] { 2, 4, 5 }));
    }

    [Test]
    public void A_member_that_is_on_its_way_is_not_missed_and_one_that_is_not_could_not_be_started()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog with { Processes = 2 }).Listens();
        var losses = Accession.Losses(patient.State, new HashSet<int> { 1 }, Why).ToArray();
        Assert.That(losses.Cast<VassalEvent.SpawnFailed>().Single().Incarnation, Is.EqualTo(2));
    }

    [Test]
    public void A_socket_that_was_lost_is_bound_again_where_connections_are_waited_for([Values] Phase phase)
    {
        var patient = new Patient().BroughtTo(phase);
        Assert.That(Accession.Repairs(patient.State, hasItsSockets: true), Is.Empty);
        var repairs = Accession.Repairs(patient.State, hasItsSockets: false).ToArray();
        Assert.That(repairs, Has.Length.EqualTo(phase == Phase.Waiting ? 1 : 0));
        foreach (var repair in repairs)
            Assert.That(patient.Takes(repair).Deeds, Is.EqualTo("await /run/blog.socket"));
        Assert.That(patient.Phase, Is.EqualTo(phase));
    }

    [Test]
    public void A_process_that_has_the_lost_socket_serves_on_and_the_next_wait_binds_it()
    {
        var patient = new Patient().FileIsOnDemand().Listens().IsKnockedAt().HasProcess().Accepts();
        Assert.That(Accession.SocketsOf(patient.State), Is.EqualTo(new[] { "/run/blog.socket" }));
        Assert.That(patient.Takes(new VassalEvent.SocketsLost()).Deeds, Is.Empty);
        Assert.That((patient.Phase, patient.State.Bound), Is.EqualTo((Phase.Running, (Core.Sockets.OnDemandSocket?)null)));
        Assert.That(patient.Silently(60_000).Exits(0).Deeds, Is.EqualTo("bury, await /run/blog.socket"));
    }

    [Test]
    public void A_program_that_waits_has_its_lost_sockets_bound_again()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog with { OnDemand = true }).Listens();
        Assert.That(Accession.SocketsOf(patient.State), Is.EqualTo(new[] { "/run/blog.sock" }));
        Assert.That(patient.Takes(Lost(patient)).Deeds, Is.EqualTo("await /run/blog.sock"));
        Assert.That(patient.Listens().Takes(new VassalEvent.Knocked()).Deeds, Is.EqualTo("launch 1"));
    }

    [Test]
    public void A_program_that_runs_without_its_sockets_is_ended_cleanly_and_started_anew()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog);
        Assert.That(patient.Takes(Lost(patient)).Deeds, Is.EqualTo("unlisten, signal 15 to 1"));
        Assert.That(Accession.Repairs(patient.State, hasItsSockets: false), Is.Empty, "what follows is decided");
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo("bury 1, hold /run/blog.sock"));
        Assert.That(patient.Listens().Deeds, Is.EqualTo("launch 2"));
    }

    [Test]
    public void A_program_whose_output_nobody_reads_is_followed_without_a_gap()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog with { Processes = 2 });
        Assert.That(Accession.Renewals(patient.State, Nobody), Is.Empty);
        Assert.That(patient.Takes(Mute(patient, 2)).Deeds, Is.EqualTo("hold /run/blog.sock and keep"));
        Assert.That(patient.Listens().Deeds, Is.EqualTo("launch 3"));
        Assert.That(patient.Spawns().IsReady(3).Deeds, Does.StartWith("signal 15 to 1"));
    }

    [Test]
    public void One_that_stops_to_begin_anew_misses_no_sockets_of_a_file_that_has_changed_meanwhile()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog with { OnDemand = true }).Listens();
        patient.Takes(new VassalEvent.Knocked()).Spawns().IsReady(1);
        patient.Takes(new VassalEvent.Ordered(OrderKind.Reload)).Listens().Spawns().IsReady(2);
        patient.Exits(2, 1).Takes(new VassalEvent.Ordered(OrderKind.Reload));
        Assert.That((patient.Phase, patient.State.Slots.Length), Is.EqualTo((Phase.Stopping, 0)), patient.Notes);
        patient.IsFile(ProgramPatient.Blog with { Sockets = [ProgramPatient.Blog.Sockets[0] with { Address = "/run/other.sock" }] });
        Assert.That(Accession.Repairs(patient.State, Accession.SocketsOf(patient.State).All(a => a == "/run/blog.sock")), Is.Empty);
    }

    [Test]
    public void A_signal_is_no_way_to_another_output()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog with { Reload = ReloadWay.Signal, ReloadSignal = 1 });
        patient.Takes(Mute(patient, 1)).Listens();
        Assert.That(patient.Deeds, Is.EqualTo("launch 2"));
    }

    [Test]
    public void A_vassal_whose_output_nobody_reads_is_told_to_stop_and_started_anew([Values] Phase phase)
    {
        var patient = new Patient().BroughtTo(phase);
        var renewals = Accession.Renewals(patient.State, new HashSet<int> { patient.State.Incarnation }).ToArray();
        Assert.That(renewals, Has.Length.EqualTo(patient.State.HasProcess ? 1 : 0));
        foreach (var renewal in renewals)
            patient.Takes(renewal);
        if (phase is not (Phase.Starting or Phase.Running or Phase.Reloading))
        {
            Assert.That(patient.Phase, Is.EqualTo(phase), "it ends without that, or has nothing to end");
            return;
        }
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, "send 0")));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    [Test]
    public void A_process_that_leaves_needs_no_other_output()
    {
        var patient = new ProgramPatient().Runs(ProgramPatient.Blog);
        patient.Takes(new VassalEvent.FileGone());
        Assert.That(Accession.Renewals(patient.State, new HashSet<int> { 1 }), Is.Empty);
    }

    [Test]
    public void A_program_in_backoff_gets_its_sockets_before_its_next_attempt()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog).Listens();
        patient.Takes(new VassalEvent.SpawnFailed(1, "no program"));
        Assert.That(patient.Phase, Is.EqualTo(Phase.Backoff));
        Assert.That(patient.Takes(Lost(patient)).Deeds, Is.EqualTo("hold /run/blog.sock and keep"));
        Assert.That(patient.Listens().Deeds, Is.Empty, "not before its time");
        Assert.That(patient.After(10_000).Deeds, Is.EqualTo("launch 2"));
    }

    [Test]
    public void When_they_cannot_be_bound_it_is_tried_again()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog).Listens();
        patient.Takes(new VassalEvent.SpawnFailed(1, "no program"));
        patient.Takes(Lost(patient)).Takes(new VassalEvent.ListenFailed("somebody listens there"));
        Assert.That((patient.Phase, patient.State.AwaitsSockets), Is.EqualTo((Phase.Backoff, false)));
        Assert.That(Accession.Repairs(patient.State, hasItsSockets: false), Is.Empty, "that is on its way already");
        Assert.That(patient.After(60_000).Deeds, Is.EqualTo("hold /run/blog.sock"));
    }

    [Test]
    public void Who_waited_for_the_answer_of_the_former_emperor_asks_again()
    {
        var patient = new ProgramPatient().IsFile(ProgramPatient.Blog);
        Assert.That(patient.State.AwaitsSockets);
        var repair = Accession.Repairs(patient.State, hasItsSockets: true).Single();
        Assert.That(patient.Takes(repair).Deeds, Is.EqualTo("unlisten, hold /run/blog.sock"));
        Assert.That(patient.Listens().Deeds, Is.EqualTo("launch 1"));
    }

    [Test]
    public void What_nobody_could_hear_is_given_more_time_and_nothing_else()
    {
        var state = new Patient().BroughtTo(Phase.Running).State with { HeartbeatDeadline = 1_000, Deadline = null };
        Assert.That(Accession.AfterAbsence(state, 5_000, 3_000).HeartbeatDeadline, Is.EqualTo(8_000));
        var after = Accession.AfterAbsence(state, 5_000, 3_000) with { HeartbeatDeadline = 1_000 };
        Assert.That(after.ToString(), Is.EqualTo(state.ToString()));
        Assert.That(Accession.AfterAbsence(state with { HeartbeatDeadline = 9_000 }, 5_000, 3_000).HeartbeatDeadline, Is.EqualTo(9_000));
        Assert.That(Accession.AfterAbsence(state with { HeartbeatDeadline = null }, 5_000, 3_000).HeartbeatDeadline, Is.Null);
    }

    [Test]
    public void Only_the_time_to_get_ready_is_put_off_of_the_deadlines_of_a_phase([Values] Phase phase)
    {
        var state = new Patient().BroughtTo(phase).State with { Deadline = 1_000 };
        Assert.That(Accession.AfterAbsence(state, 5_000, 3_000).Deadline, Is.EqualTo(phase == Phase.Starting ? 8_000 : 1_000));
    }

    [Test]
    public void The_members_that_serve_or_are_to_serve_are_given_more_time_and_those_that_leave_are_not()
    {
        var state = new ProgramPatient().Runs(ProgramPatient.Blog with { Processes = 3, Watchdog = 2_000 }).State;
        state = state with
        {
            Members =
            [
                state.Members[0] with
                {
                    ReadyAt = null,
                    Deadline = 1_000,
                    WatchdogDue = 1_500,
                },
                state.Members[1] with
                {
                    Role = MemberRole.Leaving,
                    Deadline = 1_000,
                },
                state.Members[2] with
                {
                    IsStopping = true,
                    Deadline = 1_000,
                    WatchdogDue = null,
                },
            ],
        };
        var after = Accession.AfterAbsence(state, 5_000, 3_000);
        Assert.That(after.Members.Select(m => m.Deadline), Is.EqualTo(new long?[] { 8_000, 1_000, 1_000 }));
        Assert.That(after.Members[0].WatchdogDue, Is.EqualTo(8_000));
    }

    private static VassalEvent Mute(ProgramPatient patient, int incarnation) =>
        Accession.Renewals(patient.State, new HashSet<int> { incarnation }).Single();

    private static VassalEvent Lost(ProgramPatient patient) => Accession.Repairs(patient.State, hasItsSockets: false).Single();
}
