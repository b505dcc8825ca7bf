namespace Emperor.Core.Control;

/// <summary>What "emperor explain" tells of a program (section [emperor]). Values of its variables are not among it: they may be secrets.</summary>
public sealed record ProgramView
{
    /// <summary>The folder that it is started in.</summary>
    public required string Folder { get; init; }

    /// <summary>Who it runs as, in words.</summary>
    public required string Account { get; init; }

    /// <summary>The command line of the reload that is under way or has failed, when it is another one than what runs; null otherwise.</summary>
    public IReadOnlyList<string>? NewCommand { get; init; }

    /// <summary>The names of the variables that its file adds (env).</summary>
    public IReadOnlyList<string> Variables { get; init; } = [];

    /// <summary>The files of variables that are read at each start (env-file).</summary>
    public IReadOnlyList<string> VariableFiles { get; init; } = [];

    /// <summary>The sockets that the emperor holds for it, in words.</summary>
    public IReadOnlyList<string> Sockets { get; init; } = [];

    /// <summary>What it may use, in words.</summary>
    public IReadOnlyList<string> Limits { get; init; } = [];

    /// <summary>What of that it has not, and why.</summary>
    public IReadOnlyList<string> Unenforced { get; init; } = [];

    /// <summary>How it is known to be ready and well, reloaded, stopped and started again: a label and words.</summary>
    public IReadOnlyList<RuleView> Rules { get; init; } = [];

    /// <summary>Its processes, in the order of their start.</summary>
    public IReadOnlyList<MemberView> Processes { get; init; } = [];
}

/// <summary>A rule in words.</summary>
/// <param name="Name">What about: ready, health, reload, stop, restart, on demand, after.</param>
/// <param name="Text">A sentence.</param>
public sealed record RuleView(string Name, string Text);

/// <summary>One process of a program. Times are milliseconds.</summary>
/// <param name="Pid">Its number; null before that is known.</param>
/// <param name="Copy">Which of the program's copies it is, from 1.</param>
/// <param name="Start">Which start of the vassal it is, from 1.</param>
/// <param name="Role">current, next (it shall take the place of the current one when it is ready) or leaving (it was told to stop).</param>
/// <param name="UptimeMs">How long it lives.</param>
/// <param name="ReadyForMs">How long it has been ready; null when it is not.</param>
/// <param name="StatusText">What it last said of itself; null when nothing.</param>
/// <param name="Problem">What was last seen of one that is not ready yet; null when nothing.</param>
/// <param name="Failure">Why it was told to stop though that is a failure; null when it is none.</param>
/// <param name="IsLatest">Whether it was started with the file as it is now.</param>
public sealed record MemberView(
    int? Pid,
    int Copy,
    int Start,
    string Role,
    long UptimeMs,
    long? ReadyForMs,
    string? StatusText,
    string? Problem,
    string? Failure,
    bool IsLatest
);
