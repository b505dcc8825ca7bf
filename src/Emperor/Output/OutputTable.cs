namespace Emperor.Output;

/// <summary>The pipes that are open, by vassal: the main thread adds and asks, the reader's removes. Whoever waits, waits for a few steps of the other.</summary>
internal sealed class OutputTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<OutputSource>> _open = new(StringComparer.Ordinal);

    /// <summary>A pipe is open.</summary>
    public void Add(OutputSource source)
    {
        lock (_lock)
        {
            if (_open.TryGetValue(source.Vassal, out var sources))
                sources.Add(source);
            else
                _open.Add(source.Vassal, [source]);
        }
    }

    /// <summary>It is open no more.</summary>
    public void Remove(OutputSource source)
    {
        lock (_lock)
        {
            if (_open.TryGetValue(source.Vassal, out var sources) && sources.Remove(source) && sources.Count == 0)
                _open.Remove(source.Vassal);
        }
    }

    /// <summary>Those of a vassal, in the order in which they were opened.</summary>
    public IReadOnlyList<OutputSource> Of(string vassal)
    {
        lock (_lock)
            return _open.TryGetValue(vassal, out var sources) ? [.. sources] : [];
    }
}
