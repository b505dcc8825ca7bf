namespace Emperor;

/// <summary>
/// What the program ends with. Those that a new start cannot change (<see cref="Failed"/>, <see cref="Usage"/>) stand in emperor.service's
/// RestartPreventExitStatus=.
/// </summary>
internal static class ExitCode
{
    /// <summary>It was told to leave.</summary>
    public const int Ended = 0;

    /// <summary>The configuration cannot be obeyed.</summary>
    public const int Failed = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Not all vassals came up, and --emperor-ready=all.</summary>
    public const int NotReady = 3;

    /// <summary>
    /// The configuration may be right, and what it needs is not there now: a folder, a log, a pidfile, the service that knows the users. A new
    /// start may find it, so this is not one of RestartPreventExitStatus=.
    /// </summary>
    public const int Unavailable = 4;

    /// <summary>A fault of its own (EX_SOFTWARE of sysexits.h).</summary>
    public const int Fault = 70;
}
