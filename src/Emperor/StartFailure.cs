using Emperor.Linux;

namespace Emperor;

/// <summary>Why the emperor cannot start.</summary>
/// <param name="Reason">In words, with the cure.</param>
/// <param name="ExitCode">What the program ends with (<see cref="Emperor.ExitCode"/>).</param>
internal sealed record StartFailure(string Reason, int ExitCode)
{
    /// <summary>The error number that is told to systemd.</summary>
    public Errno Error => ExitCode == Emperor.ExitCode.Unavailable ? Errno.Again : Errno.Invalid;

    /// <summary>The configuration cannot be obeyed.</summary>
    public static StartFailure Configuration(string reason) => new(reason, Emperor.ExitCode.Failed);

    /// <summary>What is needed is not there, and may be later.</summary>
    /// <param name="reason">What is not there; null is no failure.</param>
    public static StartFailure? Unavailable(string? reason) => reason is null ? null : new(reason, Emperor.ExitCode.Unavailable);
}
