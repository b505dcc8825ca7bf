using System.Collections.Concurrent;
using Emperor.Core.Output;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Output;

/// <summary>
/// Overview: the thread that reads what vassals print, all pipes in an epoll of its own. Nothing makes it wait: lines go into rings and into
/// a queue that drops what is too much. So no vassal is ever held up by its output, and the main loop by nobody's. Each turn reads one
/// pipe's content (64 KiB) of each vassal that has something, so that one that floods delays the others by the time that takes, some 0.1 ms.
/// <para>
/// The beginning of a line is told when its end has not come for <see cref="Patience"/>. When a vassal's process has ended and its pipe has
/// not, somebody who came of it holds it open: it is read on under the vassal's name, but only so many such pipes are kept.
/// </para>
/// <para>
/// It is parked at first, until what a former emperor has left is restored, and again before the next emperor takes over: between two turns, so that
/// all that it has read is a line in the queue or the beginning of one, and what it has not read is in the kernel.
/// </para>
/// </summary>
internal sealed class OutputReader : ILineTaker, IDisposable
{
    /// <summary>How long the beginning of a line waits for its end, milliseconds.</summary>
    public const int Patience = 250;

    /// <summary>The most pipes that are kept when the vassal's process has ended, of one vassal and of all.</summary>
    public const int MostLeftOfOne = 8;

    /// <inheritdoc cref="MostLeftOfOne"/>
    public const int MostLeft = 256;

    // As much as a pipe holds.
    private const int TurnBytes = 64 * 1024;
    private const int StackSize = 256 * 1024;
    private const int LastTurns = 64;

    private readonly EventLoop _loop = new();
    private readonly OutputHistories _histories;
    private readonly OutputQueue _queue;
    private readonly EmperorLog _log;
    private readonly OutputTable _table;
    private readonly Heirlooms _heirlooms;
    private readonly object _parking = new();
    private readonly ConcurrentQueue<OutputSource> _news = new();
    private readonly ConcurrentQueue<OutputSource> _ended = new();
    private readonly Dictionary<long, OutputSource> _sources = [];
    private readonly List<OutputSource> _left = [];
    private readonly List<OutputSource> _partials = [];
    private readonly byte[] _buffer = new byte[TurnBytes];
    private readonly Thread _thread;
    private OutputSource? _speaker;
    private long _time;
    private volatile bool _isFinishing;
    private volatile bool _isPauseAsked = true;
    private bool _isParked;
    private Action? _onParked;

    /// <summary>Starts it, parked.</summary>
    /// <param name="histories">Where last lines are kept.</param>
    /// <param name="queue">Where lines go.</param>
    /// <param name="table">The open pipes; it removes those that it closes.</param>
    /// <param name="heirlooms">Where those are kept that pass on; it drops those that it closes.</param>
    /// <param name="log">Where it tells of pipes that it gives up.</param>
    public OutputReader(OutputHistories histories, OutputQueue queue, OutputTable table, Heirlooms heirlooms, EmperorLog log)
    {
        _table = table;
        _heirlooms = heirlooms;
        _histories = histories;
        _queue = queue;
        _log = log;
        _thread = new Thread(Run, StackSize) { IsBackground = true, Name = "output-reader" };
        _thread.Start();
    }

    /// <summary>Whether it is parked, and stays so: only <see cref="Resume"/> and <see cref="Finish"/> end that.</summary>
    public bool IsParked
    {
        get
        {
            lock (_parking)
                return _isParked;
        }
    }

    /// <summary>Parks it at the end of its turn. For the main thread.</summary>
    /// <param name="onParked">Called, perhaps on another thread, when it is.</param>
    public void Pause(Action onParked)
    {
        lock (_parking)
        {
            _isPauseAsked = true;
            _onParked = onParked;
            if (_isParked)
                onParked();
        }
        _loop.Wake();
    }

    /// <summary>Lets it read. For the main thread.</summary>
    public void Resume()
    {
        lock (_parking)
        {
            _isPauseAsked = _isParked = false;
            _onParked = null;
            Monitor.Pulse(_parking);
        }
    }

    /// <summary>Looks at once at a source that was added, because there is something to do though there may be nothing to read.</summary>
    public void Look() => _loop.Wake();

    /// <summary>Reads a source from now on. For the main thread.</summary>
    /// <exception cref="LinuxException">No room is left in epoll.</exception>
    public void Add(OutputSource source)
    {
        // Before the kernel can tell of it. The thread is not woken: it looks here when there is something to read.
        _news.Enqueue(source);
        _loop.Add(source.Read.Number, (ulong)source.Id);
    }

    /// <summary>A source's process has ended. For the main thread.</summary>
    public void NoteEnd(OutputSource source)
    {
        _ended.Enqueue(source);
        // Nearly every pipe ends with its process, and that wakes the thread; only those that do not must not become many unseen.
        if (_ended.Count > MostLeftOfOne)
            _loop.Wake();
    }

    /// <summary>Reads what is there and ends; waits for that, but not longer than so.</summary>
    public bool Finish(TimeSpan limit)
    {
        lock (_parking)
        {
            _isFinishing = true;
            Monitor.Pulse(_parking);
        }
        _loop.Wake();
        return _thread.Join(limit);
    }

