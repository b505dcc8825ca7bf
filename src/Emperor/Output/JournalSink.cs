using System.Buffers;
using System.Text;
using Emperor.Core.Output;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Output;

/// <summary>
/// Writes lines to the journal in its own protocol (systemd, "Native Journal Protocol"), so that both `journalctl VASSAL=shop.ini` and
/// `journalctl -t shop.ini` find them. A journal that is slow is waited for a little, on this thread alone.
/// </summary>
internal sealed class JournalSink : IOutputSink
{
    // What the journal's own clients use is for ever; that is too long for a thread that must end one day.
    private const int Wait = 200;

    private readonly UnixDatagram _socket;
    private readonly BoundedSink _fallback;
    private readonly OutputFormat _format = new(LineStyle.Journal, json: false);
    private readonly ArrayBufferWriter<byte> _message = new();

    private JournalSink(UnixDatagram socket, BoundedSink fallback)
    {
        _socket = socket;
        _fallback = fallback;
    }

    /// <summary>Opens the way to the journal; null when there is none.</summary>
    /// <param name="fallback">Takes what the journal's socket does not; it leads to the journal too.</param>
    /// <param name="address">The journal's socket.</param>
    public static JournalSink? Open(BoundedSink fallback, string address = JournalWriter.Address) =>
        UnixDatagram.Open(address, Wait) is { } socket ? new JournalSink(socket, fallback) : null;

    /// <inheritdoc/>
    public void Write(OutputBatch batch, Action<QueuedLine> lost)
    {
        var at = 0;
        foreach (var line in batch.Lines)
        {
            var text = batch.Text.Slice(at, line.Length);
            at += line.Length;
            Compose(line, text);
            var error = _socket.Send(_message.WrittenSpan);
            if (error.Number == 0)
                continue;
            _message.ResetWrittenCount();
            _format.Write(line, text, _message);
            // EAGAIN: it is there, and has no time; its other ear would not hear better, and might not let us go.
            if (error == Errno.Again || _fallback.WriteLines(_message.WrittenSpan).Number != 0)
                lost(line);
        }
    }

    /// <inheritdoc/>
    public void Reopen()
    {
        // A datagram finds whoever listens by then.
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // Label and escaped text hold no newline, so each field is one line of the protocol.
    private void Compose(in QueuedLine line, ReadOnlySpan<byte> text)
    {
        var source = line.Source;
        var priority = line.Lost > 0 ? 4 : OutputText.TakePriority(ref text);
        _message.ResetWrittenCount();
        _message.Write("MESSAGE="u8);
        OutputFormat.WriteText(line, text, _message);
        _message.Write("\nSYSLOG_IDENTIFIER="u8);
        _message.Write(source.Label);
        _message.Write("\nVASSAL="u8);
        _message.Write(source.Label);
        _message.Write(Encoding.UTF8.GetBytes(Fields(source, priority, line.Lost > 0 ? "output-lost" : "output")));
    }

    private static string Fields(OutputSource source, int priority, string @event) =>
        $"\nPRIORITY={priority}\nEVENT={@event}\nINCARNATION={source.Incarnation}\nVASSAL_PID={source.Pid}\nSYSLOG_PID={source.Pid}\n";
}
