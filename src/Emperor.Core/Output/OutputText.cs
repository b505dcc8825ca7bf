using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Emperor.Core.Output;

/// <summary>What programs print, made fit to be shown. Bytes all the way: a hundred thousand lines a second must leave no garbage.</summary>
public static class OutputText
{
    private const byte Tab = 9;
    private const int LowestPriority = 7;

    private static readonly SearchValues<byte> Plain = SearchValues.Create([
        Tab,
        .. Enumerable.Range(0x20, 0x7F - 0x20).Select(b => (byte)b),
    ]);

    /// <summary>
    /// Writes the text as UTF-8 without control characters: they are shown as \n, \r or \xNN, and so is every byte that is no UTF-8. Tabs
    /// stay, and a carriage return at the end is left out.
    /// </summary>
    [SuppressMessage("Design", "CA1062:Validate arguments of public methods", Justification = "called for every line")]
    public static void Escape(ReadOnlySpan<byte> text, IBufferWriter<byte> target)
    {
        if (text is [.., (byte)'\r'])
            text = text[..^1];
        while (!text.IsEmpty)
        {
            var plain = text.IndexOfAnyExcept(Plain);
            if (plain < 0)
            {
                target.Write(text);
                return;
            }
            target.Write(text[..plain]);
            text = text[plain..];
            var status = Rune.DecodeFromUtf8(text, out var rune, out var used);
            if (status == OperationStatus.Done && !Rune.IsControl(rune))
            {
                target.Write(text[..used]);
            }
            else if (status == OperationStatus.Done)
            {
                EscapeControl(rune.Value, target);
            }
            else
            {
                foreach (var b in text[..used])
                    EscapeControl(b, target);
            }
            text = text[used..];
        }
    }

    /// <summary>
    /// Takes a priority off the beginning of a line: &lt;N&gt; with one digit from 0 to 7 (sd-daemon(3); systemd's SyslogLevelPrefix= reads it so).
    /// </summary>
    /// <returns>The priority; 6, which is "informational", without one.</returns>
    public static int TakePriority(ref ReadOnlySpan<byte> text)
    {
        const int informational = 6;
        if (text is not [(byte)'<', var digit, (byte)'>', ..] || digit < '0' || digit > '0' + LowestPriority)
            return informational;
        text = text[3..];
        return digit - '0';
    }

    private static void EscapeControl(int value, IBufferWriter<byte> target)
    {
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        switch (value)
        {
            case '\n':
                target.Write("\\n"u8);
                break;
            case '\r':
                target.Write("\\r"u8);
                break;
            default:
                target.Write([(byte)'\\', (byte)'x', digits[(value >> 4) & 15], digits[value & 15]]);
                break;
        }
    }
}
