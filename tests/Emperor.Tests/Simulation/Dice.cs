namespace Emperor.Tests.Simulation;

/// <summary>All chance of a history, from its seed alone.</summary>
internal sealed class Dice(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>True in so many of a hundred cases.</summary>
    public bool Chance(int percent) => _random.Next(100) < percent;

    /// <summary>A number from low to high, both included.</summary>
    public long Between(long low, long high) => _random.NextInt64(low, high + 1);

    /// <summary>One of some.</summary>
    public T Of<T>(params ReadOnlySpan<T> choices) => choices[_random.Next(choices.Length)];

    /// <summary>A duration whose order of magnitude is by chance: most are short, some are very long.</summary>
    public long Duration(long longest)
    {
        var limit = longest;
        while (limit > 1 && _random.Next(3) != 0)
            limit /= 4;
        return _random.NextInt64(limit + 1);
    }

    /// <summary>A duration in so many of a hundred cases, else null: never.</summary>
    public long? Maybe(int percent, long longest) => Chance(percent) ? Duration(longest) : null;
}
