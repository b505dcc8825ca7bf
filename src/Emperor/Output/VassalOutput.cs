using Emperor.Core.Configuration;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Output;

/// <summary>
/// Overview: what vassals print. Each incarnation has a pipe for its standard output and error, one for both so that the order of lines
/// holds. The main thread makes pipes and hands them over; <see cref="OutputReader"/> reads them all on a thread of its own, and
/// <see cref="OutputWriter"/> writes on another one, since a disk or whoever reads the log may be slow. Between them stands a bounded
/// <see cref="OutputQueue"/>; beside it the last lines of each vassal are kept, for whoever asks here, on any thread.
/// <para>None of this passes through the emperor's own log, nor makes the main loop or a vassal wait.</para>
/// <para>
/// Nothing is read before <see cref="Resume"/>: first comes what a former emperor has left (<see cref="Restore"/>, then <see cref="Inherit(string, IReadOnlyList{OutputLegacy})"/>
/// for each vassal). Before the next emperor takes over, <see cref="Pause"/> stops the reading and lets the writing end; when that <see cref="IsQuiet"/>,
/// <see cref="LegacyOf"/> and <see cref="Tails"/> tell all that is not in the kernel. A vassal's pipe takes 64 KiB meanwhile before it has to wait.
/// </para>
/// </summary>
internal sealed class VassalOutput : IDisposable
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(2);

    private readonly OutputHistories _histories = new();
    private readonly OutputQueue _queue = new();
    private readonly OutputTable _table = new();
    private readonly Heirlooms _heirlooms;
    private readonly EmperorLog _log;
    private readonly OwnLogSink _sink;
    private readonly OutputReader _reader;
    private readonly OutputWriter _writer;
    private long _lastId;
    private bool _isFinished;

    /// <summary>Starts both threads; nothing is read before <see cref="Resume"/>.</summary>
    /// <param name="sink">Where lines go.</param>
    /// <param name="heirlooms">Where the pipes are kept for the next emperor, and left by a former one.</param>
    /// <param name="log">The emperor's log, for what goes wrong here.</param>
    public VassalOutput(IOutputSink sink, Heirlooms heirlooms, EmperorLog log)
    {
        _heirlooms = heirlooms;
        _log = log;
        _sink = new OwnLogSink(sink, log);
        _reader = new OutputReader(_histories, _queue, _table, heirlooms, log);
        _writer = new OutputWriter(_queue, _sink);
    }

    /// <summary>Makes what the settings ask for; null for --vassal-output inherit, and when it cannot be made.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="style">What the emperor's own lines look like.</param>
    /// <param name="own">The emperor's own output.</param>
    /// <param name="inheritance">
    /// What a former emperor has left. Vassals that print to pipes of his are listened to in any case, whatever the settings say: nobody would else.
    /// </param>
    /// <param name="log">The emperor's log.</param>
    /// <param name="failure">Why it cannot be made as it is asked for, and what to do; null when it need not or could be.</param>
    public static VassalOutput? Create(
        EmperorSettings settings,
        LineStyle style,
        BoundedSink own,
        Inheritance inheritance,
        EmperorLog log,
        out string? failure
    )
    {
        failure = null;
        var heirlooms = inheritance.Heirlooms;
        var captures = settings.VassalOutput != VassalOutputMode.Inherit;
        if (!captures && inheritance.Legacy.Vassals.All(v => v.Outputs.Count == 0))
            return null;
        if (captures && settings.VassalLogDirectory is { } directory)
        {
            var folder = Path.GetFullPath(directory, settings.WorkingDirectory);
            failure = FailureOf(folder);
            if (failure is null)
                return new VassalOutput(
                    new FolderSink(log, folder, (uint?)settings.LogFileMode, settings.VassalLogMaxSize),
                    heirlooms,
                    log
                );
            if (inheritance.IsNone)
                return null;
        }
        var isJournal = style == LineStyle.Journal && !settings.LogJson;
        IOutputSink? journal = isJournal ? JournalSink.Open(own) : null;
        return new VassalOutput(journal ?? new StreamSink(own, new OutputFormat(style, settings.LogJson)), heirlooms, log);
    }

    /// <summary>Hands over the pipe of a vassal that has been started. For the main thread.</summary>
    /// <returns>What is to be told of its end.</returns>
    /// <exception cref="LinuxException">No room is left in epoll.</exception>
    public OutputSource Watch(OutputPipe pipe, string vassal, int incarnation, int pid, OwnLog? own = null)
    {
        var read = pipe.TakeRead();
        return Begin(
            new OutputSource(++_lastId, vassal, incarnation, pid, read) { Log = own, Heirloom = _heirlooms.Keep("output", read.Number) }
        );
    }

    /// <summary>The process has been reaped. What it has printed is read to the end in any case. For the main thread.</summary>
    public void NoteEnd(OutputSource source)
    {
        source.HasEnded = true;
        _reader.NoteEnd(source);
    }

    /// <summary>Remembers the last lines that a former emperor has read. For the main thread, before all else.</summary>
    public void Restore(IReadOnlyList<TailLegacy> tails) => _histories.Restore(tails);

    /// <summary>
    /// Takes over the pipes of a vassal. One that has not come is one that was closed, or is lost: who still prints to it tells which. For the main thread.
    /// </summary>
    public void Inherit(string vassal, IReadOnlyList<OutputLegacy> outputs)
    {
        foreach (var legacy in outputs)
        {
            if (_heirlooms.Take(legacy.Pipe) is not { } fd)
                continue;
            try
            {
                _ = Inherit(legacy, vassal, fd);
            }
            catch (LinuxException e)
            {
                _log.Vassal(
                    LogEventLevel.Error,
                    "output-lost",
                    vassal,
                    $"what pid {legacy.Pid} prints cannot be read any more: {e.Message}"
                );
            }
        }
    }

    /// <summary>Takes over a pipe that was kept under the name in its legacy. For the main thread.</summary>
    /// <exception cref="LinuxException">No room is left in epoll.</exception>
    public OutputSource Inherit(OutputLegacy legacy, string vassal, SafeFd fd)
    {
        var source = new OutputSource(++_lastId, vassal, legacy.Incarnation, legacy.Pid, fd)
        {
            Heirloom = legacy.Pipe,
            Log = legacy.Log is { } rule ? new OwnLog(rule, legacy.IsGuarded) : null,
            WasLeft = legacy.IsLeft,
            HasEnded = legacy.IsLeft,
            PartialSince = legacy.Partial.Length > 0 ? Environment.TickCount64 : null,
        };
        source.Splitter.GoOn(legacy.Partial, legacy.Continues);
        _ = Begin(source);
        if (legacy.Lost > 0)
        {
            _queue.CountLost(source, legacy.Lost);
            _queue.Publish();
        }
        _reader.Look();
        return source;
    }

    /// <summary>The open pipe of a vassal that has a name among those that are kept; null when there is none. For the main thread.</summary>
    /// <param name="vassal">The vassal's name.</param>
    /// <param name="name">The pipe's (<see cref="OutputSource.Heirloom"/>); null for none.</param>
    public OutputSource? Find(string vassal, string? name) =>
        name is null ? null : _table.Of(vassal).FirstOrDefault(s => s.Heirloom == name);

    /// <summary>
    /// What is left of a vassal's pipes, also of those whose process has ended. What stands in this process's memory alone, which is the beginning of a
    /// line, is told when reading is paused. For the main thread.
    /// </summary>
    public IReadOnlyList<OutputLegacy> LegacyOf(string vassal)
    {
        var isParked = _reader.IsParked;
        return [.. _table.Of(vassal).Select(s => LegacyOfPipe(s, isParked))];
    }

    /// <summary>The last lines of all vassals. For the main thread, when it <see cref="IsQuiet"/>.</summary>
    public IReadOnlyList<TailLegacy> Tails() => _histories.Leave();

    /// <summary>
    /// Stops reading, and has written what was read. Nothing waits for that. For the main thread, whose other calls work as ever meanwhile.
    /// </summary>
    /// <param name="onQuiet">Called on another thread when it is quiet; it must only wake somebody, and may do so more than once.</param>
    public void Pause(Action onQuiet) => _reader.Pause(() => _queue.Settle(onQuiet));

    /// <summary>Whether nothing is read, and all that was read is written. It stays so until <see cref="Resume"/>.</summary>
    public bool IsQuiet => _reader.IsParked && _queue.IsAtRest;

    /// <summary>Reads: at first, when all is restored; and again, when no other emperor takes over. For the main thread.</summary>
    public void Resume()
    {
        _reader.Resume();
        _queue.GoOn();
    }

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

    private OutputSource Begin(OutputSource source)
    {
        // Before the reader can have removed it.
        _table.Add(source);
        try
        {
            _reader.Add(source);
            return source;
        }
        catch (LinuxException)
        {
            _table.Remove(source);
            _heirlooms.Drop(source.Heirloom);
            source.Read.Dispose();
            _reader.NoteEnd(source);
            throw;
        }
    }

    private OutputLegacy LegacyOfPipe(OutputSource source, bool isParked) =>
        new(source.Heirloom!, source.Incarnation, source.Pid)
        {
            Inode = source.Inode,
            Log = source.Log?.Rule,
            IsGuarded = source.Log?.IsGuarded == true,
            IsLeft = source.HasEnded,
            Partial = isParked ? source.Splitter.Partial.ToArray() : [],
            Continues = isParked && source.Splitter.Continues,
            Lost = isParked ? _queue.LostOf(source) : 0,
        };

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
