using System.Globalization;
using System.Text;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>The empire in one line, as systemctl status shows it: uWSGI's words, and behind them what is not well.</summary>
public static class StatusLine
{
    /// <summary>No line is longer, in characters. What there is no room for is counted.</summary>
    public const int LongestLine = 400;

    private const int LongestName = 80;
    private const int LongestReason = 40;
    private const int RoomForCount = 20;
    private const int RoomForReload = LongestName + LongestReason + (2 * RoomForCount);

    /// <summary>The line of an emperor that governs.</summary>
    /// <param name="vassals">All vassals.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="patience">How long a vassal may take to accept requests, milliseconds (--emperor-ready-timeout).</param>
    public static string Of(IReadOnlyCollection<VassalState> vassals, long now, long patience)
    {
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"The Emperor is governing {vassals.Count} vassals");
        var waiting = vassals.Count(v => v.Phase == Phase.Waiting);
        if (waiting > 0)
            line.Append(CultureInfo.InvariantCulture, $", {waiting} on demand");
        var ill = NotRunning(vassals, now, patience);
        // They run, but not as their files say.
        VassalState[] failed =
        [
            .. vassals.Where(v => v.FailedReload is not null && !IsIll(v, now, patience)).OrderBy(v => v.Name, StringComparer.Ordinal),
        ];
        if (ill.Length > 0)
        {
            line.Append(CultureInfo.InvariantCulture, $"; {ill.Length} not running: ");
            var limit = failed.Length > 0 ? LongestLine - RoomForReload : LongestLine;
            AppendList(line, ill, vassal => $"{Name(vassal.Name)} ({Why(vassal, now)})", limit);
        }
        if (failed.Length > 0)
        {
            line.Append(CultureInfo.InvariantCulture, $"; {failed.Length} {(failed.Length == 1 ? "reload" : "reloads")} failed: ");
            AppendList(line, failed, vassal => $"{Name(vassal.Name)} ({Short(Concise(vassal.FailedReload!))})", LongestLine);
        }
        return line.ToString();
    }

    /// <summary>The line of an emperor that is not ready yet.</summary>
    /// <param name="vassals">All vassals.</param>
    /// <param name="waitingFor">Those whose answer is waited for.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="patience">How long a vassal may take to accept requests, milliseconds (--emperor-ready-timeout).</param>
    public static string Starting(IReadOnlyCollection<VassalState> vassals, IReadOnlyCollection<string> waitingFor, long now, long patience)
    {
        if (waitingFor.Count == 0)
            return "Starting";
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"Starting {vassals.Count} vassals; {waitingFor.Count} to come: ");
        AppendList(line, [.. waitingFor.Order(StringComparer.Ordinal)], Name, LongestLine / 2);
        var ill = NotRunning(vassals.Where(v => !waitingFor.Contains(v.Name)), now, patience);
        if (ill.Length > 0)
        {
            line.Append(CultureInfo.InvariantCulture, $"; {ill.Length} not running: ");
            AppendList(line, ill, vassal => $"{Name(vassal.Name)} ({Why(vassal, now)})", LongestLine);
        }
        return line.ToString();
    }

    /// <summary>These vassals, each with what is wrong with it.</summary>
    /// <param name="vassals">Which ones.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public static string List(IReadOnlyList<VassalState> vassals, long now)
    {
        var line = new StringBuilder();
        AppendList(line, vassals, vassal => $"{Name(vassal.Name)} ({Why(vassal, now)})", LongestLine - 100);
        return line.ToString();
    }

    /// <summary>A text of somebody else, on one line that is not too long.</summary>
    public static string Bounded(string text) => Cut(PlainText.OneLine(text), LongestLine);

    /// <summary>When time alone makes the vassal one that is not well, monotonic milliseconds; null when it does not.</summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="patience">How long a vassal may take to accept requests, milliseconds.</param>
    public static long? LateAt(VassalState vassal, long patience)
    {
        ArgumentNullException.ThrowIfNull(vassal);
        if (vassal.Phase is not (Phase.Held or Phase.Starting or Phase.Reloading))
            return null;
        // A program's copies are reloaded one after the other, and each has its time.
        var since = vassal.PhaseSince;
        foreach (var member in vassal.Members)
            since = member.Role == Programs.MemberRole.Next ? Math.Max(since, member.SpawnedAt) : since;
        return since + patience;
    }

    // What happened, without who and when.
    private static string Concise(string reason)
    {
        const string it = "it was ";
        const string ended = "the new process ended before it was ready: ";
        return reason.StartsWith(it, StringComparison.Ordinal) ? reason[it.Length..]
            : reason.StartsWith(ended, StringComparison.Ordinal) ? reason[ended.Length..]
            : reason;
    }

    private static VassalState[] NotRunning(IEnumerable<VassalState> vassals, long now, long patience) =>
        [.. vassals.Where(v => IsIll(v, now, patience)).OrderBy(v => v.Name, StringComparer.Ordinal)];

    // To have a process is not to be well: one may never answer, or have turned away from the emperor.
    private static bool IsIll(VassalState vassal, long now, long patience) =>
        vassal.Phase switch
        {
            Phase.Held or Phase.Starting or Phase.Reloading => LateAt(vassal, patience) <= now,
            Phase.Waiting or Phase.Running or Phase.Stopping => false,
            _ => true,
        };

    private static void AppendList<T>(StringBuilder line, IReadOnlyList<T> items, Func<T, string> words, int limit)
    {
        for (var i = 0; i < items.Count; i++)
        {
            var part = (i > 0 ? ", " : "") + words(items[i]);
            // The first one always has room: it is what somebody would look at first.
            if (i > 0 && line.Length + part.Length > limit - RoomForCount)
            {
                line.Append(CultureInfo.InvariantCulture, $", and {items.Count - i} more");
                return;
            }
            line.Append(part);
        }
    }

    private static string Why(VassalState vassal, long now) =>
        vassal.Phase switch
        {
            Phase.Backoff when vassal.NextDeadline is { } due => string.Create(
                CultureInfo.InvariantCulture,
                $"{Short(vassal.LastEnd)}, retry in {Math.Max(0, (due - now + 999) / 1000)}s"
            ),
            Phase.Refused => "config error",
            Phase.Resting => vassal.StoppedByHand ? "stopped by hand" : "stopped by itself",
            Phase.Held => Short($"waits for {string.Join(", ", vassal.Plan?.After ?? [])}"),
            Phase.Starting => "not ready in time",
            Phase.Reloading => "reload not answered in time",
            _ => vassal.Word,
        };

    // A failed start tells all that was tried; here its beginning must do.
    private static string Short(string? words) => Cut(PlainText.OneLine(words ?? "failed"), LongestReason);

    private static string Name(string name) => Cut(PlainText.OneLine(name), LongestName);

    private static string Cut(string text, int length)
    {
        if (text.Length <= length)
            return text;
        // Not between the halves of a character: what cannot be sent as UTF-8 is refused as a whole.
        var end = char.IsHighSurrogate(text[length - 2]) ? length - 2 : length - 1;
        return string.Concat(text.AsSpan(0, end), "…");
    }
}
