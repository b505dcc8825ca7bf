using System.Buffers.Text;

namespace Emperor.Linux;

/// <summary>A process as one look at /proc shows it.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Parent">Its parent.</param>
/// <param name="Session">Its session's leader.</param>
/// <param name="CpuTicks">Processor time of it and of its children that have been reaped, clock ticks.</param>
/// <param name="ResidentPages">Memory, pages.</param>
public readonly record struct ProcessRow(int Pid, int Parent, int Session, long CpuTicks, long ResidentPages);

/// <summary>
/// Looks at all processes without leaving garbage: paths and texts are in buffers of its own. One thread at a time.
/// </summary>
public sealed unsafe class ProcessScan : IDisposable
{
    private const int TextSize = 4096;
    private const int ListSize = 32 * 1024;

    // Descriptors of one process that are looked at; what has more is told as having this many.
    private const int MostDescriptors = 4096;

    private readonly SafeFd _proc;
    private readonly byte[] _text = new byte[TextSize];
    private readonly byte[] _list = new byte[ListSize];
    private readonly byte[] _innerList = new byte[ListSize];

    /// <summary>Opens /proc.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public ProcessScan()
    {
        _proc = Files.OpenDirectory("/proc", out var error) ?? throw new LinuxException("open /proc", error);
    }

    /// <summary>Clock ticks of processor time in a second.</summary>
    public static long TicksPerSecond { get; } = Math.Max(1, Native.SysConf(Constants.ScClkTck));

    /// <summary>Bytes of a page of memory.</summary>
    public static long PageSize { get; } = Math.Max(1, Native.SysConf(Constants.ScPageSize));

    /// <summary>All processes that can be seen.</summary>
    public void All(List<ProcessRow> rows)
    {
        rows.Clear();
        var folder = OpenIn(".\0"u8, Constants.ODirectory);
        if (folder < 0)
            return;
        fixed (byte* list = _list)
        {
            while (true)
            {
                var length = Native.GetDents(folder, list, ListSize);
                if (length <= 0)
                    break;
                for (var at = 0; at < length; )
                {
                    var name = NameAt(list, ref at);
                    if (Utf8Parser.TryParse(name, out int pid, out var used) && used == name.Length && Row(pid, name) is { } row)
                        rows.Add(row);
                }
            }
        }
        _ = Native.Close(folder);
    }

    /// <summary>The proportional set size of a process (shared pages by their share), bytes; null when this process may not see it.</summary>
    public long? ProportionalMemory(int pid)
    {
        Span<byte> path = stackalloc byte[64];
        var text = Read(Path(path, pid, "/smaps_rollup"u8));
        var at = text.IndexOf("\nPss:"u8);
        if (at < 0)
            return null;
        var rest = text[(at + 5)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(rest, out long kilobytes, out _) ? kilobytes * 1024 : null;
    }

    /// <summary>How many descriptors a process has open, and how many of them are sockets; null when this process may not see them.</summary>
    public (int All, int Sockets)? Descriptors(int pid)
    {
        Span<byte> path = stackalloc byte[64];
        var folder = OpenIn(Path(path, pid, "/fd"u8), Constants.ODirectory);
        if (folder < 0)
            return null;
        var (all, sockets) = (0, 0);
        Span<byte> link = stackalloc byte[16];
        fixed (
            byte* list = _innerList,
                target = link
        )
        {
            while (all < MostDescriptors)
            {
                var length = Native.GetDents(folder, list, ListSize);
                if (length <= 0)
                    break;
                for (var at = 0; at < length && all < MostDescriptors; )
                {
                    var name = NameAt(list, ref at);
                    if (name is not [>= (byte)'0' and <= (byte)'9', ..])
                        continue;
                    all++;
                    fixed (byte* entry = name)
                    {
                        var size = Native.ReadLinkAt(folder, entry, target, 16);
                        if (size > 0 && link[..(int)size].StartsWith("socket:"u8))
                            sockets++;
                    }
                }
            }
        }
        _ = Native.Close(folder);
        return (all, sockets);
    }

    /// <inheritdoc/>
    public void Dispose() => _proc.Dispose();

    // struct linux_dirent64: d_ino 8, d_off 8, d_reclen 2, d_type 1, d_name. The name is followed by a NUL.
    private static ReadOnlySpan<byte> NameAt(byte* list, ref int at)
    {
        var entry = list + at;
        at += *(ushort*)(entry + 16);
        return System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + 19);
    }

    private static ReadOnlySpan<byte> Path(Span<byte> buffer, int pid, ReadOnlySpan<byte> rest)
    {
        _ = Utf8Formatter.TryFormat(pid, buffer, out var length);
        rest.CopyTo(buffer[length..]);
        buffer[length + rest.Length] = 0;
        return buffer[..(length + rest.Length + 1)];
    }

    // A bare number, closed by its opener: thousands a second are not to be objects with a finalizer.
    private int OpenIn(ReadOnlySpan<byte> nulTerminated, int flags)
    {
        fixed (byte* path = nulTerminated)
            return Native.OpenAt(_proc.Number, path, flags | Constants.ORdOnly | Constants.OCloExec);
    }

    private ReadOnlySpan<byte> Read(ReadOnlySpan<byte> nulTerminated)
    {
        var fd = OpenIn(nulTerminated, 0);
        if (fd < 0)
            return default;
        fixed (byte* text = _text)
        {
            var length = Native.Read(fd, text, TextSize);
            _ = Native.Close(fd);
            return length > 0 ? _text.AsSpan(0, (int)length) : default;
        }
    }

    // proc(5): behind the name in parentheses come state, ppid, pgrp, session …; utime 14, stime 15, cutime 16, cstime 17, rss 24.
    private ProcessRow? Row(int pid, ReadOnlySpan<byte> name)
    {
        Span<byte> path = stackalloc byte[64];
        if (name.Length > 16)
            return null;
        var text = Read(Path(path, pid, "/stat"u8));
        var end = text.LastIndexOf((byte)')');
        if (end < 0 || end + 2 >= text.Length)
            return null;
        var rest = text[(end + 2)..];
        Span<long> numbers = stackalloc long[22];
        var field = 0;
        foreach (var range in rest.Split((byte)' '))
        {
            if (field == numbers.Length)
                break;
            _ = Utf8Parser.TryParse(rest[range], out numbers[field++], out _);
        }
        return field < numbers.Length
            ? null
            : new ProcessRow(pid, (int)numbers[1], (int)numbers[3], numbers[11] + numbers[12] + numbers[13] + numbers[14], numbers[21]);
    }
}
