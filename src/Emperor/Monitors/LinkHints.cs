using Emperor.Linux;

namespace Emperor.Monitors;

/// <summary>What a hint is about: a vassal of a monitor, or (no vassal) the monitor's folders.</summary>
internal readonly record struct HintTarget(int Monitor, string Vassal);

/// <summary>
/// Overview: one inotify descriptor for what the watch on the vassals folder (<see cref="FolderWatch"/>) cannot see or does not say: which
/// of a thousand files has changed, and what happens where links lead. For every path that matters each step is followed as
/// the kernel follows it: of a link, and of the last name, the folder that holds it is watched for that name, so that the swap of any hop
/// of a chain of links is seen (a Kubernetes ConfigMap swaps "..data"); of a folder in between, whether it is moved or deleted; and where
/// the path ends early, the folder in which the next name would have to appear.
///
/// <para>When the kernel's limits are reached it says so once; then scanning at --emperor-freq finds what is not told.</para>
/// </summary>
internal sealed class LinkHints : IDisposable
{
    /// <summary>Stands for every name in a folder: the hint is about the target.</summary>
    public const string AnyEntry = "*";

    /// <summary>Stands for every name in a folder of vassals: the hint is about the vassal of that name.</summary>
    public const string EachVassal = "*/";

    // Of a folder itself: moved, deleted.
    private const string Itself = "";
    private const int LongestChain = 40;

    private readonly Inotify? _inotify;
    private readonly Dictionary<int, Dictionary<string, HashSet<HintTarget>>> _watches = [];
    private readonly Dictionary<HintTarget, List<(int Watch, string Name)>> _steps = [];
    private readonly List<InotifyEvent> _events = [];

    /// <summary>Opens the descriptor.</summary>
    public LinkHints()
    {
        _inotify = Inotify.Create(out var error);
        if (_inotify is null)
            Trouble = $"no inotify instance to be had ({error}); raise fs.inotify.max_user_instances";
    }

    /// <summary>Why not everything is watched; null when it is.</summary>
    public string? Trouble { get; private set; }

    /// <summary>The descriptor, for the event loop; -1 when there is none.</summary>
    public int Fd => _inotify?.Fd ?? -1;

    /// <summary>Watches every step to a path, in place of those that were watched for this target before.</summary>
    public void Follow(HintTarget target, string path)
    {
        var former = Take(target);
        Walk(target, path);
        Release(target, former);
    }

    /// <summary>Watches every step to a folder, and in it one name or (<see cref="AnyEntry"/>) all, beside what is watched for this target.</summary>
    public void FollowAlso(HintTarget target, string folder, string entry)
    {
        if (Walk(target, folder) is { } found)
            AddStep(target, found, entry);
    }

    /// <summary>Watches nothing for this target any more.</summary>
    public void Forget(HintTarget target) => Release(target, Take(target));

    /// <summary>Takes what is watched for a target, to be released when other steps have been added in its place.</summary>
    public List<(int Watch, string Name)>? Take(HintTarget target) => _steps.Remove(target, out var steps) ? steps : null;

    /// <summary>Ends the watches of former steps, less those that have been added again and so were kept throughout.</summary>
    public void Release(HintTarget target, List<(int Watch, string Name)>? former)
    {
        if (former is null)
            return;
        var current = _steps.GetValueOrDefault(target);
        foreach (var step in former)
        {
            if (
                current?.Contains(step) == true
                || !_watches.TryGetValue(step.Watch, out var names)
                || !names.TryGetValue(step.Name, out var targets)
            )
                continue;
            targets.Remove(target);
            if (targets.Count > 0)
                continue;
            names.Remove(step.Name);
            if (names.Count > 0)
                continue;
            _watches.Remove(step.Watch);
            _inotify!.Unwatch(step.Watch);
        }
    }

