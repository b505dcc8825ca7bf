using System.Buffers;

namespace Emperor.Stats;

/// <summary>A ready-made answer that several clients may be given at their own pace. Its buffer is used again when none of them needs it.</summary>
internal sealed class Document : IBufferWriter<byte>
{
    private const int FirstSize = 16 * 1024;

    private byte[] _bytes = new byte[FirstSize];

    /// <summary>How many clients still get it.</summary>
    public int Users { get; set; }

    /// <summary>What is in it.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Its length.</summary>
    public int Length { get; private set; }

    /// <summary>Empties it.</summary>
    public void Clear() => Length = 0;

    /// <inheritdoc/>
    public void Advance(int count) => Length += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsMemory(Length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Grow(sizeHint);
        return _bytes.AsSpan(Length);
    }

    private void Grow(int sizeHint)
    {
        if (_bytes.Length - Length < Math.Max(sizeHint, 1))
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + sizeHint));
    }
}

/// <summary>
/// The documents of one kind. At most four are held at once: while slow clients hold that many, new ones share the newest, which is then as
/// old as the time that a client is given at most.
/// </summary>
internal sealed class DocumentShelf
{
    private const int Most = 4;

    private readonly List<Document> _documents = [];

    /// <summary>The document to give to clients now, for one of them.</summary>
    /// <param name="write">Writes a new one.</param>
    public Document Take(Action<Document> write)
    {
        var index = _documents.FindIndex(d => d.Users == 0);
        if (index < 0 && _documents.Count == Most)
        {
            _documents[^1].Users++;
            return _documents[^1];
        }
        var document = index < 0 ? new Document() : _documents[index];
        if (index >= 0)
            _documents.RemoveAt(index);
        // The newest is last.
        _documents.Add(document);
        document.Clear();
        write(document);
        document.Users++;
        return document;
    }

    /// <summary>Gives the memory of what nobody needs back.</summary>
    public void Forget() => _documents.RemoveAll(d => d.Users == 0);
}
