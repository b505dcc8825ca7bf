namespace Emperor.Core.Programs;

/// <summary>What a program says in one message to its NOTIFY_SOCKET (sd_notify(3)). What it does not say is null or false.</summary>
public sealed record Notification
{
    /// <summary>READY=1.</summary>
    public bool Ready { get; init; }

    /// <summary>RELOADING=1.</summary>
    public bool Reloading { get; init; }

    /// <summary>STOPPING=1.</summary>
    public bool Stopping { get; init; }

    /// <summary>WATCHDOG=1.</summary>
    public bool Watchdog { get; init; }

    /// <summary>WATCHDOG=trigger: it wants to be treated as if it had not sent WATCHDOG=1 in time.</summary>
    public bool WatchdogTrigger { get; init; }

    /// <summary>WATCHDOG_USEC=, in milliseconds.</summary>
    public long? WatchdogInterval { get; init; }

    /// <summary>EXTEND_TIMEOUT_USEC=, in milliseconds.</summary>
    public long? ExtendTimeout { get; init; }

    /// <summary>STATUS=, one line without control characters, bounded.</summary>
    public string? Status { get; init; }

    /// <summary>MAINPID=; whoever hears it has made sure that it is one of its own processes.</summary>
    public int? MainPid { get; init; }
}