    /// <summary>Reads what has been told.</summary>
    /// <param name="hinted">What it is about is added here.</param>
    /// <returns>False when some of it was lost, and anything may have changed.</returns>
    public bool Read(HashSet<HintTarget> hinted)
    {
        _inotify!.Read(_events);
        var complete = true;
        foreach (var e in _events)
        {
            if (e.Overflow)
            {
                complete = false;
                continue;
            }
            if (!_watches.TryGetValue(e.Watch, out var names))
                continue;
            if (names.TryGetValue(e.Name, out var targets))
                hinted.UnionWith(targets);
            if (e.Name.Length > 0 && names.TryGetValue(AnyEntry, out var all))
                hinted.UnionWith(all);
            if (e.Name.Length > 0 && names.TryGetValue(EachVassal, out var folders))
                hinted.UnionWith(folders.Select(f => f with { Vassal = e.Name }));
            if (e.Gone)
            {
                _watches.Remove(e.Watch);
                foreach (var every in names.Values)
                    hinted.UnionWith(every);
            }
        }
        return complete;
    }

    /// <inheritdoc/>
    public void Dispose() => _inotify?.Dispose();

    // The path of what was found at the end, with all links replaced; null when the path ends early or at a file.
    private string? Walk(HintTarget target, string path)
    {
        var parts = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var folder = "";
        var links = 0;
        while (parts.TryPop(out var part))
        {
            if (part == ".")
                continue;
            if (part == "..")
            {
                folder = folder[..Math.Max(0, folder.LastIndexOf('/'))];
                continue;
            }
            var step = $"{folder}/{part}";
            if (FileStatus.Get(step, follow: false, out var status).Number != 0)
            {
                AddStep(target, folder, part);
                return null;
            }
            if (status.Kind == FileKind.Link)
            {
                AddStep(target, folder, part);
                if (++links > LongestChain || Files.ReadLink(step, out _) is not { } text)
                    return null;
                if (text.StartsWith('/'))
                    folder = "";
                foreach (var name in text.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                    parts.Push(name);
                continue;
            }
            if (status.Kind != FileKind.Directory)
            {
                // The folder tells when another file takes its name; what is written to it only the file itself is asked, or every log that
                // an app writes beside its ini would wake the emperor.
                AddStep(target, folder, part);
                AddWatch(target, step, Itself, InotifyWatch.Content);
                return null;
            }
            folder = step;
            AddStep(target, folder, Itself);
        }
        return folder;
    }

    private void AddStep(HintTarget target, string folder, string name)
    {
        var what = name switch
        {
            Itself => InotifyWatch.Itself,
            EachVassal => InotifyWatch.Entries,
            _ => InotifyWatch.Names,
        };
        AddWatch(target, folder.Length == 0 ? "/" : folder, name, what);
        if (name.Length > 0 && Files.IsRemote(folder.Length == 0 ? "/" : folder))
            Trouble ??= $"{folder} is on a file system that other hosts change too";
    }

    private void AddWatch(HintTarget target, string path, string name, InotifyWatch what)
    {
        if (_inotify is null)
            return;
        var watch = _inotify.Watch(path, what, out var error);
        if (watch < 0)
        {
            // What is gone by now is found by the look that follows.
            if (error == Errno.NoSpace)
                Trouble ??= $"no inotify watch left after {_watches.Count}; raise fs.inotify.max_user_watches";
            else if (error != Errno.NoEntry && error != Errno.NotDirectory)
                Trouble ??= $"{path} cannot be watched ({error})";
            return;
        }
        if (!_watches.TryGetValue(watch, out var names))
            _watches.Add(watch, names = new Dictionary<string, HashSet<HintTarget>>(1, StringComparer.Ordinal));
        if (!names.TryGetValue(name, out var targets))
            names.Add(name, targets = new HashSet<HintTarget>(1));
        targets.Add(target);
        if (!_steps.TryGetValue(target, out var steps))
            _steps.Add(target, steps = new List<(int, string)>(4));
        steps.Add((watch, name));
    }
}
