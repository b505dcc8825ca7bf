using Emperor.Core.Configuration;
using Serilog;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Json;

namespace Emperor.Logging;

/// <summary>Makes the log that the settings ask for. It always ends on standard error, which --logto makes a file.</summary>
internal static class LogSetup
{
    /// <summary>Makes it; dispose the sink last.</summary>
    public static (EmperorLog Log, BoundedSink Sink) Create(EmperorSettings settings, LogFile? file)
    {
        var style = StyleOf(settings, file);
        ITextFormatter formatter = settings.LogJson
            ? new JsonFormatter(closingDelimiter: "\n", renderMessage: true)
            : new LineFormatter(style, settings.LogDate);
        var journal = style == LineStyle.Journal && !settings.LogJson ? JournalWriter.Open() : null;
        var sink = new BoundedSink(formatter, file, journal, EmperorLog.LossReport);
        var logger = new LoggerConfiguration().MinimumLevel.Is(LevelOf(settings.LogLevel)).WriteTo.Sink(sink).CreateLogger();
        return (new EmperorLog(logger), sink);
    }

    /// <summary>What lines look like.</summary>
    public static LineStyle StyleOf(EmperorSettings settings, LogFile? file) =>
        file is not null || settings.LogToLater is not null ? LineStyle.Plain : Style();

    private static LineStyle Style()
    {
        if (EmperorLog.IsJournal(Environment.GetEnvironmentVariable("JOURNAL_STREAM")))
            return LineStyle.Journal;
        return Linux.Self.IsTerminal(2) ? LineStyle.Terminal : LineStyle.Plain;
    }

    private static LogEventLevel LevelOf(EmperorLogLevel level) =>
        level switch
        {
            EmperorLogLevel.Trace => LogEventLevel.Verbose,
            EmperorLogLevel.Debug => LogEventLevel.Debug,
            EmperorLogLevel.Info => LogEventLevel.Information,
            EmperorLogLevel.Warning => LogEventLevel.Warning,
            _ => LogEventLevel.Error,
        };
}
