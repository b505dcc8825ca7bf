using Emperor.Core.Output;
using Emperor.Core.Wsgi;

namespace Emperor.Core.Succession;

/// <summary>A pipe that a process of a vassal prints to.</summary>
/// <param name="Pipe">The name of the end to read.</param>
/// <param name="Incarnation">The process.</param>
/// <param name="Pid">Its number.</param>
public sealed record OutputLegacy(string Pipe, int Incarnation, int Pid)
{
    /// <summary>Its number in the kernel (pipe:[N] in /proc/PID/fd), by which those who print to it are found should it be lost; null when nobody has looked.</summary>
    public ulong? Inode { get; init; }

    /// <summary>The log of its own that it goes to; null for where the others' do.</summary>
    public LogRule? Log { get; init; }

    /// <summary>The vassal runs as another user, who may have bent the way to that log.</summary>
    public bool IsGuarded { get; init; }

    /// <summary>Whether the process has ended, and somebody who came of it holds the pipe.</summary>
    public bool IsLeft { get; init; }

    /// <summary>The beginning of a line whose end has not come.</summary>
    public byte[] Partial { get; init; } = [];

    /// <summary>Whether that goes on with a part that was told already.</summary>
    public bool Continues { get; init; }

    /// <summary>How many of its lines could not be written since that was last told.</summary>
    public long Lost { get; init; }
}

/// <summary>The last lines of a vassal.</summary>
/// <param name="Vassal">Its name.</param>
/// <param name="Lines">The lines, the oldest first.</param>
public sealed record TailLegacy(string Vassal, IReadOnlyList<LineLegacy> Lines);

/// <summary>A line.</summary>
/// <param name="Head">What is known of it.</param>
/// <param name="Text">Its bytes, without the end.</param>
public sealed record LineLegacy(LineHead Head, byte[] Text);

/// <summary>The file that the emperor logs to (--logto, --daemonize). Its descriptors are standard output and error, which pass on as they are.</summary>
/// <param name="Path">Its path, absolute.</param>
/// <param name="IsLink">Whether that was a link from the start: only then one is followed when it is opened anew.</param>
public sealed record LogLegacy(string Path, bool IsLink);
