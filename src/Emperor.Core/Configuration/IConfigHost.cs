namespace Emperor.Core.Configuration;

/// <summary>A file's bytes, or why they could not be had.</summary>
/// <param name="Bytes">The content; null after an error.</param>
/// <param name="Error">The reason in words, such as "no such file"; null when it was read.</param>
public readonly record struct FileReading(byte[]? Bytes, string? Error)
{
    /// <summary>A file that was read.</summary>
    public static FileReading Of(byte[] bytes) => new(bytes, null);

    /// <summary>A file that could not be read.</summary>
    public static FileReading Failed(string error) => new(null, error);
}

/// <summary>What the reader of the configuration asks of the world. Strings are of <see cref="ConfigText"/>.</summary>
public interface IConfigHost
{
    /// <summary>The folder that relative names refer to (%v), without a slash at its end.</summary>
    string WorkingDirectory { get; }

    /// <summary>The host's name (%h).</summary>
    string HostName { get; }

    /// <summary>The number of processors that are online (%k).</summary>
    int Processors { get; }

    /// <summary>The real user id (%u).</summary>
    long UserId { get; }

    /// <summary>The real user's name (%U); null when the system knows none.</summary>
    string? UserName { get; }

    /// <summary>The real group id (%g).</summary>
    long GroupId { get; }

    /// <summary>The real group's name (%G); null when the system knows none.</summary>
    string? GroupName { get; }

    /// <summary>The path of the running program (%b).</summary>
    string BinaryPath { get; }

    /// <summary>The time at the start (%t in seconds, %T in microseconds).</summary>
    DateTimeOffset UnixTime { get; }

    /// <summary>The environment in its own order, which decides between two variables for one option.</summary>
    IEnumerable<KeyValuePair<string, string>> Environment { get; }

    /// <summary>One variable of the environment; null when it is not set.</summary>
    string? GetEnvironment(string name);

    /// <summary>What names the configuration begin with that an emperor hands to its vassal.</summary>
    const string LordScheme = "emperor://";

    /// <summary>Reads a whole file, or what <see cref="LordScheme"/> stands for; "-" being the standard input; more than <paramref name="limit"/> bytes are an error.</summary>
    FileReading ReadFile(string path, int limit);

    /// <summary>Whether something of that name exists and may be read; links are followed.</summary>
    bool Exists(string path);

    /// <summary>Whether it is a regular file; links are followed.</summary>
    bool IsFile(string path);

    /// <summary>Whether it is a folder; links are followed.</summary>
    bool IsDirectory(string path);

    /// <summary>Whether the name itself is a symbolic link.</summary>
    bool IsLink(string path);

    /// <summary>The absolute path with every link resolved; null when something of it does not exist.</summary>
    string? RealPath(string path);

    /// <summary>The inode of the name itself (%i); null when it cannot be told.</summary>
    ulong? Inode(string path);

    /// <summary>The names a shell pattern matches, sorted by bytes, folders with a slash at their end; empty when none does.</summary>
    IReadOnlyList<string> Glob(string pattern);
}
