namespace Emperor.Core.Monitoring;

/// <summary>
/// Overview: what scans have seen, held against what has been acted on. A scan says which files there are and in which state; the census
/// finds what is new, changed or gone, waits until it has been quiet for a few milliseconds, and then tells it once.
///
/// <para>Files are written in pieces, and editors and deployments replace them in steps. So a change is told when nothing further has
/// happened to its file for <see cref="Quiet"/> milliseconds; for a file that keeps changing, that time doubles with each change that was
/// told within a second of the last, so that a file written over a second costs a reload or two and not a hundred; and no change waits
/// longer than <see cref="LongestWait"/>.</para>
///
/// <para>Several monitors may know a file of one name. The vassal belongs to the first of them, in the order of the command line; when its
/// file goes, the next one's takes its place.</para>
///
/// <para>The next emperor begins with what this one has told (<see cref="Told"/>): its first scan tells what differs from that, be it that a file is gone.
/// What was seen and not told yet it sees for itself.</para>
/// </summary>
public sealed class Census
{
    /// <summary>Milliseconds without a further change before the first change of a file is told.</summary>
    public const long Quiet = 2;

    /// <summary>The most that the quiet time grows to.</summary>
    public const long LongestQuiet = 500;

    /// <summary>Milliseconds after which a change is told although its file goes on changing.</summary>
    public const long LongestWait = 2_000;

    /// <summary>Changes that follow each other within so many milliseconds make the quiet time grow.</summary>
    public const long Burst = 1_000;

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unsettled = new(StringComparer.Ordinal);
    private int _generation;

    /// <summary>One that has seen nothing and told nothing.</summary>
    public Census() { }

    /// <summary>One that goes on where another has ended.</summary>
    /// <param name="told">What that has told (<see cref="Told"/>); each name once.</param>
    public Census(IEnumerable<(string Name, int Monitor, FileStamp Stamp)> told)
    {
        ArgumentNullException.ThrowIfNull(told);
        foreach (var (name, monitor, stamp) in told)
            // When it was told is forgotten: so long ago that the next change is none of a burst.
            _entries.Add(
                name,
                new Entry
                {
                    Monitor = monitor,
                    Current = stamp,
                    Told = (monitor, stamp),
                    ToldAt = -Burst,
                }
            );
    }

    /// <summary>The files that have been told, as <see cref="ToldOf"/> has them.</summary>
    public IEnumerable<(string Name, int Monitor, FileStamp Stamp)> Told
    {
        get
        {
            foreach (var name in _entries.Keys)
            {
                if (ToldOf(name) is var (monitor, stamp))
                    yield return (name, monitor, stamp);
            }
        }
    }

    /// <summary>
    /// The state of a file that was told, and whose it was; null when none was. When it is about to be told again (<see cref="TellAgain"/>) it is a
    /// state that no file is ever in, so that whoever goes on from here tells it in any case.
    /// </summary>
    public (int Monitor, FileStamp Stamp)? ToldOf(string name)
    {
        if (!_entries.TryGetValue(name, out var entry) || entry.Told is not { } told)
            return null;
        return told == entry.State && _unsettled.Contains(name) ? (told.Monitor, default) : told;
    }

    /// <summary>How many files are known.</summary>
    public int Count => _entries.Count;

    /// <summary>When the next change will have been quiet for long enough, monotonic milliseconds; null when none waits.</summary>
    public long? NextDue
    {
        get
        {
            long? next = null;
            foreach (var name in _unsettled)
            {
                var due = _entries[name].Due;
                if (next is null || due < next)
                    next = due;
            }
            return next;
        }
    }

    /// <summary>All that a whole scan of a monitor has found: what it found before and does not find now is gone.</summary>
    /// <param name="monitor">The monitor's place on the command line.</param>
    /// <param name="files">The files.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="settle">False to tell changes at once, as at the first scan.</param>
    /// <param name="conflicts">Names that an earlier monitor has already are added here, once each.</param>
    public void Observe(int monitor, IReadOnlyList<SeenFile> files, long now, bool settle, List<string> conflicts)
    {
        _generation++;
        foreach (var file in files)
        {
            var entry = Put(monitor, file.Name, file.Stamp, now, settle, conflicts);
            entry.SeenIn(monitor, _generation);
        }
        foreach (var (name, entry) in _entries)
        {
            if (entry.Knows(monitor, out var generation) && generation != _generation)
                Remove(monitor, name, entry, now, settle);
        }
    }

    /// <summary>What a look at one file has found; null when there is none.</summary>
    public void ObserveOne(int monitor, string name, FileStamp? stamp, long now, List<string> conflicts)
    {
        if (stamp is { } seen)
            Put(monitor, name, seen, now, settle: true, conflicts);
        else if (_entries.TryGetValue(name, out var entry))
            Remove(monitor, name, entry, now, settle: true);
    }

    /// <summary>Waits some more with a change that was just told, because what it led to is not fit to be acted on yet.</summary>
    public void Postpone(SettledChange change, long now, long milliseconds)
    {
        if (!_entries.TryGetValue(change.Name, out var entry))
            return;
        entry.Told = entry.BeforeTold;
        entry.Due = now + milliseconds;
        _unsettled.Add(change.Name);
    }

    /// <summary>
    /// Tells the present state of a file again, though it has been acted on: what it led to may come out otherwise now (rights were given).
    /// </summary>
    public void TellAgain(string name, long now)
    {
        if (!_entries.TryGetValue(name, out var entry) || entry.Current is null || !_unsettled.Add(name))
            return;
        entry.Since = now;
        entry.Due = now;
    }

