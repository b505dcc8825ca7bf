using Emperor.Control;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Serilog.Events;
using Serilog.Parsing;

namespace Emperor.Logging;

/// <summary>
/// All that the daemon says, one line an event. Every event has the property Event, one word for machines; those about a vassal have
/// Vassal and Incarnation too, and those about the end of its process Exit.
/// </summary>
internal sealed class EmperorLog(Serilog.ILogger logger)
{
    private static readonly MessageTemplateParser Parser = new();
    private static readonly MessageTemplate LossTemplate = Parser.Parse(
        "{Lost} log lines were lost: they came faster than they could be written"
    );

    private static readonly MessageTemplate RotationTemplate = Parser.Parse(
        "the log was rotated and cannot be opened anew, so lines go to the old file: {Error}; let the emperor's user write in its folder"
    );

    /// <summary>Where those who follow events hear of what is said here; null when nobody can.</summary>
    public EventFeed? Events { get; set; }

    /// <summary>What a vassal's machine has to tell.</summary>
    public void Note(Effect.Note note)
    {
        if (note.Level != NoteLevel.Debug)
            Events?.Post(note.Level, note.Event, note.Vassal, note.Incarnation, note.Text);
        var context = logger.ForContext("Event", note.Event).ForContext("Incarnation", note.Incarnation);
        if (note.End is { } end)
            context = context.ForContext("Exit", end);
        context.Write(LevelOf(note.Level), "{Vassal}: {Text}", note.Vassal, note.Text);
    }

    /// <summary>A line about a vassal that comes from outside its machine.</summary>
    public void Vassal(LogEventLevel level, string @event, string vassal, string text)
    {
        Post(level, @event, vassal, text);
        logger.ForContext("Event", @event).Write(level, "{Vassal}: {Text}", vassal, text);
    }

    /// <summary>A line about the emperor itself.</summary>
    public void Say(LogEventLevel level, string @event, string text)
    {
        Post(level, @event, null, text);
        logger.ForContext("Event", @event).Write(level, "{Text}", text);
    }

    /// <summary>The ordinary life of the emperor.</summary>
    public void Information(string @event, string text) => Say(LogEventLevel.Information, @event, text);

    /// <summary>Something that somebody should look at.</summary>
    public void Warning(string @event, string text) => Say(LogEventLevel.Warning, @event, text);

    /// <summary>Something that does not work.</summary>
    public void Error(string @event, string text) => Say(LogEventLevel.Error, @event, text);

    /// <summary>Whether standard error is the journal (sd_journal_stream_fd(3): JOURNAL_STREAM is its device and inode).</summary>
    public static bool IsJournal(string? journalStream)
    {
        if (journalStream is null || FileStatus.Get(2, out var status).Number != 0)
            return false;
        // The kernel's device numbers are told in one number there: (major << 8) | minor as far as these sockets go.
        return journalStream.EndsWith($":{status.Inode}", StringComparison.Ordinal);
    }

    /// <summary>The event that tells of dropped ones.</summary>
    public static LogEvent LossReport(long lost) =>
        new(
            DateTimeOffset.Now,
            LogEventLevel.Warning,
            null,
            LossTemplate,
            [new LogEventProperty("Lost", new ScalarValue(lost)), new LogEventProperty("Event", new ScalarValue("log-lost"))]
        );

    /// <summary>The event that tells of a log file that was rotated and cannot be opened anew.</summary>
    public static LogEvent RotationReport(Errno error) =>
        new(
            DateTimeOffset.Now,
            LogEventLevel.Error,
            null,
            RotationTemplate,
            [
                new LogEventProperty("Error", new ScalarValue(error.ToString())),
                new LogEventProperty("Event", new ScalarValue("log-rotation")),
            ]
        );

    private void Post(LogEventLevel level, string @event, string? vassal, string text)
    {
        // The answer to SIGUSR1 tells how all stands, and not what happens.
        if (level < LogEventLevel.Information || @event == "state")
            return;
        var noteLevel = level switch
        {
            LogEventLevel.Information => NoteLevel.Information,
            LogEventLevel.Warning => NoteLevel.Warning,
            _ => NoteLevel.Error,
        };
        Events?.Post(noteLevel, @event, vassal, 0, text);
    }

    private static LogEventLevel LevelOf(NoteLevel level) =>
        level switch
        {
            NoteLevel.Debug => LogEventLevel.Debug,
            NoteLevel.Information => LogEventLevel.Information,
            NoteLevel.Warning => LogEventLevel.Warning,
            _ => LogEventLevel.Error,
        };
}
