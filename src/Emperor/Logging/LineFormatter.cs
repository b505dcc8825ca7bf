using System.Globalization;
using Emperor.Core;
using Emperor.Linux;
using Serilog.Events;
using Serilog.Formatting;

namespace Emperor.Logging;

/// <summary>Where lines go, which decides what they look like.</summary>
internal enum LineStyle
{
    /// <summary>A file or a pipe: time, level, text.</summary>
    Plain,

    /// <summary>A terminal: the same in colours.</summary>
    Terminal,

    /// <summary>The journal: a priority in front (sd-daemon(3)), and no time, which it adds itself.</summary>
    Journal,
}

/// <summary>
/// One event, one line: whatever a vassal's name or an error's words hold, no control character reaches the log.
/// </summary>
/// <param name="style">Where lines go.</param>
/// <param name="timeFormat">A format of strftime(3) for the time; null or empty for the default, which has milliseconds.</param>
internal sealed class LineFormatter(LineStyle style, string? timeFormat) : ITextFormatter
{
    /// <inheritdoc/>
    public void Format(LogEvent logEvent, TextWriter output)
    {
        var (word, colour) = logEvent.Level switch
        {
            LogEventLevel.Fatal => ("FTL", "\e[97;41m"),
            LogEventLevel.Error => ("ERR", "\e[91m"),
            LogEventLevel.Warning => ("WRN", "\e[93m"),
            LogEventLevel.Information => ("INF", "\e[96m"),
            LogEventLevel.Debug => ("DBG", "\e[90m"),
            _ => ("VRB", "\e[90m"),
        };
        var text = PlainText.OneLine(Render(logEvent));
        var time = string.IsNullOrEmpty(timeFormat)
            ? logEvent.Timestamp.ToString("yyyy-MM-dd HH:mm:ss.fff zzz", CultureInfo.InvariantCulture)
            : PlainText.OneLine(LocalTime.Format(timeFormat, logEvent.Timestamp));
        output.Write(
            style switch
            {
                LineStyle.Journal => $"<{PriorityOf(logEvent.Level)}>{text}\n",
                LineStyle.Terminal => $"\e[90m{time}\e[0m {colour}{word}\e[0m {text}\n",
                _ => $"{time} {word} {text}\n",
            }
        );
    }

    /// <summary>The priority of syslog(3) that a level has.</summary>
    public static int PriorityOf(LogEventLevel level) =>
        level switch
        {
            LogEventLevel.Fatal => 2,
            LogEventLevel.Error => 3,
            LogEventLevel.Warning => 4,
            LogEventLevel.Information => 6,
            _ => 7,
        };

    /// <summary>What an event says, without time and level.</summary>
    public static string Render(LogEvent logEvent)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture);
        foreach (var token in logEvent.MessageTemplate.Tokens)
        {
            // Strings without the quotes that Serilog puts around them: these lines are read by people.
            if (
                token is Serilog.Parsing.PropertyToken { PropertyName: var name }
                && logEvent.Properties.TryGetValue(name, out var property)
                && property is ScalarValue { Value: string value }
            )
                text.Write(value);
            else
                token.Render(logEvent.Properties, text, CultureInfo.InvariantCulture);
        }
        if (logEvent.Exception is { } exception)
            text.Write($": {exception.GetType().Name}: {exception.Message}");
        return text.ToString();
    }
}
