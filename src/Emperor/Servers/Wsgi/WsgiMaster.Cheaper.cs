using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;

namespace Emperor.Servers.Wsgi;

// How much there is to do, where the number of workers follows that.
internal sealed partial class WsgiMaster
{
    private readonly Dictionary<string, CheaperGauge> _gauges = new(StringComparer.Ordinal);
    private SocketDiag? _diag;
    private bool _hasNoDiag;
    private long? _nextGauge;

    /// <summary>The sockets of a vassal.</summary>
    public Func<string, IReadOnlyList<(string Address, SafeFd Fd)>> SocketsOf { get; set; } = _ => [];

    private void LookAtLoad(long now)
    {
        if (_nextGauge is not { } due || due > now)
            return;
        _nextGauge = now + CheaperGauge.Interval;
        foreach (var group in _byProcess.Values.Where(p => p is { Plan.Cheaper: not null, Serves: true }).GroupBy(p => p.Vassal))
        {
            // Those of the last start or reload count.
            var rule = group.MaxBy(p => p.Incarnation)!.Plan.Cheaper!;
            var busy = group.Count(p => p.Slots.OldestRequest(p.Slot!.Value) is not null);
            var waiting = rule.ByBacklog ? SocketsOf(group.Key).Sum(s => QueueOf(s.Fd)) : 0;
            _gauges[group.Key] = _gauges.GetValueOrDefault(group.Key).Look(rule, group.Count(), busy, waiting, out var delta);
            if (delta == 0)
                continue;
            var words =
                rule.ByBacklog ? $"{waiting} connections wait"
                : delta > 0 ? $"all {busy} are busy"
                : $"{busy} of {group.Count()} are busy";
            processes.Outcomes.Enqueue((group.Key, new VassalEvent.Scaled(delta, $"{words} (cheaper)")));
        }
    }

    private int QueueOf(SafeFd socket)
    {
        if (_diag is null && !_hasNoDiag)
        {
            _diag = SocketDiag.Open();
            _hasNoDiag = _diag is null;
        }
        return ListenQueue.Of(socket, _diag)?.Waiting ?? 0;
    }
}
