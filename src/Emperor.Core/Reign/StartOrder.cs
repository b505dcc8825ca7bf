using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>
/// Overview: the order between vassals that ask for one (after = OTHER.ini in [emperor]). One that is started after another waits as long as
/// that is on its way up; one that is missing, stopped by hand or of a broken file is not waited for. At the end of the emperor the order is
/// the other way round. As long as nobody asks for an order, this costs nothing.
/// </summary>
public sealed class StartOrder
{
    // The vassals that ask for an order, with those that they are started after.
    private readonly Dictionary<string, IReadOnlyList<string>> _after = new(StringComparer.Ordinal);

    /// <summary>Whether any vassal asks for an order.</summary>
    public bool IsInUse => _after.Count > 0;

    /// <summary>Takes in what a vassal asks for.</summary>
    public void Note(VassalState state)
    {
        if (state.Plan is { After.Count: > 0 } plan)
            _after[state.Name] = plan.After;
        else if (_after.Count > 0)
            _after.Remove(state.Name);
    }

    /// <summary>A vassal is gone.</summary>
    public void Forget(string vassal) => _after.Remove(vassal);

    /// <summary>A file whose order would close a circle is refused, with the circle's name; every other event is left as it is.</summary>
    public static VassalEvent Judge(string vassal, VassalEvent @event, IReadOnlyDictionary<string, VassalState> vassals)
    {
        if (@event is not VassalEvent.FileAccepted { Plan: { After.Count: > 0 } plan } file)
            return @event;
        var circle = Path(plan.After, vassal, vassals);
        return circle is null
            ? file
            : new VassalEvent.FileRefused(
                $"after: {string.Join(" -> ", [vassal, .. circle])} is a circle, so none of them could be the first; take one \"after\" out",
                file.Source
            );
    }

    /// <summary>Whether nobody has to be waited for.</summary>
    public static bool MayStart(ProgramPlan plan, IReadOnlyDictionary<string, VassalState> vassals, IReadOnlySet<string> expected)
    {
        foreach (var name in plan.After)
        {
            if (expected.Contains(name) || (vassals.TryGetValue(name, out var other) && IsOnItsWay(other.Phase)))
                return false;
        }
        return true;
    }

    /// <summary>Says which of those that a vassal wants to be started after are not there.</summary>
    public static void Warn(
        VassalState state,
        IReadOnlyDictionary<string, VassalState> vassals,
        IReadOnlySet<string> expected,
        List<Effect> effects
    )
    {
        var missing = state.Plan?.After.Where(name => !vassals.ContainsKey(name) && !expected.Contains(name)).ToArray() ?? [];
        if (missing.Length > 0 && state.Phase != Phase.Gone)
            effects.Add(
                new Effect.Note(
                    state.Name,
                    state.Incarnation,
                    NoteLevel.Warning,
                    "after-missing",
                    $"it wants to be started after {string.Join(", ", missing)}, and there is no such vassal; it does not wait"
                )
            );
    }

    /// <summary>The vassals that are held and are to be started after this one.</summary>
    public IReadOnlyList<string> Waiting(string vassal, IReadOnlyDictionary<string, VassalState> vassals) =>
        [
            .. _after
                .Where(a => a.Value.Contains(vassal) && vassals.TryGetValue(a.Key, out var v) && v.Phase == Phase.Held)
                .Select(a => a.Key),
        ];

    /// <summary>Those of the given that no living vassal is started after.</summary>
    public IReadOnlyList<string> Needless(IReadOnlyDictionary<string, VassalState> vassals, IReadOnlySet<string> among)
    {
        var needed = _after.Where(a => vassals.ContainsKey(a.Key)).SelectMany(a => a.Value).ToHashSet(StringComparer.Ordinal);
        return [.. among.Where(name => !needed.Contains(name))];
    }

    private static bool IsOnItsWay(Phase phase) =>
        phase is Phase.Held or Phase.Starting or Phase.Cursed or Phase.Stopping or Phase.Killing or Phase.Backoff;

    // How one comes from some vassals to another; the names on the way, that other the last.
    private static List<string>? Path(IReadOnlyList<string> from, string to, IReadOnlyDictionary<string, VassalState> vassals)
    {
        var came = new Dictionary<string, string?>(StringComparer.Ordinal);
        var queue = new Queue<string>();
        foreach (var name in from.Where(name => came.TryAdd(name, null)))
            queue.Enqueue(name);
        while (queue.TryDequeue(out var name))
        {
            if (name == to)
            {
                List<string> path = [];
                for (string? at = name; at is not null; at = came[at])
                    path.Insert(0, at);
                return path;
            }
            foreach (var next in vassals.GetValueOrDefault(name)?.Plan?.After ?? [])
            {
                if (came.TryAdd(next, name))
                    queue.Enqueue(next);
            }
        }
        return null;
    }
}
