using Emperor.Core.Output;

namespace Emperor.Output;

/// <summary>A line on its way to be written.</summary>
/// <param name="Source">Whose it is.</param>
/// <param name="Time">When it was read, milliseconds since the epoch.</param>
/// <param name="End">Why it ends there.</param>
/// <param name="Continues">Whether it goes on with the one before it.</param>
/// <param name="Lost">Not 0: no line, but the news that so many were lost.</param>
/// <param name="Length">Bytes of text.</param>
internal readonly record struct QueuedLine(OutputSource Source, long Time, LineEnd End, bool Continues, long Lost, int Length);

/// <summary>Lines that are written together.</summary>
internal sealed class OutputBatch
{
    private const int Large = 64 * 1024;

    private byte[] _text = [];

    /// <summary>The lines; their texts follow each other in <see cref="Text"/>.</summary>
    public List<QueuedLine> Lines { get; } = [];

    /// <summary>All texts.</summary>
    public ReadOnlySpan<byte> Text => _text.AsSpan(0, Length);

    /// <summary>The bytes of all texts.</summary>
    public int Length { get; private set; }

    /// <summary>Adds a line.</summary>
    public void Add(in QueuedLine line, ReadOnlySpan<byte> text)
    {
        if (Length + text.Length > _text.Length)
            Array.Resize(ref _text, Math.Max(Length + text.Length, Math.Max(4096, 2 * _text.Length)));
        text.CopyTo(_text.AsSpan(Length));
        Length += text.Length;
        Lines.Add(line);
    }

    /// <summary>Whether it keeps memory that only a flood needs.</summary>
    public bool IsLarge => _text.Length > Large;

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        Length = 0;
        Lines.Clear();
    }

    /// <summary>Gives back the memory of a flood that is over.</summary>
    public void Trim()
    {
        Clear();
        _text = [];
        Lines.Capacity = 0;
    }
}

/// <summary>
/// Overview: lines that wait to be written, so that who reads never waits for who writes. Two batches: one is filled while the other is
/// written. A batch is bounded, and so is the share that one vassal may have of it: when whoever reads the log is slow, the one that floods
/// loses its lines and the others keep theirs.
/// </summary>
internal sealed class OutputQueue
{
    /// <summary>The most bytes that wait.</summary>
    public const int MostBytes = 8 * 1024 * 1024;

    /// <summary>The most of them that are one vassal's.</summary>
    public const int Share = MostBytes / 4;

    // So that many empty lines are not for nothing.
    private const int CostOfLine = 48;

    // When news of losses is tried again, and when a flood is over.
    private const int Retry = 1000;

    private readonly object _gate = new();
    private readonly List<OutputSource> _lossy = [];
    private OutputBatch _filling = new();
    private long _batch = 1;
    private int _cost;
    private bool _isComplete;
    private bool _isLastNewsTold;
    private bool _isWaiting;
    private bool _isSettling;
    private bool _isNewsDue;
    private Action? _onRest;

    /// <summary>Whether it was told to settle, all is written, and the news of losses has been tried.</summary>
    public bool IsAtRest
    {
        get
        {
            lock (_gate)
                return _isSettling && _isWaiting && IsNothingToDo;
        }
    }

    /// <summary>Adds a line, or counts it as lost.</summary>
    public void Add(OutputSource source, long time, LineEnd end, bool continues, ReadOnlySpan<byte> text)
    {
        lock (_gate)
        {
            if (source.PendingBatch != _batch)
            {
                source.PendingBatch = _batch;
                source.Pending = 0;
            }
            var cost = CostOfLine + text.Length;
            if (_cost + cost > MostBytes || source.Pending + cost > Share)
            {
                Lose(source, 1);
                return;
            }
            source.Pending += cost;
            _cost += cost;
            _filling.Add(new QueuedLine(source, time, end, continues, 0, text.Length), text);
        }
    }

    /// <summary>Counts lines as lost that could not be written.</summary>
    public void CountLost(OutputSource source, long lines)
    {
        lock (_gate)
            Lose(source, lines);
    }

    /// <summary>Tells the writer that there are lines.</summary>
    public void Publish()
    {
        lock (_gate)
            Monitor.Pulse(_gate);
    }

    /// <summary>How many of a source's lines are lost, and nobody has been told.</summary>
    public long LostOf(OutputSource source)
    {
        lock (_gate)
            return source.Lost;
    }

    /// <summary>
    /// No more lines come until <see cref="GoOn"/>. What there is is written, the news of losses at once; what of that does not get through waits until then.
    /// </summary>
    /// <param name="onRest">Called on another thread when <see cref="IsAtRest"/>; it must only wake somebody.</param>
    public void Settle(Action onRest)
    {
        lock (_gate)
        {
            _onRest = onRest;
            _isSettling = _isNewsDue = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>More lines come.</summary>
    public void GoOn()
    {
        lock (_gate)
        {
            _onRest = null;
            _isSettling = _isNewsDue = false;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>No more lines come.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _isComplete = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>
    /// Waits for lines and takes all that there are, with the news of losses behind them: what is lost is lost because these were too many.
    /// </summary>
    /// <param name="batch">The one that was written before; becomes the one that was filled.</param>
    /// <returns>False when there is nothing and nothing will come.</returns>
    public bool Take(ref OutputBatch batch)
    {
        lock (_gate)
        {
            batch.Clear();
            AwaitLines(batch);
            // At the end what cannot be told is tried once more and not for ever.
            if (_cost == 0 && (_lossy.Count == 0 || _isLastNewsTold))
                return false;
            _isLastNewsTold = _isComplete && _cost == 0;
            foreach (var source in _lossy)
            {
                _filling.Add(new QueuedLine(source, Clock.Now.Unix, LineEnd.Newline, false, source.Lost, 0), []);
                source.Lost = 0;
            }
            _lossy.Clear();
            _isNewsDue = false;
            (batch, _filling) = (_filling, batch);
            _cost = 0;
            _batch++;
            return true;
        }
    }

    private bool IsNothingToDo => _cost == 0 && !(_isNewsDue && _lossy.Count > 0);

    private void AwaitLines(OutputBatch spare)
    {
        while (!_isComplete && IsNothingToDo)
        {
            var isTimed = spare.IsLarge || _filling.IsLarge || _lossy.Count > 0;
            _isWaiting = true;
            _onRest?.Invoke();
            // Whoever finds it at rest must find it so until he lets it go on.
            var isPulsed = Monitor.Wait(_gate, isTimed && !_isSettling ? Retry : Timeout.Infinite);
            _isWaiting = false;
            if (isPulsed)
                continue;
            spare.Trim();
            _filling.Trim();
            if (_lossy.Count > 0)
                return;
        }
    }

    private void Lose(OutputSource source, long lines)
    {
        if (source.Lost == 0)
            _lossy.Add(source);
        source.Lost += lines;
    }
}
