using System.Globalization;
using System.Text.Json;
using Emperor.Core;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor events and emperor logs: what was last and, with -f, what comes.</summary>
internal static class FollowCommands
{
    /// <summary>Prints events.</summary>
    public static int Events(string? socket, ControlRequest request, bool isJson)
    {
        var style = Screen.Style(isCut: false);
        return Run(socket, request, isJson, reply => reply.Event is { } e ? Line(e, style) : null);
    }

    /// <summary>Prints what vassals print.</summary>
    public static int Logs(string? socket, ControlRequest request, bool isJson)
    {
        var isOne = request.Names is { Count: 1 } names && !names[0].AsSpan().ContainsAny('*', '?');
        return Run(
            socket,
            request,
            isJson,
            reply =>
                reply.Line is not { } line ? null
                : isOne ? line.Text
                : $"[{PlainText.OneLine(line.Vassal)}] {line.Text}"
        );
    }

    private static int Run(string? socket, ControlRequest request, bool isJson, Func<ControlReply, string?> shown)
    {
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        var thread = new FollowThread(request, Clock.Now.Unix);
        long? until = null;
        while (true)
        {
            try
            {
                using var client = until is { } last ? ControlClient.ConnectAgain(socket, last) : ControlClient.Connect(socket);
                foreach (var reply in client.AskAll(thread.Request))
                {
                    if (reply is { Error.Code: ControlProtocol.Upgrading } && request.Follow)
                    {
                        thread.Break(reply);
                        break;
                    }
                    if (reply.Error is { } error)
                        return Screen.Fail(error.Message);
                    if (thread.IsNew(reply))
                        Print(output, reply, isJson, shown);
                    if (!reply.More)
                        return ExitCode.Well;
                    until = null;
                }
                until = Environment.TickCount64 + ControlClient.UpgradeTime;
            }
            // One that is about to become another program may take a connection and leave it.
            catch (NoEmperorException) when (Environment.TickCount64 < until) { }
        }
    }

    private static void Print(StreamWriter output, ControlReply reply, bool isJson, Func<ControlReply, string?> shown)
    {
        if (reply.Missed is { } missed)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"emperor: {missed} more are not known any more"));
        if (isJson && reply.More)
            output.WriteLine(JsonSerializer.Serialize(reply, ControlProtocol.Json.ControlReply));
        else if (shown(reply) is { } line)
            output.WriteLine(line);
    }

    private static string Line(EventView e, TextStyle style)
    {
        var tone = e.Level switch
        {
            "error" => Tone.Bad,
            "warning" => Tone.Busy,
            _ => Tone.Plain,
        };
        var who = e.Vassal is { } vassal ? $"{PlainText.OneLine(vassal)}: " : "";
        return $"{Screen.Clock(e.TimeMs)}  {who}{style.Toned(PlainText.OneLine(e.Text), tone)}";
    }
}
