using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>Something that has happened, as those hear it who follow events.</summary>
/// <param name="Sequence">Counts all events of this emperor, and of those whom it has followed by an upgrade, from 1, without a gap.</param>
/// <param name="Unix">When, milliseconds since the epoch.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Event">One word for machines, as in the log.</param>
/// <param name="Vassal">Whom it is about; null for the emperor itself.</param>
/// <param name="Incarnation">Which of its processes; 0 when it is about none.</param>
/// <param name="Text">A sentence without the vassal's name.</param>
public sealed record EmperorEvent(long Sequence, long Unix, NoteLevel Level, string Event, string? Vassal, int Incarnation, string Text);

/// <summary>The last events, of which the oldest gives way to the newest.</summary>
public sealed class EventRing(int capacity)
{
    private readonly List<EmperorEvent> _events = [];
    private int _start;

    /// <summary>How many there are.</summary>
    public int Count => _events.Count;

    /// <summary>The number of the newest; 0 when there is none.</summary>
    public long Newest => _events.Count == 0 ? 0 : At(_events.Count - 1).Sequence;

    /// <summary>Takes one in; its number follows the last one's, or is greater when some were lost on the way.</summary>
    public void Add(EmperorEvent @event)
    {
        if (_events.Count < capacity)
        {
            _events.Add(@event);
            return;
        }
        _events[_start] = @event;
        _start = (_start + 1) % capacity;
    }

    /// <summary>
    /// The next event after a number; null when there is none yet. <paramref name="missed"/> is how many lay between and are not kept any more.
    /// </summary>
    public EmperorEvent? After(long sequence, out long missed)
    {
        missed = 0;
        var (low, high) = (0, _events.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (At(middle).Sequence <= sequence)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == _events.Count)
            return null;
        missed = At(low).Sequence - sequence - 1;
        return At(low);
    }

    /// <summary>The last events that fit, oldest first.</summary>
    public IReadOnlyList<EmperorEvent> Last(int count, Func<EmperorEvent, bool> fits)
    {
        var found = new List<EmperorEvent>();
        for (var i = _events.Count - 1; i >= 0 && found.Count < count; i--)
        {
            if (fits(At(i)))
                found.Add(At(i));
        }
        found.Reverse();
        return found;
    }

    private EmperorEvent At(int index) => _events[(_start + index) % _events.Count];
}
