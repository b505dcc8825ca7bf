using System.Globalization;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// The pidfiles of a vassal. Its master is the emperor, whose number would lead who sends a signal there to all vassals: it is that of the worker that has
/// been ready for the longest time.
/// </summary>
internal sealed class WorkerPidFiles(string vassal, IReadOnlyList<string> paths, bool isGuarded, EmperorLog log) : IDisposable
{
    private readonly List<int> _ready = [];
    private int _written;

    /// <summary>The workers that are ready, by their numbers, in the order in which the files are theirs.</summary>
    public IReadOnlyList<int> Order => [.. _ready];

    /// <summary>The number that is in the files; 0 for none.</summary>
    public int Written => _written;

    /// <summary>Goes on where a former emperor was; nothing is written.</summary>
    public void Inherit(IReadOnlyList<int> order, int written)
    {
        _ready.AddRange(order);
        _written = written;
    }

    /// <summary>A worker has become ready.</summary>
    public void Ready(int pid)
    {
        if (!_ready.Contains(pid))
            _ready.Add(pid);
        Write();
    }

    /// <summary>One has ended.</summary>
    public void Ended(int pid)
    {
        if (_ready.Remove(pid))
            Write();
    }

    /// <summary>Writes them again.</summary>
    public void Rewrite()
    {
        _written = 0;
        Write();
    }

    /// <summary>Removes those that still hold what was written.</summary>
    public void Dispose()
    {
        foreach (var path in paths)
        {
            if (_written == 0)
                continue;
            if (!isGuarded)
                Remove(path);
            else if (GuardedFile.OpenFolder(path, out _) is { } folder)
            {
                using (folder)
                    Remove(GuardedFile.Name(folder, path));
            }
        }
    }

    private void Remove(string path)
    {
        if (Files.ReadBounded(path, 64, out _) is not { } bytes || System.Text.Encoding.ASCII.GetString(bytes) != Text(_written))
            return;
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A stale pidfile is what uWSGI leaves always.
        }
    }

    private static string Text(int pid) => pid.ToString(CultureInfo.InvariantCulture) + "\n";

    private void Write()
    {
        if (_ready.Count == 0 || _ready[0] == _written)
            return;
        _written = _ready[0];
        foreach (var path in paths)
        {
            if (Write(path) is { Number: not 0 } error)
                log.Vassal(LogEventLevel.Error, "pidfile", vassal, $"its pidfile {path} cannot be written: {error}");
        }
    }

    private Errno Write(string path)
    {
        if (!isGuarded)
            return Files.WriteSmall(path, Text(_written));
        using var file = GuardedFile.OpenToWrite(path, append: false, out var error);
        return file is null ? error : Files.Rewrite(file, Text(_written));
    }
}
