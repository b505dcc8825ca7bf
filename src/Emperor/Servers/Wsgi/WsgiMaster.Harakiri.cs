using System.Diagnostics;
using System.Globalization;
using Emperor.Core.Wsgi;
using Emperor.Processes;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

// Requests that take too long.
internal sealed partial class WsgiMaster
{
    // Harakiri comes within a second of its limit.
    private const long HarakiriInterval = 500;
    private const int TracebackSignal = 40;

    // The worker has so long to write its traceback.
    private const long TracebackTime = 250;

    private long? _nextLook;

    private void Watch(WorkerPeer peer, long now)
    {
        if (peer.Plan.Harakiri is not null)
            _nextLook ??= now + HarakiriInterval;
        if (peer.Plan.Cheaper is not null)
            _nextGauge ??= now + CheaperGauge.Interval;
    }

    private void Unwatch()
    {
        if (!_byProcess.Values.Any(w => w is { IsTemplate: false, Plan.Harakiri: not null }))
            _nextLook = null;
        if (!_byProcess.Values.Any(w => w is { IsTemplate: false, Plan.Cheaper: not null }))
            _nextGauge = null;
    }

    private void LookAtRequests(long now)
    {
        if (_nextLook is not { } due || due > now)
            return;
        _nextLook = now + HarakiriInterval;
        foreach (var peer in _byProcess.Values)
        {
            if (peer is { IsTemplate: false, Plan.Harakiri: { } limit } && processes.Of(peer.Vassal, peer.Incarnation) is { } process)
                Look(peer, process, limit, now);
        }
    }

    private void Look(WorkerPeer peer, LiveProcess process, long limit, long now)
    {
        if (peer.KillAt is { } due)
        {
            if (due <= now)
                processes.Kill(process);
            else
                _nextLook = Math.Min(_nextLook ?? due, due);
            return;
        }
        var clock = (ulong)(Stopwatch.GetTimestamp() * (1_000_000_000.0 / Stopwatch.Frequency));
        if (peer.Slots.OldestRequest(peer.Slot!.Value) is not { } start || start > clock || (long)((clock - start) / 1_000_000) < limit)
            return;
        _harakiri[peer.Vassal] = _harakiri.GetValueOrDefault(peer.Vassal) + 1;
        OnAltered(peer.Vassal);
        log.Vassal(
            LogEventLevel.Warning,
            "harakiri",
            peer.Vassal,
            string.Create(
                CultureInfo.InvariantCulture,
                $"pid {process.Process.Pid} is killed: its request takes longer than {limit / 1000} s (harakiri)"
            )
        );
        if (!peer.Plan.HarakiriVerbose)
        {
            processes.Kill(process);
            return;
        }
        _ = process.Process.Signal(TracebackSignal);
        peer.KillAt = now + TracebackTime;
        _nextLook = Math.Min(_nextLook ?? peer.KillAt.Value, peer.KillAt.Value);
    }
}
