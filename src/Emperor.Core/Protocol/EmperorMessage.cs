namespace Emperor.Core.Protocol;

/// <summary>What the emperor tells a vassal: one byte (uWSGI, documentation "EmperorProtocol", and core/emperor.c).</summary>
public static class EmperorMessage
{
    /// <summary>Stop now.</summary>
    public const byte Stop = 0;

    /// <summary>Read your configuration again.</summary>
    public const byte Reload = 1;

    /// <summary>Finish the requests in hand, then stop.</summary>
    public const byte StopGracefully = 2;
}

/// <summary>What a vassal tells the emperor: one byte (same source).</summary>
public static class VassalMessage
{
    /// <summary>I have been spawned.</summary>
    public const byte Spawned = 1;

    /// <summary>Send me my configuration.</summary>
    public const byte SendConfiguration = 2;

    /// <summary>I accept requests.</summary>
    public const byte Accepting = 5;

    /// <summary>I have served a request.</summary>
    public const byte Loyal = 17;

    /// <summary>I stop of my own will.</summary>
    public const byte Stopping = 22;

    /// <summary>I am alive. Once sent, it is expected for ever.</summary>
    public const byte Heartbeat = 26;

    /// <summary>I ask for reinforcement.</summary>
    public const byte Reinforce = 30;

    /// <summary>Whether a byte has a meaning in the protocol.</summary>
    public static bool IsKnown(byte message) =>
        message is Spawned or SendConfiguration or Accepting or Loyal or Stopping or Heartbeat or Reinforce;
}

/// <summary>Makes messages of the bytes of a stream that nobody has to trust.</summary>
public static class ProtocolDecoder
{
    /// <summary>
    /// Tells each message of a chunk in order, a run of the same one once: no message means more when it is repeated at once, and so a
    /// vassal that floods its emperor costs it next to nothing.
    /// </summary>
    public static void Decode(ReadOnlySpan<byte> chunk, List<byte> messages)
    {
        messages.Clear();
        foreach (var message in chunk)
        {
            if (messages.Count == 0 || messages[^1] != message)
                messages.Add(message);
        }
    }
}
