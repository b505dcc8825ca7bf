using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>The turns of a program's life that its machine is made for, one by one; their mixtures are in the simulation.</summary>
[TestFixture]
public sealed class ProgramMachineTests
{
    private static readonly ProgramPlan Blog = ProgramPatient.Blog;
    private static readonly ProgramPlan Changed = Blog with { LaunchDigest = "changed" };

    [Test]
    public void It_gets_its_sockets_first_then_its_processes_and_runs_when_all_are_ready()
    {
        var patient = new ProgramPatient().IsFile(Blog with { Processes = 2 });
        Assert.That(patient.Deeds, Is.EqualTo("hold /run/blog.sock"));
        Assert.That(patient.Listens().Deeds, Is.EqualTo("launch 1, launch 2"));
        Assert.That(patient.Spawns().Deeds, Is.EqualTo("ready? 2"));
        Assert.That((patient.IsReady(2).Phase, patient.State.Word), Is.EqualTo((Phase.Starting, "starting")));
        Assert.That((patient.IsReady(1).Phase, patient.State.Word), Is.EqualTo((Phase.Running, "ready")));
    }

    [Test]
    public void A_reload_stops_the_old_one_only_when_the_new_one_is_ready()
    {
        var patient = new ProgramPatient().Runs(Blog).IsFile(Changed);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Reloading, "hold /run/blog.sock and keep")));
        Assert.That(patient.Listens().Deeds, Is.EqualTo("launch 2"));
        patient.Spawns();
        Assert.That(patient.IsReady(2).Deeds, Is.EqualTo("signal 15 to 1, hold /run/blog.sock"));
        Assert.That((patient.Phase, patient.State.Pid, patient.Notes), Is.EqualTo((Phase.Running, 102, "accepting, reloaded")));
        Assert.That((patient.Exits(1).Phase, patient.Deeds), Is.EqualTo((Phase.Running, "bury 1")));
    }

    [TestCase("exits")]
    [TestCase("is late")]
    [TestCase("cannot be spawned")]
    [TestCase("cannot listen")]
    public void A_new_one_that_does_not_get_ready_leaves_the_old_one_alone(string why)
    {
        var patient = new ProgramPatient().Runs(Blog).IsFile(Changed);
        if (why == "cannot listen")
        {
            patient.Takes(new VassalEvent.ListenFailed("somebody listens there"));
        }
        else
        {
            patient.Listens();
            if (why == "cannot be spawned")
                patient.Takes(new VassalEvent.SpawnFailed(2, "no program"));
            else if (why == "exits")
                patient.Spawns().Exits(2, 1);
            else
                patient.Spawns().After(5_000);
        }
        Assert.Multiple(() =>
        {
            Assert.That((patient.Phase, patient.State.Pid), Is.EqualTo((Phase.Running, 101)));
            Assert.That(patient.State.FailedReload, Is.Not.Null);
            Assert.That(patient.Notes, Does.Contain("reload-failed"));
            Assert.That(patient.Deeds, Does.Not.Contain("to 1"), "the old one is told nothing");
            Assert.That(patient.Deeds, Does.Contain("hold /run/blog.sock"), "sockets that only the new one wanted are closed");
        });
        // It dies later: what has served is started again, not what has failed.
        patient.After(20_000);
        patient.Exits(1, 1).Spawns();
        Assert.That(patient.State.Members.Single(m => m.Role == MemberRole.Current).Plan, Is.EqualTo(Blog));
    }

    [Test]
    public void Who_asked_for_a_reload_that_fails_is_told()
    {
        var patient = new ProgramPatient().Runs(Blog);
        var watch = new OrderWatch(OrderKind.Reload, patient.State, patient.Now, patience: 60_000);
        patient.Takes(new VassalEvent.Ordered(OrderKind.Reload)).Listens().Spawns();
        Assert.That(watch.Judge(patient.State, patient.Now), Is.Null);
        patient.Exits(2, 3);
        var outcome = watch.Judge(patient.State, patient.Now)!;
        Assert.That((outcome.Word, outcome.IsWell), Is.EqualTo(("failed", false)));
        Assert.That(outcome.Text, Does.Match("the reload failed: .* exit 3; the former process serves on \\(pid 101\\)"));
        // One that works makes up for it.
        patient.Takes(new VassalEvent.Ordered(OrderKind.Reload)).Listens().Spawns().IsReady(3);
        Assert.That(watch.Judge(patient.State, patient.Now)!.IsWell);
    }

    [Test]
    public void A_second_change_during_a_reload_supersedes_it()
    {
        var patient = new ProgramPatient().Runs(Blog).IsFile(Changed).Listens().Spawns();
        patient.IsFile(Blog with { LaunchDigest = "newest" });
        Assert.That(patient.Deeds, Is.EqualTo("signal 15 to 2, hold /run/blog.sock and keep"));
        patient.Listens().Spawns();
        patient.Exits(2);
        Assert.That(patient.Phase, Is.EqualTo(Phase.Reloading));
        Assert.That(patient.IsReady(3).State.Members.Single(m => m.Role == MemberRole.Current).Plan.LaunchDigest, Is.EqualTo("newest"));
    }

    [Test]
    public void Copies_are_rolled_one_at_a_time_and_surplus_ones_go_at_the_end()
    {
        var patient = new ProgramPatient().Runs(Blog with { Processes = 3 }).IsFile(Changed with { Processes = 2 }).Listens();
        Assert.That(patient.Deeds, Is.EqualTo("launch 4"));
        patient.Spawns();
        Assert.That(patient.IsReady(4).Deeds, Is.EqualTo("signal 15 to 1, launch 5"));
        patient.Spawns();
        Assert.That(patient.IsReady(5).Deeds, Is.EqualTo("signal 15 to 2, signal 15 to 3, hold /run/blog.sock"));
        Assert.That(patient.State.Slots, Has.Length.EqualTo(2));
    }

    [Test]
    public void Where_two_cannot_live_side_by_side_the_old_one_ends_first_and_comes_back_when_the_new_one_fails()
    {
        var plan = Blog with { Sockets = [], Reload = ReloadWay.Restart, Ready = new ReadyRule(ReadyWay.After) };
        var patient = new ProgramPatient().Runs(plan).IsFile(plan with { LaunchDigest = "changed" });
        Assert.That(patient.Deeds, Is.EqualTo("signal 15 to 1"));
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo("bury 1, launch 2"));
        patient.Spawns().Exits(2, 1);
        Assert.That(patient.State.FailedReload, Is.Not.Null);
        patient.After(100);
        Assert.That((patient.Deeds, patient.State.Members.Single().Plan), Is.EqualTo(("launch 3", plan)));
    }

    [Test]
    public void A_signal_reloads_what_is_launched_as_before_and_no_other()
    {
        var plan = Blog with { Reload = ReloadWay.Signal, ReloadSignal = 1 };
        var patient = new ProgramPatient().Runs(plan).IsFile(plan);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Running, "signal 1 to 1")));
        Assert.That(patient.IsFile(plan with { LaunchDigest = "changed" }).Deeds, Is.EqualTo("hold /run/blog.sock and keep"));
    }

    [Test]
    public void A_reload_that_it_announces_lasts_until_it_says_that_it_is_ready_again()
    {
        var plan = Blog with { Ready = new ReadyRule(ReadyWay.Notify) };
        var patient = new ProgramPatient().IsFile(plan).Listens().Spawns().Says(1, new Notification { Ready = true, Status = "12 users" });
        Assert.That((patient.Phase, patient.State.Members[0].Status), Is.EqualTo((Phase.Running, "12 users")));
        Assert.That(patient.Says(1, new Notification { Reloading = true }).Phase, Is.EqualTo(Phase.Reloading));
        Assert.That(patient.Says(1, new Notification { Ready = true }).Phase, Is.EqualTo(Phase.Running));
        patient.Says(1, new Notification { Reloading = true }).After(5_000);
        Assert.That((patient.Phase, patient.Notes), Is.EqualTo((Phase.Running, "not-reloaded")), "it serves on");
    }

    [Test]
    public void What_sends_no_WATCHDOG_is_ended_by_SIGABRT_and_started_again()
    {
        var patient = new ProgramPatient().Runs(Blog with { Watchdog = 2_000 });
        patient.After(1_500).Says(1, new Notification { Watchdog = true }).After(1_500);
        Assert.That(patient.Deeds, Is.Empty);
        Assert.That(patient.After(500).Deeds, Is.EqualTo("signal 6 to 1"));
        Assert.That(patient.Exits(1, 134).Deeds, Is.EqualTo("bury 1, launch 2"));
        Assert.That(patient.State.Failures, Is.EqualTo(1));
    }

    [Test]
    public void What_is_not_well_is_ended_and_started_again_and_killed_when_it_does_not_end()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(new VassalEvent.Unwell(1, "GET /health: 500"));
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Starting, "signal 15 to 1")));
        Assert.That(patient.After(3_000).Deeds, Is.EqualTo("kill 1"));
        Assert.That(patient.Exits(1, 137).Deeds, Is.EqualTo("bury 1, launch 2"));
    }

    [Test]
    public void The_loss_of_a_copy_is_told_until_the_next_one_is_ready()
    {
        var patient = new ProgramPatient().Runs(Blog with { Processes = 2 }).Exits(1, 1).Spawns();
        Assert.That((patient.Phase, patient.State.Reason), Is.EqualTo((Phase.Running, "one of its 2 processes has ended: exit 1")));
        Assert.That((patient.IsReady(3).Phase, patient.State.Reason), Is.EqualTo((Phase.Running, "")));
    }

    [TestCase(RestartRule.Always, 0, "bury 1, launch 2")]
    [TestCase(RestartRule.OnFailure, 0, "bury 1, unlisten")]
    [TestCase(RestartRule.OnFailure, 3, "bury 1, unlisten")]
    [TestCase(RestartRule.OnFailure, 1, "bury 1, launch 2")]
    [TestCase(RestartRule.Never, 1, "bury 1, unlisten")]
    public void What_ends_by_itself_is_started_again_as_its_file_says(RestartRule rule, int code, string deeds)
    {
        var patient = new ProgramPatient().Runs(Blog with { Restart = rule, SuccessExitStatus = [3] }).Exits(1, code);
        Assert.That((patient.Deeds, patient.Phase), Is.EqualTo((deeds, deeds.EndsWith('2') ? Phase.Starting : Phase.Resting)));
    }

    [Test]
    public void On_demand_a_connection_starts_it_and_idleness_stops_it_again_and_again()
    {
        var plan = Blog with { OnDemand = true, Idle = 10_000 };
        var patient = new ProgramPatient().IsFile(plan);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Waiting, "await /run/blog.sock")));
        for (var i = 1; i < 4; i++)
        {
            Assert.That(patient.Takes(new VassalEvent.Knocked()).Deeds, Is.EqualTo($"launch {i}"));
            patient.Spawns();
            Assert.That(patient.IsReady(i).Deeds, Is.EqualTo($"idle? {i}"));
            patient.After(20_000).Takes(new VassalEvent.FellIdle());
            Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, $"signal 15 to {i}, thaw")));
            Assert.That((patient.Exits(i).Deeds, patient.Phase), Is.EqualTo(($"bury {i}, await /run/blog.sock", Phase.Waiting)));
        }
        Assert.That(patient.IsFile(null).Deeds, Is.EqualTo("unlisten, uwsgi 4"));
    }

    [Test]
    public void On_demand_a_crash_on_start_does_not_spin_while_a_client_waits()
    {
        var patient = new ProgramPatient().IsFile(Blog with { OnDemand = true });
        var starts = 0;
        for (var until = patient.Now + 10_000; patient.Now < until; )
        {
            if (patient.Phase == Phase.Waiting)
            {
                patient.Takes(new VassalEvent.Knocked()).Spawns().Exits(patient.State.Incarnation, 1);
                starts++;
            }
            else
            {
                patient.After(Math.Max(1, (patient.State.NextDeadline ?? patient.Now) - patient.Now));
            }
        }
        Assert.That(starts, Is.InRange(3, 6));
    }

    [Test]
    public void A_refused_file_touches_nothing_that_runs_even_when_that_dies()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(new VassalEvent.FileRefused("line 2: exek"));
        Assert.That((patient.Phase, patient.Deeds, patient.Notes), Is.EqualTo((Phase.Running, "", "refused")));
        Assert.That(patient.Exits(1, 1).Deeds, Is.EqualTo("bury 1, launch 2"));
        Assert.That(patient.State.RefusedChange, Is.EqualTo("line 2: exek"));
    }

    [Test]
    public void A_file_that_becomes_a_uwsgi_vassal_s_has_its_program_stopped_first()
    {
        var patient = new ProgramPatient().Runs(Blog).IsFile(null);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, "signal 15 to 1")));
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo("bury 1, unlisten, uwsgi 2"));
    }

    [Test]
    public void A_stop_by_hand_lasts_and_closes_the_sockets()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(new VassalEvent.Ordered(OrderKind.Stop));
        Assert.That(patient.Deeds, Is.EqualTo("signal 15 to 1"));
        Assert.That((patient.Exits(1).Deeds, patient.Phase), Is.EqualTo(("bury 1, unlisten", Phase.Resting)));
        Assert.That(patient.Takes(new VassalEvent.ReloadAsked()).Deeds, Is.Empty);
        Assert.That(patient.Takes(new VassalEvent.Ordered(OrderKind.Start)).Deeds, Is.EqualTo("hold /run/blog.sock"));
    }

    [Test]
    public void At_the_end_all_are_told_and_then_killed()
    {
        var patient = new ProgramPatient().Runs(Blog with { Processes = 2 }).Takes(new VassalEvent.Ragnarok());
        Assert.That(patient.Deeds, Is.EqualTo("signal 15 to 1, signal 15 to 2"));
        Assert.That(patient.Exits(1).Deeds, Is.EqualTo("bury 1"));
        Assert.That(patient.After(3_000).Deeds, Is.EqualTo("kill 2"));
        Assert.That((patient.Exits(2, 137).Deeds, patient.Phase), Is.EqualTo(("bury 2, unlisten", Phase.Gone)));
    }
}
