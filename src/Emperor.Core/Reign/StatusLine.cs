using System.Globalization;
using System.Text;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>The empire in one line, as systemctl status shows it: uWSGI's words, and behind them what is not well.</summary>
public static class StatusLine
{
    // systemd cuts longer lines.
    private const int LongestLine = 400;

    /// <summary>The line.</summary>
    /// <param name="vassals">All vassals.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public static string Of(IReadOnlyCollection<VassalState> vassals, long now)
    {
        var line = new StringBuilder();
        var running = vassals.Count(v => v.HasProcess);
        line.Append(CultureInfo.InvariantCulture, $"The Emperor is governing {running} vassals");
        var waiting = vassals.Count(v => v.Phase == Phase.Waiting);
        if (waiting > 0)
            line.Append(CultureInfo.InvariantCulture, $", {waiting} on demand");
        var ill = vassals.Where(v => !v.HasProcess && v.Phase != Phase.Waiting).OrderBy(v => v.Name, StringComparer.Ordinal).ToArray();
        if (ill.Length == 0)
            return line.ToString();
        line.Append(CultureInfo.InvariantCulture, $"; {ill.Length} not running: ");
        for (var i = 0; i < ill.Length; i++)
        {
            var part = (i > 0 ? ", " : "") + $"{PlainText.OneLine(ill[i].Name)} ({Why(ill[i], now)})";
            if (line.Length + part.Length > LongestLine)
            {
                line.Append(CultureInfo.InvariantCulture, $", and {ill.Length - i} more");
                break;
            }
            line.Append(part);
        }
        return line.ToString();
    }

    private static string Why(VassalState vassal, long now) =>
        vassal.Phase switch
        {
            Phase.Backoff when vassal.Deadline is { } due => string.Create(
                CultureInfo.InvariantCulture,
                $"{Short(vassal.LastEnd)}, retry in {Math.Max(0, (due - now + 999) / 1000)}s"
            ),
            Phase.Refused => "config error",
            Phase.Resting => "stopped by itself",
            _ => vassal.Word,
        };

    // A failed start tells all that was tried; here its beginning must do.
    private static string Short(string? words)
    {
        var text = PlainText.OneLine(words ?? "failed");
        return text.Length <= 40 ? text : string.Concat(text.AsSpan(0, 39), "…");
    }
}
