using System.Text;
using Emperor.Core.Protocol;

namespace Emperor.Core.Control;

/// <summary>What a datagram to the command socket wants (--emperor-command-socket; emperor_manage_command in newer uWSGI's core/emperor.c).</summary>
public enum CommandKind
{
    /// <summary>Start a vassal that is suspended, or stopped.</summary>
    Spawn,

    /// <summary>Reload a vassal.</summary>
    Respawn,

    /// <summary>Stop a vassal.</summary>
    Stop,

    /// <summary>Write a line to the log.</summary>
    Log,
}

/// <summary>One datagram, read.</summary>
/// <param name="Kind">What it wants.</param>
/// <param name="Text">The vassal's name, or the line.</param>
public sealed record EmperorCommand(CommandKind Kind, string Text)
{
    /// <summary>The longest datagram.</summary>
    public const int MostBytes = 4096;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// Reads a datagram: a uwsgi packet with the keys cmd (or command) and vassal or msg. Its modifiers mean nothing, as in uWSGI; keys that mean
    /// nothing are passed over, and of several of one name the last counts. Never throws because of what it reads.
    /// </summary>
    /// <param name="datagram">The whole of it.</param>
    /// <returns>Null for everything that is not such a packet: of wrong lengths, without a command that exists and what that needs, not UTF-8.</returns>
    public static EmperorCommand? Read(ReadOnlySpan<byte> datagram)
    {
        var pairs = new List<(Range Key, Range Value)>();
        if (datagram.Length > MostBytes || !UwsgiPacket.TryReadPairs(datagram, pairs))
            return null;
        string? command = null;
        string? vassal = null;
        string? message = null;
        foreach (var (key, value) in pairs)
        {
            if (TextOf(datagram[key]) is not { } name || TextOf(datagram[value]) is not { } text)
                return null;
            switch (name)
            {
                case "cmd" or "command":
                    command = text;
                    break;
                case "vassal":
                    vassal = text;
                    break;
                case "msg":
                    message = text;
                    break;
            }
        }
        return (command, vassal, message) switch
        {
            ("spawn", { Length: > 0 }, _) => new EmperorCommand(CommandKind.Spawn, vassal),
            ("respawn", { Length: > 0 }, _) => new EmperorCommand(CommandKind.Respawn, vassal),
            ("stop", { Length: > 0 }, _) => new EmperorCommand(CommandKind.Stop, vassal),
            ("log", _, { Length: > 0 }) => new EmperorCommand(CommandKind.Log, message),
            _ => null,
        };
    }

    private static string? TextOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}

/// <summary>What has come to the command socket.</summary>
/// <param name="Obeyed">Commands that were carried out.</param>
/// <param name="Refused">Commands about a vassal that there is not, or that could not be carried out.</param>
/// <param name="Malformed">Datagrams that were no command.</param>
/// <param name="Forbidden">Datagrams of users who may not give commands.</param>
public readonly record struct CommandCounts(long Obeyed, long Refused, long Malformed, long Forbidden);
