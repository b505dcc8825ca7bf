using Emperor.Core.Succession;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

// What one emperor takes over from another.
public sealed partial class Empire
{
    /// <summary>An empire without a past.</summary>
    /// <param name="policy">The times and choices.</param>
    public Empire(EmpirePolicy policy)
        : this(policy, Legacy.None) { }

    /// <summary>An empire as a former emperor has left it.</summary>
    /// <param name="policy">The times and choices; not what they were under the former one.</param>
    /// <param name="legacy">What is left; <see cref="Legacy.None"/> for nothing.</param>
    /// <exception cref="LegacyException">It does not fit together.</exception>
    public Empire(EmpirePolicy policy, Legacy legacy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(legacy);
        _policy = policy;
        var reign = legacy.Empire.Reign;
        _broodlord = new Broodlord(policy.Broodlord, reign.LastZerg);
        _reloadTimes = reign.ReloadTimes;
        IsEnding = reign.IsEnding;
        _endsGracefully = reign.EndsGracefully;
        foreach (var state in StatesOf(legacy))
        {
            if (!_vassals.TryAdd(state.Name, state))
                throw new LegacyException($"vassal {state.Name} is there twice");
            Store(state);
        }
        foreach (var zerg in _vassals.Values.OrderBy(v => v.ZergNumber))
            _broodlord.Inherit(zerg);
        InheritUndone(reign);
    }

    /// <summary>What concerns all vassals at once, for the next emperor.</summary>
    public ReignLegacy LegacyOf() =>
        new()
        {
            IsEnding = IsEnding,
            EndsGracefully = _endsGracefully,
            ToEnd = [.. _toEnd],
            ReloadsDue = [.. _reloadsDue],
            Reloading = [.. _reloading.Select(r => new DueLegacy(r.Key, r.Value))],
            Unanswered = [.. _unanswered.Select(u => new DueLegacy(u.Key, u.Value))],
            ReloadTimes = _reloadTimes,
            LastZerg = _broodlord.LastNumber,
        };

    private static IEnumerable<VassalState> StatesOf(Legacy legacy)
    {
        foreach (var vassal in legacy.Vassals)
        {
            var state = vassal.State?.Restore(new PlanTable(vassal.Plans));
            if (state is not null && state.Name != vassal.Name)
                throw new LegacyException($"vassal {vassal.Name} has the state of {state.Name}");
            if (state is { Phase: not Phase.Gone })
                yield return state;
        }
    }

    private void InheritUndone(ReignLegacy reign)
    {
        _toEnd.UnionWith(reign.ToEnd);
        foreach (var name in reign.ReloadsDue)
            _reloadsDue.Enqueue(name);
        foreach (var (name, due) in reign.Reloading)
            _reloading[name] = due;
        foreach (var (name, due) in reign.Unanswered)
            _unanswered[name] = due;
        // Those that the held ones wait for may come with the first scan, or not at all: they are asked again after it.
        foreach (var held in _vassals.Values.Where(v => v.Phase == Phase.Held))
            _expected.UnionWith(held.Plan?.After ?? []);
    }
}
