using Emperor.Core.Output;
using Emperor.Core.Succession;

namespace Emperor.Output;

/// <summary>The last lines of one vassal. Any thread may ask; whoever waits, waits for the copying of one line or one ring.</summary>
internal sealed class OutputHistory(string vassal, MemoryBudget budget)
{
    private readonly Lock _lock = new();
    private readonly LineRing _ring = new(budget);

    /// <summary>The vassal's name.</summary>
    public string Vassal { get; } = vassal;

    /// <summary>How many pipes lead here. The reader's.</summary>
    public int Pipes { get; set; }

    /// <summary>When the last pipe was closed, in the reader's own count of such events. The reader's.</summary>
    public long ClosedAt { get; set; }

    /// <summary>Adds a line.</summary>
    public void Add(LineHead head, ReadOnlySpan<byte> text)
    {
        lock (_lock)
            _ring.Add(head, text);
    }

    /// <summary>The last lines, the oldest of them first.</summary>
    public IReadOnlyList<OutputLine> Last(int count)
    {
        IReadOnlyList<(LineHead Head, byte[] Text)> lines;
        lock (_lock)
            lines = _ring.Last(count);
        return [.. lines.Select(l => OutputLine.Make(Vassal, l.Head, l.Text))];
    }

    /// <summary>All lines, as they pass on to the next emperor.</summary>
    public TailLegacy Leave()
    {
        lock (_lock)
            return new TailLegacy(Vassal, [.. _ring.Last(_ring.Count).Select(l => new LineLegacy(l.Head, l.Text))]);
    }

    /// <summary>Forgets them.</summary>
    public void Clear()
    {
        lock (_lock)
            _ring.Clear();
    }
}
