using System.Globalization;
using Emperor.Core.Vassals;

namespace Emperor.Core.Stats;

/// <summary>
/// A vassal at one moment, as it is shown to people and programs. All times are milliseconds since the epoch, 0 for never.
/// </summary>
/// <param name="raw">What the emperor knows.</param>
/// <param name="policy">What governs it.</param>
/// <param name="at">When this was.</param>
public readonly struct VassalSnapshot(VassalState raw, VassalPolicy policy, Instant at)
{
    private const long SecondFailure = 2;

    /// <summary>All that the emperor knows of it; immutable, so the same object means that nothing has changed.</summary>
    public VassalState Raw => raw;

    /// <summary>When this was.</summary>
    public Instant At => at;

    /// <summary>Its name ("id" in uWSGI's document).</summary>
    public string Name => raw.Name;

    /// <summary>One word: on-demand, waiting, starting, ready, accepting, loyal, reloading, cursed, stopping, killing, backoff, stopped or config-error.</summary>
    public string State => raw.Word;

    /// <summary>The address of the socket by which it is started on demand, as uWSGI spells it; null when it is started at once.</summary>
    public string? OnDemand =>
        raw.Socket?.Address ?? (raw.Plan is { IsProgram: true, OnDemand: true, Sockets: [var first, ..] } ? first.Address : null);

    /// <summary>Whether who connects is served, as far as the emperor knows: it accepts requests, or the first of them starts it.</summary>
    public bool IsUp => raw.Phase is Phase.Running or Phase.Waiting || (raw.Phase == Phase.Reloading && raw.AcceptingSince is not null);

    /// <summary>Whether nothing is wrong with it: it is up, or on the way there without a failure.</summary>
    public bool IsWell =>
        raw.FailedReload is null
        && (
            raw.Phase == Phase.Running ? raw.Failures == 0 || !raw.IsProgram || CopiesReady >= Copies
            : IsUp ? true
            : raw.Phase is Phase.Starting or Phase.Reloading or Phase.Held && raw.Failures == 0
        );

    /// <summary>How many copies of it shall run; a uwsgi is one.</summary>
    public int Copies
    {
        get
        {
            if (!raw.IsProgram)
                return 1;
            var cheap = 0;
            foreach (var slot in raw.Slots)
                cheap += slot.IsCheap ? 1 : 0;
            return (raw.Rolling?.Processes ?? (raw.Slots.Length > 0 ? raw.Slots.Length : raw.Plan?.Processes ?? 1)) - cheap;
        }
    }

    /// <summary>What it is: "uwsgi", "wsgi" (an app that the built-in server runs) or "program".</summary>
    public string Kind
    {
        get
        {
            if (!raw.IsProgram)
                return "uwsgi";
            var plan = raw.Slots.Length > 0 ? raw.Slots[0].Plan : raw.Plan;
            return plan is { Wsgi: not null } ? "wsgi" : "program";
        }
    }

    /// <summary>How many of them are ready; those of a former generation that serve on during a reload count.</summary>
    public int CopiesReady
    {
        get
        {
            if (!raw.IsProgram)
                return IsUp && raw.HasProcess ? 1 : 0;
            var ready = 0;
            foreach (var member in raw.Members)
                ready += member.Serves ? 1 : 0;
            return ready;
        }
    }

    /// <summary>What its process last said of itself (STATUS= of sd_notify); the first of a program's copies that has said anything. Empty when none has.</summary>
    public string StatusText
    {
        get
        {
            foreach (var member in raw.Members)
            {
                if (member.Status.Length > 0 && member.Role != Programs.MemberRole.Leaving)
                    return member.Status;
            }
            return "";
        }
    }

    /// <summary>Since when it is in that state.</summary>
    public long Since => raw.History.Since;

    /// <summary>Its process; null when it has none.</summary>
    public int? Pid => raw.Pid;

    /// <summary>Its file, as it was last read; null when that is not known.</summary>
    public VassalSource? Source => raw.Source;

    /// <summary>
    /// Whether its process runs with the file as it is now: started or reloaded since the last change, and no change was refused. One that waits
    /// for connections will.
    /// </summary>
    public bool IsLatest =>
        raw.Phase == Phase.Waiting
        || (raw.RefusedChange is null && raw.FailedReload is null && !raw.ReloadPending && raw.LaunchedDigest == raw.Source?.Digest);

    /// <summary>How its last process ended; null before that.</summary>
    public LastExit? LastExit => raw.History.LastExit;

    /// <summary>How often it was started after the first time.</summary>
    public int Restarts => Math.Max(0, raw.Incarnation - 1);

    /// <summary>Failures in a row.</summary>
    public int Failures => raw.Failures;

    /// <summary>The delay that its failures have earned, milliseconds.</summary>
    public long Delay => policy.DelayAfter(raw.Failures, raw.ShortLives);

    /// <summary>When it is started again; 0 when that is not planned.</summary>
    public long NextRetry => raw.Phase == Phase.Backoff && raw.NextDeadline is { } due ? at.Unix + (due - at.Monotonic) : 0;

    /// <summary>How long its process has lived, milliseconds; null when it has none.</summary>
    public long? Uptime => raw.Pid is null ? null : at.Monotonic - raw.SpawnedAt;

    /// <summary>Why it is in this state, as a sentence.</summary>
    public string Reason
    {
        get
        {
            var reason = raw.Phase switch
            {
                Phase.Running when raw.IsProgram && CopiesReady < Copies => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{CopiesReady} of {Copies} processes are ready{(raw.Reason.Length > 0 ? $": {raw.Reason}" : "")}"
                ),
                // Why one of its copies ended once is no reason any more when all are back.
                Phase.Running when raw.IsProgram => "it is ready",
                Phase.Running when raw.Reason.Length > 0 => raw.Reason,
                Phase.Running when raw.Loyal => "it has served requests",
                Phase.Running => "it accepts requests",
                Phase.Backoff => Failed(),
                Phase.Starting when raw.Failures > 0 => $"{raw.Reason}; {Row()}",
                _ => raw.Reason,
            };
            if (raw.Phase is Phase.Starting or Phase.Reloading && Seen is { } seen)
                reason = $"{reason}; not ready yet: {seen}";
            return raw.HasProcess && raw.RefusedChange is { } refused ? $"{reason}; its changed file was not taken: {refused}"
                : raw.FailedReload is { } failed ? $"{reason}; its last reload failed: {failed}"
                : reason;
        }
    }

    // What is in the way of the first that is not ready yet.
    private string? Seen
    {
        get
        {
            foreach (var member in raw.Members)
            {
                if (member.Problem.Length > 0 && member.Role != Programs.MemberRole.Leaving)
                    return member.Problem;
            }
            return null;
        }
    }

    // A process may have ended, or none could be made.
    private string Failed()
    {
        var lived = LastExit is { } last && last.End.Words == raw.Reason ? $" after {Duration(last.Lived)}" : "";
        return $"{raw.Reason}{lived}; {Row()}";
    }

    private string Row() =>
        raw.Failures < SecondFailure
            ? "first failure"
            : string.Create(CultureInfo.InvariantCulture, $"{raw.Failures} failures in a row since {Clock(raw.History.FirstFailure)}");

    private static string Duration(long milliseconds) =>
        milliseconds < 100 ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds} ms")
        : milliseconds < 60_000 ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.#} s")
        : string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 60_000} min");

    private static string Clock(long unix) =>
        DateTimeOffset.FromUnixTimeMilliseconds(unix).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
