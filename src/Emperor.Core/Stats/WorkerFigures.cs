namespace Emperor.Core.Stats;

/// <summary>What a worker of the built-in server tells of itself (WORKER.md, "The slots").</summary>
public sealed record WorkerFigures
{
    /// <summary>Its number, from 1.</summary>
    public int Id { get; init; }

    /// <summary>Its process; 0 when there is none.</summary>
    public int Pid { get; init; }

    /// <summary>1 starting, 2 serving, 3 leaving; 0 when there is no process.</summary>
    public int State { get; init; }

    /// <summary>How often it was killed because of a request that took too long.</summary>
    public int Harakiris { get; init; }

    /// <summary>How often it was started.</summary>
    public int Starts { get; init; }

    /// <summary>When, seconds since the epoch.</summary>
    public long Started { get; init; }

    /// <summary>Memory in use, bytes.</summary>
    public long Rss { get; init; }

    /// <summary>Address space, bytes.</summary>
    public long Vsz { get; init; }

    /// <summary>Its threads.</summary>
    public IReadOnlyList<CoreFigures> Cores { get; init; } = [];

    /// <summary>Whether they are shown one by one.</summary>
    public bool ShowsCores { get; init; }
}

/// <summary>What a thread of a worker tells.</summary>
public sealed record CoreFigures
{
    /// <summary>The apps that are counted one by one.</summary>
    public const int MostApps = 8;

    /// <summary>When the request began that is served now, monotonic nanoseconds; 0 for none.</summary>
    public ulong RequestStart { get; init; }

    /// <summary>Requests, those of former processes in the same place too.</summary>
    public long Requests { get; init; }

    /// <summary>Those of them that were there when this process started.</summary>
    public long RequestsBefore { get; init; }

    /// <summary>Requests in which the app has raised an exception.</summary>
    public long Exceptions { get; init; }

    /// <summary>Requests that were answered with a file.</summary>
    public long StaticRequests { get; init; }

    /// <summary>Bytes sent.</summary>
    public long Sent { get; init; }

    /// <summary>Time spent on requests, microseconds.</summary>
    public long RunningTime { get; init; }

    /// <summary>The average time of a request, as uWSGI reckons it, microseconds.</summary>
    public long Average { get; init; }

    /// <summary>Reads that have failed.</summary>
    public long ReadErrors { get; init; }

    /// <summary>Writes that have failed.</summary>
    public long WriteErrors { get; init; }

    /// <summary>Requests and exceptions of each app.</summary>
    public IReadOnlyList<(long Requests, long Exceptions)> Apps { get; init; } = [];

    /// <summary>The request being served, or the last one: METHOD ADDRESS URI.</summary>
    public string Info { get; init; } = "";
}
