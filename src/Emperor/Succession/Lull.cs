namespace Emperor.Succession;

/// <summary>
/// Overview: how a thread that serves clients falls quiet before another program goes on in this one's place, and how it wakes again when that has come to
/// nothing. The main thread asks for it and goes on with its own work; the other thread finishes what it is at, says so, and then touches nothing until it
/// is told. While it is quiet, what is its own may be looked at by the main thread.
/// </summary>
internal sealed class Lull
{
    private readonly object _gate = new();
    private bool _isWanted;
    private bool _isQuiet;

    /// <summary>Whether the thread shall fall quiet. For any thread.</summary>
    public bool IsWanted
    {
        get
        {
            lock (_gate)
                return _isWanted;
        }
    }

    /// <summary>Whether it is quiet. For any thread.</summary>
    public bool IsQuiet
    {
        get
        {
            lock (_gate)
                return _isWanted && _isQuiet;
        }
    }

    /// <summary>Asks for it; whoever asks wakes the thread.</summary>
    public void Ask()
    {
        lock (_gate)
            _isWanted = true;
    }

    /// <summary>The thread goes on.</summary>
    public void End()
    {
        lock (_gate)
        {
            _isWanted = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The thread itself: stays quiet until it is told to go on; not at all when nobody wants it any more.</summary>
    /// <param name="onQuiet">Called when it is.</param>
    public void Keep(Action onQuiet)
    {
        lock (_gate)
        {
            if (!_isWanted)
                return;
            _isQuiet = true;
            onQuiet();
            while (_isWanted)
                _ = Monitor.Wait(_gate);
            _isQuiet = false;
        }
    }

    /// <summary>The thread has ended by itself: it is as quiet as can be.</summary>
    public void Die()
    {
        lock (_gate)
            _isQuiet = true;
    }
}
