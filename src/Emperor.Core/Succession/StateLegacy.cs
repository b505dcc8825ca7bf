using System.Collections.Immutable;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>A vassal's state, with the places of its plans instead of them.</summary>
/// <param name="State">The state without its plans: they are empty, or, when it was read, not there at all.</param>
/// <param name="Plan">The place of <see cref="VassalState.Plan"/>.</param>
/// <param name="Rolling">That of <see cref="VassalState.Rolling"/>.</param>
/// <param name="Members">Those of its members.</param>
/// <param name="Slots">Those of its slots.</param>
public sealed record StateLegacy(VassalState State, int Plan, int Rolling, IReadOnlyList<int> Members, IReadOnlyList<int> Slots)
{
    private static readonly ProgramPlan Empty = new() { Folder = "", LaunchDigest = "" };

    /// <summary>Of a state.</summary>
    public static StateLegacy Of(VassalState state, PlanTable plans)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(plans);
        var members = state.Members.Select(m => plans.Place(m.Plan)).ToArray();
        var slots = state.Slots.Select(s => plans.Place(s.Plan)).ToArray();
        var hollow = state with
        {
            Plan = null,
            Rolling = null,
            Members = [.. state.Members.Select(m => m with { Plan = Empty })],
            Slots = [.. state.Slots.Select(s => s with { Plan = Empty })],
        };
        return new StateLegacy(hollow, plans.Place(state.Plan), plans.Place(state.Rolling), members, slots);
    }

    /// <summary>The state.</summary>
    /// <exception cref="LegacyException">It does not fit together.</exception>
    public VassalState Restore(PlanTable plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        if (State.Members.IsDefault || State.Slots.IsDefault || Members.Count != State.Members.Length || Slots.Count != State.Slots.Length)
            throw new LegacyException($"the plans of vassal {State.Name} are not as many as its processes");
        return State with
        {
            Plan = plans.At(Plan),
            Rolling = plans.At(Rolling),
            Members = [.. State.Members.Select((m, i) => m with { Plan = Needed(plans, Members[i]) })],
            Slots = [.. State.Slots.Select((s, i) => s with { Plan = Needed(plans, Slots[i]) })],
        };
    }

    private ProgramPlan Needed(PlanTable plans, int place) =>
        plans.At(place) ?? throw new LegacyException($"a process of vassal {State.Name} has no plan");
}
