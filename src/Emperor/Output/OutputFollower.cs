namespace Emperor.Output;

/// <summary>
/// Gets what a vassal prints from now on, in a queue that is bounded: who takes too slowly loses the newest lines, and is told how many.
/// Dispose it to stop following. For any thread.
/// </summary>
internal sealed class OutputFollower(string vassal, Action onReady, Action<OutputFollower> leave) : IDisposable
{
    /// <summary>The most lines that wait.</summary>
    public const int MostLines = 1000;

    /// <summary>The most characters that wait.</summary>
    public const int MostCharacters = 256 * 1024;

    private readonly Lock _lock = new();
    private readonly Queue<OutputLine> _lines = new();
    private int _characters;
    private long _lost;

    /// <summary>The vassal that is followed.</summary>
    public string Vassal { get; } = vassal;

    /// <summary>Takes the next line.</summary>
    /// <param name="line">The line, when there is one.</param>
    /// <param name="lost">When there is none: how many lines have been lost since the last one that was taken.</param>
    public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out OutputLine? line, out long lost)
    {
        lock (_lock)
        {
            lost = 0;
            if (_lines.TryDequeue(out line))
            {
                _characters -= line.Text.Length;
                return true;
            }
            lost = _lost;
            _lost = 0;
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => leave(this);

    /// <summary>Adds a line, and tells the follower when there was none before. On the reader's thread: <c>onReady</c> must only wake somebody.</summary>
    internal void Offer(OutputLine line)
    {
        lock (_lock)
        {
            // Until those that wait are taken: lines are lost in one place, and the number belongs there.
            if (_lost > 0 || _lines.Count >= MostLines || _characters + line.Text.Length > MostCharacters)
            {
                _lost++;
                return;
            }
            _lines.Enqueue(line);
            _characters += line.Text.Length;
            if (_lines.Count > 1)
                return;
        }
        onReady();
    }
}
