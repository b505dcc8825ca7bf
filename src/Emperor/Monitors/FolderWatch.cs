using Microsoft.Extensions.FileProviders.Physical;

namespace Emperor.Monitors;

/// <summary>
/// Hints that something in one folder has changed, by the FileSystemWatcher behind Microsoft.Extensions.FileProviders.Physical. It does not
/// say what, and it sees neither what links lead to nor that the folder itself was replaced: a hint only brings the next scan forward.
/// </summary>
internal sealed class FolderWatch(Action hint) : IDisposable
{
    // The provider gives its inotify instance up whenever nobody waits for a change, and takes another for the next token. In a folder that
    // changes all the time that would be thousands of instances a second, of which the kernel allows 128 a user. So somebody always waits:
    // for a name that is no vassal's.
    private const string NeverThere = ".emperor-watches-this-folder";

    private PhysicalFilesWatcher? _watcher;
    private int _generation;
    private volatile bool _isLost;
    private volatile string? _trouble;

    /// <summary>Whether it watches.</summary>
    public bool IsWatching => _watcher is not null && !_isLost;

    /// <summary>Why it does not watch, though it should; null when it does, as far as one knows.</summary>
    public string? Trouble => _trouble;

    /// <summary>Watches the folder that has this path now.</summary>
    public void Start(string folder)
    {
        Stop();
        _isLost = false;
        var generation = _generation;
        FileSystemWatcher? source = null;
        try
        {
            // The real path: the name may be a link that is re-pointed, and then a new watch is started.
            var root =
                (Directory.ResolveLinkTarget(folder, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(folder)).TrimEnd('/') + "/";
            source = new FileSystemWatcher(root)
            {
                // Names only: what is written to a file LinkHints names itself, and a file that is written all the time would make the
                // provider work as hard as its writer.
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName,
            };
            source.Error += (_, e) => Lose(e.GetException(), generation);
            _watcher = new PhysicalFilesWatcher(root, source, pollForChanges: false, ExclusionFilters.None);
            // The provider asks for all folders below; vassals are in this one only.
            source.IncludeSubdirectories = false;
            Arm(_watcher, generation);
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            _trouble = e.Message;
            source?.Dispose();
            _watcher?.Dispose();
            _watcher = null;
        }
    }

    /// <summary>Ends the watch.</summary>
    public void Stop()
    {
        _generation++;
        _watcher?.Dispose();
        _watcher = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Stop();

    // That no inotify watch is left (fs.inotify.max_user_watches) is not thrown but told here. The trouble lasts until a change has been
    // told again, and is a hint once only: each scan tries to watch again.
    private void Lose(Exception error, int generation)
    {
        if (error is InternalBufferOverflowException || generation != Volatile.Read(ref _generation))
            return;
        _isLost = true;
        var isNew = _trouble is null;
        _trouble = error.Message;
        if (isNew)
            hint();
    }

    // A token tells one change. The next is asked for before the hint is passed on, so that what happens during the scan is told too.
    private void Arm(PhysicalFilesWatcher watcher, int generation)
    {
        _ = watcher.CreateFileChangeToken(NeverThere);
        watcher
            // At any depth, though there is but one: the provider takes a backslash in a name for a folder's.
            .CreateFileChangeToken("**/*")
            .RegisterChangeCallback(
                _ =>
                {
                    if (generation != Volatile.Read(ref _generation))
                        return;
                    if (!_isLost)
                        _trouble = null;
                    try
                    {
                        Arm(watcher, generation);
                    }
                    catch (Exception e) when (e is IOException or ObjectDisposedException)
                    {
                        // The folder went away under it, or no instance is to be had; the scan that follows starts another watch.
                        _isLost = true;
                    }
                    hint();
                },
                null
            );
    }
}
