using System.Buffers;
using System.Text;
using System.Text.Json;
using Emperor.Core.Output;
using Emperor.Logging;

namespace Emperor.Output;

/// <summary>What a vassal's line looks like on the emperor's own output: the name in front, and nothing that steers a terminal.</summary>
/// <param name="style">Where it goes.</param>
/// <param name="json">One JSON object a line, of the same shape as the emperor's own.</param>
internal sealed class OutputFormat(LineStyle style, bool json)
{
    private readonly ArrayBufferWriter<byte> _text = new();

    /// <summary>Writes a line, with its newline.</summary>
    public void Write(in QueuedLine line, ReadOnlySpan<byte> text, ArrayBufferWriter<byte> target)
    {
        if (json)
        {
            WriteJson(line, text, target);
            return;
        }
        var priority = line.Lost > 0 ? 4 : 6;
        if (style == LineStyle.Journal)
        {
            if (line.Lost == 0)
                priority = OutputText.TakePriority(ref text);
            target.Write([(byte)'<', (byte)('0' + priority), (byte)'>']);
        }
        target.Write(style == LineStyle.Terminal ? "\e[36m["u8 : "["u8);
        target.Write(line.Source.Label);
        target.Write(style == LineStyle.Terminal ? "]\e[0m "u8 : "] "u8);
        WriteText(line, text, target);
        target.Write("\n"u8);
    }

    /// <summary>Writes what a line says, without a name and without a newline.</summary>
    public static void WriteText(in QueuedLine line, ReadOnlySpan<byte> text, IBufferWriter<byte> target)
    {
        if (line.Lost == 0)
            OutputLine.WriteMarked(text, line.End, line.Continues, target);
        else
            target.Write(Encoding.UTF8.GetBytes($"{line.Lost} lines lost: they could not be written, or not fast enough"));
    }

    private void WriteJson(in QueuedLine line, ReadOnlySpan<byte> text, ArrayBufferWriter<byte> target)
    {
        _text.ResetWrittenCount();
        WriteText(line, text, _text);
        using (var writer = new Utf8JsonWriter(target))
        {
            writer.WriteStartObject();
            writer.WriteString("Timestamp", DateTimeOffset.FromUnixTimeMilliseconds(line.Time).ToLocalTime());
            writer.WriteString("Level", line.Lost > 0 ? "Warning" : "Information");
            writer.WriteString("MessageTemplate", "{Vassal}: {Text}");
            writer.WriteString("RenderedMessage", $"{line.Source.Vassal}: {Encoding.UTF8.GetString(_text.WrittenSpan)}");
            writer.WriteStartObject("Properties");
            writer.WriteString("Event", line.Lost > 0 ? "output-lost" : "output");
            writer.WriteString("Vassal", line.Source.Vassal);
            writer.WriteNumber("Incarnation", line.Source.Incarnation);
            writer.WriteNumber("Pid", line.Source.Pid);
            writer.WriteString("Text", _text.WrittenSpan);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        target.Write("\n"u8);
    }
}
