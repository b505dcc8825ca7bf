using Emperor.Core.Monitoring;
using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>
/// Files that fit a pattern (glob(3): *, ? and [] in any part of the path). A vassal has its path for a name, as the pattern spells it, and
/// works in the folder that the emperor was started in.
/// </summary>
internal sealed class GlobMonitor(int index, string argument, string pattern, string startFolder, bool noFollow, VassalNames names)
    : FileMonitor(index, argument, noFollow, names)
{
    private static readonly System.Buffers.SearchValues<char> Wildcards = System.Buffers.SearchValues.Create("*?[\\");

    private readonly string[] _parts = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
    private readonly List<(string Folder, string Entry)> _looked = [];
    private readonly List<string> _entries = [];
    private (string Folder, string Entry)[] _followed = [];

    /// <inheritdoc/>
    public override string WorkingFolder => startFolder;

    /// <summary>Whether a part of a path is a pattern.</summary>
    public static bool IsPattern(ReadOnlySpan<char> text) => text.ContainsAny(Wildcards);

    /// <inheritdoc/>
    public override string PathOf(string vassal) => vassal.StartsWith('/') ? vassal : $"{startFolder}/{vassal}";

    /// <inheritdoc/>
    public override string? WatchTrouble => null;

    /// <inheritdoc/>
    public override bool NeedsFollowing(FileStamp stamp) => true;

    /// <inheritdoc/>
    public override bool IsOurs(string vassal) => true;

    /// <inheritdoc/>
    public override void Follow(LinkHints hints)
    {
        var target = new HintTarget(Index, "");
        var former = hints.Take(target);
        foreach (var (folder, entry) in _followed)
            hints.FollowAlso(target, PathOf(folder.Length == 0 ? "." : folder), entry);
        hints.Release(target, former);
    }

    /// <inheritdoc/>
    public override bool FollowNew(LinkHints hints)
    {
        if (_followed.SequenceEqual(_looked))
            return false;
        _followed = [.. _looked];
        Follow(hints);
        return true;
    }

    /// <inheritdoc/>
    protected override bool ScanAll(List<SeenFile> files, List<string> troubles)
    {
        _looked.Clear();
        Walk(pattern.StartsWith('/') ? "/" : "", 0, files, troubles);
        return true;
    }

    private void Walk(string prefix, int depth, List<SeenFile> files, List<string> troubles)
    {
        var part = _parts[depth];
        var isLast = depth == _parts.Length - 1;
        if (!IsPattern(part))
        {
            // Of a fixed part in the middle, the way to the next part sees whether it is there.
            if (isLast)
                _looked.Add((prefix, part));
            Visit(prefix + part, isLast, depth, files, troubles);
            return;
        }
        _looked.Add((prefix, LinkHints.AnyEntry));
        using var directory = Files.OpenDirectory(PathOf(prefix.Length == 0 ? "." : prefix), out var error);
        if (directory is null)
        {
            if (error != Errno.NoEntry && error != Errno.NotDirectory)
                Trouble(PathOf(prefix), $"the folder cannot be opened: {error}", troubles);
            return;
        }
        error = Files.List(directory, _entries);
        if (error.Number != 0)
            Trouble(PathOf(prefix), $"the folder cannot be read: {error}", troubles);
        foreach (var entry in _entries.Where(e => Files.Matches(part, e)).Order(StringComparer.Ordinal).ToArray())
            Visit(prefix + entry, isLast, depth, files, troubles);
    }

    private void Visit(string path, bool isLast, int depth, List<SeenFile> files, List<string> troubles)
    {
        if (!isLast)
        {
            Walk(path + "/", depth + 1, files, troubles);
            return;
        }
        if (!Names.IsVassal(path))
            return;
        if (path.Contains('\uFFFD'))
            Trouble(path, "its name is not UTF-8, and it is not run; rename it", troubles);
        else if (Look(path, PathOf(path), null, troubles) is { } stamp)
            files.Add(new SeenFile(path, stamp));
    }
}
