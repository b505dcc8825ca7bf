using System.Text.Json;
using Emperor.Core;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor start, stop, restart, reload and retry.</summary>
internal static class OrderCommand
{
    /// <summary>Gives the order and tells what comes of it.</summary>
    /// <param name="socket">--socket.</param>
    /// <param name="request">The order.</param>
    /// <param name="isJson">Prints each line of the answer as it is.</param>
    public static int Run(string? socket, ControlRequest request, bool isJson)
    {
        using var client = ControlClient.Connect(socket);
        var style = Screen.Style();
        foreach (var reply in client.AskAll(request))
        {
            if (isJson)
                Screen.Print([JsonSerializer.Serialize(reply, ControlProtocol.Json.ControlReply)]);
            if (reply.Error is { } error)
                return isJson ? ExitCode.Failed : Screen.Fail(error.Message);
            if (reply.Outcome is { } outcome && !isJson)
                Tell(outcome, style);
            if (!reply.More)
                return reply.Ok ? ExitCode.Well : ExitCode.Failed;
        }
        return ExitCode.Failed;
    }

    private static void Tell(OutcomeView outcome, TextStyle style)
    {
        var text = style.Toned(PlainText.OneLine(outcome.Text), outcome.Well ? Tone.Good : Tone.Bad);
        var line = $"{PlainText.OneLine(outcome.Vassal)}: {text}";
        if (outcome.Well)
        {
            Screen.Print([line]);
            return;
        }
        Console.Error.WriteLine(line);
        if (outcome.Output is not { Count: > 0 } output)
            return;
        Console.Error.WriteLine("  it printed last:");
        foreach (var printed in output)
            Console.Error.WriteLine($"    {PlainText.OneLine(printed)}");
    }
}
