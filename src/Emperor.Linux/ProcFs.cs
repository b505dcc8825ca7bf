using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>What /proc/PID/stat tells of a process.</summary>
/// <param name="State">A letter: R, S, D, Z …</param>
/// <param name="Parent">Its parent.</param>
/// <param name="Session">Its session's leader.</param>
/// <param name="Began">When it was forked, in ticks since the machine was booted: with its number, which process of all that ever had that.</param>
public readonly record struct ProcessStat(char State, int Parent, int Session, long Began);

/// <summary>Other processes, as /proc shows them. All of it may be out of date when it is read: act on it through a <see cref="PidRef"/>.</summary>
public static class ProcFs
{
    // The kernel tells a process's environment as large as the process says it is.
    private const int LongestText = 128 * 1024;

    /// <summary>The children of this process, also those that became ours when their parent ended.</summary>
    /// <returns>False when they could not be listed now (no descriptor is left).</returns>
    public static bool Children(List<int> pids)
    {
        pids.Clear();
        try
        {
            foreach (var thread in Directory.EnumerateDirectories("/proc/self/task"))
            {
                // As long as there are children: thousands of them take more than the limit of other texts.
                var text = File.ReadAllText($"{thread}/children");
                foreach (var range in text.AsSpan().Split(' '))
                {
                    if (int.TryParse(text.AsSpan()[range], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                        pids.Add(pid);
                }
            }
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>State, parent, session and beginning of a process (proc(5): fields 3, 4, 6 and 22); null when it is gone.</summary>
    public static ProcessStat? Stat(int pid)
    {
        var fields = StatFields($"/proc/{Self.Text(pid)}/stat");
        if (fields is not { Length: > 19 })
            return null;
        return new ProcessStat(
            fields[0][0],
            int.Parse(fields[1], CultureInfo.InvariantCulture),
            int.Parse(fields[3], CultureInfo.InvariantCulture),
            long.Parse(fields[19], CultureInfo.InvariantCulture)
        );
    }

    /// <summary>Whether a process has a handler of its own for a signal; false too when it is gone.</summary>
    public static bool Catches(int pid, int signal)
    {
        const string key = "\nSigCgt:\t";
        var text = ReadText($"/proc/{Self.Text(pid)}/status") ?? "";
        var at = text.IndexOf(key, StringComparison.Ordinal);
        return at >= 0
            && at + key.Length + 16 <= text.Length
            && ulong.TryParse(text.AsSpan(at + key.Length, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask)
            && ((mask >> (signal - 1)) & 1) == 1;
    }

    /// <summary>Whether the standard output or error of a process is one of these pipes; false too when that cannot be seen.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="pipes">Their numbers in the kernel.</param>
    public static bool PrintsTo(int pid, IReadOnlySet<ulong> pipes)
    {
        foreach (var fd in (ReadOnlySpan<int>)[1, 2])
        {
            const string kind = "pipe:[";
            if (
                Files.ReadLink($"/proc/{Self.Text(pid)}/fd/{Self.Text(fd)}", out _) is { } link
                && link.StartsWith(kind, StringComparison.Ordinal)
                && ulong.TryParse(link.AsSpan(kind.Length).TrimEnd(']'), NumberStyles.None, CultureInfo.InvariantCulture, out var pipe)
                && pipes.Contains(pipe)
            )
                return true;
        }
        return false;
    }

    /// <summary>The real user of a process, by which the kernel decides who may signal it; null when it is gone.</summary>
    internal static uint? UserOf(int pid)
    {
        const string key = "\nUid:\t";
        var text = ReadText($"/proc/{Self.Text(pid)}/status").AsSpan();
        var at = text.IndexOf(key, StringComparison.Ordinal);
        var value = at < 0 ? [] : text[(at + key.Length)..];
        return
            value.IndexOf('\t') is var end and > 0
            && uint.TryParse(value[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var user)
            ? user
            : null;
    }

    /// <summary>The value of a variable in the environment that a process was started with; null when it has none or hides it.</summary>
    public static string? EnvironmentVariable(int pid, string name)
    {
        var text = ReadText($"/proc/{Self.Text(pid)}/environ");
        var prefix = name + "=";
        foreach (var range in text.AsSpan().Split('\0'))
        {
            var entry = text.AsSpan()[range];
            if (entry.StartsWith(prefix, StringComparison.Ordinal))
                return entry[prefix.Length..].ToString();
        }
        return null;
    }

    /// <summary>Soft and hard limit of open descriptors of a process; null when it may not be read.</summary>
    internal static (ulong Soft, ulong Hard)? DescriptorLimit(int pid)
    {
        foreach (var line in ReadText($"/proc/{Self.Text(pid)}/limits").Split('\n'))
        {
            if (!line.StartsWith("Max open files", StringComparison.Ordinal))
                continue;
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length > 4 && ulong.TryParse(words[3], out var soft) && ulong.TryParse(words[4], out var hard))
                return (soft, hard);
        }
        return null;
    }

    /// <summary>Where this process's command line lies in its memory (proc(5): arg_start and arg_end, fields 48 and 49).</summary>
    internal static (nuint Start, nuint End)? ArgumentArea()
    {
        var fields = StatFields("/proc/self/stat");
        if (fields is not { Length: > 46 })
            return null;
        var start = nuint.Parse(fields[45], CultureInfo.InvariantCulture);
        var end = nuint.Parse(fields[46], CultureInfo.InvariantCulture);
        return end > start + 1 ? (start, end) : null;
    }

    /// <summary>The niceness of this process (proc(5): field 19).</summary>
    internal static int Niceness() =>
        StatFields("/proc/self/stat") is { Length: > 16 } fields ? int.Parse(fields[16], CultureInfo.InvariantCulture) : 0;

    /// <summary>
    /// How a process ended that its parent has not reaped yet, as wait(2) tells it (proc(5): field 52); null when it is no such process, or when
    /// that is hidden from us, which the kernel does by telling 0.
    /// </summary>
    internal static int? WaitStatus(int pid)
    {
        var process = $"/proc/{Self.Text(pid)}";
        if (StatFields($"{process}/stat") is not { Length: > 49 } fields || fields[0] != "Z")
            return null;
        // This link is shown to the same readers as that field (PTRACE_MODE_READ_FSCREDS).
        return Files.ReadLink($"{process}/ns/user", out _) is null ? null : int.Parse(fields[49], CultureInfo.InvariantCulture);
    }

    // The fields behind the name, which is in parentheses and may itself hold blanks and parentheses: the first is field 3, the state.
    private static string[]? StatFields(string path)
    {
        var text = ReadText(path);
        var end = text.LastIndexOf(')');
        return end < 0 ? null : text[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    // A process may be gone at any moment, and its environment may belong to somebody else.
    private static string ReadText(string path)
    {
        var bytes = Files.ReadHead(path, LongestText, out _);
        return bytes is null ? "" : Encoding.UTF8.GetString(bytes);
    }
}
