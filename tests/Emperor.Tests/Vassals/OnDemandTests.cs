using Emperor.Core.Protocol;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>The life of a vassal that is started by connections; what every phase answers is in <see cref="TransitionTable"/>.</summary>
[TestFixture]
public sealed class OnDemandTests
{
    private const string Await = "await /run/blog.socket";

    [Test]
    public void It_has_no_process_before_the_first_connection_and_no_deadline()
    {
        var patient = new Patient().FileIsOnDemand();
        Assert.That(patient.Deeds, Is.EqualTo(Await));
        patient.Listens();
        Assert.That(patient.Phase, Is.EqualTo(Phase.Waiting));
        Assert.That(patient.State.NextDeadline, Is.Null);
        Assert.That(patient.State.Word, Is.EqualTo("on-demand"));
        Assert.That(patient.Notes.Single().Text, Does.Contain("waits for connections on /run/blog.socket"));
        Assert.That(patient.IsKnockedAt().Deeds, Is.EqualTo("spawn 1"));
    }

    [Test]
    public void It_stops_of_its_own_will_again_and_again()
    {
        var patient = new Patient().BroughtTo(Phase.Waiting);
        for (var life = 1; life <= 50; life++)
        {
            Assert.That(patient.IsKnockedAt().Deeds, Is.EqualTo($"spawn {life}"));
            patient.HasProcess().Accepts().Silently(5_000).Says(VassalMessage.Stopping);
            Assert.That(patient.Deeds, Is.EqualTo("send 2"), "what it has just accepted it shall finish");
            Assert.That(patient.Exits(0).Deeds, Is.EqualTo($"bury, {Await}"));
            Assert.That(patient.Phase, Is.EqualTo(Phase.Waiting));
            Assert.That(patient.State.Failures, Is.Zero);
        }
    }

    [Test]
    public void One_that_leaves_with_0_after_it_has_accepted_has_not_failed()
    {
        var patient = Running().Silently(2_000).Exits(0);
        Assert.That(patient.Deeds, Is.EqualTo($"bury, {Await}"));
        Assert.That(patient.State.Failures, Is.Zero);
        Assert.That(patient.Notes.Select(n => n.Level), Has.All.EqualTo(NoteLevel.Information));
    }

