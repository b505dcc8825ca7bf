using System.Globalization;
using Emperor.Core;
using Emperor.Core.Reign;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Systemd;

/// <summary>
/// Overview: tells systemd the truth (sd_notify(3)). READY=1 when what --emperor-ready asks for has come true; RELOADING=1 at SIGHUP, and
/// READY=1 again when the last vassal of that reload is back; STATUS= whenever the empire has changed; STOPPING=1 at the end. Where something
/// takes its time, EXTEND_TIMEOUT_USEC goes on asking for more, as long as the loop turns. WATCHDOG=1 comes from turns of the loop and from
/// nowhere else, so that a loop that is stuck is found out. Each message waits until a quarter of a second has passed since the last one,
/// and tells what is true when it is sent; what cannot be sent is tried again.
/// </summary>
internal sealed class Herald : IDisposable
{
    private const long Pause = 250;
    private const long Beat = 1_000;
    private const long StopMargin = 10_000;

    // Told every second while something is waited for; between them the loop may be busy, with a first scan of thousands.
    private const long Extension = 30_000;
    private const int Tries = 60;

    private readonly UnixDatagram? _socket;
    private readonly Empire _empire;
    private readonly ReadyWatch _ready;
    private readonly EmperorLog _log;
    private readonly long _mercy;
    private readonly long? _watchdog;
    private string _status = "";
    private string? _failure;
    private long _sentAt = -Pause;
    private long _nextWatchdog;
    private long? _messageDue = 0;
    private int _failedTries;
    private bool _owesReady;
    private bool _owesReload;
    private bool _isReloading;
    private bool _watchesReload;
    private bool _stopAnnounced;

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

    /// <summary>The datagrams to the service manager; null without one.</summary>
    public UnixDatagram? Socket => _socket;

    /// <summary>An emperor before this one has been ready: so is this one, and a service manager that has started it anew is told so at once.</summary>
    public void InheritReadiness() => (IsReady, _owesReady) = (true, true);

