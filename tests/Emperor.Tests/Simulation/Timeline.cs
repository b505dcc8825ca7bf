namespace Emperor.Tests.Simulation;

/// <summary>Virtual time, and what the world will do in it. Nothing here waits.</summary>
internal sealed class Timeline
{
    private readonly PriorityQueue<Action, (long At, long Order)> _plans = new();
    private long _order;

    /// <summary>The monotonic clock, milliseconds.</summary>
    public long Now { get; set; } = 1_000_000;

    /// <summary>How far the wall clock is from the monotonic one; it jumps.</summary>
    public long WallOffset { get; set; } = 1_700_000_000_000;

    /// <summary>When the world does something next.</summary>
    public long? Next => _plans.TryPeek(out _, out var key) ? key.At : null;

    /// <summary>Plans something.</summary>
    public void In(long delay, Action action) => _plans.Enqueue(action, (Now + delay, _order++));

    /// <summary>Lets the world do what it had planned until now.</summary>
    public void CatchUp()
    {
        while (_plans.TryPeek(out var action, out var key) && key.At <= Now)
        {
            _plans.Dequeue();
            action();
        }
    }
}
