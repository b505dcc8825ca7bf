using System.Buffers.Binary;

namespace Emperor.Core.Protocol;

/// <summary>
/// Packets of the uwsgi protocol (uWSGI's documentation, "The uwsgi protocol"): modifier1, the size of what follows as 16 bits, the lower first,
/// modifier2; then, in most, pairs of key and value, each behind its length as 16 bits.
/// </summary>
public static class UwsgiPacket
{
    /// <summary>How long the header is.</summary>
    public const int HeaderSize = 4;

    /// <summary>The most that one packet holds.</summary>
    public const int MostContent = ushort.MaxValue;

    // What a vassal's configuration is sent with (core/emperor.c, emperor_push_config).
    private const byte ConfigurationModifier = 115;

    /// <summary>A packet with a vassal's configuration, at most <see cref="MostContent"/> bytes of it.</summary>
    public static byte[] Configuration(ReadOnlySpan<byte> content)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, MostContent);
        var packet = new byte[HeaderSize + content.Length];
        packet[0] = ConfigurationModifier;
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(1), (ushort)content.Length);
        content.CopyTo(packet.AsSpan(HeaderSize));
        return packet;
    }

    /// <summary>How many bytes follow the header of a packet with a configuration; null when it is another one, or empty.</summary>
    public static int? ConfigurationSize(ReadOnlySpan<byte> header) =>
        header.Length >= HeaderSize
        && header[0] == ConfigurationModifier
        && BinaryPrimitives.ReadUInt16LittleEndian(header[1..]) is var size and > 0
            ? size
            : null;

    /// <summary>Reads the pairs of a packet that is one datagram.</summary>
    /// <param name="packet">The whole of it.</param>
    /// <param name="pairs">Cleared, then filled with its pairs in their order, as offsets in the packet.</param>
    /// <returns>Whether it is whole: its size is what its header says, and no pair reaches behind its end.</returns>
    public static bool TryReadPairs(ReadOnlySpan<byte> packet, List<(Range Key, Range Value)> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        pairs.Clear();
        if (packet.Length < HeaderSize || BinaryPrimitives.ReadUInt16LittleEndian(packet[1..]) != packet.Length - HeaderSize)
            return false;
        for (var at = HeaderSize; at < packet.Length; )
        {
            if (!TryReadText(packet, ref at, out var key) || !TryReadText(packet, ref at, out var value))
                return false;
            pairs.Add((key, value));
        }
        return true;
    }

    private static bool TryReadText(ReadOnlySpan<byte> packet, ref int at, out Range text)
    {
        text = default;
        if (packet.Length - at < sizeof(ushort))
            return false;
        var start = at + sizeof(ushort);
        var length = BinaryPrimitives.ReadUInt16LittleEndian(packet[at..]);
        if (packet.Length - start < length)
            return false;
        text = start..(start + length);
        at = start + length;
        return true;
    }
}
