using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Emperor.Benchmarks;

/// <summary>Finds, builds and prepares for what is measured.</summary>
internal static class Programs
{
    private static readonly TimeSpan publishLimit = TimeSpan.FromMinutes(5);

    /// <summary>The path of the emperor; publishes src/Emperor into <paramref name="folder"/> when none was given.</summary>
    public static string Emperor(Options options, string folder, CancellationToken cancel)
    {
        if (options.EmperorPath is { } given)
            return Existing(given, "--emperor");
        var project = Path.Combine(Repository(), "src", "Emperor");
        var output = Path.Combine(folder, "published");
        Progress.Say($"no --emperor was given: publishing {project} to {output}");
        Publish(project, output, cancel);
        return Existing(Path.Combine(output, "emperor"), "what was published");
    }

    public static string Uwsgi(Options options) => Existing(options.UwsgiPath, "--uwsgi");

    /// <summary>What the program answers to --version, which also brings its file into the page cache.</summary>
    public static string Version(string program, string folder, CancellationToken cancel)
    {
        var log = Path.Combine(folder, "version");
        File.Delete(log);
        var process = LaunchedProcess.Start(program, ["--version"], log, new Dictionary<string, string>());
        var from = Clock.Now;
        while (process.Ending is null)
        {
            if (Clock.Now - from > 20_000_000_000)
            {
                process.Signal(Native.SignalKill);
                throw new BenchmarkException($"{program} --version has not ended after 20 s");
            }
            Clock.Pause(TimeSpan.FromMilliseconds(5), cancel);
        }
        var line = File.ReadLines(log).FirstOrDefault() ?? "unknown version";
        return $"{program} ({line.Trim()})";
    }

    /// <summary>Sets the soft limit of open files, which both programs inherit alike.</summary>
    public static void LimitOpenFiles(int files)
    {
        if (Native.GetLimit(Native.LimitOpenFiles, out var limit) != 0)
            throw new BenchmarkException($"getrlimit: {Marshal.GetLastPInvokeErrorMessage()}");
        limit.Soft = (ulong)files;
        limit.Hard = Math.Max(limit.Hard, limit.Soft);
        if (Native.SetLimit(Native.LimitOpenFiles, limit) != 0)
            throw new BenchmarkException(
                $"cannot allow {files} open files ({Marshal.GetLastPInvokeErrorMessage()}): raise ulimit -Hn, or give --nofile"
            );
    }

    private static void Publish(string project, string output, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("dotnet", ["publish", project, "-c", "Release", "-o", output, "--nologo"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // dotnet run leaves its own MSBuild's settings behind, which are not meant for another.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        using var process = Process.Start(start) ?? throw new BenchmarkException("cannot start dotnet publish");
        var text = process.StandardOutput.ReadToEndAsync(cancel);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        try
        {
            process.WaitForExitAsync(cancel).WaitAsync(publishLimit, cancel).GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            throw new BenchmarkException($"dotnet publish has not ended after {publishLimit.TotalMinutes:0} minutes");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        if (process.ExitCode != 0)
            throw new BenchmarkException($"dotnet publish failed:\n{text.GetAwaiter().GetResult()}{errors.GetAwaiter().GetResult()}");
    }

    private static string Existing(string path, string what) =>
        File.Exists(path) ? path : throw new BenchmarkException($"{what}: there is no {path}");

    private static string Repository()
    {
        string[] starts = [AppContext.BaseDirectory, Environment.CurrentDirectory];
        foreach (var start in starts)
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "Emperor.sln")))
                    return folder.FullName;
        throw new BenchmarkException("Emperor.sln is not above this program: give --emperor PATH");
    }
}
