namespace Emperor.Core.Control;

/// <summary>
/// Overview: what a follower of events or of vassals' output has been told, so that it can ask again after an upgrade of the emperor and show nothing twice.
/// Events have numbers, and the emperor says after which to go on. Lines have none: of each vassal they come in the order of their times, so what is older
/// than the last one is known, and of one moment as many of a text as were shown.
/// </summary>
public sealed class FollowThread
{
    // What was printed while nobody governed is among the last lines then.
    private const int LinesAgain = 10_000;

    private readonly long _begun;
    private readonly Dictionary<string, (long Time, List<string> Texts)> _told = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<string>> _again = new(StringComparer.Ordinal);
    private bool _isAgain;

    /// <summary>Begins.</summary>
    /// <param name="request">What is followed.</param>
    /// <param name="unix">Now, milliseconds since the epoch.</param>
    public FollowThread(ControlRequest request, long unix) => (Request, _begun) = (request, unix);

    /// <summary>What to ask next.</summary>
    public ControlRequest Request { get; private set; }

    /// <summary>The emperor has left it at this answer: what is asked again goes on behind it.</summary>
    public void Break(ControlReply last)
    {
        ArgumentNullException.ThrowIfNull(last);
        _isAgain = true;
        _again.Clear();
        foreach (var (vassal, told) in _told)
            _again[vassal] = [.. told.Texts];
        Request = Request.Verb == "logs" ? Request with { Count = LinesAgain } : Request with { Since = last.Since ?? Request.Since };
    }

    /// <summary>Whether a line of an answer was not told yet; it is from now on.</summary>
    public bool IsNew(ControlReply reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        if (reply.Line is not { } line)
            return true;
        var isKnown = _told.TryGetValue(line.Vassal, out var told);
        if (_isAgain && line.TimeMs < (isKnown ? told.Time : _begun))
            return false;
        if (_isAgain && isKnown && line.TimeMs == told.Time && _again.TryGetValue(line.Vassal, out var again) && again.Remove(line.Text))
            return false;
        if (isKnown && told.Time == line.TimeMs)
            told.Texts.Add(line.Text);
        else
            _told[line.Vassal] = (line.TimeMs, [line.Text]);
        return true;
    }
}
