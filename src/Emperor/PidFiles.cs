using System.Globalization;
using Emperor.Linux;

namespace Emperor;

/// <summary>Files that hold the emperor's process number while it runs. Those that still hold it at the end are removed.</summary>
internal sealed class PidFiles : IDisposable
{
    private readonly List<string> _written = [];

    /// <summary>Writes one.</summary>
    /// <returns>Why not; null when it is written.</returns>
    public string? Write(string? path)
    {
        if (path is null)
            return null;
        try
        {
            var absolute = Path.GetFullPath(path);
            File.WriteAllText(absolute, Content);
            _written.Add(absolute);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return $"the pidfile {path} cannot be written: {e.Message}";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var path in _written)
        {
            try
            {
                if (File.ReadAllText(path) == Content)
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
