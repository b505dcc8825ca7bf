using System.Text.Json;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor explain.</summary>
internal static class ExplainCommand
{
    /// <summary>Shows all about some vassals.</summary>
    public static int Run(string? socket, IReadOnlyList<string> names, bool isJson)
    {
        using var client = ControlClient.Connect(socket);
        var isFirst = true;
        foreach (var reply in client.AskAll(new ControlRequest { Verb = "explain", Names = names }))
        {
            if (reply.Error is { } error)
                return Screen.Fail(error.Message);
            if (isJson)
            {
                Screen.Print([JsonSerializer.Serialize(reply, ControlProtocol.Json.ControlReply)]);
                continue;
            }
            var view = reply.Explain!;
            var lines = ExplainText.Render(view, ConfigCommand.Digest(view), Screen.Clock, Screen.Style());
            Screen.Print(isFirst ? lines : lines.Prepend(""));
            isFirst = false;
        }
        return ExitCode.Well;
    }
}
