using Emperor.Core.Succession;
using Emperor.Succession;

namespace Emperor.Stats;

// How it falls quiet before another program goes on in this one's place.
internal sealed partial class StatsServer
{
    // Who is being served is waited for so long.
    private const long LullTime = 500;

    private readonly Lull _lull = new();

    // Until when it waits for clients; null when it serves as ever.
    private long? _lullDue;

    /// <summary>What is left to the next emperor of those that are the emperor's own.</summary>
    public IReadOnlyList<ServantLegacy> Legacies => [.. _doors.Select(d => d.Legacy).OfType<ServantLegacy>()];

    /// <summary>Whether nobody is served any more.</summary>
    public bool IsQuiet => _lull.IsQuiet;

    /// <summary>
    /// Asks it to fall quiet, in half a second at the most: whoever connects waits in the kernel's queue. Until then the main loop, which is woken when it is,
    /// must hand out snapshots as ever.
    /// </summary>
    public void Pause()
    {
        _lull.Ask();
        _loop.Wake();
    }

    /// <summary>It serves again: nobody goes on in its place.</summary>
    public void Resume()
    {
        _lull.End();
        _loop.Wake();
    }

    private void FallQuiet(long now)
    {
        if (!_lull.IsWanted)
        {
            if (_lullDue is null)
                return;
            _lullDue = null;
            Mute(muted: _acceptsAgainAt is not null);
            return;
        }
        if (_lullDue is null)
        {
            _lullDue = now + LullTime;
            Mute(muted: true);
        }
        if (now < _lullDue && _clients.Count > 0)
            return;
        _lull.Keep(_desk.Wake);
        _loop.Wake();
    }
}
