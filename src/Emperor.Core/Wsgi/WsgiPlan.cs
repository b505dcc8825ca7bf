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

    /// <summary>The virtual environment, absolute; null for the system's Python.</summary>
    public string? Home { get; init; }
}
