namespace Emperor.Core.Succession;

/// <summary>The NOTIFY_SOCKET of a process.</summary>
/// <param name="Incarnation">The process.</param>
/// <param name="Name">Its name, as in NOTIFY_SOCKET.</param>
/// <param name="Descriptor">The name of its descriptor.</param>
public sealed record EarLegacy(int Incarnation, string Name, string Descriptor);

/// <summary>Something that is being found out of a process: whether it is ready, or well.</summary>
/// <param name="Incarnation">The process.</param>
/// <param name="Plan">The place of the plan that says how.</param>
/// <param name="IsHealth">Whether it is its health.</param>
public sealed record CheckLegacy(int Incarnation, int Plan, bool IsHealth)
{
    /// <summary>When it is done next, monotonic milliseconds.</summary>
    public long Due { get; init; }

    /// <summary>How many in a row have failed.</summary>
    public int Failed { get; init; }

    /// <summary>What was last told.</summary>
    public string Problem { get; init; } = "";
}
