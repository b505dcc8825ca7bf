using System.Globalization;
using Emperor.Core.Configuration;

namespace Emperor.Configuration;

/// <summary>The real system, for the reader of the configuration.</summary>
/// <remarks>
/// Names with bytes that are not UTF-8 cannot be opened through the base library; such a file counts as missing, and the message says
/// its name.
/// </remarks>
/// <param name="inode">Tells the inode of a name without following links; the base library has no call for it.</param>
/// <param name="lord">The configuration that an emperor above hands over; null where that is not looked for.</param>
internal sealed class SystemConfigHost(Func<string, ulong?> inode, Func<FileReading>? lord = null) : IConfigHost
{
    private readonly List<KeyValuePair<string, string>> _environment = ReadEnvironment();

    /// <inheritdoc/>
    public string WorkingDirectory { get; } = Directory.GetCurrentDirectory();

    /// <inheritdoc/>
    public string HostName { get; } = FirstLine("/proc/sys/kernel/hostname") ?? System.Environment.MachineName;

    /// <inheritdoc/>
    public int Processors { get; } = CountProcessors(FirstLine("/sys/devices/system/cpu/online"));

    /// <inheritdoc/>
    public long UserId { get; } = FirstId("Uid:");

    /// <inheritdoc/>
    public string? UserName => NameOf("/etc/passwd", UserId);

    /// <inheritdoc/>
    public long GroupId { get; } = FirstId("Gid:");

    /// <inheritdoc/>
    public string? GroupName => NameOf("/etc/group", GroupId);

    /// <inheritdoc/>
    public string BinaryPath { get; } = System.Environment.ProcessPath ?? "";

    /// <inheritdoc/>
    public DateTimeOffset UnixTime { get; } = DateTimeOffset.UtcNow;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Environment => _environment;

    /// <inheritdoc/>
    public string? GetEnvironment(string name) => _environment.Find(variable => variable.Key == name).Value;

    /// <inheritdoc/>
    public FileReading ReadFile(string path, int limit)
    {
        if (lord is not null && path.StartsWith(IConfigHost.LordScheme, StringComparison.Ordinal))
            return lord();
        try
        {
            using var file = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
            using var content = new MemoryStream();
            var buffer = new byte[16 * 1024];
            for (int count; (count = file.Read(buffer)) > 0; )
            {
                content.Write(buffer, 0, count);
                if (content.Length > limit)
                    return FileReading.Failed($"it is larger than {limit} bytes");
            }
            return FileReading.Of(content.ToArray());
        }
        catch (UnauthorizedAccessException)
        {
            return FileReading.Failed(Directory.Exists(path) ? "it is a folder" : "permission denied");
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return FileReading.Failed("no such file");
        }
        catch (Exception error) when (error is IOException or ArgumentException or NotSupportedException)
        {
            return FileReading.Failed(error.Message);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Whether it may be read is not asked: the base library could only try, and opening a pipe can wait for ever.</remarks>
    public bool Exists(string path) => Path.Exists(path);

    /// <inheritdoc/>
    /// <remarks>Pipes, sockets and devices count as files for the base library.</remarks>
    public bool IsFile(string path) => File.Exists(path);

    /// <inheritdoc/>
    public bool IsDirectory(string path) => Directory.Exists(path);

    /// <inheritdoc/>
    public bool IsLink(string path) => path.Length > 0 && new FileInfo(path).LinkTarget is not null;

    /// <inheritdoc/>
    public string? RealPath(string path) => RealPaths.Resolve(WorkingDirectory, path);

    /// <inheritdoc/>
    public ulong? Inode(string path) => inode(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> Glob(string pattern) => FileGlob.Expand(pattern);

    /// <summary>The environment the program was started with, in its own order, which Environment.GetEnvironmentVariables loses.</summary>
    private static List<KeyValuePair<string, string>> ReadEnvironment()
    {
        var variables = new List<KeyValuePair<string, string>>();
        byte[] environment;
        try
        {
            environment = File.ReadAllBytes("/proc/self/environ");
        }
        catch (UnauthorizedAccessException)
        {
            // Of a process that has changed its user the kernel lets only root read it (proc(5), PR_SET_DUMPABLE).
            foreach (System.Collections.DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
                variables.Add(KeyValuePair.Create((string)variable.Key, (string?)variable.Value ?? ""));
            return variables;
        }
        foreach (var entry in ConfigText.Decode(environment).Split('\0'))
        {
            var equals = entry.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                variables.Add(KeyValuePair.Create(entry[..equals], entry[(equals + 1)..]));
        }
        return variables;
    }

    private static string? FirstLine(string file) => File.Exists(file) ? File.ReadLines(file).FirstOrDefault() : null;

    /// <summary>The real id: the first number of a line of /proc/self/status.</summary>
    private static long FirstId(string label)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(label, StringComparison.Ordinal));
        return long.Parse(line[label.Length..].Split('\t', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
    }

    /// <summary>The name of an id in a file of the form NAME:PASSWORD:ID:…</summary>
    private static string? NameOf(string file, long id)
    {
        var text = id.ToString(CultureInfo.InvariantCulture);
        return File.Exists(file)
            ? File.ReadLines(file).Select(line => line.Split(':')).FirstOrDefault(f => f.Length > 2 && f[2] == text)?[0]
            : null;
    }

    /// <summary>Counts a list such as "0-3,8"; Environment.ProcessorCount knows of quotas and affinity too, which uWSGI does not heed.</summary>
    private static int CountProcessors(string? list)
    {
        var count = 0;
        foreach (var range in (list ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = range.Split('-');
            if (!int.TryParse(ends[0], out var first) || !int.TryParse(ends[^1], out var last))
                return System.Environment.ProcessorCount;
            count += last - first + 1;
        }
        return count > 0 ? count : System.Environment.ProcessorCount;
    }
}
