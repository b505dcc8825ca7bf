namespace Emperor.Commands;

/// <summary>What a verb ends with; the README and --help tell it too.</summary>
internal static class ExitCode
{
    /// <summary>Done; for status: all vassals are well.</summary>
    public const int Well = 0;

    /// <summary>It could not be done, or the outcome is not what was asked for.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>status: something is not well.</summary>
    public const int Ill = 3;

    /// <summary>The emperor cannot be reached.</summary>
    public const int NoEmperor = 4;
}
