using System.Buffers;
using System.Text;

namespace Emperor.Core.Configuration;

/// <summary>
/// Text of configuration files, arguments and environment, which uWSGI treats as bytes.
/// </summary>
/// <remarks>
/// Inside the reader a string holds one byte a character (Latin-1), because magic variables, lengths and comparisons of uWSGI
/// work on bytes and may cut through a multi-byte character. At its border a string is ordinary UTF-16; a byte that is not UTF-8
/// becomes the lone surrogate U+DC80 to U+DCFF, as in Python's surrogateescape, so nothing is lost: <see cref="Encode"/> gives
/// back the very bytes. The base library's own file and process calls cannot express such a string and write '?' for it; whoever passes
/// a path or an argument to the kernel and cares for those bytes uses <see cref="Encode"/>.
/// </remarks>
public static class ConfigText
{
    private const char FirstEscape = '\uDC80';
    private const char LastEscape = '\uDCFF';

    /// <summary>Turns bytes into a string; bytes that are not UTF-8 become lone surrogates.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        Span<char> pair = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var consumed) == OperationStatus.Done)
                text.Append(pair[..rune.EncodeToUtf16(pair)]);
            else
                foreach (var one in bytes[..consumed])
                    text.Append((char)(FirstEscape + (one - 0x80)));
            bytes = bytes[consumed..];
        }
        return text.ToString();
    }

    /// <summary>Turns a string made by <see cref="Decode"/>, or any other, into bytes.</summary>
    public static byte[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var bytes = new ArrayBufferWriter<byte>(text.Length + 8);
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            var known = Rune.DecodeFromUtf16(rest, out var rune, out var consumed) == OperationStatus.Done;
            var target = bytes.GetSpan(4);
            if (known)
                bytes.Advance(rune.EncodeToUtf8(target));
            else
            {
                target[0] = rest[0] is >= FirstEscape and <= LastEscape ? (byte)(rest[0] - FirstEscape + 0x80) : (byte)'?';
                bytes.Advance(1);
            }
            rest = rest[consumed..];
        }
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>A string of bytes (a character each) as ordinary text.</summary>
    internal static string ToText(string bytes) => IsAscii(bytes) ? bytes : Decode(Encoding.Latin1.GetBytes(bytes));

    /// <summary>Ordinary text as a string of bytes (a character each).</summary>
    internal static string ToByteString(string text) => IsAscii(text) ? text : Encoding.Latin1.GetString(Encode(text));

    private static bool IsAscii(string value) => Ascii.IsValid(value);
}
