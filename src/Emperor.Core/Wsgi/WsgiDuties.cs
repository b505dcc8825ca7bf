namespace Emperor.Core.Wsgi;

/// <summary>What the emperor does for a vassal of the built-in server that with uWSGI its master does. Paths are absolute.</summary>
public sealed record WsgiDuties
{
    /// <summary>Nothing.</summary>
    public static WsgiDuties None { get; } = new();

    /// <summary>pidfile, pidfile2: files with the process number of a worker.</summary>
    public IReadOnlyList<string> PidFiles { get; init; } = [];

    /// <summary>touch-reload, touch-chain-reload: files whose change makes the vassal reload; it does so one worker after the other in any case.</summary>
    public IReadOnlyList<string> TouchFiles { get; init; } = [];

    /// <summary>master-fifo: pipes that take commands.</summary>
    public IReadOnlyList<string> Fifos { get; init; } = [];

    /// <summary>attach-daemon: what runs beside the workers.</summary>
    public IReadOnlyList<AttachedDaemon> Daemons { get; init; } = [];

    /// <summary>stats: where it is told what the workers do.</summary>
    public IReadOnlyList<Configuration.ServerAddress> Stats { get; init; } = [];

    /// <summary>stats-http: over HTTP.</summary>
    public bool StatsHttp { get; init; }

    /// <summary>stats-minified: without line breaks and tabs.</summary>
    public bool StatsMinified { get; init; }

    /// <summary>stats-no-cores: without the threads of each worker.</summary>
    public bool StatsNoCores { get; init; }

    /// <summary>logto, daemonize: where what the vassal prints goes; null for where that of others does.</summary>
    public LogRule? Log { get; init; }
}

/// <summary>A log of a vassal's own.</summary>
/// <param name="Path">Where, absolute.</param>
/// <param name="Mode">Its permission bits (logfile-chmod); null for 0640 less the umask.</param>
/// <param name="MaxSize">A new file is begun at so many bytes (log-maxsize); 0 is never.</param>
public sealed record LogRule(string Path, int? Mode, long MaxSize);

/// <summary>A command that runs beside the workers, and is started again when it has ended.</summary>
/// <param name="Command">For the shell.</param>
/// <param name="StopSignal">What it is told to stop by.</param>
/// <param name="Folder">Where it runs, absolute: that of chdir.</param>
public sealed record AttachedDaemon(string Command, int StopSignal, string Folder);
