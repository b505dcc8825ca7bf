using Emperor.Core.Monitoring;
using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>A vassal's file as it was last acted on: what differs from this when the next emperor looks is a change.</summary>
/// <param name="Monitor">The --emperor that has it, as it was written.</param>
/// <param name="Stamp">Its state.</param>
public sealed record FileLegacy(string Monitor, FileStamp Stamp)
{
    /// <summary>Who owns it, where vassals run as that (--emperor-tyrant).</summary>
    public VassalOwner? Owner { get; init; }

    /// <summary>It is run, and what that prints is its vassal's configuration (--emperor-magic-exec).</summary>
    public bool IsExecuted { get; init; }

    /// <summary>Why it could not be read; null when it could.</summary>
    public string? Unreadable { get; init; }
}
