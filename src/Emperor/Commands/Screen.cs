using Emperor.Core.Control;
using Emperor.Linux;

namespace Emperor.Commands;

/// <summary>Where the command prints.</summary>
internal static class Screen
{
    private const int StandardOutput = 1;

    /// <summary>How it prints there: coloured and cut on a terminal; plain elsewhere, and where NO_COLOR (no-color.org) is set.</summary>
    public static TextStyle Style(bool isCut = true)
    {
        if (!Self.IsTerminal(StandardOutput))
            return TextStyle.Plain;
        var isColoured =
            string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb";
        return new TextStyle(isCut ? Console.WindowWidth : 0, isColoured);
    }

    /// <summary>Prints lines.</summary>
    public static void Print(IEnumerable<string> lines)
    {
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = false };
        foreach (var line in lines)
            output.WriteLine(line);
    }

    /// <summary>Tells of a failure.</summary>
    /// <returns>The exit code.</returns>
    public static int Fail(string message, int code = ExitCode.Failed)
    {
        Console.Error.WriteLine($"emperor: {Core.PlainText.OneLine(message)}");
        return code;
    }

    /// <summary>A moment in local time.</summary>
    public static string Clock(long unixMilliseconds)
    {
        var time = DateTimeOffset.FromUnixTimeMilliseconds(unixMilliseconds).ToLocalTime();
        return time.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);
    }
}
