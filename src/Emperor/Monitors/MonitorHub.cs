using System.Diagnostics;
using Emperor.Core;
using Emperor.Core.Configuration;
using Emperor.Core.Monitoring;
using Emperor.Core.Programs;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Tyrant;
using Serilog.Events;

namespace Emperor.Monitors;

/// <summary>
/// Overview: finds out which vassals there should be. A scan is the truth; hints of the kernel only bring it forward: one about a folder the
/// scan of its monitor, one about a link or its end the look at that one file. What scans and looks find goes to the census, which tells
/// changes when they are settled; then the file is read, and what is in it decides whether the change is accepted or refused.
///
/// <para>A whole scan is made at --emperor-freq all the same, for what a kernel does not tell (a file mounted over another, a hard link's other
/// name); but where hints work, not so often that scanning costs more than half a thousandth of the time, and once a minute at least.</para>
/// </summary>
internal sealed partial class MonitorHub : IDisposable
{
    // Stands in a hint's target for "no monitor: a file that means something by being touched".
    private const int TouchMonitor = -1;

    private const long LongestInterval = 60_000;
    private const long IntervalForCost = 2_000;

    // inotify has named the file that a hint about the folder is for, and it has been looked at; the scan only makes sure.
    private const long ConfirmAfter = 250;

    // A file that cannot be run and was written a moment ago is probably still being written.
    private const long WritingTime = 250;
    private const long WritingPause = 100;

    private const long HintWindow = 200;
    private const int HintReads = 10;

    // Paths that are followed in one turn of the loop, so that a thousand new links do not hold up what runs already.
    private const int FollowsATurn = 64;

    private readonly IReadOnlyList<FileMonitor> _monitors;
    private readonly EventLoop _loop;
    private readonly EmperorLog _log;
    private readonly long _frequency;
    private readonly Census _census;
    private readonly LinkHints _hints = new();
    private readonly ProgramFiles _programs;
    private readonly FileManner _manner;
    private readonly HashSet<HintTarget> _hinted = [];
    private readonly HashSet<HintTarget> _followed = [];
    private readonly Queue<HintTarget> _toFollow = new();
    private readonly List<SeenFile> _files = [];
    private readonly List<SettledChange> _settled = [];
    private readonly List<string> _troubles = [];
    private readonly List<string> _conflicts = [];
    private readonly Dictionary<string, VassalOwner> _ownerOf = new(StringComparer.Ordinal);
    private readonly HashSet<string> _executed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _monitorOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _unreadable = new(StringComparer.Ordinal);
    private readonly long?[] _scanDue;
    private readonly long[] _restUntil;
    private readonly int[] _folderHints;
    private readonly ScanHealth[] _health;
    private readonly Dictionary<TouchFile, FileStatus> _touchFiles = [];
    private readonly Dictionary<TouchFile, HashSet<string>> _touchedBy = [];
    private long _hintWindow;
    private int _hintReads;
    private long? _hintsMutedUntil;
    private string? _reportedTrouble;
    private bool _isFirst = true;

    /// <summary>Makes one; nothing is looked at yet.</summary>
    /// <param name="monitors">The monitors, in the order of the command line.</param>
    /// <param name="loop">The loop to wake.</param>
    /// <param name="log">Where troubles are told.</param>
    /// <param name="frequency">--emperor-freq, milliseconds.</param>
    /// <param name="manner">What is made of files besides reading them.</param>
    /// <param name="legacy">What an emperor has left: only what differs from it is a change.</param>
    public MonitorHub(
        IReadOnlyList<FileMonitor> monitors,
        EventLoop loop,
        EmperorLog log,
        long frequency,
        FileManner manner,
        IReadOnlyList<VassalLegacy> legacy
    )
    {
        _manner = manner;
        _programs = new ProgramFiles(manner.Attributes);
        _monitors = monitors;
        _census = Inherit(legacy);
        _loop = loop;
        _log = log;
        _frequency = frequency;
        _folderHints = new int[monitors.Count];
        _health = [.. monitors.Select(m => new ScanHealth(m.Argument, 0, 0, 0, 0, IsHinted: false, null))];
        _scanDue = new long?[monitors.Count];
        _restUntil = new long[monitors.Count];
        Array.Fill(_scanDue, 0);
        for (var i = 0; i < monitors.Count; i++)
        {
            var index = i;
            monitors[i].OnHint = () => Hint(index);
            monitors[i].NotesExecutables = manner.MagicExec;
        }
        if (_hints.Fd >= 0)
            loop.Add(_hints.Fd, Token.Make(TokenKind.Hints, 0));
    }

    /// <summary>When there is something to do by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue
    {
        get
        {
            if (_toFollow.Count > 0)
                return 0;
            var next = _census.NextDue;
            if (_hintsMutedUntil is { } muted && (next is null || muted < next))
                next = muted;
            foreach (var due in _scanDue)
            {
                if (due is { } d && (next is null || d < next))
                    next = d;
            }
            return next;
        }
    }

