using Emperor.Core.Control;
using Emperor.Core.Succession;

namespace Emperor.Control;

// What it has to do with the next emperor: who asks for that, and what it is left.
internal sealed partial class ControlDesk
{
    private const int MostAskers = 64;

    /// <summary>Asks the control socket to fall quiet (<see cref="ControlServer.Pause"/>).</summary>
    public void Pause() => server.Pause();

    /// <summary>
    /// Whether it is. Then one more <see cref="Turn"/> takes what was asked at the last moment, before <see cref="Orders"/> are written down and the askers
    /// are left.
    /// </summary>
    public bool IsQuiet => server.IsQuiet;

    /// <summary>It serves again.</summary>
    public void Resume() => server.Resume();

    /// <summary>The next one who has asked for the upgrade.</summary>
    public Asker? TakeUpgrade()
    {
        if (_askers.Count == 0)
            return null;
        var first = _askers[0];
        _askers.RemoveAt(0);
        return first;
    }

    /// <summary>The orders that some vassals have not been given yet.</summary>
    public IReadOnlyList<OrderLegacy> Orders => [.. _jobs.Select(job => job.Legacy).OfType<OrderLegacy>()];

    /// <summary>Goes on with orders that an emperor before this one has left. Nobody waits for their outcome any more.</summary>
    public void Inherit(IEnumerable<OrderLegacy> orders)
    {
        foreach (var order in orders)
            _jobs.Add(OrderJob.Inherit(order, ordersAtOnce, empire, _handle!));
    }

    private void TakeUpgrade(long client, ControlRequest request)
    {
        if (empire.IsEnding)
            Tell(client, ControlReply.Failed(request.Id, "leaving", "the emperor leaves, and all vassals with it"));
        else if (_askers.Count >= MostAskers)
            Tell(client, ControlReply.Failed(request.Id, "busy", $"{MostAskers} have asked for it already"));
        else
            _askers.Add(new Asker(server, client, request.Id));
    }
}
