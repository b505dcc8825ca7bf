using System.Collections.Concurrent;
using Emperor.Core.Control;
using Emperor.Core.Vassals;

namespace Emperor.Control;

/// <summary>
/// Overview: how events come from the log to those who follow them. Whoever logs only puts the event into a bounded queue; the thread of the
/// control socket takes them out, when somebody listens or the queue is half full, and keeps the last ones. What does not fit is not
/// told, and shows as a gap in the numbers.
/// </summary>
internal sealed class EventFeed
{
    private const int Kept = 10_000;
    private const int QueueLimit = 4_096;

    private readonly ConcurrentQueue<EmperorEvent> _waiting = new();
    private readonly EventRing _ring = new(Kept);
    private readonly Lock _order = new();
    private readonly Lock _taking = new();
    private long _sequence;
    private int _count;

    /// <summary>Goes on with the events of an emperor before this one; their numbers go on too.</summary>
    /// <param name="former">They, the oldest first; none for the first emperor.</param>
    public EventFeed(IReadOnlyList<EmperorEvent>? former = null)
    {
        foreach (var @event in former ?? [])
        {
            _ring.Add(@event);
            _sequence = @event.Sequence;
        }
    }

    /// <summary>Whether somebody wants to hear of each event at once; set by the thread that takes them.</summary>
    public volatile bool IsFollowed;

    /// <summary>What is called when the queue shall be emptied.</summary>
    public Action? Wake { get; set; }

    /// <summary>All events that are kept, the oldest first; for any thread.</summary>
    public IReadOnlyList<EmperorEvent> Events
    {
        get
        {
            lock (_taking)
                return [.. _ring.Last(Kept, _ => true), .. _waiting];
        }
    }

    /// <summary>Something has happened; for any thread.</summary>
    public void Post(NoteLevel level, string @event, string? vassal, int incarnation, string text)
    {
        // One number, one place in the queue.
        lock (_order)
        {
            var number = ++_sequence;
            if (_count >= QueueLimit)
                return;
            var unix = Clock.Now.Unix;
            _waiting.Enqueue(new EmperorEvent(number, unix, level, @event, vassal, incarnation, Core.PlainText.OneLine(text)));
        }
        if (Interlocked.Increment(ref _count) == QueueLimit / 2 || IsFollowed)
            Wake?.Invoke();
    }

    /// <summary>The events that are kept, the newest among them; for the thread of the control socket.</summary>
    public EventRing Take()
    {
        // Who reads it is the only one who changes it, so this is for those who copy it meanwhile.
        lock (_taking)
        {
            while (_waiting.TryDequeue(out var @event))
            {
                Interlocked.Decrement(ref _count);
                _ring.Add(@event);
            }
        }
        return _ring;
    }
}
