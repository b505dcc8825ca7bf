using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Emperor.Linux;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Queue = System.Threading.Channels.Channel;

namespace Emperor.Logging;

/// <summary>
/// Overview: where log events wait to be written, so that no one who logs ever waits. A thread of its own formats them and writes them
/// to standard error (which is the log file after --logto). When the queue is full, or the disk is, events are dropped and counted, and
/// the next line that gets through is preceded by one that says how many.
/// </summary>
internal sealed class BoundedSink : ILogEventSink, IDisposable
{
    private const int Capacity = 8192;
    private const int StandardError = 2;
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(2);

    private readonly Channel<LogEvent> _queue = Queue.CreateBounded<LogEvent>(
        new BoundedChannelOptions(Capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait }
    );
    private readonly ITextFormatter _formatter;
    private readonly Func<long, LogEvent> _lossReport;
    private readonly JournalWriter? _journal;
    private readonly Thread _thread;
    private readonly Lock _writing = new();
    private readonly int _target;
    private long _lost;
    private long _waiting;
    private Action? _onQuiet;
    private bool _isRotationReported;

    /// <summary>Starts writing.</summary>
    /// <param name="formatter">Makes a line of an event.</param>
    /// <param name="journal">Where events go with their fields instead; null when standard error is not the journal.</param>
    /// <param name="file">The file behind standard error; null when it is a terminal, a pipe or the journal.</param>
    /// <param name="lossReport">Makes an event that tells how many were dropped.</param>
    /// <param name="target">The descriptor in the place of standard error.</param>
    public BoundedSink(
        ITextFormatter formatter,
        LogFile? file,
        JournalWriter? journal,
        Func<long, LogEvent> lossReport,
        int target = StandardError
    )
    {
        _target = target;
        _formatter = formatter;
        File = file;
        _journal = journal;
        _lossReport = lossReport;
        _thread = new Thread(Write) { IsBackground = true, Name = "log" };
        _thread.Start();
    }

    /// <summary>The file behind standard error, once it is open; null when it is a terminal, a pipe or the journal.</summary>
    public LogFile? File { get; set; }

    /// <summary>Whether all that was logged until now is written, or lost.</summary>
    public bool IsQuiet => Interlocked.Read(ref _waiting) == 0;

    /// <summary>Called, on any thread, whenever it has become quiet; it must only wake somebody. Ask whether it is quiet after setting this.</summary>
    public Action? OnQuiet
    {
        get => Volatile.Read(ref _onQuiet);
        set => Interlocked.Exchange(ref _onQuiet, value);
    }

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        Interlocked.Increment(ref _waiting);
        if (_queue.Writer.TryWrite(logEvent))
            return;
        Interlocked.Increment(ref _lost);
        NoteDone(1);
    }

    /// <summary>
    /// Writes whole lines of somebody else's to where this log goes, at once and in the caller's thread, which may have to wait: none of the
    /// two gets into the middle of the other's.
    /// </summary>
    public Errno WriteLines(ReadOnlySpan<byte> lines)
    {
        lock (_writing)
        {
            _ = File?.FollowRotation();
            return Files.WriteAll(_target, lines);
        }
    }

    /// <summary>Writes what is left, for two seconds at the most.</summary>
    public void Dispose()
    {
        _queue.Writer.TryComplete();
        if (_thread.Join(FlushLimit))
            _journal?.Dispose();
    }

    private void Write()
    {
        var reader = _queue.Reader;
        var text = new StringWriter(CultureInfo.InvariantCulture);
        while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            var count = 0;
            while (count < 256 && reader.TryRead(out var logEvent))
            {
                if (count == 0 && Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
                    Format(_lossReport(lost), text);
                Format(logEvent, text);
                count++;
            }
            if (text.GetStringBuilder().Length > 0)
                WriteOut(text, count);
            NoteDone(count);
        }
    }

    private void WriteOut(StringWriter text, int count)
    {
        if (File?.FollowRotation() is { Number: not 0 } error && !_isRotationReported)
        {
            _isRotationReported = true;
            Format(EmperorLog.RotationReport(error), text);
        }
        // A full disk loses lines, never the daemon.
        lock (_writing)
        {
            if (Files.WriteAll(_target, Encoding.UTF8.GetBytes(text.ToString())).Number != 0)
                Interlocked.Add(ref _lost, count);
        }
        text.GetStringBuilder().Clear();
    }

    private void NoteDone(int count)
    {
        if (Interlocked.Add(ref _waiting, -count) == 0)
            OnQuiet?.Invoke();
    }

    // What the journal does not take (it is being restarted, a message is too long) goes to standard error, which is the journal too.
    private void Format(LogEvent logEvent, StringWriter text)
    {
        if (_journal?.TryWrite(logEvent) != true)
            _formatter.Format(logEvent, text);
    }
}
