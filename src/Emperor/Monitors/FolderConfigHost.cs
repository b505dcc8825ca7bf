using Emperor.Configuration;
using Emperor.Core.Configuration;
using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>
/// The system as the reader of one vassal's file sees it from the vassals folder, while the main thread waits: nothing that is read can block,
/// and how much is looked at is bounded. The process's own working folder plays no part.
/// </summary>
/// <param name="machine">What is the same for all.</param>
/// <param name="folder">The vassals folder.</param>
/// <param name="file">The vassal's file, as it is named there.</param>
/// <param name="content">What has been read of it: nothing that is written to it since.</param>
internal sealed class FolderConfigHost(Machine machine, string folder, string file, byte[] content) : IConfigHost
{
    private const int MostNames = 2_000;

    private int _names = MostNames;

    /// <summary>More names were looked at for patterns than may be, so that not all that fit were found.</summary>
    public bool LookedAtTooMany => _names < 0;

    /// <inheritdoc/>
    public string WorkingDirectory => folder;

    /// <inheritdoc/>
    public string HostName => machine.HostName;

    /// <inheritdoc/>
    public int Processors => machine.Processors;

    /// <inheritdoc/>
    public long UserId => machine.UserId;

    /// <inheritdoc/>
    public string? UserName => machine.UserName;

    /// <inheritdoc/>
    public long GroupId => machine.GroupId;

    /// <inheritdoc/>
    public string? GroupName => machine.GroupName;

    /// <inheritdoc/>
    public string BinaryPath => machine.BinaryPath;

    /// <inheritdoc/>
    public DateTimeOffset UnixTime { get; } = DateTimeOffset.FromUnixTimeMilliseconds(Clock.Now.Unix);

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <inheritdoc/>
    public string? GetEnvironment(string name) => machine.Variables.GetValueOrDefault(name);

    /// <inheritdoc/>
    public FileReading ReadFile(string path, int limit)
    {
        if (path == file)
            return FileReading.Of(content);
        var bytes = Files.ReadBounded(Full(path), limit, out var error);
        if (bytes is null)
            return FileReading.Failed(
                error == Errno.NoEntry ? "no such file"
                : error == Errno.Invalid ? "it is no regular file"
                : error.ToString()
            );
        return bytes.Length > limit ? FileReading.Failed($"it is larger than {limit} bytes") : FileReading.Of(bytes);
    }

    /// <inheritdoc/>
    public bool Exists(string path) => Path.Exists(Full(path));

    /// <inheritdoc/>
    public bool IsFile(string path) => File.Exists(Full(path));

    /// <inheritdoc/>
    public bool IsDirectory(string path) => Directory.Exists(Full(path));

    /// <inheritdoc/>
    public bool IsLink(string path) =>
        path.Length > 0 && FileStatus.Get(Full(path), follow: false, out var own).Number == 0 && own.Kind == FileKind.Link;

    /// <inheritdoc/>
    public string? RealPath(string path) => RealPaths.Resolve(folder, path);

    /// <inheritdoc/>
    public ulong? Inode(string path) => FileStatus.Get(Full(path), follow: false, out var own).Number == 0 ? own.Inode : null;

    /// <inheritdoc/>
    public IReadOnlyList<string> Glob(string pattern) => FileGlob.Expand(pattern, folder + "/", ref _names);

    private string Full(string path) => path.StartsWith('/') ? path : $"{folder}/{path}";
}

/// <summary>What a reader may ask of the machine and the emperor that stays as it is.</summary>
/// <param name="HostName">The host's name.</param>
/// <param name="Processors">The number of its processors.</param>
/// <param name="UserId">The emperor's user.</param>
/// <param name="UserName">That user's name.</param>
/// <param name="GroupId">The emperor's group.</param>
/// <param name="GroupName">That group's name.</param>
/// <param name="BinaryPath">The emperor's program.</param>
/// <param name="Variables">The emperor's environment.</param>
internal sealed record Machine(
    string HostName,
    int Processors,
    long UserId,
    string? UserName,
    long GroupId,
    string? GroupName,
    string BinaryPath,
    IReadOnlyDictionary<string, string> Variables
)
{
    /// <summary>Looks once.</summary>
    public static Machine Look()
    {
        var system = new SystemConfigHost(_ => null);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in system.Environment)
            variables.TryAdd(name, value);
        return new Machine(
            system.HostName,
            system.Processors,
            system.UserId,
            system.UserName,
            system.GroupId,
            system.GroupName,
            system.BinaryPath,
            variables
        );
    }
}
