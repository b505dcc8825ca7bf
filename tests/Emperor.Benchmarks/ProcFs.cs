using System.Globalization;

namespace Emperor.Benchmarks;

/// <summary>Memory of some processes together, in megabytes of 1,048,576 bytes.</summary>
internal readonly record struct MemoryUse(double PrivateDirty, double PrivateClean, double Resident);

/// <summary>What /proc and the processor clocks say about other processes.</summary>
internal static class ProcFs
{
    /// <summary>
    /// The emperor and the processes below it that are not vassals: an emperor that spreads its work over helpers does not get them for free.
    /// </summary>
    public static IReadOnlyList<int> WithHelpers(int pid, string vassalProgram)
    {
        List<int> found = [pid];
        for (var i = 0; i < found.Count; i++)
            found.AddRange(Children(found[i]).Where(child => Executable(child) is { } program && program != vassalProgram));
        return found;
    }

    /// <summary>Processor time of all threads that the process has or had, in nanoseconds; 0 when it is gone.</summary>
    public static long ProcessorTime(int pid)
    {
        // The same sums as in /proc/PID/task/*/schedstat, with those of ended threads, in one call.
        if (Native.ClockOfProcess(pid, out var clock) != 0 || Native.ClockGetTime(clock, out var time) != 0)
            return 0;
        return time.Seconds * 1_000_000_000 + time.Nanoseconds;
    }

    public static MemoryUse Memory(IEnumerable<int> pids)
    {
        double dirty = 0;
        double clean = 0;
        double resident = 0;
        foreach (var pid in pids)
        foreach (var line in File.ReadLines($"/proc/{pid}/smaps_rollup"))
        {
            if (line.StartsWith("Private_Dirty:", StringComparison.Ordinal))
                dirty += Megabytes(line);
            else if (line.StartsWith("Private_Clean:", StringComparison.Ordinal))
                clean += Megabytes(line);
            else if (line.StartsWith("Rss:", StringComparison.Ordinal))
                resident += Megabytes(line);
        }
        return new MemoryUse(dirty, clean, resident);
    }

    /// <summary>What these processes take together, each shared page counted in parts (PSS), in megabytes. Those that have ended take nothing.</summary>
    public static double Proportional(IEnumerable<int> pids)
    {
        double sum = 0;
        foreach (var pid in pids)
        {
            try
            {
                sum += File.ReadLines($"/proc/{pid}/smaps_rollup")
                    .Where(l => l.StartsWith("Pss:", StringComparison.Ordinal))
                    .Sum(Megabytes);
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }
        return sum;
    }

    /// <summary>True when no such process runs; a zombie that nobody reaps has ended too.</summary>
    public static bool IsGone(int pid)
    {
        if (Native.Kill(pid, 0) != 0)
            return true;
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    public static string? Executable(int pid)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/exe", returnFinalTarget: false)?.FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Every process that runs this very file.</summary>
    public static IEnumerable<int> Running(string program) =>
        Directory
            .EnumerateDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0 && Executable(pid) == program);

    private static List<int> Children(int pid)
    {
        List<int> children = [];
        try
        {
            foreach (var task in Directory.EnumerateDirectories($"/proc/{pid}/task"))
            foreach (var word in File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                children.Add(int.Parse(word, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // It ended meanwhile, or the kernel has no children files: then the emperor alone is counted.
        }
        return children;
    }

    private static double Megabytes(string line) =>
        double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
}
