using System.Globalization;
using Emperor.Core.Reign;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Systemd;

/// <summary>
/// Overview: tells systemd the truth (sd_notify(3)). READY=1 when what --emperor-ready asks for has come true, and again when a reload of all
/// is through; STATUS= whenever the empire has changed; WATCHDOG=1 from turns of the loop and from nowhere else, so that a loop that is
/// stuck is found out; STOPPING=1 at the end, with the time that the vassals' mercy may take. Each message waits until a quarter of a
/// second has passed since the last one, and tells what is true when it is sent.
/// </summary>
internal sealed class Herald : IDisposable
{
    private const long Pause = 250;
    private const long CountdownPause = 1_000;
    private const long StopMargin = 10_000;

    private readonly UnixDatagram? _socket;
    private readonly Empire _empire;
    private readonly ReadyWatch _ready;
    private readonly EmperorLog _log;
    private readonly long _mercy;
    private readonly long? _watchdog;
    private string _status = "";
    private long _sentAt = -Pause;
    private long _nextWatchdog;
    private long? _statusDue = 0;
    private bool _reloadAnnounced;
    private bool _stopAnnounced;
    private bool _readyDue;

    /// <summary>Makes one; without a service manager it only judges readiness.</summary>
    /// <param name="environment">NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read.</param>
    /// <param name="empire">What it tells of.</param>
    /// <param name="ready">What readiness waits for.</param>
    /// <param name="mercy">--reload-mercy, milliseconds.</param>
    /// <param name="log">Where readiness is told too.</param>
    public Herald(IReadOnlyDictionary<string, string> environment, Empire empire, ReadyWatch ready, long mercy, EmperorLog log)
    {
        _empire = empire;
        _ready = ready;
        _mercy = mercy;
        _log = log;
        _socket = UnixDatagram.Open(environment.GetValueOrDefault("NOTIFY_SOCKET"));
        if (_socket is not null)
            _watchdog = WatchdogInterval(environment);
    }

    /// <summary>Whether the emperor has been ready.</summary>
    public bool IsReady { get; private set; }

    /// <summary>When there is something to tell by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            var next = IsReady ? null : _ready.Deadline;
            if (_socket is null)
                return next;
            if (_watchdog is not null && (next is null || _nextWatchdog < next))
                next = _nextWatchdog;
            var said = _readyDue ? _sentAt + Pause : _statusDue;
            return next is null || said < next ? said : next;
        }
    }

    /// <summary>Something of the empire has changed.</summary>
    public void NoteChange(long now)
    {
        var due = Math.Max(now, _sentAt + Pause);
        if (_statusDue is not { } planned || due < planned)
            _statusDue = due;
    }

    /// <summary>The first scan is done, and its vassals have been spawned.</summary>
    public void NoteFirstScan(long now) => _ready.Begin(_empire.Vassals.Keys, now);

    /// <summary>All vassals are about to reload.</summary>
    public void NoteReload(long now)
    {
        if (!IsReady || _empire.IsEnding)
            return;
        // Both clocks of sd_notify's MONOTONIC_USEC and of TickCount64 are CLOCK_MONOTONIC, in their units.
        var microseconds = System.Diagnostics.Stopwatch.GetTimestamp() / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);
        Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=Reloading all vassals"), now);
        _reloadAnnounced = true;
    }

    /// <summary>Tells what is due, at the end of a turn of the loop.</summary>
    /// <returns>False when the start has failed and the emperor shall leave.</returns>
    public bool Turn(long now)
    {
        if (_empire.IsEnding)
            AnnounceStop(now);
        else if (!IsReady && !JudgeReadiness(now))
            return false;
        else if (_reloadAnnounced && !_empire.IsReloading)
            _readyDue = true;
        if (_socket is null)
            return true;
        if (_readyDue && now >= _sentAt + Pause)
        {
            _readyDue = false;
            _reloadAnnounced = false;
            TellStatus("READY=1\n", now);
        }
        else if (_statusDue <= now)
        {
            TellStatus("", now);
        }
        if (_watchdog is { } interval && now >= _nextWatchdog)
        {
            _nextWatchdog = now + interval;
            _ = _socket.Send("WATCHDOG=1");
        }
        return true;
    }

    /// <summary>The emperor cannot start: what systemd shows of it.</summary>
    public void TellFailure(string reason) =>
        Send($"STATUS={Core.PlainText.OneLine(reason)}\nERRNO=0\nEXIT_STATUS=1", Environment.TickCount64);

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private bool JudgeReadiness(long now)
    {
        switch (_ready.Judge(_empire.Vassals, now))
        {
            case ReadyVerdict.Waiting:
                return true;
            case ReadyVerdict.Failed:
                _log.Error(
                    "not-ready",
                    $"these vassals did not come up, and all shall (--emperor-ready=all): {string.Join(", ", _ready.Failed)}"
                );
                return false;
            default:
                IsReady = true;
                _readyDue = true;
                var failed = _ready.Failed.Count == 0 ? "" : $"; not running: {string.Join(", ", _ready.Failed)}";
                _log.Information("ready", $"the emperor is ready{failed}");
                return true;
        }
    }

    private void AnnounceStop(long now)
    {
        if (_stopAnnounced)
            return;
        _stopAnnounced = true;
        _readyDue = false;
        var patience = (_mercy + StopMargin) * 1000;
        Send(string.Create(CultureInfo.InvariantCulture, $"STOPPING=1\nEXTEND_TIMEOUT_USEC={patience}\nSTATUS=Stopping all vassals"), now);
    }

    private void TellStatus(string first, long now)
    {
        var status = _empire.IsEnding
            ? string.Create(CultureInfo.InvariantCulture, $"Stopping: {_empire.Vassals.Count} vassals left")
            : StatusLine.Of([.. _empire.Vassals.Values], now);
        // While somebody waits for the next start, the seconds until then are told as they pass.
        var counts = _empire.Vassals.Values.Any(v => v.Phase == Core.Vassals.Phase.Backoff);
        _statusDue = counts ? now + CountdownPause : null;
        if (status == _status && first.Length == 0)
            return;
        _status = status;
        Send($"{first}STATUS={status}", now);
    }

    private void Send(string message, long now)
    {
        if (_socket is null)
            return;
        _sentAt = now;
        _ = _socket.Send(message);
    }

    // Half of it, as sd_watchdog_enabled(3) advises; only when it is meant for this process.
    private static long? WatchdogInterval(IReadOnlyDictionary<string, string> environment)
    {
        if (
            !long.TryParse(environment.GetValueOrDefault("WATCHDOG_USEC"), CultureInfo.InvariantCulture, out var microseconds)
            || microseconds <= 0
        )
            return null;
        var pid = environment.GetValueOrDefault("WATCHDOG_PID");
        return pid is not null && pid != Self.Pid.ToString(CultureInfo.InvariantCulture) ? null : Math.Max(1, microseconds / 2000);
    }
}
