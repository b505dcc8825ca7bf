using System.Buffers;
using Emperor.Core.Output;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Output;

/// <summary>
/// A file for each vassal in one folder (--vassal-log-dir), rotated by size. At most <see cref="MostOpen"/> are open at once: thousands of
/// vassals shall not cost thousands of descriptors more.
/// </summary>
/// <param name="log">The emperor's log, for what cannot be written.</param>
/// <param name="folder">The folder, absolute.</param>
/// <param name="mode">The files' permission bits; null for 0640 less the umask.</param>
/// <param name="maxSize">Bytes after which a file is rotated; 0 is never.</param>
internal sealed class FolderSink(EmperorLog log, string folder, uint? mode, long maxSize) : IOutputSink
{
    /// <summary>The most files that are open at once.</summary>
    public const int MostOpen = 64;

    // A file that is rotated often is not to grow beyond its size by what is written at once.
    private readonly long _together = maxSize > 0 ? Math.Min(64 * 1024, maxSize) : 64 * 1024;
    private readonly Dictionary<string, OutputFile> _open = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly HashSet<string> _complained = new(StringComparer.Ordinal);
    private long _turn;
    private int _reopenAsked;

    /// <inheritdoc/>
    public void Write(OutputBatch batch, Action<QueuedLine> lost)
    {
        if (Interlocked.Exchange(ref _reopenAsked, 0) != 0)
        {
            Dispose();
            _complained.Clear();
        }
        _turn++;
        var lines = batch.Lines;
        for (var (from, at) = (0, 0); from < lines.Count; )
        {
            _bytes.ResetWrittenCount();
            var vassal = lines[from].Source.Vassal;
            var to = from;
            while (to < lines.Count && lines[to].Source.Vassal == vassal && _bytes.WrittenCount < _together)
            {
                OutputFormat.WriteText(lines[to], batch.Text.Slice(at, lines[to].Length), _bytes);
                _bytes.Write("\n"u8);
                at += lines[to++].Length;
            }
            if (FileOf(vassal).Write(_bytes.WrittenSpan, _turn) is { Number: not 0 } error)
            {
                Complain(vassal, error);
                for (var i = from; i < to; i++)
                    lost(lines[i]);
            }
            from = to;
        }
    }

    /// <inheritdoc/>
    public void Reopen() => Interlocked.Exchange(ref _reopenAsked, 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _open.Values)
            file.Dispose();
        _open.Clear();
    }

    // Once, until files are opened anew: the file itself tells how many lines were lost.
    private void Complain(string vassal, Errno error)
    {
        if (_complained.Add(vassal))
            log.Vassal(LogEventLevel.Error, "output-log", vassal, $"what it prints cannot be written to {PathOf(vassal)}: {error}");
    }

    private string PathOf(string vassal) => Path.Combine(folder, OutputFileName.Of(vassal));

    private OutputFile FileOf(string vassal)
    {
        if (_open.TryGetValue(vassal, out var file))
            return file;
        if (_open.Count >= MostOpen)
        {
            var oldest = _open.MinBy(f => f.Value.LastUse).Key;
            _open[oldest].Dispose();
            _open.Remove(oldest);
        }
        return _open[vassal] = new OutputFile(PathOf(vassal), mode, maxSize);
    }
}
