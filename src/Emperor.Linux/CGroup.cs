using System.Globalization;
using System.Text;

namespace Emperor.Linux;

/// <summary>Control groups of version 2 (the kernel's Documentation/admin-guide/cgroup-v2.rst): folders of small files.</summary>
public static unsafe class CGroup
{
    private const int LongestFile = 64 * 1024;
    private const uint FolderMode = 0x1ED;

    /// <summary>The folder of this process's group.</summary>
    /// <param name="isWhole">Whether it is all of the hierarchy that this process can see: that of a container, or of a machine without systemd.</param>
    /// <returns>Null when no version 2 hierarchy can be seen.</returns>
    public static string? Own(out bool isWhole)
    {
        var path = PathOf("self");
        isWhole = path == "/";
        return path is null ? null : FolderOf(path);
    }

    /// <summary>The folder of another process's group; null when it is gone, or no version 2 hierarchy can be seen.</summary>
    public static string? Of(int pid) => PathOf(Self.Text(pid)) is { } path ? FolderOf(path) : null;

    /// <summary>Whether systemd has left a group to who runs in it (Delegate=yes): it says so by an attribute of the folder.</summary>
    public static bool IsDelegated(string folder) => HasMark(folder, "user.delegate") || HasMark(folder, "trusted.delegate");

    /// <summary>Makes a group. One that is there already is fine.</summary>
    public static Errno Make(string folder)
    {
        if (Native.MakeDirectory(folder, FolderMode) == 0)
            return default;
        var error = Errno.Last;
        return error == Errno.Exists ? default : error;
    }

    /// <summary>Removes a group without processes; one with processes is busy.</summary>
    public static Errno Remove(string folder) => Native.RemoveDirectory(folder) == 0 ? default : Errno.Last;

    /// <summary>Writes to one of a group's files.</summary>
    public static Errno Write(string folder, string file, string text)
    {
        var fd = Native.Open($"{folder}/{file}", Constants.OWrOnly | Constants.OCloExec, 0);
        if (fd < 0)
            return Errno.Last;
        using var owned = new SafeFd(fd);
        return Files.WriteAll(fd, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Reads one of a group's files; empty when it is not there.</summary>
    public static string Read(string folder, string file) => Text($"{folder}/{file}");

    /// <summary>The processes in a group itself, not in those below it.</summary>
    public static IReadOnlyList<int> Processes(string folder) =>
        [
            .. Read(folder, "cgroup.procs")
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => int.TryParse(l, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
                .Where(pid => pid > 0),
        ];

    /// <summary>The processes in a group and in those below it.</summary>
    public static IReadOnlyList<int> ProcessesBelow(string folder)
    {
        var all = new List<int>(Processes(folder));
        try
        {
            foreach (var below in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories))
                all.AddRange(Processes(below));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // One that is removed meanwhile has no processes.
        }
        return all;
    }

    /// <summary>Kills all processes of a group and of those below it.</summary>
    public static void Kill(string folder)
    {
        if (Write(folder, "cgroup.kill", "1").Number == 0)
            return;
        // Before Linux 5.14.
        foreach (var pid in Processes(folder))
        {
            using var process = PidRef.Open(pid, out _);
            _ = process?.Signal(Signals.Kill);
        }
    }

    /// <summary>The number that stands behind a word in a file of such lines (memory.events, cpu.stat); null when there is none.</summary>
    public static long? Value(string text, string key)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan()[range];
            var blank = line.IndexOf(' ');
            if (blank > 0 && line[..blank].SequenceEqual(key))
                return long.TryParse(line[(blank + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
        }
        return null;
    }

    private static string? PathOf(string process)
    {
        var line = Text($"/proc/{process}/cgroup").Split('\n').FirstOrDefault(l => l.StartsWith("0::/", StringComparison.Ordinal));
        return line?[3..];
    }

    private static string? FolderOf(string path)
    {
        foreach (var mount in Text("/proc/self/mountinfo").Split('\n'))
        {
            // ID parent device root place options … - type source options
            var fields = mount.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            if (dash < 6 || fields.Length < dash + 2 || fields[dash + 1] != "cgroup2")
                continue;
            var root = fields[3].TrimEnd('/');
            if (path.StartsWith(root, StringComparison.Ordinal))
                return (fields[4] + path[root.Length..]).TrimEnd('/');
        }
        return null;
    }

    private static bool HasMark(string folder, string name)
    {
        byte value;
        return Native.GetExtendedAttribute(folder, name, &value, 1) == 1 && value == (byte)'1';
    }

    private static string Text(string path) => Files.ReadHead(path, LongestFile, out _) is { } bytes ? Encoding.UTF8.GetString(bytes) : "";
}
