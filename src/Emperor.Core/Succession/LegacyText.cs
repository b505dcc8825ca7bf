using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Emperor.Core.Succession;

/// <summary>
/// A legacy as bytes: one line that tells the format, the length and the SHA-256 of what follows, then JSON. A reader takes every format from
/// <see cref="OldestFormat"/> to its own; of a newer one it says so, and takes nothing.
/// </summary>
public static class LegacyText
{
    /// <summary>The format that is written. It goes up with every change that a reader of the former one would get wrong.</summary>
    public const int Format = LegacyFormat.Current;

    /// <summary>The oldest that is read.</summary>
    public const int OldestFormat = LegacyFormat.Oldest;

    private const string Magic = "EMPEROR-LEGACY";
    private const int LongestHead = 160;

    /// <summary>Writes one.</summary>
    public static byte[] Write(Legacy legacy)
    {
        ArgumentNullException.ThrowIfNull(legacy);
        var json = JsonSerializer.SerializeToUtf8Bytes(legacy, LegacyShape.Legacy);
        var head = string.Create(CultureInfo.InvariantCulture, $"{Magic} {Format} {json.Length} {Sha256.Hex(json)}\n");
        return [.. Encoding.ASCII.GetBytes(head), .. json];
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="LegacyException">It is none, is damaged, or of a format that is not read here.</exception>
    public static Legacy Read(ReadOnlyMemory<byte> bytes)
    {
        var json = Body(bytes, out var format);
        try
        {
            var legacy =
                format == Format
                    ? JsonSerializer.Deserialize(json.Span, LegacyShape.Legacy)
                    : LegacyFormat.Renew(JsonNode.Parse(json.Span), format).Deserialize(LegacyShape.Legacy);
            return legacy ?? throw new LegacyException("it is empty");
        }
        catch (Exception e) when (IsOfText(e))
        {
            throw new LegacyException($"it cannot be understood: {e.Message}");
        }
    }

    /// <summary>Whether an error is one of the text that is read, whichever part of the reader it comes from.</summary>
    internal static bool IsOfText(Exception error) =>
        error is JsonException or InvalidOperationException or FormatException or ArgumentException or OverflowException;

    private static ReadOnlyMemory<byte> Body(ReadOnlyMemory<byte> bytes, out int format)
    {
        var end = bytes.Span[..Math.Min(bytes.Length, LongestHead)].IndexOf((byte)'\n');
        var words = end < 0 ? [] : Encoding.ASCII.GetString(bytes.Span[..end]).Split(' ');
        format = 0;
        if (
            words.Length != 4
            || words[0] != Magic
            || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out format)
            || !int.TryParse(words[2], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
        )
            throw new LegacyException("it does not begin as a legacy does");
        if (LegacyFormat.Refusal(format) is { } refusal)
            throw new LegacyException(refusal);
        var json = bytes[(end + 1)..];
        if (json.Length != length || Sha256.Hex(json.Span) != words[3])
            throw new LegacyException("it is damaged");
        return json;
    }
}
