using System.Buffers;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Output;

/// <summary>Writes the lines of vassals that name a log of their own (logto) to that, and leaves all others to another sink.</summary>
/// <param name="others">Where other lines go.</param>
/// <param name="log">The emperor's log, for what cannot be written.</param>
internal sealed class OwnLogSink(IOutputSink others, EmperorLog log) : IOutputSink
{
    private readonly Dictionary<OwnLog, OutputFile> _open = [];
    private readonly HashSet<OwnLog> _complained = [];
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly OutputBatch _rest = new();
    private long _turn;
    private int _reopenAsked;

    /// <inheritdoc/>
    public void Write(OutputBatch batch, Action<QueuedLine> lost)
    {
        if (Interlocked.Exchange(ref _reopenAsked, 0) != 0)
        {
            CloseAll();
            _complained.Clear();
        }
        if (!batch.Lines.Exists(l => l.Source.Log is not null))
        {
            others.Write(batch, lost);
            return;
        }
        _turn++;
        Split(batch, lost);
        if (_rest.Lines.Count > 0)
            others.Write(_rest, lost);
        if (_rest.IsLarge)
            _rest.Trim();
        else
            _rest.Clear();
    }

    /// <inheritdoc/>
    public void Reopen()
    {
        Interlocked.Exchange(ref _reopenAsked, 1);
        others.Reopen();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        CloseAll();
        others.Dispose();
    }

    private void Split(OutputBatch batch, Action<QueuedLine> lost)
    {
        var lines = batch.Lines;
        for (var (from, at) = (0, 0); from < lines.Count; )
        {
            var to = from;
            var own = lines[from].Source.Log;
            _bytes.ResetWrittenCount();
            for (; to < lines.Count && lines[to].Source.Log == own; at += lines[to++].Length)
            {
                var text = batch.Text.Slice(at, lines[to].Length);
                if (own is null)
                {
                    _rest.Add(lines[to], text);
                    continue;
                }
                OutputFormat.WriteText(lines[to], text, _bytes);
                _bytes.Write("\n"u8);
            }
            if (own is not null && FileOf(own).Write(_bytes.WrittenSpan, _turn) is { Number: not 0 } error)
            {
                Complain(own, lines[from].Source.Vassal, error);
                for (var i = from; i < to; i++)
                    lost(lines[i]);
            }
            from = to;
        }
    }

    private void CloseAll()
    {
        foreach (var file in _open.Values)
            file.Dispose();
        _open.Clear();
    }

    private void Complain(OwnLog own, string vassal, Errno error)
    {
        if (!_complained.Add(own))
            return;
        var why =
            own.IsGuarded && (error == Errno.TooManyLinks || error == Errno.NotPermitted)
                ? "it is reached by a symbolic link, or has another name, and the vassal runs as another user; name it by its own path"
                : $"{error}";
        log.Vassal(LogEventLevel.Error, "output-log", vassal, $"what it prints cannot be written to {own.Rule.Path}: {why}");
    }

    private OutputFile FileOf(OwnLog own)
    {
        if (_open.TryGetValue(own, out var file))
            return file;
        if (_open.Count >= FolderSink.MostOpen)
        {
            var oldest = _open.MinBy(f => f.Value.LastUse).Key;
            _open[oldest].Dispose();
            _open.Remove(oldest);
        }
        return _open[own] = new OutputFile(own.Rule.Path, (uint?)own.Rule.Mode, own.Rule.MaxSize) { IsGuarded = own.IsGuarded };
    }
}
