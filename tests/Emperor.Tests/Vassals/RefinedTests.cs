using Emperor.Core.Programs;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>A uwsgi vassal whose file has a section [emperor] besides.</summary>
[TestFixture]
public sealed class RefinedTests
{
    private static readonly ProgramPlan Plan = new()
    {
        Folder = "/",
        LaunchDigest = "as ever",
        Ready = new ReadyRule(ReadyWay.Protocol),
        ReadyTimeout = 5_000,
        StopTimeout = 2_000,
        Health = new HealthRule { Command = ["true"] },
    };

    [Test]
    public void Not_ready_in_time_is_a_failed_start()
    {
        var patient = Starting(Plan);
        patient.After(4_999);
        Assert.That(patient.Effects, Is.Empty);
        patient.After(1);
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, $"send {EmperorMessage.Stop}")));
        Assert.That((patient.Exits(0).Phase, patient.State.Failures), Is.EqualTo((Phase.Starting, 1)));
    }

    [Test]
    public void Without_a_word_about_it_a_start_may_take_for_ever() =>
        Assert.That(Starting(Plan with { ReadyTimeout = ProgramPlan.Never }).After(1_000_000).Phase, Is.EqualTo(Phase.Starting));

    [Test]
    public void Its_health_is_looked_at_from_when_it_accepts_and_what_is_not_well_is_started_again()
    {
        var patient = Starting(Plan).Accepts();
        Assert.That(patient.Effects.OfType<Effect.CheckHealth>(), Is.Not.Empty);
        patient.Takes(new VassalEvent.Unwell(1, "the last 3 checks failed"));
        Assert.That((patient.Phase, patient.State.Deadline), Is.EqualTo((Phase.Stopping, patient.Now + 2_000)));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    [Test]
    public void Where_its_file_says_how_it_is_known_to_be_ready_its_own_word_is_not_enough()
    {
        var patient = Starting(Plan with { Ready = new ReadyRule(ReadyWay.Exec) { Command = ["true"] } }).Accepts();
        Assert.That((patient.Phase, patient.Effects.Single().GetType()), Is.EqualTo((Phase.Starting, typeof(Effect.AwaitReady))));
        Assert.That(patient.IsLoyal().Phase, Is.EqualTo(Phase.Starting), "nor is a request that it has served");
        Assert.That(patient.Takes(new VassalEvent.BecameReady(1)).Phase, Is.EqualTo(Phase.Running));
    }

    [Test]
    public void What_it_is_launched_with_has_changed_so_a_reload_is_not_enough()
    {
        var patient = Starting(Plan).Accepts().Rested();
        Assert.That(patient.Takes(new VassalEvent.FileAccepted(2, Plan: Plan)).Deeds, Is.EqualTo($"send {EmperorMessage.Reload}"));
        patient.Takes(new VassalEvent.FileAccepted(3, Plan: Plan with { LaunchDigest = "less memory" }));
        Assert.That((patient.Phase, patient.Deeds), Is.EqualTo((Phase.Stopping, $"send {EmperorMessage.Stop}")));
        Assert.That(patient.Exits(0).Deeds, Is.EqualTo("bury, spawn 2"));
    }

    private static Patient Starting(ProgramPlan plan) => new Patient().Takes(new VassalEvent.FileAccepted(1, Plan: plan)).HasProcess();
}
