using System.Buffers;
using System.Text;
using Emperor.Core.Output;

namespace Emperor.Output;

/// <summary>A line that a vassal has printed.</summary>
/// <param name="Vassal">The vassal's name.</param>
/// <param name="Time">When it was read.</param>
/// <param name="Pid">The vassal's process; what its children print is counted as its.</param>
/// <param name="Incarnation">Which of the vassal's processes that is.</param>
/// <param name="Text">The text without control characters (they are shown as \xNN); "… " in front and " …" behind where it was split.</param>
internal sealed record OutputLine(string Vassal, DateTimeOffset Time, int Pid, int Incarnation, string Text)
{
    /// <summary>Makes one of what was printed.</summary>
    public static OutputLine Make(string vassal, LineHead head, ReadOnlySpan<byte> text)
    {
        var escaped = new ArrayBufferWriter<byte>(text.Length + 16);
        WriteMarked(text, head.End, head.Continues, escaped);
        return new OutputLine(
            vassal,
            DateTimeOffset.FromUnixTimeMilliseconds(head.Time),
            head.Pid,
            head.Incarnation,
            Encoding.UTF8.GetString(escaped.WrittenSpan)
        );
    }

    /// <summary>Writes a text fit to be shown, and marks where it was split.</summary>
    public static void WriteMarked(ReadOnlySpan<byte> text, LineEnd end, bool continues, IBufferWriter<byte> target)
    {
        if (continues)
            target.Write("… "u8);
        OutputText.Escape(text, target);
        if (end == LineEnd.Split)
            target.Write(" …"u8);
    }
}