    [Test]
    public void One_that_dies_waits_for_the_next_connection_and_after_failures_not_before_its_backoff_is_over()
    {
        var patient = new Patient().BroughtTo(Phase.Waiting).IsKnockedAt().HasProcess();
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo($"bury, {Await}"));
        patient.IsKnockedAt().HasProcess();
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo("bury"), "nobody looks at the socket now");
        Assert.That(patient.Phase, Is.EqualTo(Phase.Backoff));
        Assert.That(patient.State.Bound, Is.Not.Null);
        Assert.That(patient.IsKnockedAt().Deeds, Is.Empty);
        Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo(Await));
        Assert.That(patient.State.NextDeadline, Is.Null);
    }

    [Test]
    public void One_that_leaves_at_once_each_time_does_not_spin_while_a_connection_waits()
    {
        var patient = new Patient(new VassalPolicy { Blacklist = false }).BroughtTo(Phase.Waiting);
        var start = patient.Now;
        for (var life = 0; life < 100; life++)
        {
            patient.IsKnockedAt().HasProcess().Says(VassalMessage.Stopping).Exits(0);
            if (patient.Phase == Phase.Backoff)
                patient.AtItsDeadline();
        }
        Assert.That(patient.Now - start, Is.GreaterThanOrEqualTo(98 * patient.Policy.ShortLifeDelay));
    }

    [Test]
    public void A_changed_file_is_taken_at_the_next_start()
    {
        var patient = new Patient().BroughtTo(Phase.Waiting).FileIsOnDemand();
        Assert.That(patient.Deeds, Is.Empty);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Waiting));
    }

    [TestCase("/run/other.socket", "await /run/other.socket")]
    [TestCase("/run/blog.socket", "await /run/blog.socket")]
    public void A_changed_address_or_mode_is_bound_anew_while_it_waits(string address, string deeds) =>
        Assert.That(
            new Patient().BroughtTo(Phase.Waiting).FileIsOnDemand(new OnDemandSocket(address) { Mode = 0x180 }).Deeds,
            Is.EqualTo(deeds)
        );

    [Test]
    public void A_changed_address_stops_the_process_and_waits_there()
    {
        var patient = Running().FileIsOnDemand(new OnDemandSocket("@other"));
        Assert.That(patient.Deeds, Is.EqualTo("send 0"));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, await @other"));
    }

    [Test]
    public void One_that_runs_gets_a_changed_mode_at_once_and_the_reload() =>
        Assert.That(
            Running().Rested().FileIsOnDemand(Patient.Socket with { Mode = 0x180 }).Deeds,
            Is.EqualTo("keep /run/blog.socket, send 1")
        );

    [Test]
    public void Who_comes_to_be_on_demand_or_is_so_no_more_is_stopped_and_started_anew()
    {
        var comes = new Patient().BroughtTo(Phase.Running).FileIsOnDemand();
        Assert.That(comes.Deeds, Is.EqualTo("send 0"));
        Assert.That(comes.Exits(0).Deeds, Is.EqualTo($"bury, {Await}"));

        var leaves = Running().FileIsGood();
        Assert.That(leaves.Deeds, Is.EqualTo("send 0"));
        Assert.That(leaves.Exits(0).Deeds, Is.EqualTo("bury, unlisten, spawn 2"));
    }

    [Test]
    public void A_bad_file_keeps_the_socket_so_that_what_waits_there_is_served_when_it_is_mended()
    {
        var patient = new Patient().BroughtTo(Phase.Waiting).FileIsBad();
        Assert.That(patient.Deeds, Is.EqualTo("keep /run/blog.socket"));
        Assert.That(patient.IsKnockedAt().Deeds, Is.Empty);
        Assert.That(patient.FileIsOnDemand().Deeds, Is.EqualTo(Await));
    }

    [Test]
    public void Exile_closes_the_socket_until_the_file_changes()
    {
        var patient = Running().Exits(ProcessEnd.ExileCode);
        Assert.That(patient.Deeds, Is.EqualTo("bury, unlisten"));
        Assert.That(patient.Phase, Is.EqualTo(Phase.Resting));
        Assert.That(patient.FileIsOnDemand().Deeds, Is.EqualTo(Await));
    }

    [Test]
    public void A_file_that_goes_takes_the_socket_with_it_when_the_process_has_ended()
    {
        Assert.That(new Patient().BroughtTo(Phase.Waiting).FileIsGone().Deeds, Is.EqualTo("unlisten"));
        var patient = Running().FileIsGone();
        Assert.That(patient.Deeds, Is.EqualTo("send 0"));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, unlisten"));
    }

    [Test]
    public void A_socket_that_cannot_be_bound_is_one_line_and_is_tried_again_at_growing_intervals()
    {
        var patient = new Patient().FileIsOnDemand().CannotListen();
        Assert.That(patient.Notes.Single().Level, Is.EqualTo(NoteLevel.Error));
        var delays = new List<long>();
        for (var i = 0; i < 15; i++)
        {
            delays.Add(patient.State.Deadline!.Value - patient.Now);
            Assert.That(patient.AtItsDeadline().Deeds, Is.EqualTo(Await));
            Assert.That(patient.CannotListen().Notes.Single().Level, Is.EqualTo(NoteLevel.Debug));
        }
        Assert.That(delays.Take(3), Is.EqualTo(new long[] { 1_000, 2_000, 3_000 }));
        Assert.That(delays, Has.All.LessThanOrEqualTo(10_000));
        patient.AtItsDeadline().Listens();
        Assert.That(patient.Phase, Is.EqualTo(Phase.Waiting));
        Assert.That(patient.State.ListenFailures, Is.Zero);
    }

    // Who is in the way is not found out each time (under load), and that is no other cause.
    [Test]
    public void That_another_cure_is_known_is_no_other_cause()
    {
        var patient = new Patient()
            .FileIsOnDemand()
            .CannotListen("somebody listens on /s already; it is left alone: stop who listens there");
        patient.AtItsDeadline().CannotListen("somebody listens on /s already; it is left alone: stop who listens there (nginx, pid 7)");
        Assert.That(patient.Notes.Single().Level, Is.EqualTo(NoteLevel.Debug));
        patient.AtItsDeadline().CannotListen("/s is there and is no socket; it is left alone: remove it");
        Assert.That(patient.Notes.Single().Level, Is.EqualTo(NoteLevel.Error));
    }

    [Test]
    public void A_reload_of_all_leaves_it_alone_while_it_waits() =>
        Assert.That(new Patient().BroughtTo(Phase.Waiting).Takes(new VassalEvent.ReloadAsked()).Effects, Is.Empty);

    private static Patient Running() => new Patient().BroughtTo(Phase.Waiting).IsKnockedAt().HasProcess().Accepts();
}