    /// <inheritdoc/>
    public void Dispose() => _loop.Dispose();

    /// <inheritdoc/>
    void ILineTaker.Take(ReadOnlySpan<byte> text, LineEnd end, bool continues)
    {
        // A newline alone after a pause: the line is complete, and nothing was added to it.
        if (text.IsEmpty && continues)
            return;
        var source = _speaker!;
        _histories.Add(source, new LineHead(_time, source.Pid, source.Incarnation, end, continues), text);
        _queue.Add(source, _time, end, continues, text);
    }

    private void Run()
    {
        var ready = new List<Readiness>();
        while (MayGoOn())
        {
            _loop.Wait(ready, Timeout());
            _time = Clock.Now.Unix;
            TakeNews();
            foreach (var one in ready)
            {
                if (_sources.TryGetValue((long)one.Token, out var source))
                    _ = TryRead(source);
            }
            TakeEnds();
            TellPartials(Environment.TickCount64);
            _queue.Publish();
        }
        _time = Clock.Now.Unix;
        TakeNews();
        foreach (var source in _sources.Values.ToList())
        {
            DrainNow(source);
            Close(source);
        }
        _queue.Publish();
    }

    // Stays here while it is to be parked; false at the end.
    private bool MayGoOn()
    {
        if (!_isPauseAsked)
            return !_isFinishing;
        lock (_parking)
        {
            while (_isPauseAsked && !_isFinishing)
            {
                if (!_isParked)
                {
                    _isParked = true;
                    _onParked?.Invoke();
                }
                Monitor.Wait(_parking);
            }
            _isParked = false;
        }
        return !_isFinishing;
    }

    private void TakeNews()
    {
        while (_news.TryDequeue(out var source))
        {
            _sources.Add(source.Id, source);
            _histories.Attach(source);
            if (source.PartialSince is not null)
                _partials.Add(source);
            if (!source.WasLeft)
                continue;
            DrainNow(source);
            if (_sources.ContainsKey(source.Id))
                Leave(source);
        }
    }

    private void TakeEnds()
    {
        while (_ended.TryDequeue(out var source))
        {
            DrainNow(source);
            if (source.Read.IsClosed)
                Close(source);
            if (!_sources.ContainsKey(source.Id))
                continue;
            Flush(source, LineEnd.Pause);
            Leave(source);
        }
    }

    private void Leave(OutputSource source)
    {
        _left.Add(source);
        if (_left.Count(s => s.Vassal == source.Vassal) > MostLeftOfOne)
            GiveUp(_left.First(s => s.Vassal == source.Vassal));
        else if (_left.Count > MostLeft)
            GiveUp(_left[0]);
    }

    private void GiveUp(OutputSource source)
    {
        _log.Vassal(
            LogEventLevel.Warning,
            "output-left",
            source.Vassal,
            $"what pid {source.Pid} has left behind holds its output open, and so do too many others: it is not read any more"
        );
        Close(source);
    }

    // All that is there, or as much as any pipe may hold if its writer goes on and on.
    private void DrainNow(OutputSource source)
    {
        for (var i = 0; i < LastTurns && TryRead(source); i++)
        {
            // Until nothing is there.
        }
    }

    // Reads once; false when there was nothing, or the end.
    private bool TryRead(OutputSource source)
    {
        if (source.Read.IsClosed)
            return false;
        var error = Files.Read(source.Read, _buffer, out var count);
        if (error == Errno.Again || error == Errno.Interrupted)
            return false;
        if (count == 0)
        {
            Close(source);
            return false;
        }
        _speaker = source;
        source.Splitter.Feed(_buffer.AsSpan(0, count), this);
        if (!source.Splitter.HasPartial)
        {
            source.PartialSince = null;
        }
        else
        {
            if (source.PartialSince is null)
                _partials.Add(source);
            if (source.PartialSince is null || _buffer.AsSpan(0, count).Contains((byte)'\n'))
                source.PartialSince = Environment.TickCount64;
        }
        return true;
    }

    private void Close(OutputSource source)
    {
        if (!_sources.Remove(source.Id))
            return;
        Flush(source, LineEnd.End);
        _left.Remove(source);
        _table.Remove(source);
        _heirlooms.Drop(source.Heirloom);
        if (!source.Read.IsClosed)
        {
            _loop.Remove(source.Read.Number);
            source.Read.Dispose();
        }
        _histories.Close(source);
    }

    private void Flush(OutputSource source, LineEnd end)
    {
        _speaker = source;
        source.Splitter.Flush(end, this);
        source.PartialSince = null;
    }

    private void TellPartials(long now)
    {
        for (var i = _partials.Count - 1; i >= 0; i--)
        {
            var source = _partials[i];
            if (source.PartialSince is { } since && now - since < Patience)
                continue;
            if (source.PartialSince is not null)
                Flush(source, LineEnd.Pause);
            _partials.RemoveAt(i);
        }
    }

    private int Timeout()
    {
        var now = Environment.TickCount64;
        var next = long.MaxValue;
        foreach (var source in _partials)
            next = Math.Min(next, (source.PartialSince ?? now) + Patience);
        return next == long.MaxValue ? -1 : (int)Math.Clamp(next - now, 0, Patience);
    }
}
