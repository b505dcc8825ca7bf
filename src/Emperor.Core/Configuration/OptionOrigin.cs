namespace Emperor.Core.Configuration;

/// <summary>Where an option came from.</summary>
public enum OriginKind
{
    /// <summary>A variable UWSGI_X of the environment.</summary>
    Environment,

    /// <summary>An argument of the command line.</summary>
    CommandLine,

    /// <summary>A line of a configuration file.</summary>
    File,
}

/// <summary>The place an option, or a problem, came from.</summary>
/// <param name="Kind">What sort of place.</param>
/// <param name="Name">The file's name as it was given, or the variable's name; null for the command line.</param>
/// <param name="Line">The line of the file, from 1; 0 for the file as a whole and for everything that is not a file.</param>
public sealed record OptionOrigin(OriginKind Kind, string? Name, int Line)
{
    /// <summary>The command line.</summary>
    public static OptionOrigin CommandLine { get; } = new(OriginKind.CommandLine, null, 0);

    /// <summary>A variable of the environment.</summary>
    public static OptionOrigin Environment(string variable) => new(OriginKind.Environment, variable, 0);

    /// <summary>A line of a file.</summary>
    public static OptionOrigin File(string name, int line) => new(OriginKind.File, name, line);

    /// <summary>"FILE:LINE", "command line" or "environment variable NAME".</summary>
    public override string ToString() =>
        Kind switch
        {
            OriginKind.File => Line > 0 ? $"{Name}:{Line}" : $"{Name}",
            OriginKind.Environment => $"environment variable {Name}",
            _ => "command line",
        };
}
