using System.Text.Json;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor status.</summary>
internal static class StatusCommand
{
    /// <summary>Shows how vassals are.</summary>
    public static int Run(string? socket, IReadOnlyList<string> names, bool isJson, bool isWide)
    {
        using var client = ControlClient.Connect(socket);
        var reply = client.Ask(new ControlRequest { Verb = "status", Names = names });
        if (reply.Error is { } error)
            return Screen.Fail(error.Message);
        var vassals = reply.Vassals!;
        if (isJson)
            Screen.Print([JsonSerializer.Serialize(reply with { Id = null }, ControlProtocol.Json.ControlReply)]);
        else
            Screen.Print(StatusTable.Render(reply.Empire!, vassals, isWide, Screen.Style(isCut: !isWide)));
        return vassals.All(v => v.Well) ? ExitCode.Well : ExitCode.Ill;
    }

    /// <summary>Prints the names that begin so, a line each, for shells; silent when nobody can be asked.</summary>
    public static int Complete(string? socket, string prefix)
    {
        try
        {
            using var client = ControlClient.Connect(socket);
            var names = client.Ask(new ControlRequest { Verb = "names" }).Names ?? [];
            // A name that does not fit on a line cannot be typed either.
            Screen.Print(names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && !n.Any(char.IsControl)));
        }
        catch (NoEmperorException)
        {
            return ExitCode.NoEmperor;
        }
        return ExitCode.Well;
    }
}
