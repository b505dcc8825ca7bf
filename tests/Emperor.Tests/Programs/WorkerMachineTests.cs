using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

/// <summary>What is about workers of the built-in server alone in the life of a program.</summary>
[TestFixture]
public sealed class WorkerMachineTests
{
    private static readonly WsgiPlan Wsgi = new()
    {
        App = "hello",
        Options = "{}",
        Protocols = ["uwsgi"],
    };

    private static readonly ProgramPlan Blog = ProgramPatient.Blog with
    {
        Wsgi = Wsgi,
        StopSignal = 1,
        SuccessExitStatus = [WorkerEnd.Limit],
        Ready = new ReadyRule(ReadyWay.Worker),
    };

    private static readonly ProgramPlan Cheaper = Blog with { Processes = 4, Wsgi = Wsgi with { Cheaper = new CheaperRule(2, 3) } };

    [Test]
    public void One_that_reaches_a_limit_serves_on_until_its_successor_is_ready()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(Due(1));
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Running, "launch 2")));
        Assert.That(patient.Takes(Due(1)).Deeds, Is.Empty, "it says so once");
        patient.Spawns();
        Assert.That(patient.IsReady(2).Deeds, Is.EqualTo("signal 1 to 1"));
        patient.Exits(1);
        Assert.That(
            (patient.Phase, patient.State.Pid, patient.State.Deaths, patient.State.Failures),
            Is.EqualTo((Phase.Running, 102, 0, 0))
        );
    }

    [Test]
    public void When_its_successor_cannot_be_had_it_serves_on_and_that_is_tried_again()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(Due(1));
        patient.Takes(new VassalEvent.AppFailed(2, "Traceback:\n  no module"));
        patient.Takes(new VassalEvent.SpawnFailed(2, "no module"));
        Assert.That(
            (patient.Phase, patient.Notes, patient.State.Traceback),
            Is.EqualTo((Phase.Running, "not-replaced", "Traceback:\n  no module"))
        );
        Assert.That(patient.After(100).Deeds, Is.EqualTo("launch 3"));
        patient.Spawns().Exits(3, WorkerEnd.NoApp);
        Assert.That(patient.State.LastEnd, Does.Contain("exit 22: its app cannot be loaded"));
        Assert.That(patient.After(500).Deeds, Is.Empty, "not as fast as the machine can");
        Assert.That(patient.After(1_000).Deeds, Is.EqualTo("launch 4"));
        // It dies meanwhile.
        Assert.That(patient.Spawns().Exits(1, 1).Deeds, Is.EqualTo("bury 1"));
        Assert.That((patient.IsReady(4).Phase, patient.State.Pid), Is.EqualTo((Phase.Running, 103)));
    }

    [Test]
    public void Why_its_app_cannot_be_loaded_is_told_until_it_can()
    {
        var patient = new ProgramPatient().IsFile(Blog).Listens();
        for (var i = 1; i <= 3; i++)
        {
            patient.Takes(new VassalEvent.AppFailed(i, $"Traceback {i}")).Takes(new VassalEvent.SpawnFailed(i, "no module"));
            Assert.That(patient.State.Traceback, Is.EqualTo($"Traceback {i}"));
            Assert.That(patient.After(60_000).State.Members.Single().Incarnation, Is.EqualTo(i + 1), "it is tried again");
            Assert.That(patient.State.Traceback, Is.EqualTo($"Traceback {i}"), "while it is");
        }
        Assert.That(patient.Spawns().IsReady(4).State.Traceback, Is.Null);
    }

    [Test]
    public void When_both_are_lost_it_is_started_again()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(Due(1)).Spawns();
        patient.Exits(1, 1).Exits(2, 1);
        Assert.That(patient.State.Members, Is.Empty);
        patient.After(2_000);
        Assert.That((patient.Deeds, patient.State.Members.Single().Role), Is.EqualTo(("launch 3", MemberRole.Current)));
    }

    [Test]
    public void A_reload_replaces_one_that_is_due_and_one_that_fails_does_not_forget_it()
    {
        var patient = new ProgramPatient().Runs(Blog).Takes(Due(1)).IsFile(Blog with { LaunchDigest = "changed" });
        Assert.That(patient.Deeds, Does.StartWith("signal 1 to 2, hold"), "that successor would have been of the former code");
        patient.Takes(new VassalEvent.SpawnFailed(2, "told to stop")).Listens();
        Assert.That(patient.Deeds, Is.EqualTo("launch 3"));
        patient.Takes(new VassalEvent.SpawnFailed(3, "no module"));
        Assert.That((patient.State.FailedReload, patient.Deeds), Is.EqualTo(("no module", "hold /run/blog.sock, launch 4")));
    }

    [Test]
    public void One_that_leaves_by_itself_is_followed_at_once_and_that_is_no_failure()
    {
        var patient = new ProgramPatient().Runs(Blog with { Processes = 2 });
        patient.Takes(new VassalEvent.Departing(1, "stop (SIGHUP)", IsDue: false));
        Assert.That((patient.Deeds, patient.Phase), Is.EqualTo(("launch 3", Phase.Running)));
        patient.Spawns().Exits(1).IsReady(3);
        Assert.That((patient.State.Failures, patient.State.Deaths, patient.State.Members.Length), Is.EqualTo((0, 0, 2)));
        // Without a word before: the code says it.
        Assert.That(patient.After(20_000).Exits(2, WorkerEnd.Limit).Deeds, Is.EqualTo("bury 2, launch 4"));
        Assert.That(patient.State.Failures, Is.Zero);
    }

    [Test]
    public void Again_and_again_at_once_it_is_not_started_as_fast_as_the_machine_can()
    {
        var patient = new ProgramPatient().Runs(Blog);
        patient.Exits(1, WorkerEnd.Limit).Spawns().IsReady(2);
        Assert.That(patient.Exits(2, WorkerEnd.Limit).Deeds, Is.EqualTo("bury 2"));
        Assert.That(patient.After(100).Deeds, Is.EqualTo("launch 3"));
    }

    [Test]
    public void One_that_is_told_to_stop_before_it_is_there_is_not_waited_for()
    {
        var patient = new ProgramPatient().IsFile(Blog).Listens();
        Assert.That(patient.After(5_000).Deeds, Is.EqualTo("signal 1 to 1"), "it was not ready in time");
        patient.Takes(new VassalEvent.SpawnFailed(1, "told to stop"));
        Assert.That((patient.Phase, patient.State.Failures), Is.EqualTo((Phase.Starting, 1)));
        var other = new ProgramPatient().IsFile(Blog).Listens().Takes(new VassalEvent.FileGone());
        Assert.That(other.Takes(new VassalEvent.SpawnFailed(1, "told to stop")).Phase, Is.EqualTo(Phase.Gone));
    }

    [Test]
    public void Processes_of_one_reload_have_one_number_and_a_respawn_has_that_of_its_slot()
    {
        var patient = new ProgramPatient().Runs(Blog with { Processes = 2 });
        Assert.That(Generations(patient), Is.EqualTo(new[] { 1, 1 }));
        patient.Takes(new VassalEvent.ReloadAsked()).Listens().Spawns().IsReady(3);
        Assert.That(Generations(patient), Is.EqualTo(new[] { 1, 1, 2, 2 }));
        patient.Takes(new VassalEvent.SpawnFailed(4, "no module")).After(20_000);
        patient.Exits(2, 1);
        Assert.That(patient.State.Members.Single(m => m.Slot == 1).Generation, Is.EqualTo(1), "what served before");
        patient.Takes(new VassalEvent.ReloadAsked()).Listens();
        Assert.That(patient.State.Members[^1].Generation, Is.EqualTo(3));
    }

    [Test]
    public void There_are_as_many_as_there_is_to_do()
    {
        var patient = new ProgramPatient().Runs(Cheaper);
        Assert.That((patient.Phase, patient.State.Members.Length), Is.EqualTo((Phase.Running, 3)));
        Assert.That(patient.Takes(new VassalEvent.Scaled(2, "all are busy")).Deeds, Is.EqualTo("launch 4"), "there are four at most");
        Assert.That((patient.Spawns().Phase, patient.IsReady(4).Phase), Is.EqualTo((Phase.Running, Phase.Running)));
        Assert.That(patient.Takes(new VassalEvent.Scaled(-1, "idle")).Deeds, Is.EqualTo("signal 1 to 4"));
        Assert.That(patient.Exits(4).Deeds, Is.EqualTo("bury 4"));
        Assert.That(patient.Takes(new VassalEvent.Scaled(-5, "idle")).Deeds, Is.EqualTo("signal 1 to 3"), "two at least");
        Assert.That(
            (patient.Exits(3).Phase, patient.State.Members.Length, patient.State.NextDeadline),
            Is.EqualTo((Phase.Running, 2, (long?)null))
        );
    }

    [Test]
    public void A_reload_leaves_those_cheap_that_are_and_a_failed_one_their_plan()
    {
        var patient = new ProgramPatient().Runs(Cheaper).Takes(new VassalEvent.Scaled(-1, "idle")).Exits(3);
        patient.IsFile(Cheaper with { LaunchDigest = "changed" }).Listens();
        Assert.That(patient.Deeds, Is.EqualTo("launch 4"));
        patient.Spawns().IsReady(4).Spawns().IsReady(5);
        Assert.That((patient.Phase, patient.State.Members.Count(m => m.Serves)), Is.EqualTo((Phase.Running, 2)));
        Assert.That(patient.State.Slots.Select(s => s.Plan.LaunchDigest), Is.All.EqualTo("changed"));
        patient.Exits(1).Exits(2);
        patient.IsFile(Cheaper with { LaunchDigest = "broken", Processes = 6 }).Listens();
        patient.Takes(new VassalEvent.SpawnFailed(6, "no module"));
        Assert.That((patient.Phase, patient.State.Slots.Length), Is.EqualTo((Phase.Running, 4)));
        Assert.That(patient.State.Slots.Select(s => s.Plan.LaunchDigest), Is.All.EqualTo("changed"));
        // Without cheaper, all.
        patient.IsFile(Blog with { Processes = 4 }).Listens();
        for (var incarnation = 7; incarnation <= 10; incarnation++)
            patient.Spawns().IsReady(incarnation);
        Assert.That(patient.State.Members.Count(m => m.Serves), Is.EqualTo(4));
    }

    [Test]
    public void One_that_has_fallen_idle_waits_for_a_connection_though_it_was_started_at_once()
    {
        var plan = Blog with { OnDemand = true, StartsAtOnce = true, Idle = 5_000 };
        var patient = new ProgramPatient().IsFile(plan);
        Assert.That((patient.Phase, patient.Listens().Deeds), Is.EqualTo((Phase.Starting, "launch 1")));
        Assert.That(patient.Spawns().IsReady(1).Deeds, Is.EqualTo("idle? 1"));
        patient.Takes(new VassalEvent.FellIdle()).Exits(1);
        Assert.That((patient.Phase, patient.State.NextDeadline), Is.EqualTo((Phase.Waiting, (long?)null)));
        Assert.That(patient.Takes(new VassalEvent.Knocked()).Deeds, Is.EqualTo("launch 2"));
    }

    [TestCase(0, "exit 0")]
    [TestCase(17, "exit 17: a limit of its own is reached")]
    [TestCase(22, "exit 22: its app cannot be loaded")]
    [TestCase(78, "exit 78: it cannot follow its configuration")]
    public void Exit_codes_of_workers_are_named(int code, string words)
    {
        var end = new ProcessEnd(code, false, $"exit {code}");
        Assert.That(WorkerEnd.Named(end, Blog).Words, Is.EqualTo(words));
        Assert.That(WorkerEnd.Named(end, ProgramPatient.Blog), Is.SameAs(end), "those of others mean something else");
        Assert.That(WorkerEnd.Named(end with { Signaled = true }, Blog).Words, Is.EqualTo($"exit {code}"));
    }

    private static VassalEvent.Departing Due(int incarnation) => new(incarnation, "max-requests (5 requests)", IsDue: true);

    private static int[] Generations(ProgramPatient patient) => [.. patient.State.Members.Select(m => m.Generation)];
}