    /// <summary>When there is something to tell by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            var next = IsReady || _failure is not null ? null : _ready.Deadline;
            if (_socket is null)
                return next;
            if (_watchdog is not null && !(next < _nextWatchdog))
                next = _nextWatchdog;
            if (_messageDue is not { } due)
                return next;
            due = Math.Max(due, _sentAt + Pause);
            return next < due ? next : due;
        }
    }

    /// <summary>Tells systemd why there is no emperor; it shows that with the unit.</summary>
    /// <param name="environment">NOTIFY_SOCKET is read.</param>
    /// <param name="reason">In words.</param>
    /// <param name="error">The error number that fits best (errno.h).</param>
    /// <param name="exitCode">The exit code that follows.</param>
    public static void TellFailure(IReadOnlyDictionary<string, string> environment, string reason, Errno error, int exitCode)
    {
        using var socket = UnixDatagram.Open(environment.GetValueOrDefault("NOTIFY_SOCKET"));
        _ = socket?.Send(FailureText(StatusLine.Bounded(reason), error, exitCode));
    }

    /// <summary>Something of the empire has changed.</summary>
    public void NoteChange(long now)
    {
        if (_messageDue is not { } due || now < due)
            _messageDue = now;
    }

    /// <summary>The first scan is done, and its vassals have been spawned.</summary>
    public void NoteFirstScan(long now) => _ready.Begin(_empire.Vassals.Keys, now);

    /// <summary>All vassals have been told to reload, or will be when it is their turn.</summary>
    public void NoteReload(long now)
    {
        if (!IsReady || _empire.IsEnding)
            return;
        _owesReload = true;
        _watchesReload = true;
        NoteChange(now);
    }

    /// <summary>Tells what is due, at the end of a turn of the loop.</summary>
    /// <returns>False when the start has failed and the emperor shall leave.</returns>
    public bool Turn(long now)
    {
        var isStopDue = _empire.IsEnding && !_stopAnnounced;
        if (!_empire.IsEnding && !IsReady && !JudgeReadiness(now))
            return false;
        if (_watchesReload && _empire.ReloadsLeft(now) == 0)
            JudgeReload(now);
        if (_socket is null)
            return true;
        // Only the farewell does not wait: systemd's patience is running out from now on.
        if (isStopDue || (_messageDue <= now && now >= _sentAt + Pause))
            Tell(now);
        if (_watchdog is { } interval && now >= _nextWatchdog)
        {
            _nextWatchdog = now + interval;
            _ = _socket.Send("WATCHDOG=1");
        }
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private bool JudgeReadiness(long now)
    {
        switch (_ready.Judge(_empire.Vassals, now))
        {
            case ReadyVerdict.Waiting:
                return true;
            case ReadyVerdict.Failed:
                _failure = $"not all vassals came up, and all shall (--emperor-ready=all): {FailedVassals(now)}";
                _log.Error("not-ready", _failure);
                return false;
            default:
                IsReady = true;
                _owesReady = true;
                NoteChange(now);
                var failed = _ready.Failed.Count == 0 ? "" : $"; not running: {FailedVassals(now)}";
                _log.Information("ready", $"the emperor is ready{failed}");
                return true;
        }
    }

    // Once for each reload of all; that it is over is told to systemd all the same, which would kill the emperor otherwise.
    private void JudgeReload(long now)
    {
        _watchesReload = false;
        if (_empire.LateReloads(now).OrderBy(v => v.Name, StringComparer.Ordinal).ToArray() is { Length: > 0 } late)
        {
            var count = late.Length == 1 ? "one vassal has" : string.Create(CultureInfo.InvariantCulture, $"{late.Length} vassals have");
            _log.Warning(
                "reload-late",
                $"{count} not answered to the reload in time (--emperor-ready-timeout): {StatusLine.List(late, now)}"
            );
        }
    }

    private string FailedVassals(long now) =>
        StatusLine.List([.. _ready.Failed.Select(name => _empire.Vassals.GetValueOrDefault(name)).OfType<Core.Vassals.VassalState>()], now);

    // What is true and most pressing; what it owed is paid when it has been sent.
    private void Tell(long now)
    {
        if (_empire.IsEnding)
        {
            var stop = _stopAnnounced ? "" : $"STOPPING=1\n{Patience(_mercy + StopMargin)}";
            var status = _failure ?? string.Create(CultureInfo.InvariantCulture, $"Stopping: {_empire.Vassals.Count} vassals left");
            _stopAnnounced |= Send(stop, status, now) || _failedTries >= Tries;
        }
        else if (_owesReload)
        {
            // Stopwatch counts CLOCK_MONOTONIC, which MONOTONIC_USEC is of.
            var microseconds = System.Diagnostics.Stopwatch.GetTimestamp() / (System.Diagnostics.Stopwatch.Frequency / 1_000_000);
            var text = string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={microseconds}\n{Patience(Extension)}");
            if (Send(text, "Reloading all vassals", now))
                (_owesReload, _isReloading, _owesReady) = (false, true, false);
        }
        else if (_isReloading && _empire.ReloadsLeft(now) is > 0 and var left)
        {
            _ = Send(Patience(Extension), string.Create(CultureInfo.InvariantCulture, $"Reloading all vassals, {left} to go"), now);
        }
        else if (_isReloading || _owesReady)
        {
            if (Send("READY=1\n", StatusLine.Of([.. _empire.Vassals.Values], now, _ready.Patience), now))
                (_isReloading, _owesReady) = (false, false);
        }
        else if (!IsReady)
        {
            _ = Send(Patience(Extension), StatusLine.Starting([.. _empire.Vassals.Values], _ready.WaitingFor, now, _ready.Patience), now);
        }
        else
        {
            _ = Send("", StatusLine.Of([.. _empire.Vassals.Values], now, _ready.Patience), now);
        }
        _messageDue = NextBeat(now);
    }

    // While something is waited for, it is told as time passes: the seconds until the next start, who is still missing.
    private long? NextBeat(long now)
    {
        var isOwed = _owesReload || _owesReady || _failedTries > 0;
        if (isOwed && _failedTries < Tries)
            return now + (_failedTries > 0 ? Beat : Pause);
        var isMoving = !IsReady || _isReloading || _empire.IsEnding;
        return isMoving || _empire.Vassals.Values.Any(v => MovesByTime(v, now)) ? now + Beat : null;
    }

    private bool MovesByTime(Core.Vassals.VassalState vassal, long now) =>
        vassal.Phase == Core.Vassals.Phase.Backoff || StatusLine.LateAt(vassal, _ready.Patience) > now;

    private bool Send(string facts, string status, long now)
    {
        if (facts.Length == 0 && status == _status)
            return true;
        _sentAt = now;
        if (_failure is not null && facts.Length > 0)
            facts += $"ERRNO={Errno.Cancelled.Number}\nEXIT_STATUS={ExitCode.NotReady}\n";
        if (_socket!.Send($"{facts}STATUS={status}").Number != 0)
        {
            _failedTries++;
            return false;
        }
        _failedTries = 0;
        _status = status;
        return true;
    }

    private static string Patience(long milliseconds) =>
        string.Create(CultureInfo.InvariantCulture, $"EXTEND_TIMEOUT_USEC={milliseconds * 1000}\n");

    private static string FailureText(string status, Errno error, int exitCode) =>
        string.Create(CultureInfo.InvariantCulture, $"ERRNO={error.Number}\nEXIT_STATUS={exitCode}\nSTATUS={status}");

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
