using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using NUnit.Framework;

namespace Emperor.Tests.Vassals;

/// <summary>Whether a vassal's process was started by an emperor before this one.</summary>
[TestFixture]
public sealed class AdoptedTests
{
    private static readonly Instant Moment = new(1_000, 1_700_000_000_000);

    private readonly List<Effect> _effects = [];

    [Test]
    public void It_is_adopted_until_it_has_another_process()
    {
        var state = Step(VassalMachine.Create("a"), new VassalEvent.FileAccepted(1));
        state = Step(state, new VassalEvent.Spawned(1, 42));
        Assert.That(state.Adopted, Is.False);
        state = state.Taken();
        Assert.That(state.Adopted, Is.True);
        state = Step(state, new VassalEvent.Exited(1, new ProcessEnd(0, Signaled: false, "exit 0")));
        Assert.That(state.Adopted, Is.False, "it has none");
        state = Step(Step(state, new VassalEvent.Ordered(OrderKind.Start)), new VassalEvent.Spawned(2, 43));
        Assert.That((state.HasProcess, state.Adopted), Is.EqualTo((true, false)));
    }

    [Test]
    public void One_without_a_process_is_nobodys()
    {
        var state = Step(VassalMachine.Create("a"), new VassalEvent.FileRefused("bad")).Taken();
        Assert.That(state.Adopted, Is.False);
        state = Step(Step(state, new VassalEvent.FileAccepted(1)), new VassalEvent.Spawned(1, 42));
        Assert.That(state.Adopted, Is.False);
    }

    [Test]
    public void A_program_is_as_long_as_one_of_its_processes_is()
    {
        var plan = new ProgramPlan { Folder = "/", LaunchDigest = "" };
        Member Of(int incarnation) =>
            new()
            {
                Incarnation = incarnation,
                Slot = 0,
                Plan = plan,
            };
        var state = (VassalMachine.Create("a") with { Incarnation = 2, Members = [Of(1), Of(2)] }).Taken();
        Assert.That(state.Adopted, Is.True);
        Assert.That((state with { Incarnation = 3, Members = [Of(2), Of(3)] }).Adopted, Is.True);
        Assert.That((state with { Incarnation = 4, Members = [Of(4), Of(3)] }).Adopted, Is.False);
    }

    private VassalState Step(VassalState state, VassalEvent @event) =>
        VassalMachine.Step(state, @event, Moment, new VassalPolicy(), _effects);
}
