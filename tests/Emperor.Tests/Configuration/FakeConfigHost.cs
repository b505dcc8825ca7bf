using System.Text;
using Emperor.Core.Configuration;

namespace Emperor.Tests.Configuration;

/// <summary>A world of a few files in memory. Folders are there when something is in them.</summary>
internal sealed class FakeConfigHost : IConfigHost
{
    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public Dictionary<string, string> Links { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string[]> Globs { get; } = new(StringComparer.Ordinal);

    public List<KeyValuePair<string, string>> Variables { get; } = [new("PATH", "/usr/bin:/bin"), new("HOME", "/home/house")];

    public int FilesRead { get; private set; }

    public string WorkingDirectory { get; init; } = "/srv/corpus";

    public string HostName { get; init; } = "house";

    public int Processors => 2;

    public long UserId => 65534;

    public string? UserName { get; init; } = "nobody";

    public long GroupId => 65534;

    public string? GroupName { get; init; } = "nogroup";

    public string BinaryPath => "/usr/bin/emperor";

    public DateTimeOffset UnixTime => DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000).AddMicroseconds(123_456);

    public IEnumerable<KeyValuePair<string, string>> Environment => Variables;

    public FakeConfigHost With(string path, string text) => With(path, Encoding.UTF8.GetBytes(text));

    public FakeConfigHost With(string path, byte[] bytes)
    {
        _files[Full(path)] = bytes;
        return this;
    }

    public FakeConfigHost WithVariable(string name, string value)
    {
        Variables.Add(new(name, value));
        return this;
    }

    public string? GetEnvironment(string name) => Variables.Find(variable => variable.Key == name).Value;

    public FileReading ReadFile(string path, int limit)
    {
        FilesRead++;
        if (!_files.TryGetValue(Target(path), out var bytes))
            return FileReading.Failed("no such file");
        return bytes.Length > limit ? FileReading.Failed($"it is larger than {limit} bytes") : FileReading.Of(bytes);
    }

    public bool Exists(string path) => IsFile(path) || IsDirectory(path);

    public bool IsFile(string path) => _files.ContainsKey(Target(path));

    public bool IsDirectory(string path) =>
        _files.Keys.Any(file => file.StartsWith(Full(path).TrimEnd('/') + "/", StringComparison.Ordinal));

    public bool IsLink(string path) => Links.ContainsKey(Full(path));

    public string? RealPath(string path) => Exists(path) ? Target(path) : null;

    public ulong? Inode(string path) => (ulong)Full(path).Length;

    public IReadOnlyList<string> Glob(string pattern) => Globs.GetValueOrDefault(pattern, []);

    private string Full(string path) => path.StartsWith('/') || path == "-" ? path : WorkingDirectory + "/" + path;

    private string Target(string path) => Links.GetValueOrDefault(Full(path), Full(path));
}
