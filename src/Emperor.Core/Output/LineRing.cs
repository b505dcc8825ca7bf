using System.Buffers.Binary;

namespace Emperor.Core.Output;

/// <summary>Memory that many share, counted in bytes. One thread takes.</summary>
/// <param name="limit">All that there is.</param>
public sealed class MemoryBudget(long limit)
{
    /// <summary>What is taken.</summary>
    public long Used { get; private set; }

    /// <summary>Takes some, if it is there.</summary>
    public bool TryTake(int bytes)
    {
        if (Used + bytes > limit)
            return false;
        Used += bytes;
        return true;
    }

    /// <summary>Gives some back.</summary>
    public void Give(int bytes) => Used -= bytes;
}

/// <summary>What is kept of a line beside its text.</summary>
/// <param name="Time">When it was read, milliseconds since the epoch.</param>
/// <param name="Pid">The vassal's process.</param>
/// <param name="Incarnation">Which of the vassal's processes that is.</param>
/// <param name="End">Why it ends there.</param>
/// <param name="Continues">Whether it goes on with the line before it.</param>
public readonly record struct LineHead(long Time, int Pid, int Incarnation, LineEnd End, bool Continues);

/// <summary>
/// The last lines of one vassal in a ring of bytes, which grows when it is needed: one that prints nothing costs nothing. Both the number
/// of lines and the bytes are bounded; the oldest lines go first.
/// </summary>
/// <param name="budget">Where the bytes come from. When nothing is left there, the ring stays as large as it is.</param>
public sealed class LineRing(MemoryBudget budget)
{
    /// <summary>The most lines that are kept.</summary>
    public const int MostLines = 200;

    /// <summary>The most bytes that are kept, the heads of lines among them.</summary>
    public const int MostBytes = 32 * 1024;

    // One that is always granted, so that the budget's end leaves nobody without his last words.
    private const int First = 512;

    // Time 8, pid 4, incarnation 4, end 1, continues 1, length 4.
    private const int HeadSize = 22;

    private byte[] _ring = [];
    private int _start;
    private int _used;

    /// <summary>How many lines there are.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes that it has taken.</summary>
    public int Size => _ring.Length;

    /// <summary>Adds a line; the oldest ones make room for it. A text that is larger than the ring may become is cut.</summary>
    public void Add(LineHead head, ReadOnlySpan<byte> text)
    {
        var needed = HeadSize + text.Length;
        while (_used + needed > _ring.Length && _ring.Length < MostBytes && TryGrow())
        {
            // Until it fits or may not grow any more.
        }
        if (needed > _ring.Length)
            text = text[..(_ring.Length - HeadSize)];
        while (Count > 0 && (Count == MostLines || _used + HeadSize + text.Length > _ring.Length))
            DropFirst();
        Span<byte> bytes = stackalloc byte[HeadSize];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, head.Time);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], head.Pid);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], head.Incarnation);
        bytes[16] = (byte)head.End;
        bytes[17] = head.Continues ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(bytes[18..], text.Length);
        Write(bytes);
        Write(text);
        Count++;
    }

    /// <summary>The last lines, the oldest of them first.</summary>
    public IReadOnlyList<(LineHead Head, byte[] Text)> Last(int count)
    {
        var lines = new List<(LineHead, byte[])>(Math.Clamp(count, 0, Count));
        var at = 0;
        Span<byte> head = stackalloc byte[HeadSize];
        for (var i = 0; i < Count; i++)
        {
            Read(at, head);
            var length = BinaryPrimitives.ReadInt32LittleEndian(head[18..]);
            if (i >= Count - count)
            {
                var text = new byte[length];
                Read(at + HeadSize, text);
                lines.Add((HeadOf(head), text));
            }
            at += HeadSize + length;
        }
        return lines;
    }

    /// <summary>Forgets all lines and gives its memory back.</summary>
    public void Clear()
    {
        budget.Give(Math.Max(0, _ring.Length - First));
        _ring = [];
        _start = _used = Count = 0;
    }

    private static LineHead HeadOf(ReadOnlySpan<byte> bytes) =>
        new(
            BinaryPrimitives.ReadInt64LittleEndian(bytes),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            (LineEnd)bytes[16],
            bytes[17] != 0
        );

    private bool TryGrow()
    {
        var size = Math.Max(First, 2 * _ring.Length);
        if (_ring.Length > 0 && !budget.TryTake(size - _ring.Length))
            return false;
        var larger = new byte[size];
        Read(0, larger.AsSpan(0, _used));
        _ring = larger;
        _start = 0;
        return true;
    }

    private void DropFirst()
    {
        Span<byte> head = stackalloc byte[HeadSize];
        Read(0, head);
        var length = HeadSize + BinaryPrimitives.ReadInt32LittleEndian(head[18..]);
        _start = (_start + length) % _ring.Length;
        _used -= length;
        Count--;
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        var at = (_start + _used) % _ring.Length;
        var first = Math.Min(bytes.Length, _ring.Length - at);
        bytes[..first].CopyTo(_ring.AsSpan(at));
        bytes[first..].CopyTo(_ring);
        _used += bytes.Length;
    }

    private void Read(int offset, Span<byte> target)
    {
        if (target.IsEmpty)
            return;
        var at = (_start + offset) % _ring.Length;
        var first = Math.Min(target.Length, _ring.Length - at);
        _ring.AsSpan(at, first).CopyTo(target);
        _ring.AsSpan(0, target.Length - first).CopyTo(target[first..]);
    }
}
