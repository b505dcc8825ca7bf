using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>A process that has a socket.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Name">Its short name, as /proc/PID/comm tells it.</param>
public readonly record struct SocketHolder(int Pid, string Name);

/// <summary>
/// Finds who listens at an address, for people: the socket's inode in /proc/net (proc(5)), and the process that has that among its
/// descriptors. What this process may not see it does not find, and it looks for a bounded time only.
/// </summary>
public static class SocketHolders
{
    // Listening sockets come first in the kernel's lists.
    private const int LongestList = 512 * 1024;
    private const string ListeningState = "0A";
    private const string AcceptsConnections = "00010000";

    /// <summary>The process that listens at an address; null when none is found.</summary>
    /// <param name="name">The address.</param>
    /// <param name="limit">How long may be looked.</param>
    public static SocketHolder? Find(SocketName name, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(name);
        var start = Stopwatch.GetTimestamp();
        var inodes = name.Family == Constants.AfUnix ? UnixInodes(name) : InternetInodes(name);
        return inodes.Count == 0 ? null : HolderOf(inodes, () => Stopwatch.GetElapsedTime(start) < limit);
    }

    // Num RefCount Protocol Flags Type St Inode Path
    private static HashSet<string> UnixInodes(SocketName name)
    {
        var inodes = new HashSet<string>(StringComparer.Ordinal);
        var path = SocketName.Text(name.Bytes);
        foreach (var line in Lines("/proc/net/unix"))
        {
            var fields = line.Split(' ', 8, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 8 && fields[3] == AcceptsConnections && fields[7] == path)
                inodes.Add(fields[6]);
        }
        return inodes;
    }

    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
    private static HashSet<string> InternetInodes(SocketName name)
    {
        var inodes = new HashSet<string>(StringComparer.Ordinal);
        var port = BinaryPrimitives.ReadUInt16BigEndian(name.Bytes.AsSpan(2)).ToString("X4", CultureInfo.InvariantCulture);
        var own = Hex(name.Family == Constants.AfInet6 ? name.Bytes.AsSpan(8, 16) : name.Bytes.AsSpan(4, 4));
        foreach (var line in Lines("/proc/net/tcp").Concat(Lines("/proc/net/tcp6")))
        {
            var fields = line.Split(' ', 11, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 10 || fields[3] != ListeningState || !fields[1].EndsWith(port, StringComparison.Ordinal))
                continue;
            var theirs = fields[1][..^(port.Length + 1)];
            // All addresses are in the way of each, and each of all.
            if (theirs == own || theirs.All(c => c == '0') || (own.All(c => c == '0') && own.Length == theirs.Length))
                inodes.Add(fields[9]);
        }
        return inodes;
    }

    // Words of 32 bits in the machine's own order.
    private static string Hex(ReadOnlySpan<byte> address)
    {
        var text = new StringBuilder();
        for (; address.Length >= 4; address = address[4..])
            text.Append(BinaryPrimitives.ReadUInt32LittleEndian(address).ToString("X8", CultureInfo.InvariantCulture));
        return text.ToString();
    }

    private static string[] Lines(string path) =>
        Files.ReadHead(path, LongestList, out _) is { } bytes ? Encoding.UTF8.GetString(bytes).Split('\n') : [];

    private static SocketHolder? HolderOf(HashSet<string> inodes, Func<bool> hasTime)
    {
        var names = inodes.Select(i => $"socket:[{i}]").ToHashSet(StringComparer.Ordinal);
        var processes = new List<string>();
        var descriptors = new List<string>();
        using var proc = Files.OpenDirectory("/proc", out _);
        if (proc is null || Files.List(proc, processes).Number != 0)
            return null;
        // This process itself costs nothing to ask.
        foreach (var entry in processes.Prepend(Self.Text(Self.Pid)))
        {
            if (!int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                continue;
            using var folder = Files.OpenDirectory($"/proc/{entry}/fd", out _);
            if (folder is null || Files.List(folder, descriptors).Number != 0)
                continue;
            foreach (var fd in descriptors)
            {
                if (!hasTime())
                    return null;
                if (Files.ReadLink($"/proc/{entry}/fd/{fd}", out _) is { } link && names.Contains(link))
                    return new SocketHolder(pid, NameOf(entry));
            }
        }
        return null;
    }

    private static string NameOf(string pid) =>
        Files.ReadHead($"/proc/{pid}/comm", 64, out _) is { } bytes ? Encoding.UTF8.GetString(bytes).TrimEnd('\n') : "a process";
}
