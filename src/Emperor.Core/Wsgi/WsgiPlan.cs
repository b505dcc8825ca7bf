namespace Emperor.Core.Wsgi;

/// <summary>What the built-in server is to do for a vassal, besides what its <see cref="Programs.ProgramPlan"/> says of all programs.</summary>
public sealed record WsgiPlan
{
    /// <summary>What it serves, as the file names it, for people.</summary>
    public required string App { get; init; }

    /// <summary>The worker's options, as a JSON object (WORKER.md, "Options").</summary>
    public required string Options { get; init; }

    /// <summary>What is spoken on each socket of the plan, in their order: "uwsgi" or "http".</summary>
    public required IReadOnlyList<string> Protocols { get; init; }

    /// <summary>Where each app that the file names is mounted, in the order in which they are loaded.</summary>
    public IReadOnlyList<string> Mountpoints { get; init; } = [];

    /// <summary>Threads of each worker.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>How long a request may take before its worker is killed, milliseconds; null when it may take for ever.</summary>
    public long? Harakiri { get; init; }

    /// <summary>Whether a traceback is written before that.</summary>
    public bool HarakiriVerbose { get; init; }

    /// <summary>Each worker loads the app for itself.</summary>
    public bool LazyApps { get; init; }

    /// <summary>What the emperor does for it beside the workers.</summary>
    public WsgiDuties Duties { get; init; } = WsgiDuties.None;

    /// <summary>How many processes there are when there is little to do; null when there are always all.</summary>
    public CheaperRule? Cheaper { get; init; }

    /// <summary>The virtual environment, absolute; null for the system's Python.</summary>
    public string? Home { get; init; }
}

/// <summary>How the number of processes follows what there is to do (cheaper).</summary>
/// <param name="Minimum">The fewest processes (cheaper).</param>
/// <param name="Initial">How many are started first (cheaper-initial).</param>
/// <param name="Step">How many more are started at once (cheaper-step).</param>
/// <param name="Overload">After how many seconds in which all were busy, or all but one idle, the number changes (cheaper-overload); of backlog: so many connections may wait.</param>
/// <param name="ByBacklog">Whether the connections that wait decide (cheaper-algo = backlog), and not how many are busy (spare).</param>
public sealed record CheaperRule(int Minimum, int Initial, int Step = 1, int Overload = 3, bool ByBacklog = false);
