namespace Emperor.Core.Programs;

/// <summary>Finds vassals that wait for each other in a circle (after).</summary>
public static class AfterCircle
{
    /// <summary>A shortest circle that leads through a vassal, such as a, b, a; null when none does.</summary>
    /// <param name="name">The vassal.</param>
    /// <param name="after">What a vassal waits for; empty for one that is not known.</param>
    public static IReadOnlyList<string>? Through(string name, Func<string, IReadOnlyList<string>> after)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(after);
        // Who led to whom, nearest first.
        var before = new Dictionary<string, string>(StringComparer.Ordinal);
        var queue = new Queue<string>([name]);
        while (queue.TryDequeue(out var current))
        {
            foreach (var next in after(current))
            {
                if (next == name)
                    return Way(before, name, current);
                if (before.TryAdd(next, current))
                    queue.Enqueue(next);
            }
        }
        return null;
    }

    /// <summary>A circle among vassals, which begins with the first of their names that is in it; null when there is none.</summary>
    /// <param name="after">What each waits for.</param>
    public static IReadOnlyList<string>? Find(IReadOnlyDictionary<string, IReadOnlyList<string>> after)
    {
        ArgumentNullException.ThrowIfNull(after);
        // Whoever waits for nobody, or only for such, is in no circle: these are taken away, and what is left has one.
        var waits = after.Keys.ToDictionary(n => n, n => after[n].Count(after.ContainsKey), StringComparer.Ordinal);
        var followers = after.SelectMany(a => a.Value.Select(first => (First: first, Then: a.Key))).ToLookup(p => p.First, p => p.Then);
        var free = new Queue<string>(waits.Where(w => w.Value == 0).Select(w => w.Key));
        while (free.TryDequeue(out var name))
        {
            waits.Remove(name);
            foreach (var follower in followers[name])
            {
                if (--waits[follower] == 0)
                    free.Enqueue(follower);
            }
        }
        foreach (var name in waits.Keys.Order(StringComparer.Ordinal))
        {
            if (Through(name, n => after.GetValueOrDefault(n, [])) is { } circle)
                return circle;
        }
        return null;
    }

    /// <summary>A circle as people read it: a → b → a.</summary>
    public static string Text(IReadOnlyList<string> circle) => string.Join(" → ", circle.Select(PlainText.OneLine));

    private static List<string> Way(Dictionary<string, string> before, string name, string last)
    {
        List<string> way = [name];
        for (var at = last; at != name; at = before[at])
            way.Add(at);
        way.Add(name);
        way.Reverse();
        return way;
    }
}
