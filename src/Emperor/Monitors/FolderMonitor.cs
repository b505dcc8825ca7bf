using Emperor.Core.Monitoring;
using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>A folder of vassals' files. A vassal has its file's name, and works in the folder.</summary>
internal sealed class FolderMonitor : FileMonitor
{
    private readonly List<string> _names = [];
    private readonly FolderWatch _watch;
    private readonly string _folder;
    private (ulong Device, ulong Inode) _identity;

    /// <summary>Makes one; <paramref name="folder"/> is absolute and need not be there.</summary>
    public FolderMonitor(int index, string argument, string folder, bool noFollow, VassalNames names)
        : base(index, argument, noFollow, names)
    {
        _folder = folder;
        _watch = new FolderWatch(() => OnHint());
    }

    /// <inheritdoc/>
    public override string WorkingFolder => _folder;

    /// <inheritdoc/>
    public override string? WatchTrouble =>
        _watch.Trouble ?? (Files.IsRemote(_folder) ? $"{_folder} is on a file system that other hosts change too" : null);

    /// <inheritdoc/>
    public override string PathOf(string vassal) => $"{_folder}/{vassal}";

    /// <inheritdoc/>
    public override bool NeedsFollowing(FileStamp stamp) => stamp.LinkInode != 0;

    /// <inheritdoc/>
    public override void Follow(LinkHints hints)
    {
        var target = new HintTarget(Index, "");
        var former = hints.Take(target);
        hints.FollowAlso(target, _folder, LinkHints.EachVassal);
        hints.Release(target, former);
    }

    /// <inheritdoc/>
    public override bool IsOurs(string vassal) => Names.IsVassal(vassal) && !vassal.Contains('\uFFFD');

    /// <inheritdoc/>
    protected override bool ScanAll(List<SeenFile> files, List<string> troubles)
    {
        using var directory = Files.OpenDirectory(_folder, out var error);
        if (directory is null)
        {
            _watch.Stop();
            _identity = default;
            var isGone = error == Errno.NoEntry || error == Errno.NotDirectory;
            var words = isGone ? "its vassals are stopped until it is there" : "what runs of it runs on";
            Trouble(_folder, $"the vassals folder cannot be opened: {error}; {words}", troubles);
            return isGone;
        }
        KeepWatching(directory);
        error = Files.List(directory, _names);
        if (error.Number != 0)
        {
            Trouble(_folder, $"the vassals folder cannot be read: {error}; what runs of it runs on", troubles);
            return false;
        }
        foreach (var name in _names)
        {
            if (!Names.IsVassal(name))
                continue;
            if (name.Contains('\uFFFD'))
                Trouble(PathOf(name), "its name is not UTF-8, and it is not run; rename it", troubles);
            else if (Look(name, PathOf(name), directory, troubles) is { } stamp)
                files.Add(new SeenFile(name, stamp));
        }
        return true;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _watch.Dispose();
        base.Dispose();
    }

    // The watch is on the folder that has the name now: another one (a link re-pointed, a folder made again) needs another watch. It is
    // set before the names are read, so that nothing can happen in between unseen.
    private void KeepWatching(SafeFd directory)
    {
        if (FileStatus.Get(directory.Number, out var status).Number != 0)
            return;
        if (_identity == (status.Device, status.Inode) && _watch.IsWatching)
            return;
        _identity = (status.Device, status.Inode);
        _watch.Start(_folder);
    }
}
