using System.Globalization;
using Emperor.Linux;

namespace Emperor;

/// <summary>Files that hold the emperor's process number while it runs. Those that still hold it at the end are removed.</summary>
internal sealed class PidFiles : IDisposable
{
    private readonly List<string> _written = [];

    /// <summary>All that hold it because of this emperor, or of one before it in the same process.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <summary>An emperor before this one, in the same process, has written these: they are right as they are, and removed at the end.</summary>
    public void Inherit(IEnumerable<string> paths) => _written.AddRange(paths.Except(_written, StringComparer.Ordinal));

    /// <summary>Writes one, unless an emperor before this one has: the rights for that may be gone.</summary>
    /// <param name="path">Its path; null when none is asked for.</param>
    /// <param name="folder">The folder that a relative path starts in.</param>
    /// <returns>Why not; null when it is written.</returns>
    public string? Write(string? path, string folder)
    {
        if (path is null)
            return null;
        var absolute = Path.GetFullPath(path, folder);
        if (_written.Contains(absolute, StringComparer.Ordinal))
            return null;
        if (Files.WriteSmall(absolute, Content) is { Number: not 0 } error)
            return $"the pidfile {absolute} cannot be written: {error}";
        _written.Add(absolute);
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var path in _written)
        {
            if (Files.ReadBounded(path, 64, out _) is not { } bytes || System.Text.Encoding.ASCII.GetString(bytes) != Content)
                continue;
            try
            {
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Without its former rights the emperor may not remove it; a stale pidfile is what uWSGI leaves always.
            }
        }
    }

    private static string Content => Self.Pid.ToString(CultureInfo.InvariantCulture) + "\n";
}
