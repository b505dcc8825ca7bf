using Emperor.Core.Configuration;
using Emperor.Core.Monitoring;
using Emperor.Linux;
using Emperor.Tyrant;

namespace Emperor.Monitors;

/// <summary>One --emperor: where it looks for vassals' files.</summary>
internal abstract class FileMonitor(int index, string argument, bool noFollow, VassalNames names) : IDisposable
{
    // S_IXUSR, S_IXGRP and S_IXOTH.
    private const uint AnyExecute = 0x49;

    private readonly Dictionary<string, string> _troubles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileStamp> _lastSeen = new(StringComparer.Ordinal);
    private readonly HashSet<string> _metTroubles = new(StringComparer.Ordinal);

    /// <summary>Its place on the command line, from 0.</summary>
    public int Index { get; } = index;

    /// <summary>What was asked for.</summary>
    public string Argument { get; } = argument;

    /// <summary>Set where a new owner is a change (--emperor-tyrant).</summary>
    public OwnerEye? Tyrant { get; set; }

    /// <summary>Set where it matters that a file may be executed (--emperor-magic-exec).</summary>
    public bool NotesExecutables { get; set; }

    /// <summary>Whether only the links themselves count (--emperor-nofollow).</summary>
    protected bool NoFollow { get; } = noFollow;

    /// <summary>Which names are vassals'.</summary>
    protected VassalNames Names { get; } = names;

    /// <summary>The working folder of its vassals.</summary>
    public abstract string WorkingFolder { get; }

    /// <summary>What to call, on any thread, when something has changed where it looks.</summary>
    public Action OnHint { get; set; } = () => { };

    /// <summary>Why the kernel does not tell all that changes here; null when it does.</summary>
    public abstract string? WatchTrouble { get; }

    /// <summary>The vassals' names that are links to nothing: no file yet, but one may appear at their end.</summary>
    public HashSet<string> Dangling { get; } = new(StringComparer.Ordinal);

    /// <summary>The path of a vassal's file.</summary>
    public abstract string PathOf(string vassal);

    /// <summary>
    /// Looks at everything. False when it could not be looked at, so that nothing may be concluded from what is missing.
    /// </summary>
    /// <param name="files">Cleared, then filled with what was found.</param>
    /// <param name="troubles">What an operator should know is added here, each trouble once until it is over.</param>
    public bool Scan(List<SeenFile> files, List<string> troubles)
    {
        files.Clear();
        Dangling.Clear();
        _metTroubles.Clear();
        var complete = ScanAll(files, troubles);
        if (!complete)
            return false;
        foreach (var path in _troubles.Keys.Where(p => !_metTroubles.Contains(p)).ToArray())
            _troubles.Remove(path);
        _lastSeen.Clear();
        foreach (var file in files)
            _lastSeen[file.Name] = file.Stamp;
        return true;
    }

    /// <summary>Looks at one vassal's file.</summary>
    public virtual FileStamp? LookAt(string vassal, List<string> troubles)
    {
        var stamp = Look(vassal, PathOf(vassal), null, troubles);
        if (stamp is { } seen)
            _lastSeen[vassal] = seen;
        else
            _lastSeen.Remove(vassal);
        return stamp;
    }

    /// <summary>Whether the way to a file must be watched, because no watch on a folder of this monitor sees its changes.</summary>
    public abstract bool NeedsFollowing(FileStamp stamp);

    /// <summary>Whether a name that a hint is about is one that a scan would take for a vassal's.</summary>
    public abstract bool IsOurs(string vassal);

    /// <summary>The vassal that a name in a hint is about.</summary>
    public string VassalOf(string name) => Names.VassalOf(name);

    /// <summary>Whether a stamp that a look has made is of this file; where only links count it says nothing of the file.</summary>
    public virtual bool IsStampOf(FileStamp stamp, FileStatus file) =>
        (stamp.Owner == 0 || stamp.Owner == OwnerEye.NumberOf(file)) && IsFileOf(stamp, file);

    private bool IsFileOf(FileStamp stamp, FileStatus file) =>
        NoFollow
        || (stamp.Device, stamp.Inode, stamp.Size, stamp.ModifiedNanoseconds)
            == (file.Device, file.Inode, file.Size, file.ModifiedNanoseconds);

    /// <summary>Reads a vassal's file; null when it cannot be read.</summary>
    public virtual byte[]? Read(string vassal, out Errno error, out FileStatus status) =>
        Files.ReadBounded(PathOf(vassal), ReadLimits.FileBytes, out error, out status);

    /// <summary>Tells the hints which folders and links lead to this monitor's files.</summary>
    public abstract void Follow(LinkHints hints);

    /// <summary>The same for what the last scan has found to matter and is not followed yet; false when there is nothing new.</summary>
    public virtual bool FollowNew(LinkHints hints) => false;

    /// <inheritdoc/>
    public virtual void Dispose() { }

    /// <summary>The scan itself.</summary>
    protected abstract bool ScanAll(List<SeenFile> files, List<string> troubles);

    /// <summary>Notes a trouble; it is told once, and again only after it was over.</summary>
    protected void Trouble(string path, string words, List<string> troubles)
    {
        _metTroubles.Add(path);
        if (_troubles.TryGetValue(path, out var known) && known == words)
            return;
        _troubles[path] = words;
        troubles.Add($"{path}: {words}");
    }

    /// <summary>The state of a file; null when it is not there or is no file. What cannot be looked at is as it was last seen.</summary>
    protected FileStamp? Look(string vassal, string path, SafeFd? folder, List<string> troubles)
    {
        var relative = folder is null ? path : vassal;
        var error = FileStatus.Get(relative, follow: false, out var own, folder);
        var target = own;
        if (error.Number == 0 && own.Kind == FileKind.Link && !NoFollow)
            error = FileStatus.Get(relative, follow: true, out target, folder);
        Dangling.Remove(vassal);
        if (error == Errno.NoEntry || error == Errno.NotDirectory)
        {
            if (own.Kind == FileKind.Link)
            {
                Dangling.Add(vassal);
                Trouble(path, $"is a link to {Files.ReadLink(path, out _)}, which is not there; it starts when that is", troubles);
            }
            return null;
        }
        if (error.Number != 0)
        {
            Trouble(path, $"cannot be looked at: {error}; what runs for it runs on", troubles);
            return _lastSeen.TryGetValue(vassal, out var last) ? last : null;
        }
        if (target.Kind is not FileKind.Regular && !(NoFollow && target.Kind == FileKind.Link))
        {
            Trouble(path, $"is not a file but a {target.Kind.ToString().ToLowerInvariant()}, and so not a vassal", troubles);
            return null;
        }
        var link = own.Kind == FileKind.Link && !NoFollow ? own : default;
        return new FileStamp(target.Device, target.Inode, target.Size, target.ModifiedNanoseconds, link.Inode, link.ModifiedNanoseconds)
        {
            Owner = Tyrant is { } eye ? OwnerEye.NumberOf(eye.NoFollow ? own : target) : 0,
            IsExecutable = NotesExecutables && (target.Mode & AnyExecute) != 0,
            Companion = Names.Companion is { } ending ? Companion(relative + ending, folder) : 0,
        };
    }

    // One number for its state: two states with the same number would have to be made on purpose, by who may write it anyway.
    private static long Companion(string path, SafeFd? folder) =>
        FileStatus.Get(path, follow: true, out var file, folder).Number != 0
            ? 0
            : unchecked((((long)file.Inode * 1_000_003) + file.Size) * 1_000_003) ^ file.ModifiedNanoseconds;
}
