using Emperor.Core.Configuration;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Output;

/// <summary>
/// Overview: what vassals print. Each incarnation has a pipe for its standard output and error, one for both so that the order of lines
/// holds. The main thread makes pipes and hands them over; <see cref="OutputReader"/> reads them all on a thread of its own, and
/// <see cref="OutputWriter"/> writes on another one, since a disk or whoever reads the log may be slow. Between them stands a bounded
/// <see cref="OutputQueue"/>; beside it the last lines of each vassal are kept, for whoever asks here, on any thread.
/// <para>None of this passes through the emperor's own log, nor makes the main loop or a vassal wait.</para>
/// </summary>
internal sealed class VassalOutput : IDisposable
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(2);

    private readonly OutputHistories _histories = new();
    private readonly OutputQueue _queue = new();
    private readonly OwnLogSink _sink;
    private readonly OutputReader _reader;
    private readonly OutputWriter _writer;
    private long _lastId;
    private bool _isFinished;

    /// <summary>Starts both threads.</summary>
    /// <param name="sink">Where lines go.</param>
    /// <param name="log">The emperor's log, for what goes wrong here.</param>
    public VassalOutput(IOutputSink sink, EmperorLog log)
    {
        _sink = new OwnLogSink(sink, log);
        _reader = new OutputReader(_histories, _queue, log);
        _writer = new OutputWriter(_queue, _sink);
    }

    /// <summary>Makes what the settings ask for; null for --vassal-output inherit, and when it cannot be made.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="style">What the emperor's own lines look like.</param>
    /// <param name="own">The emperor's own output.</param>
    /// <param name="log">The emperor's log.</param>
    /// <param name="failure">Why it cannot be made, and what to do; null when it need not or could be.</param>
    public static VassalOutput? Create(EmperorSettings settings, LineStyle style, BoundedSink own, EmperorLog log, out string? failure)
    {
        failure = null;
        if (settings.VassalOutput == VassalOutputMode.Inherit)
            return null;
        if (settings.VassalLogDirectory is { } directory)
        {
            var folder = Path.GetFullPath(directory, settings.WorkingDirectory);
            failure = FailureOf(folder);
            return failure is null
                ? new VassalOutput(new FolderSink(log, folder, (uint?)settings.LogFileMode, settings.VassalLogMaxSize), log)
                : null;
        }
        var isJournal = style == LineStyle.Journal && !settings.LogJson;
        IOutputSink? journal = isJournal ? JournalSink.Open(own) : null;
        return new VassalOutput(journal ?? new StreamSink(own, new OutputFormat(style, settings.LogJson)), log);
    }

    /// <summary>Hands over the pipe of a vassal that has been started. For the main thread.</summary>
    /// <returns>What is to be told of its end.</returns>
    /// <exception cref="LinuxException">No room is left in epoll.</exception>
    public OutputSource Watch(OutputPipe pipe, string vassal, int incarnation, int pid, OwnLog? own = null)
    {
        var source = new OutputSource(++_lastId, vassal, incarnation, pid, pipe.TakeRead()) { Log = own };
        try
        {
            _reader.Add(source);
            return source;
        }
        catch (LinuxException)
        {
            source.Read.Dispose();
            _reader.NoteEnd(source);
            throw;
        }
    }

    /// <summary>The process has been reaped. What it has printed is read to the end in any case. For the main thread.</summary>
    public void NoteEnd(OutputSource source) => _reader.NoteEnd(source);

    /// <summary>The last lines of a vassal, the oldest of them first; those of processes that have ended are among them.</summary>
    /// <param name="vassal">Its name. One that is not known, or not any more, has printed nothing.</param>
    /// <param name="count">How many at most; no more than 200 are kept, nor more than 32 KiB.</param>
    public IReadOnlyList<OutputLine> Tail(string vassal, int count) => _histories.Tail(vassal, count);

    /// <summary>Follows what a vassal prints from now on, also when it is yet to come.</summary>
    /// <param name="vassal">Its name.</param>
    /// <param name="onReady">Called on another thread when there are lines where there were none; it must only wake somebody.</param>
    /// <returns>Null when 64 others follow already.</returns>
    public OutputFollower? Follow(string vassal, Action onReady) => _histories.Follow(vassal, onReady);

    /// <summary>Opens the files of --vassal-log-dir anew. For any thread.</summary>
    public void Reopen() => _sink.Reopen();

    /// <summary>Reads and writes what is left when all vassals have ended, and takes at most three seconds for it.</summary>
    public void Finish()
    {
        if (_isFinished)
            return;
        _isFinished = true;
        if (_reader.Finish(ReadLimit))
            _reader.Dispose();
        _writer.Finish(WriteLimit);
    }

    /// <inheritdoc/>
    public void Dispose() => Finish();

    private static string? FailureOf(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"vassal-log-dir = {folder}: {e.Message}";
        }
        return Self.MayWrite(folder)
            ? null
            : $"vassal-log-dir = {folder}: the emperor's user may not write there; give him the folder, or name another";
    }
}