    /// <summary>Decides what files can be run as.</summary>
    public ProgramFiles Programs => _programs;

    /// <summary>How the scans fare, one for each monitor; the list is the reader's own.</summary>
    public IReadOnlyList<ScanHealth> Health => [.. _health];

    /// <summary>Called when one of the files of <see cref="WatchTouch(string)"/> was touched.</summary>
    public Action? OnTouched { get; init; }

    /// <summary>Reads vassals' files where they run as their owners; null where they do not.</summary>
    public OwnerEye? Tyrant { get; init; }

    /// <summary>Called with who owns a vassal's file, when that was read; with null when it is gone.</summary>
    public Action<string, VassalOwner?>? OnOwner { get; set; }

    /// <summary>Who owns a vassal's file now, by the very file that its path leads to; null when no vassal may run for it.</summary>
    public VassalOwner? OwnerNow(string vassal) =>
        Tyrant is { } eye
        && _monitorOf.TryGetValue(vassal, out var monitor)
        && eye.Read(_monitors[monitor].PathOf(vassal)) is { Refusal: null, Content: not null } file
            ? file.Owner
            : null;

    /// <summary>A vassal's file, as it is named from its working folder, and that folder.</summary>
    public (string Configuration, string Folder) Locate(string vassal) => (vassal, _monitors[_monitorOf[vassal]].WorkingFolder);

    /// <summary>The same for people, also of one whose file was never taken, or is gone while its process still ends.</summary>
    /// <param name="vassal">Its name.</param>
    /// <param name="monitor">The --emperor that its file was last found by; null when that is not known.</param>
    public (string Configuration, string Folder) LocateForPeople(string vassal, string? monitor) =>
        _monitorOf.ContainsKey(vassal)
            ? Locate(vassal)
            : (vassal, (_monitors.FirstOrDefault(m => m.Argument == monitor) ?? _monitors[0]).WorkingFolder);

    /// <summary>Reads a vassal's file again, and tells of it as of one that has changed.</summary>
    public void ReadAnew(string vassal)
    {
        _census.TellAgain(vassal, Clock.Now.Monotonic);
        _loop.Wake();
    }

    /// <summary>The kernel has told something.</summary>
    public void ReadHints(long now)
    {
        // What changes all the time is heard ten times in a fifth of a second, and then when that is over.
        if (now >= _hintWindow + HintWindow)
            (_hintWindow, _hintReads) = (now, 0);
        if (++_hintReads > HintReads && _hintsMutedUntil is null)
        {
            _hintsMutedUntil = _hintWindow + HintWindow;
            _loop.Mute(_hints.Fd, Token.Make(TokenKind.Hints, 0), muted: true);
        }
        if (!_hints.Read(_hinted))
        {
            _log.Say(LogEventLevel.Information, "overflow", "more has changed than the kernel could tell; everything is scanned");
            for (var i = 0; i < _monitors.Count; i++)
                DueAt(i, now);
        }
    }

