using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Emperor.Core.Succession;

/// <summary>
/// How a string of a legacy is written: as any, unless it is no valid UTF-16, which JSON cannot hold. The name of a file or a variable may be none: a byte of
/// it that is not UTF-8 is a lone surrogate (<see cref="Configuration.ConfigText"/>). Then it is written as a character that no text has (U+FFFF), and
/// its UTF-16 (little-endian) in base64.
/// </summary>
internal sealed class LegacyString : JsonConverter<string>
{
    private const char Mark = '\uFFFF';

    /// <inheritdoc/>
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text ? Whole(text) : null;

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Writable(value));

    /// <inheritdoc/>
    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Whole(reader.GetString()!);

    /// <inheritdoc/>
    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WritePropertyName(Writable(value));

    private static string Writable(string text)
    {
        if (!text.StartsWith(Mark) && IsValid(text))
            return text;
        return $"{Mark}{Convert.ToBase64String(MemoryMarshal.AsBytes(text.AsSpan()))}";
    }

    private static string Whole(string text) =>
        text.StartsWith(Mark) ? new string(MemoryMarshal.Cast<byte, char>(Convert.FromBase64String(text[1..]))) : text;

    private static bool IsValid(ReadOnlySpan<char> text)
    {
        while (text.IndexOfAnyInRange('\uD800', '\uDFFF') is var at and >= 0)
        {
            if (at + 1 >= text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
                return false;
            text = text[(at + 2)..];
        }
        return true;
    }
}
