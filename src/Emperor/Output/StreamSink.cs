using System.Buffers;
using Emperor.Logging;

namespace Emperor.Output;

/// <summary>
/// Writes lines to the emperor's own output, which is standard error or the file of --logto. Many lines go in one write(2), never a part of
/// one; <see cref="BoundedSink"/> sees to it that no line of the emperor's own gets in between.
/// </summary>
internal sealed class StreamSink(BoundedSink output, OutputFormat format) : IOutputSink
{
    private const int Together = 32 * 1024;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <inheritdoc/>
    public void Write(OutputBatch batch, Action<QueuedLine> lost)
    {
        var lines = batch.Lines;
        var text = batch.Text;
        for (var (from, at) = (0, 0); from < lines.Count; )
        {
            _bytes.ResetWrittenCount();
            var to = from;
            while (to < lines.Count && _bytes.WrittenCount < Together)
            {
                format.Write(lines[to], text.Slice(at, lines[to].Length), _bytes);
                at += lines[to++].Length;
            }
            if (output.WriteLines(_bytes.WrittenSpan).Number != 0)
            {
                for (var i = from; i < to; i++)
                    lost(lines[i]);
            }
            from = to;
        }
    }

    /// <inheritdoc/>
    public void Reopen()
    {
        // The log is opened anew by whoever owns it.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Standard error is nobody's to close.
    }
}