    /// <summary>Makes the scans and looks that are due, and adds what has come of them.</summary>
    public void Run(Instant now, List<(string Vassal, VassalEvent Event)> events)
    {
        if (_hintsMutedUntil <= now.Monotonic)
        {
            _hintsMutedUntil = null;
            _loop.Mute(_hints.Fd, Token.Make(TokenKind.Hints, 0), muted: false);
        }
        for (var i = 0; i < _monitors.Count; i++)
        {
            if (Interlocked.Exchange(ref _folderHints[i], 0) != 0)
                DueAt(i, now.Monotonic + (_hints.Trouble is null ? ConfirmAfter : 0));
        }
        LookAtHinted(now.Monotonic);
        for (var i = 0; i < _monitors.Count; i++)
        {
            if (_scanDue[i] <= now.Monotonic)
                Scan(i);
        }
        // After the scans, so that what became quiet while they ran is taken in this turn.
        var moment = Clock.Now;
        _census.TakeSettled(moment.Monotonic, _settled);
        foreach (var change in _settled)
        {
            if (Judge(change, moment, out var isMoved) is not { } @event)
                continue;
            // A process works in the folder that it was started in, so another folder's file needs another process.
            if (isMoved)
                events.Add((change.Name, new VassalEvent.FileGone()));
            events.Add((change.Name, @event));
        }
        for (var i = 0; i < FollowsATurn && _toFollow.TryDequeue(out var target); i++)
            FollowAndLook(target, moment.Monotonic);
        ReportTroubles();
        _isFirst = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var monitor in _monitors)
            monitor.Dispose();
        _hints.Dispose();
    }

    private void Hint(int monitor)
    {
        Volatile.Write(ref _folderHints[monitor], 1);
        _loop.Wake();
    }

    // A folder that changes all the time is scanned for a third of the time at most.
    private void DueAt(int monitor, long now)
    {
        var due = Math.Max(now, _restUntil[monitor]);
        if (_scanDue[monitor] is not { } planned || due < planned)
            _scanDue[monitor] = due;
    }

    private void LookAtHinted(long now)
    {
        foreach (var target in _hinted)
        {
            if (target.Monitor == TouchMonitor)
            {
                if (_touchFiles.Keys.FirstOrDefault(f => f.ToString() == target.Vassal) is { } file)
                    LookAtTouchFile(file);
            }
            else if (target.Vassal.Length == 0)
                DueAt(target.Monitor, now);
            else
                FollowAndLook(target, now);
        }
        _hinted.Clear();
    }

    // A link is followed first: a change between the look and the watch would be lost.
    private void FollowAndLook(HintTarget target, long now)
    {
        var monitor = _monitors[target.Monitor];
        target = target with { Vassal = monitor.VassalOf(target.Vassal) };
        if (!monitor.IsOurs(target.Vassal))
            return;
        if (_followed.Contains(target))
            _hints.Follow(target, monitor.PathOf(target.Vassal));
        var stamp = monitor.LookAt(target.Vassal, _troubles);
        var leads = stamp is { } seen ? monitor.NeedsFollowing(seen) : monitor.Dangling.Contains(target.Vassal);
        if (leads && _followed.Add(target))
        {
            _hints.Follow(target, monitor.PathOf(target.Vassal));
            stamp = monitor.LookAt(target.Vassal, _troubles);
        }
        else if (!leads && _followed.Remove(target))
        {
            _hints.Forget(target);
        }
        _census.ObserveOne(target.Monitor, target.Vassal, stamp, now, _conflicts);
        ReadAgain(target.Vassal, now);
    }

    private void Scan(int index)
    {
        var monitor = _monitors[index];
        var start = Stopwatch.GetTimestamp();
        _scanDue[index] = null;
        monitor.Follow(_hints);
        var complete = monitor.Scan(_files, _troubles);
        // A pattern learns in the scan which folders matter; what changed there before they were watched is found by another.
        for (var round = 0; round < 3 && monitor.FollowNew(_hints); round++)
            complete = monitor.Scan(_files, _troubles);
        var end = Clock.Now.Monotonic;
        if (complete)
        {
            _census.Observe(index, _files, end, settle: !_isFirst, _conflicts);
            FollowWhatWasFound(monitor);
            foreach (var vassal in _unreadable.Keys)
                ReadAgain(vassal, end);
        }
        var took = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        _log.Say(LogEventLevel.Debug, "scan", $"{monitor.Argument}: {_files.Count} files in {took:0.0} ms");
        _restUntil[index] = end + (long)(2 * took);
        // What could not be looked at cannot be watched either: only looking again tells when it can.
        var trouble = complete ? monitor.WatchTrouble ?? _hints.Trouble : "it could not be looked at";
        var works = trouble is null;
        _health[index] = new ScanHealth(monitor.Argument, _health[index].Scans + 1, Clock.Now.Unix, took, _files.Count, works, trouble);
        _scanDue[index] = end + (works ? Math.Max(_frequency, Math.Min(LongestInterval, (long)(took * IntervalForCost))) : _frequency);
        foreach (var file in _touchFiles.Keys.ToArray())
            LookAtTouchFile(file);
    }

    private void FollowWhatWasFound(FileMonitor monitor)
    {
        var wanted = new HashSet<string>(monitor.Dangling, StringComparer.Ordinal);
        foreach (var file in _files)
        {
            if (monitor.NeedsFollowing(file.Stamp))
                wanted.Add(file.Name);
        }
        foreach (var target in _followed.Where(t => t.Monitor == monitor.Index && !wanted.Contains(t.Vassal)).ToArray())
        {
            _followed.Remove(target);
            _hints.Forget(target);
        }
        foreach (var name in wanted)
        {
            var target = new HintTarget(monitor.Index, name);
            if (_followed.Add(target))
                _toFollow.Enqueue(target);
        }
    }

    private void ReadAgain(string vassal, long now)
    {
        if (_unreadable.ContainsKey(vassal))
            _census.TellAgain(vassal, now);
    }

    private void ReportTroubles()
    {
        foreach (var trouble in _troubles)
            _log.Warning("monitor", trouble);
        _troubles.Clear();
        foreach (var name in _conflicts)
            _log.Warning("conflict", $"{name}: more than one --emperor has a file of this name; that of the first is run");
        _conflicts.Clear();
        var trouble2 = _hints.Trouble ?? _monitors.Select(m => m.WatchTrouble).FirstOrDefault(t => t is not null);
        if (trouble2 == _reportedTrouble)
            return;
        _reportedTrouble = trouble2;
        if (trouble2 is not null)
            _log.Warning(
                "polling",
                $"not every change is told by the kernel: {trouble2}; scanning every {_frequency / 1000.0:0.#} s instead"
            );
    }
}
