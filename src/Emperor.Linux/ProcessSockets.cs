using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>
/// What sockets a process has, and what it does with them, as /proc/PID shows it (proc(5)). Nothing of it lies in the process's memory, so no process can
/// make the reader wait. What may not be read counts as not there.
/// </summary>
public static class ProcessSockets
{
    // Of one process; who has more descriptors or threads is not looked at to the end.
    private const int MostEntries = 65_536;
    private const int LongestText = 64 * 1024;

    /// <summary>Whether a process has a socket open.</summary>
    public static bool Holds(int pid, uint inode)
    {
        var wanted = SocketLink(inode);
        return Entries(pid, "fd").Any(fd => Files.ReadLink($"/proc/{Self.Text(pid)}/fd/{fd}", out _) == wanted);
    }

    /// <summary>
    /// Whether a process waits for connections to a listening socket: it has it in an epoll set that waits for something to read, or one of its
    /// threads is in accept(2).
    /// </summary>
    public static bool Awaits(int pid, uint listener, uint device) => HasInEpoll(pid, listener, device) || IsInAccept(pid, listener);

    private static bool HasInEpoll(int pid, uint listener, uint device)
    {
        var inode = "ino:" + listener.ToString("x", CultureInfo.InvariantCulture);
        var place = "sdev:" + device.ToString("x", CultureInfo.InvariantCulture);
        foreach (var fd in Entries(pid, "fd"))
        {
            if (Files.ReadLink($"/proc/{Self.Text(pid)}/fd/{fd}", out _) != "anon_inode:[eventpoll]")
                continue;
            foreach (var line in Text($"/proc/{Self.Text(pid)}/fdinfo/{fd}").Split('\n'))
            {
                // tfd:        5 events:       19 data:                5  pos:0 ino:35 sdev:8
                var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                if (words is ["tfd:", _, "events:", var events, ..] && Waits(events) && words.Contains(inode) && words.Contains(place))
                    return true;
            }
        }
        return false;
    }

    private static bool Waits(string events) =>
        uint.TryParse(events, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask) && (mask & Constants.EpollIn) != 0;

    private static bool IsInAccept(int pid, uint listener)
    {
        foreach (var thread in Entries(pid, "task"))
        {
            // 288 0x3 0x0 …: the call's number and its arguments; "running" when it is in none.
            var words = Text($"/proc/{Self.Text(pid)}/task/{thread}/syscall").Split(' ');
            var isAccept =
                words.Length > 1
                && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var call)
                && (call == Constants.SysAccept || call == Constants.SysAccept4)
                && words[1].StartsWith("0x", StringComparison.Ordinal);
            if (!isAccept || !uint.TryParse(words[1].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var fd))
                continue;
            if (Files.ReadLink($"/proc/{Self.Text(pid)}/fd/{fd.ToString(CultureInfo.InvariantCulture)}", out _) == SocketLink(listener))
                return true;
        }
        return false;
    }

    /// <summary>Whether all threads of a process are stopped (or have ended), so that it does nothing until it is let go on; true when it is gone.</summary>
    public static bool IsStopped(int pid)
    {
        foreach (var thread in Entries(pid, "task"))
        {
            var text = Text($"/proc/{Self.Text(pid)}/task/{thread}/stat");
            var end = text.LastIndexOf(')');
            if (end > 0 && end + 2 < text.Length && text[end + 2] is not ('T' or 't' or 'Z' or 'X'))
                return false;
        }
        return true;
    }

    private static string SocketLink(uint inode) => string.Create(CultureInfo.InvariantCulture, $"socket:[{inode}]");

    private static IEnumerable<string> Entries(int pid, string folder)
    {
        using var directory = Files.OpenDirectory($"/proc/{Self.Text(pid)}/{folder}", out _);
        List<string> names = [];
        if (directory is not null)
            _ = Files.List(directory, names);
        return names.Take(MostEntries);
    }

    private static string Text(string path) => Files.ReadHead(path, LongestText, out _) is { } bytes ? Encoding.UTF8.GetString(bytes) : "";
}
