using System.Collections.Concurrent;
using Emperor.Core.Output;
using Emperor.Core.Succession;

namespace Emperor.Output;

/// <summary>
/// The last lines of all vassals, and those who follow new ones. One thread adds (the reader's), any thread asks. Together the rings have
/// <see cref="MostMemory"/>, beyond the first half a kilobyte of each; of vassals that print no more, the <see cref="MostIdle"/> that ended
/// last are remembered, fewer when memory is short, but not fewer than a few hundred.
/// </summary>
internal sealed class OutputHistories
{
    /// <summary>The most vassals without a process that are remembered.</summary>
    public const int MostIdle = 4096;

    /// <summary>The most memory of all rings, bytes.</summary>
    public const long MostMemory = 32 * 1024 * 1024;

    // However short memory is: these are the ones that have just failed.
    private const int LeastIdle = 256;
    private const int MostFollowers = 64;

    private readonly ConcurrentDictionary<string, OutputHistory> _byName = new(StringComparer.Ordinal);
    private readonly MemoryBudget _budget = new(MostMemory);
    private readonly Lock _lock = new();
    private volatile OutputFollower[] _followers = [];
    private long _closed;
    private int _idle;

    /// <summary>How many vassals are remembered.</summary>
    public int Count => _byName.Count;

    /// <summary>Adds a line of a source. The reader's.</summary>
    public void Add(OutputSource source, LineHead head, ReadOnlySpan<byte> text)
    {
        (source.History ??= Open(source.Vassal)).Add(head, text);
        foreach (var follower in _followers)
        {
            if (follower.Vassal == source.Vassal)
                follower.Offer(OutputLine.Make(source.Vassal, head, text));
        }
    }

    /// <summary>A source is there. What its vassal has printed is not forgotten from now on, though it may never print. The reader's.</summary>
    public void Attach(OutputSource source)
    {
        if (_byName.ContainsKey(source.Vassal))
            source.History ??= Open(source.Vassal);
    }

    /// <summary>
    /// All that is remembered, in the order in which it would be forgotten. While the reader is parked.
    /// </summary>
    public IReadOnlyList<TailLegacy> Leave() =>
        [.. _byName.Values.OrderBy(h => h.Pipes > 0).ThenBy(h => h.ClosedAt).Select(h => h.Leave())];

    /// <summary>Remembers what a former emperor did. While the reader is parked, and has seen no source yet.</summary>
    public void Restore(IReadOnlyList<TailLegacy> tails)
    {
        foreach (var tail in tails)
        {
            var history = new OutputHistory(tail.Vassal, _budget) { ClosedAt = ++_closed };
            if (!_byName.TryAdd(tail.Vassal, history))
                continue;
            foreach (var line in tail.Lines)
                history.Add(line.Head, line.Text);
            _idle++;
        }
    }

    /// <summary>A source is at its end. The reader's.</summary>
    public void Close(OutputSource source)
    {
        if (source.History is not { } history)
            return;
        source.History = null;
        history.ClosedAt = ++_closed;
        if (--history.Pipes == 0)
            _idle++;
        if (_idle > MostIdle || (_idle > LeastIdle && _budget.Used > MostMemory * 3 / 4))
            ForgetOldest();
    }

    /// <summary>The last lines of a vassal, the oldest of them first; none for a name that is not known.</summary>
    public IReadOnlyList<OutputLine> Tail(string vassal, int count) =>
        _byName.TryGetValue(vassal, out var history) ? history.Last(count) : [];

    /// <summary>Follows what a vassal prints from now on; null when too many follow already.</summary>
    public OutputFollower? Follow(string vassal, Action onReady)
    {
        lock (_lock)
        {
            if (_followers.Length >= MostFollowers)
                return null;
            var follower = new OutputFollower(vassal, onReady, Leave);
            _followers = [.. _followers, follower];
            return follower;
        }
    }

    private void Leave(OutputFollower follower)
    {
        lock (_lock)
            _followers = [.. _followers.Where(f => f != follower)];
    }

    private OutputHistory Open(string vassal)
    {
        var known = _byName.TryGetValue(vassal, out var history);
        if (!known)
            _byName[vassal] = history = new OutputHistory(vassal, _budget);
        else if (history!.Pipes == 0)
            _idle--;
        history!.Pipes++;
        return history;
    }

    // An eighth at once, so that looking for the oldest costs little each.
    private void ForgetOldest()
    {
        var oldest = _byName.Values.Where(h => h.Pipes == 0).OrderBy(h => h.ClosedAt).Take(Math.Max(1, _idle / 8)).ToList();
        foreach (var history in oldest)
        {
            _ = _byName.TryRemove(history.Vassal, out _);
            history.Clear();
            _idle--;
        }
    }
}
