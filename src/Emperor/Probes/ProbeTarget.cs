using Emperor.Linux;
using Emperor.Servers;

namespace Emperor.Probes;

/// <summary>A vassal's process, as far as one must know it to tell what belongs to it.</summary>
/// <param name="Incarnation">Which of the vassal's processes it is.</param>
/// <param name="Pid">Its main process, which has not been reaped, and leads a session.</param>
/// <param name="Serial">Its number in the life of this emperor.</param>
/// <param name="Mark">The value of EMPEROR_INCARNATION in the environment of what comes of it.</param>
/// <param name="Cgroup">The folder of its control group; null when it has none of its own.</param>
internal sealed record ProbeTarget(int Incarnation, int Pid, long Serial, string Mark, string? Cgroup);

/// <summary>Makes all that a command needs to be started; null, and why, when that cannot be had.</summary>
internal delegate PreparedLaunch? PrepareCommand(ProgramLaunch launch, out string failure);

/// <summary>Starts a command of the emperor's own; whoever does must end it by <see cref="ProbeWorld.EndCommand"/>.</summary>
internal delegate PidRef? StartCommand(SpawnRequest request, out int guardSlot, out Errno error);

/// <summary>What probes must know, and cannot find out for themselves. All of it is asked on the main thread.</summary>
internal sealed record ProbeWorld
{
    /// <summary>That of a vassal's incarnation; null when it has not been started, or is reaped.</summary>
    public required Func<string, int, ProbeTarget?> Find { get; init; }

    /// <summary>All processes of a vassal that have not been reaped.</summary>
    public required Func<string, IReadOnlyList<ProbeTarget>> All { get; init; }

    /// <summary>Whose an orphan is that has become the emperor's child: the serial number; null when that is not known.</summary>
    public required Func<int, long?> OwnerOf { get; init; }

    /// <summary>The sockets that the emperor holds for a vassal, in the order of its file.</summary>
    public required Func<string, IReadOnlyList<(string Address, SafeFd Fd)>> Sockets { get; init; }

    /// <summary>Makes all that a command needs that runs as its vassal's program would.</summary>
    public required PrepareCommand Prepare { get; init; }

    /// <summary>What hooks are told of a vassal; null where there are no hooks and no namespaces.</summary>
    public Func<string, Core.Hooks.HookContext>? Describe { get; init; }

    /// <summary>Starts a command.</summary>
    public required StartCommand StartCommand { get; init; }

    /// <summary>Ends a command with its session, whether it has ended by itself or not.</summary>
    public required Action<PidRef, int> EndCommand { get; init; }
}
