using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

[TestFixture]
public sealed class SuspensionTests
{
    private static Patient New() =>
        new(
            new VassalPolicy
            {
                WaitForCommand = true,
                WaitForCommandIgnored = new HashSet<string> { "free.ini" },
            }
        );

    [Test]
    public void A_new_one_is_suspended_and_only_a_start_ends_that()
    {
        var patient = New().FileIsGood();
        Assert.That((patient.State.Word, patient.Deeds), Is.EqualTo(("suspended", "")));
        foreach (
            VassalEvent @event in (VassalEvent[])
                [
                    new VassalEvent.FileAccepted(2),
                    new VassalEvent.ReloadAsked(),
                    new VassalEvent.Forgiven(),
                    new VassalEvent.Ordered(OrderKind.Reload),
                    new VassalEvent.Ordered(OrderKind.Retry),
                    new VassalEvent.FileRefused("broken"),
                    new VassalEvent.FileAccepted(3),
                ]
        )
            Assert.That(patient.Takes(@event).Deeds, Is.Empty, @event.ToString());
        Assert.That(patient.State.Word, Is.EqualTo("suspended"));
        Assert.That(patient.Takes(new VassalEvent.Ordered(OrderKind.Start)).Deeds, Is.EqualTo("spawn 1"));
        Assert.That(patient.State.Suspended, Is.False);
    }

    [Test]
    public void One_that_was_refused_at_first_is_suspended_when_it_is_mended()
    {
        var patient = New().Takes(new VassalEvent.FileRefused("broken")).FileIsGood();
        Assert.That((patient.State.Word, patient.Deeds), Is.EqualTo(("suspended", "")));
    }

    [Test]
    public void A_stop_suspends_it_again_and_a_death_does_not()
    {
        var patient = New().FileIsGood().Takes(new VassalEvent.Ordered(OrderKind.Start)).Takes(new VassalEvent.Spawned(1, 100));
        patient.Takes(new VassalEvent.Exited(1, new ProcessEnd(1, false, "exit 1")));
        Assert.That(patient.Deeds, Does.Contain("spawn 2"));
        patient.Takes(new VassalEvent.Spawned(2, 101)).Takes(new VassalEvent.Ordered(OrderKind.Stop));
        // A change while it stops starts it no more than one before or after that.
        patient.Takes(new VassalEvent.FileAccepted(2));
        patient.Takes(new VassalEvent.Exited(2, new ProcessEnd(0, false, "exit 0")));
        Assert.That((patient.State.Word, patient.Phase), Is.EqualTo(("suspended", Phase.Resting)));
        Assert.That(patient.Takes(new VassalEvent.FileAccepted(3)).Deeds, Is.Empty);
    }

    [Test]
    public void One_on_demand_has_no_socket_before_it_is_told_to_spawn()
    {
        var patient = New().FileIsOnDemand();
        Assert.That(patient.Deeds, Is.Empty);
        patient.Takes(new VassalEvent.Ordered(OrderKind.Start));
        Assert.That(patient.Phase, Is.EqualTo(Phase.Waiting));
    }

    [Test]
    public void It_goes_with_its_file_and_with_the_emperor()
    {
        Assert.That(New().FileIsGood().Takes(new VassalEvent.FileGone()).Phase, Is.EqualTo(Phase.Gone));
        Assert.That(New().FileIsGood().Takes(new VassalEvent.Ragnarok()).Phase, Is.EqualTo(Phase.Gone));
    }
}