    /// <summary>Tells, and counts as acted on, the changes that have been quiet for long enough.</summary>
    public void TakeSettled(long now, List<SettledChange> changes)
    {
        changes.Clear();
        if (_unsettled.Count == 0)
            return;
        foreach (var name in _unsettled)
        {
            var entry = _entries[name];
            if (entry.Due > now)
                continue;
            entry.BeforeTold = entry.Told;
            entry.Told = entry.State;
            entry.ToldAt = now;
            changes.Add(new SettledChange(name, entry.Monitor, entry.Current));
        }
        foreach (var change in changes)
        {
            _unsettled.Remove(change.Name);
            if (change.Stamp is null)
                _entries.Remove(change.Name);
        }
    }

    /// <summary>The names that a monitor's vassals have now.</summary>
    public IEnumerable<string> NamesOf(int monitor)
    {
        foreach (var (name, entry) in _entries)
        {
            if (entry.Monitor == monitor && entry.Current is not null)
                yield return name;
        }
    }

    private Entry Put(int monitor, string name, FileStamp stamp, long now, bool settle, List<string> conflicts)
    {
        if (!_entries.TryGetValue(name, out var entry))
        {
            entry = new Entry { Monitor = monitor };
            _entries.Add(name, entry);
        }
        if (entry.Current is not null && entry.Monitor < monitor)
        {
            if (entry.AddRival(monitor, stamp))
                conflicts.Add(name);
            return entry;
        }
        if (entry.Monitor != monitor)
        {
            if (entry.Current is { } former && entry.AddRival(entry.Monitor, former))
                conflicts.Add(name);
            entry.Generation = _generation;
        }
        Change(name, entry, monitor, stamp, now, settle);
        return entry;
    }

    private void Remove(int monitor, string name, Entry entry, long now, bool settle)
    {
        if (entry.Monitor != monitor)
        {
            entry.RemoveRival(monitor);
            return;
        }
        if (entry.TakeRival(out var heir))
        {
            entry.Generation = heir.Generation;
            Change(name, entry, heir.Monitor, heir.Stamp, now, settle);
            return;
        }
        Change(name, entry, monitor, null, now, settle);
    }

    // A file of the same stamp is another one when it is another monitor's: its vassal lives in another folder.
    private void Change(string name, Entry entry, int monitor, FileStamp? stamp, long now, bool settle)
    {
        var isSame = entry.Current == stamp && entry.Monitor == monitor;
        if (isSame && (entry.ToldAt is not null || _unsettled.Contains(name)))
            return;
        entry.Monitor = monitor;
        entry.Current = stamp;
        if (entry.Told == entry.State && (entry.ToldAt is not null || stamp is null))
        {
            _unsettled.Remove(name);
            // It came and went, and nobody was told of either.
            if (stamp is null)
                _entries.Remove(name);
            return;
        }
        var isBurst = entry.ToldAt is { } told && now - told < Burst;
        if (_unsettled.Add(name))
        {
            entry.QuietTime = isBurst ? Math.Min(entry.QuietTime * 2, LongestQuiet) : Quiet;
            entry.Since = now;
        }
        entry.Due = settle ? Math.Min(now + entry.QuietTime, entry.Since + LongestWait) : now;
    }

    private sealed class Entry
    {
        private List<(int Monitor, FileStamp Stamp, int Generation)>? _rivals;

        internal int Monitor { get; set; }
        internal int Generation { get; set; }
        internal FileStamp? Current { get; set; }
        internal (int Monitor, FileStamp Stamp)? State => Current is { } stamp ? (Monitor, stamp) : null;
        internal (int Monitor, FileStamp Stamp)? Told { get; set; }
        internal (int Monitor, FileStamp Stamp)? BeforeTold { get; set; }
        internal long? ToldAt { get; set; }
        internal long Since { get; set; }
        internal long Due { get; set; }
        internal long QuietTime { get; set; } = Quiet;

        internal void SeenIn(int monitor, int generation)
        {
            if (Monitor == monitor)
            {
                Generation = generation;
                return;
            }
            var at = _rivals?.FindIndex(r => r.Monitor == monitor) ?? -1;
            if (at >= 0)
                _rivals![at] = _rivals[at] with { Generation = generation };
        }

        internal bool Knows(int monitor, out int generation)
        {
            if (Monitor == monitor && Current is not null)
            {
                generation = Generation;
                return true;
            }
            var at = _rivals?.FindIndex(r => r.Monitor == monitor) ?? -1;
            generation = at >= 0 ? _rivals![at].Generation : 0;
            return at >= 0;
        }

        /// <summary>True when it was not known before.</summary>
        internal bool AddRival(int monitor, FileStamp stamp)
        {
            _rivals ??= [];
            var at = _rivals.FindIndex(r => r.Monitor == monitor);
            if (at >= 0)
            {
                _rivals[at] = _rivals[at] with { Stamp = stamp };
                return false;
            }
            _rivals.Add((monitor, stamp, 0));
            _rivals.Sort((a, b) => a.Monitor.CompareTo(b.Monitor));
            return true;
        }

        internal void RemoveRival(int monitor) => _rivals?.RemoveAll(r => r.Monitor == monitor);

        internal bool TakeRival(out (int Monitor, FileStamp Stamp, int Generation) heir)
        {
            heir = default;
            if (_rivals is not { Count: > 0 })
                return false;
            heir = _rivals[0];
            _rivals.RemoveAt(0);
            return true;
        }
    }
}
