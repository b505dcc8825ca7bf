using System.Globalization;
using System.Text;

namespace Emperor.EndToEnd.Support;

/// <summary>What /proc tells of a process.</summary>
internal static class ProcFs
{
    // USER_HZ, which the kernel keeps at 100 towards user space on all its architectures that .NET runs on.
    private const double TicksPerSecond = 100;

    /// <summary>All process numbers.</summary>
    public static IEnumerable<int> All() =>
        Directory
            .EnumerateDirectories("/proc")
            .Select(p => int.TryParse(Path.GetFileName(p), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0);

    /// <summary>Whether it is there and no zombie.</summary>
    public static bool IsAlive(int pid) => Stat(pid) is { State: not ('Z' or 'X') };

    /// <summary>State, parent, session, processor seconds; null when it is gone.</summary>
    public static (char State, int Parent, int Session, double Cpu)? Stat(int pid) => Stat(pid, "stat");

    /// <summary>Processor seconds of its main thread alone.</summary>
    public static double MainThreadCpu(int pid) => Stat(pid, $"task/{pid}/stat")?.Cpu ?? 0;

    /// <summary>Seconds for which its main thread would have run, but others had the processors; 0 where the kernel does not tell.</summary>
    public static double MainThreadDelay(int pid) =>
        (Read(pid, $"task/{pid}/schedstat") ?? "").Split(' ') is [_, var delay, _]
            ? long.Parse(delay, CultureInfo.InvariantCulture) / 1e9
            : 0;

    private static (char State, int Parent, int Session, double Cpu)? Stat(int pid, string file)
    {
        var text = Read(pid, file);
        if (text is null || text.LastIndexOf(')') is var end && end < 0)
            return null;
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
        return (fields[0][0], Number(fields[1]), Number(fields[3]), ticks / TicksPerSecond);
    }

    /// <summary>The function of the kernel that it sleeps in (/proc/PID/wchan); "0" when it runs, "" when it is gone.</summary>
    public static string WaitsIn(int pid) => Read(pid, "wchan") ?? "";

    /// <summary>Its children, zombies too.</summary>
    public static List<int> Children(int pid)
    {
        var result = new List<int>();
        foreach (var other in All())
        {
            if (Stat(other) is { } stat && stat.Parent == pid)
                result.Add(other);
        }
        return result;
    }

    /// <summary>Its command line, blanks between the arguments; empty for a zombie.</summary>
    public static string CommandLine(int pid) => (Read(pid, "cmdline") ?? "").TrimEnd('\0').Replace('\0', ' ');

    /// <summary>Its environment, as NAME=VALUE.</summary>
    public static string[] Environment(int pid) => (Read(pid, "environ") ?? "").Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The folder it is in; null when it is gone.</summary>
    public static string? Folder(int pid)
    {
        try
        {
            return new DirectoryInfo($"/proc/{pid}/cwd").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A line of its status, without the name.</summary>
    public static string Status(int pid, string name) =>
        (Read(pid, "status") ?? "")
            .Split('\n')
            .Where(line => line.StartsWith(name + ":", StringComparison.Ordinal))
            .Select(line => line[(name.Length + 1)..].Trim())
            .FirstOrDefault("");

    /// <summary>Whether it has a handler for a signal.</summary>
    public static bool Catches(int pid, int signal) =>
        ulong.TryParse(Status(pid, "SigCgt"), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var caught)
        && (caught >> (signal - 1) & 1) == 1;

    private static string? Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}", Encoding.UTF8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
