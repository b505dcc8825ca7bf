using System.Text;
using Emperor.Core;
using Emperor.Core.Output;
using Emperor.Linux;

namespace Emperor.Output;

/// <summary>A pipe for a vassal that is about to be started. What is not handed over to <see cref="VassalOutput"/> is closed.</summary>
internal sealed class OutputPipe : IDisposable
{
    private SafeFd? _read;

    /// <summary>Makes it.</summary>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public OutputPipe() => (_read, Write) = Files.CreateOutputPipe();

    /// <summary>The end that the vassal gets as its standard output and error.</summary>
    public SafeFd Write { get; }

    /// <summary>Hands the other end over.</summary>
    public SafeFd TakeRead()
    {
        var read = _read ?? throw new InvalidOperationException("the pipe has been handed over already");
        _read = null;
        return read;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Write.Dispose();
        _read?.Dispose();
    }
}

/// <summary>A log of a vassal's own (logto).</summary>
/// <param name="Rule">Where, and how.</param>
/// <param name="IsGuarded">The vassal runs as another user, who may have bent the way to it.</param>
internal sealed record OwnLog(Core.Wsgi.LogRule Rule, bool IsGuarded);

/// <summary>
/// What one incarnation of a vassal prints. The reader's thread owns it, and lends it to the main one while it is parked; what the queue keeps in it is
/// under the queue's lock.
/// </summary>
internal sealed class OutputSource(long id, string vassal, int incarnation, int pid, SafeFd read)
{
    /// <summary>Its number in the reader's loop.</summary>
    public long Id { get; } = id;

    /// <summary>The vassal's name.</summary>
    public string Vassal { get; } = vassal;

    /// <summary>The name as it is written in front of lines: on one line, in UTF-8.</summary>
    public byte[] Label { get; } = Encoding.UTF8.GetBytes(PlainText.OneLine(vassal));

    /// <summary>Which of the vassal's processes it is.</summary>
    public int Incarnation { get; } = incarnation;

    /// <summary>The pipe's number in the kernel; null when it cannot be had.</summary>
    public ulong? Inode { get; } = FileStatus.Get(read.Number, out var status).Number == 0 ? status.Inode : null;

    /// <summary>That process. Children of its that print too are not told apart.</summary>
    public int Pid { get; } = pid;

    /// <summary>The file that its lines go to; null for where those of others do.</summary>
    public OwnLog? Log { get; init; }

    /// <summary>The end to read.</summary>
    public SafeFd Read { get; } = read;

    /// <summary>The name by which that end passes on to the next emperor.</summary>
    public string? Heirloom { get; init; }

    /// <summary>Its process had ended already when it was taken over from a former emperor.</summary>
    public bool WasLeft { get; init; }

    /// <summary>Its process has ended. The main thread's.</summary>
    public bool HasEnded { get; set; }

    /// <summary>Makes lines of it.</summary>
    public LineSplitter Splitter { get; } = new();

    /// <summary>Where its last lines are kept; null before its first one.</summary>
    public OutputHistory? History { get; set; }

    /// <summary>Since when the beginning of a line waits for its end, monotonic milliseconds; null when none does.</summary>
    public long? PartialSince { get; set; }

    /// <summary>For the queue: how much of the batch that is being filled is its.</summary>
    public int Pending { get; set; }

    /// <summary>For the queue: which batch that is.</summary>
    public long PendingBatch { get; set; }

    /// <summary>For the queue: how many of its lines were dropped since that was last told.</summary>
    public long Lost { get; set; }
}
