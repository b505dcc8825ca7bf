namespace Emperor.Core.Vassals;

/// <summary>The times and choices that govern every vassal. All times in milliseconds.</summary>
public sealed record VassalPolicy
{
    /// <summary>Growth of the delay before a respawn with each failure (--emperor-throttle).</summary>
    public long Throttle { get; init; } = 1_000;

    /// <summary>The most that delay grows to (--emperor-max-throttle).</summary>
    public long MaxThrottle { get; init; } = 180_000;

    /// <summary>False with --emperor-no-blacklist: failures earn no delay.</summary>
    public bool Blacklist { get; init; } = true;

    /// <summary>How long a vassal that once sent a heartbeat may be without one (--emperor-required-heartbeat).</summary>
    public long RequiredHeartbeat { get; init; } = 30_000;

    /// <summary>How long a vassal that was told to stop, or that closed its channel, may live on (--emperor-curse-tolerance).</summary>
    public long CurseTolerance { get; init; } = 30_000;

    /// <summary>How long vassals may take to stop when the emperor leaves (--reload-mercy).</summary>
    public long Mercy { get; init; } = 30_000;

    /// <summary>Vassals are told to finish their requests first (--emperor-graceful-shutdown).</summary>
    public bool GracefulStop { get; init; }

    /// <summary>New vassals wait for the command spawn (--emperor-wait-for-command).</summary>
    public bool WaitForCommand { get; init; }

    /// <summary>But not these (--emperor-wait-for-command-ignore).</summary>
    public IReadOnlySet<string> WaitForCommandIgnored { get; init; } = new HashSet<string>();

    /// <summary>Whether a vassal that is new, or was stopped by a command, waits for the command spawn.</summary>
    public bool Suspends(string vassal) => WaitForCommand && !WaitForCommandIgnored.Contains(vassal);

    /// <summary>Accepting requests for so long is as good as loyalty: what dies after it was not a failed start (uWSGI issue 2300).</summary>
    public long LoyalAfter { get; init; } = 10_000;

    /// <summary>A life shorter than this is a short one.</summary>
    public long ShortLife { get; init; } = 1_000;

    /// <summary>
    /// The least delay after a second short life in a row, whatever the other options say: a program that ends at once, started as fast
    /// as the machine can, would cost all others their processor.
    /// </summary>
    public long ShortLifeDelay { get; init; } = 100;

    /// <summary>How long a vassal may be silent after a reload before a further change is told to it all the same.</summary>
    public long ReloadPatience { get; init; } = 5_000;

    /// <summary>
    /// How long a vassal is left alone after it has said that it accepts requests, before a reload is told to it. uwsgi says so when its first
    /// worker is ready; a reload that comes while the others are being forked is lost on those (they still ignore SIGHUP), and uwsgi then waits
    /// for them for a minute.
    /// </summary>
    public long ReloadRest { get; init; } = 500;

    /// <summary>How long after a SIGKILL a process that is still there is reported, and sent another.</summary>
    public long KillPatience { get; init; } = 10_000;

    /// <summary>Whether two reasons for a socket that cannot be bound have one cause: what follows behind ";" is the cure, which names who is in the way if that could be found out.</summary>
    public static bool IsSameCause(string? former, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return former is not null && former.Split("; ", 2)[0] == reason.Split("; ", 2)[0];
    }

    /// <summary>The first delay before an on-demand socket that could not be bound is tried again; it grows by as much each time.</summary>
    public long ListenRetry { get; init; } = 1_000;

    /// <summary>The most that delay grows to.</summary>
    public long MaxListenRetry { get; init; } = 10_000;

    /// <summary>The delay after a socket could not be bound so often in a row.</summary>
    public long ListenDelayAfter(int failures) => Math.Min(failures * ListenRetry, MaxListenRetry);

    /// <summary>The delay before the respawn that follows so many failures in a row: none after the first, then growing.</summary>
    public long DelayAfter(int failures, int shortLives)
    {
        var delay = Blacklist && failures > 1 ? Math.Min((failures - 1) * Throttle, MaxThrottle) : 0;
        return shortLives > 1 ? Math.Max(delay, ShortLifeDelay) : delay;
    }
}
