using Emperor.Limits;
using Emperor.Linux;
using Emperor.Output;

namespace Emperor.Processes;

/// <summary>A vassal's process that has not been reaped, with all that belongs to it on the emperor's side.</summary>
internal sealed class LiveProcess(long serial, string vassal, int incarnation, PidRef process, Channel? channel) : IDisposable
{
    // A vassal needs a byte now and then. What sends more than this many in a second is not heard until the second is over.
    private const int BytesASecond = 16 * 1024;

    private long _second;
    private int _bytesThisSecond;

    /// <summary>Never used twice in the life of an emperor.</summary>
    public long Serial { get; } = serial;

    /// <summary>The vassal's name.</summary>
    public string Vassal { get; } = vassal;

    /// <summary>Which of the vassal's processes it is.</summary>
    public int Incarnation { get; } = incarnation;

    /// <summary>The process: the one that was started, or the one that has taken its place.</summary>
    public PidRef Process { get; private set; } = process;

    /// <summary>The process that it has named as its main one (MAINPID of sd_notify(3)); null when that is <see cref="Process"/>.</summary>
    public PidRef? Main { get; set; }

    /// <summary>The number of its main process.</summary>
    public int MainPid => (Main ?? Process).Pid;

    /// <summary>Whether its main process has taken the place of the one that was started: then it need not lead a process group.</summary>
    public bool IsPromoted { get; set; }

    /// <summary>What marks its tree, as NAME=VALUE; empty when nobody has said.</summary>
    public string Mark { get; init; } = "";

    /// <summary>The serial number that <see cref="Mark"/> tells: that of the process which it was forked from, when another one was.</summary>
    public long MarkSerial { get; init; } = serial;

    /// <summary>Its cgroup; null when it has none.</summary>
    public VassalCGroup? Group { get; init; }

    /// <summary>The user that it runs as, when it is another one than the emperor's and that is known.</summary>
    public string? User { get; init; }

    /// <summary>Whether it is the first process of a namespace: the kernel keeps from it all signals that it does not handle but SIGKILL.</summary>
    public bool IsFirstProcess { get; init; }

    /// <summary>The log of its own; null without one.</summary>
    public OwnLog? Log { get; init; }

    /// <summary>The emperor's end of its channel; null when it has none.</summary>
    public Channel? Channel { get; } = channel;

    /// <summary>The emperor's end of the socket over which it gets its configuration; null when it has none.</summary>
    public Channel? Configuration { get; init; }

    /// <summary>When <see cref="Process"/> began, in ticks since the machine was booted; null when nobody has looked.</summary>
    public long? Began { get; set; }

    /// <summary>That of <see cref="Main"/>.</summary>
    public long? MainBegan { get; set; }

    /// <summary>The name by which its pidfd passes on.</summary>
    public string? ExitName { get; set; }

    /// <summary>That of the pidfd of <see cref="Main"/>.</summary>
    public string? MainName { get; set; }

    /// <summary>That of its channel.</summary>
    public string? ChannelName { get; set; }

    /// <summary>That of the socket for its configuration.</summary>
    public string? ConfigurationName { get; set; }

    /// <summary>Its place in the <see cref="Guard"/>'s list.</summary>
    public int GuardSlot { get; set; }

    /// <summary>What it prints; null when it prints to where the emperor does.</summary>
    public OutputSource? Output { get; set; }

    /// <summary>Whether the channel is still listened to.</summary>
    public bool IsChannelOpen { get; set; } = channel is not null;

    /// <summary>Whether its flood of bytes has been reported.</summary>
    public bool WasFloodReported { get; set; }

    /// <summary>Until when (monotonic milliseconds) it is not heard because it talks too much; null when it is heard.</summary>
    public long? MutedUntil { get; set; }

    /// <summary>Counts bytes; true when they are too many for this second.</summary>
    public bool TalksTooMuch(int bytes, long now)
    {
        if (now / 1000 != _second)
        {
            _second = now / 1000;
            _bytesThisSecond = 0;
        }
        _bytesThisSecond += bytes;
        return _bytesThisSecond > BytesASecond;
    }

    /// <summary>The first process has been reaped: its main one takes its place.</summary>
    public void Promote()
    {
        Process.Dispose();
        (Process, Main, IsPromoted) = (Main!, null, true);
        (ExitName, MainName, Began, MainBegan) = (MainName, null, MainBegan, null);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Channel?.Dispose();
        Configuration?.Dispose();
        Main?.Dispose();
        Process.Dispose();
    }
}
