using System.Globalization;
using System.Text;

namespace Emperor.Core.Programs;

/// <summary>
/// Reads what programs send to NOTIFY_SOCKET (sd_notify(3)): assignments, one a line. What is not known, or makes no sense, is passed over, as the
/// service manager does; of one that is there twice the first counts.
/// </summary>
public static class NotificationText
{
    /// <summary>The longest message, bytes; a longer one is not heard at all.</summary>
    public const int LongestMessage = 4096;

    /// <summary>The longest STATUS, characters; what is beyond is cut off.</summary>
    public const int LongestStatus = 512;

    private const long MicrosecondsInMillisecond = 1000;

    /// <summary>Reads a message.</summary>
    /// <returns>Null when it says nothing that is known here.</returns>
    public static Notification? Parse(ReadOnlySpan<byte> message)
    {
        // A C string's end may come along; a NUL elsewhere is no message.
        message = message.TrimEnd((byte)0);
        if (message.Length > LongestMessage || message.Contains((byte)0))
            return null;
        var result = new Notification();
        foreach (var line in Encoding.UTF8.GetString(message).Split('\n'))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                result = Assign(result, line[..equals], line[(equals + 1)..]);
        }
        return result == new Notification() ? null : result;
    }

    private static Notification Assign(Notification said, string name, string value) =>
        name switch
        {
            "READY" when value == "1" => said with { Ready = true },
            "RELOADING" when value == "1" => said with { Reloading = true },
            "STOPPING" when value == "1" => said with { Stopping = true },
            "WATCHDOG" when value == "1" => said with { Watchdog = true },
            "WATCHDOG" when value == "trigger" => said with { WatchdogTrigger = true },
            "WATCHDOG_USEC" => said with { WatchdogInterval = said.WatchdogInterval ?? Milliseconds(value) },
            "EXTEND_TIMEOUT_USEC" => said with { ExtendTimeout = said.ExtendTimeout ?? Milliseconds(value) },
            "STATUS" => said with { Status = said.Status ?? Line(value) },
            "MAINPID" => said with { MainPid = said.MainPid ?? Pid(value) },
            _ => said,
        };

    // A part of a millisecond is a whole one: nobody gets less time than he asked for.
    private static long? Milliseconds(string value) =>
        ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var microseconds)
        && microseconds is > 0 and <= long.MaxValue
            ? (((long)microseconds - 1) / MicrosecondsInMillisecond) + 1
            : null;

    private static int? Pid(string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 0 ? pid : null;

    private static string Line(string value)
    {
        var cut =
            value.Length > LongestStatus
                ? (char.IsHighSurrogate(value[LongestStatus - 1]) ? LongestStatus - 1 : LongestStatus)
                : value.Length;
        return PlainText.OneLine(value[..cut]).Trim();
    }
}
