using Emperor.Core.Configuration;

namespace Emperor.Core.Checks;

/// <summary>The world as the reader of a vassal's file sees it: variables UWSGI_X of whoever looks are no options of the vassal.</summary>
public sealed class VassalHost(IConfigHost host) : IConfigHost
{
    /// <inheritdoc/>
    public string WorkingDirectory => host.WorkingDirectory;

    /// <inheritdoc/>
    public string HostName => host.HostName;

    /// <inheritdoc/>
    public int Processors => host.Processors;

    /// <inheritdoc/>
    public long UserId => host.UserId;

    /// <inheritdoc/>
    public string? UserName => host.UserName;

    /// <inheritdoc/>
    public long GroupId => host.GroupId;

    /// <inheritdoc/>
    public string? GroupName => host.GroupName;

    /// <inheritdoc/>
    public string BinaryPath => host.BinaryPath;

    /// <inheritdoc/>
    public DateTimeOffset UnixTime => host.UnixTime;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Environment => [];

    /// <inheritdoc/>
    public string? GetEnvironment(string name) => host.GetEnvironment(name);

    /// <inheritdoc/>
    public FileReading ReadFile(string path, int limit) =>
        path == "-" ? FileReading.Failed("nothing is read from the terminal") : host.ReadFile(path, limit);

    /// <inheritdoc/>
    public bool Exists(string path) => host.Exists(path);

    /// <inheritdoc/>
    public bool IsFile(string path) => host.IsFile(path);

    /// <inheritdoc/>
    public bool IsDirectory(string path) => host.IsDirectory(path);

    /// <inheritdoc/>
    public bool IsLink(string path) => host.IsLink(path);

    /// <inheritdoc/>
    public string? RealPath(string path) => host.RealPath(path);

    /// <inheritdoc/>
    public ulong? Inode(string path) => host.Inode(path);

    /// <inheritdoc/>
    public IReadOnlyList<string> Glob(string pattern) => host.Glob(pattern);
}
