using Emperor.Core.Vassals;
using Emperor.Linux;
using Serilog.Events;

namespace Emperor.Monitors;

// Files that mean something by being touched.
internal sealed partial class MonitorHub
{
    /// <summary>Watches a file that means something by being touched (--touch-logreopen).</summary>
    public void WatchTouch(string path) => _touchFiles[new TouchFile(path, null)] = LookAt(new TouchFile(path, null));

    // With the rights of who asks for it: whether, and when, something changes that he may not look at is not his to know. The kernel's hints are the
    // emperor's, and only bring that look forward.
    private FileStatus LookAt(TouchFile file)
    {
        var status = default(FileStatus);
        Errno error;
        try
        {
            using var rights = file.Asker is { } asker ? Tyrant?.Act(asker) : null;
            error = FileStatus.Get(file.Path, follow: true, out status);
        }
        catch (LinuxException e)
        {
            // The emperor may not act for him: it sees nothing then.
            error = e.Error;
        }
        if (file.Asker is null || error.Number == 0 || error == Errno.NoEntry)
            _hints.Follow(new HintTarget(TouchMonitor, file.ToString()), file.Path);
        return status;
    }

    /// <summary>Reads a vassal's file again, as if it had been touched, each time when one of these files is (touch-reload).</summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="paths">The files, absolute; none to end it.</param>
    /// <param name="asker">With whose rights they are looked at (--emperor-tyrant); null is the emperor's.</param>
    public void WatchTouch(string vassal, IReadOnlyList<string> paths, VassalOwner? asker)
    {
        foreach (var (file, vassals) in _touchedBy.ToArray())
        {
            if ((paths.Contains(file.Path) && file.Asker == asker) || !vassals.Remove(vassal) || vassals.Count > 0)
                continue;
            _touchedBy.Remove(file);
            _touchFiles.Remove(file);
            _hints.Forget(new HintTarget(TouchMonitor, file.ToString()));
        }
        foreach (var file in paths.Select(path => new TouchFile(path, asker)))
            _ = TryJoin(vassal, file);
    }

    /// <summary>
    /// Goes on with watching files for a vassal, as a former emperor has seen them last: one that was touched since counts as touched when the next scan
    /// has been made.
    /// </summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="files">The files, absolute, as <see cref="LastSeen"/> told of them.</param>
    /// <param name="asker">With whose rights they are looked at (--emperor-tyrant); null is the emperor's.</param>
    public void InheritTouch(string vassal, IReadOnlyList<(string Path, FileStatus Former)> files, VassalOwner? asker)
    {
        foreach (var (path, former) in files)
        {
            var file = new TouchFile(path, asker);
            if (TryJoin(vassal, file))
                _touchFiles[file] = former;
        }
    }

    /// <summary>A file that is watched for being touched, as it was last seen; all zeros for one that was not there.</summary>
    public FileStatus LastSeen(string path, VassalOwner? asker) => _touchFiles.GetValueOrDefault(new TouchFile(path, asker));

    // Whether nobody has watched it before.
    private bool TryJoin(string vassal, TouchFile file)
    {
        var isNew = !_touchedBy.TryGetValue(file, out var vassals);
        if (isNew)
        {
            _touchedBy[file] = vassals = new HashSet<string>(StringComparer.Ordinal);
            _touchFiles[file] = LookAt(file);
        }
        vassals!.Add(vassal);
        return isNew;
    }

    private void LookAtTouchFile(TouchFile file)
    {
        var former = _touchFiles[file];
        if ((_touchFiles[file] = LookAt(file)) == former)
            return;
        if (!_touchedBy.TryGetValue(file, out var vassals))
        {
            OnTouched?.Invoke();
            return;
        }
        foreach (var vassal in vassals)
        {
            _log.Vassal(LogEventLevel.Information, "touched", vassal, $"{file.Path} was touched, so it reloads");
            ReadAnew(vassal);
        }
    }

    // A file that means something by being touched.
    private sealed record TouchFile(string Path, VassalOwner? Asker)
    {
        public override string ToString() => Asker is { } asker ? $"{asker.Uid}:{asker.Gid}:{Path}" : Path;
    }
}
