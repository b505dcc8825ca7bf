using Emperor.Core.Programs;

namespace Emperor.Core.Succession;

/// <summary>The plans of one vassal: each is written once, however many of its processes were started with it.</summary>
public sealed class PlanTable
{
    private readonly List<ProgramPlan> _plans;

    /// <summary>An empty one.</summary>
    public PlanTable() => _plans = [];

    /// <summary>One that was written.</summary>
    public PlanTable(IReadOnlyList<ProgramPlan> plans) => _plans = [.. plans];

    /// <summary>All of them, in their places.</summary>
    public IReadOnlyList<ProgramPlan> All => _plans;

    /// <summary>The place of a plan, which it gets if it has none yet; -1 for none.</summary>
    public int Place(ProgramPlan? plan)
    {
        if (plan is null)
            return -1;
        // The very object: to compare what is in it would cost more than to write it twice.
        var place = _plans.FindIndex(p => ReferenceEquals(p, plan));
        if (place >= 0)
            return place;
        _plans.Add(plan);
        return _plans.Count - 1;
    }

    /// <summary>The plan of a place; null for -1.</summary>
    /// <exception cref="LegacyException">There is no such place.</exception>
    public ProgramPlan? At(int place) =>
        place < 0 ? null
        : place < _plans.Count ? _plans[place]
        : throw new LegacyException($"it names plan {place} of {_plans.Count}");
}
