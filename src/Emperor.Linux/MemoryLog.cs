using System.Buffers.Binary;

namespace Emperor.Linux;

/// <summary>
/// Overview: a log of records in a file that has no name and lives in memory, as long as anybody holds its descriptor: so what is written to it
/// outlives this process, however that ends, when the service manager has a copy.
///
/// <para>The writer may be killed in the middle of a write, and what comes by a descriptor may be anything. So each record says how long it is
/// and what its bytes must add up to, and is written by one call; whoever reads stops at the first that is not whole, and whoever goes on
/// writing puts the next one there. Nothing that such a file may hold is an exception.</para>
///
/// <para>A record is its length, 4 bytes, its checksum, 8 bytes (FNV-1a of 64 bits, draft-eastlake-fnv), both with the lowest byte first, and its
/// own bytes. The checksum is one against accidents. A place full of zeros is no record, because that of no bytes is not 0.</para>
/// </summary>
public sealed unsafe class MemoryLog : IDisposable
{
    /// <summary>The longest record, bytes.</summary>
    public const int LongestRecord = 64 * 1024 * 1024;

    /// <summary>The longest log, bytes, with what belongs to its records.</summary>
    public const long LongestLog = 1024L * 1024 * 1024;

    internal const int HeaderSize = 12;

    private const ulong FnvBasis = 0xCBF29CE484222325;
    private const ulong FnvPrime = 0x100000001B3;

    private readonly SafeFd _file;
    private readonly long _longest;
    private bool _hasRest;

    private MemoryLog(SafeFd file, long longest) => (_file, _longest) = (file, longest);

    /// <summary>The descriptor, to be handed on.</summary>
    public int Fd => _file.Number;

    /// <summary>The bytes of its whole records, with what belongs to them.</summary>
    public long Length { get; private set; }

    /// <summary>Makes an empty one.</summary>
    /// <param name="name">What /proc shows for its descriptor.</param>
    /// <exception cref="LinuxException">No descriptor is left.</exception>
    public static MemoryLog Create(string name) => Create(name, LongestLog);

    /// <summary>Takes over one that another process has written. It is read once, to find its end; what is no log is an empty one.</summary>
    /// <param name="file">Its file; it is disposed with this.</param>
    public static MemoryLog Open(SafeFd file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var log = new MemoryLog(file, LongestLog) { _hasRest = true };
        foreach (var record in log.Records(LongestLog))
            log.Length += HeaderSize + record.Length;
        return log;
    }

    /// <summary>Writes a record behind the last one.</summary>
    /// <returns>
    /// No error; EMSGSIZE when it is longer than <see cref="LongestRecord"/>; ENOSPC when the log would be longer than <see cref="LongestLog"/>, or
    /// no memory is left; the file's own. The log is as it was then.
    /// </returns>
    public Errno Append(ReadOnlySpan<byte> record)
    {
        if (record.Length > LongestRecord)
            return Errno.MessageTooLong;
        var size = HeaderSize + record.Length;
        if (Length + size > _longest)
            return Errno.NoSpace;
        // Behind a shorter record the end of what is not whole could be taken for the next one.
        if (_hasRest && Native.FTruncate(_file.Number, (nint)Length) != 0)
            return Errno.Last;
        _hasRest = false;
        // Not a pool's: it would keep the longest one.
        var buffer = new byte[size];
        BinaryPrimitives.WriteInt32LittleEndian(buffer, record.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(sizeof(int)), Checksum(record));
        record.CopyTo(buffer.AsSpan(HeaderSize));
        var error = Write(buffer);
        if (error.Number == 0)
            Length += size;
        return error;
    }

    /// <summary>The whole records, the first one first, each read when it is asked for.</summary>
    public IEnumerable<byte[]> ReadAll() => Records(Length);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    internal static MemoryLog Create(string name, long longest) => new(Files.CreateMemoryFile(name), longest);

    internal static ulong Checksum(ReadOnlySpan<byte> record)
    {
        var hash = FnvBasis;
        foreach (var value in record)
            hash = (hash ^ value) * FnvPrime;
        return hash;
    }

    private IEnumerable<byte[]> Records(long end)
    {
        for (var at = 0L; Record(at, end) is { } record; at += HeaderSize + record.Length)
            yield return record;
    }

    // The one that begins there; null when there is none that is whole.
    private byte[]? Record(long at, long end)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (!Read(header, at))
            return null;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        // No memory is asked for that what is there does not fill.
        if (
            length > LongestRecord
            || at + HeaderSize + length > end
            || FileStatus.Get(_file.Number, out var status).Number != 0
            || at + HeaderSize + length > status.Size
        )
            return null;
        var record = new byte[length];
        var isWhole = Read(record, at + HeaderSize) && Checksum(record) == BinaryPrimitives.ReadUInt64LittleEndian(header[sizeof(int)..]);
        return isWhole ? record : null;
    }

    private bool Read(Span<byte> buffer, long at)
    {
        while (buffer.Length > 0)
        {
            if (Files.ReadAt(_file, buffer, at, out var count).Number != 0 || count == 0)
                return false;
            buffer = buffer[count..];
            at += count;
        }
        return true;
    }

    private Errno Write(ReadOnlySpan<byte> bytes)
    {
        nint written;
        fixed (byte* pointer = bytes)
            written = Native.PWrite(_file.Number, pointer, (nuint)bytes.Length, Length);
        if (written == bytes.Length)
            return default;
        var error = written < 0 ? Errno.Last : Errno.NoSpace;
        _hasRest = true;
        return error;
    }
}
