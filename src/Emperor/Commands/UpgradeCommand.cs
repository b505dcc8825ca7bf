using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Emperor.Core.Control;

namespace Emperor.Commands;

/// <summary>emperor upgrade.</summary>
internal static class UpgradeCommand
{
    /// <summary>Asks for it, and tells what has come of it.</summary>
    /// <param name="socket">--socket.</param>
    /// <param name="seconds">How long the last word is waited for.</param>
    /// <param name="isJson">Prints each line of the answer as it is.</param>
    public static int Run(string? socket, int seconds, bool isJson)
    {
        using var client = ControlClient.Connect(socket);
        var clock = Stopwatch.StartNew();
        var phase = "";
        client.Send(new ControlRequest { Verb = ControlProtocol.Upgrade });
        while (client.TryRead((int)Math.Max(0, (seconds * 1000L) - clock.ElapsedMilliseconds), out var reply))
        {
            if (isJson)
                Screen.Print([JsonSerializer.Serialize(reply, ControlProtocol.Json.ControlReply)]);
            if (reply.Error is { } error)
                return isJson ? ExitCode.Failed : Screen.Fail(error.Message);
            if (reply.Upgrade is { } report && !isJson)
                Screen.Print([report.Sentence()]);
            if (!reply.More)
                return ExitCode.Well;
            phase = reply.Phase is { } reached ? $" since it said \"{Core.PlainText.OneLine(reached)}\"" : phase;
        }
        return Screen.Fail(
            string.Create(
                CultureInfo.InvariantCulture,
                $"no word of the upgrade in {seconds} s{phase}; it is not called off: see emperor status, and the emperor's log"
            )
        );
    }
}
