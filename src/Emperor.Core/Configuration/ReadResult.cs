namespace Emperor.Core.Configuration;

/// <summary>One option as uWSGI would list it with --show-config.</summary>
/// <param name="Key">The option's name, or a placeholder's; may be empty or hold blanks when a file says so.</param>
/// <param name="Value">Its value; null when it was given without one on the command line.</param>
/// <param name="Origin">Where it came from.</param>
/// <param name="Naming">Whether it was named as a placeholder by another option.</param>
public sealed record ExportedOption(string Key, string? Value, OptionOrigin Origin, OptionNaming Naming = OptionNaming.Plain);

/// <summary>How an option was named.</summary>
public enum OptionNaming
{
    /// <summary>As itself: --key value, or a line "key = value".</summary>
    Plain,

    /// <summary>By --set, which names an option or a placeholder.</summary>
    Set,

    /// <summary>By --set-placeholder, which names placeholders only.</summary>
    Placeholder,
}

/// <summary>All that was read from environment, command line and files.</summary>
public sealed record ReadResult
{
    /// <summary>The options in the order in which uWSGI applies them: a later one wins.</summary>
    public required IReadOnlyList<ExportedOption> Options { get; init; }

    /// <summary>What went wrong, in the order of reading. A fatal one ended the reading.</summary>
    public required IReadOnlyList<ConfigProblem> Problems { get; init; }

    /// <summary>What the options print and iprint say, in their order.</summary>
    public required IReadOnlyList<string> Messages { get; init; }

    /// <summary>Names that %(…) or if-opt looked up: whoever defines one of these has defined a placeholder.</summary>
    public required IReadOnlySet<string> ReferencedNames { get; init; }

    /// <summary>--help, --usage or -h was given.</summary>
    public bool HelpRequested { get; init; }

    /// <summary>--version was given.</summary>
    public bool VersionRequested { get; init; }

    /// <summary>The code that the option "exit" asked to end with; null without one.</summary>
    public int? ExitCode { get; init; }
}
