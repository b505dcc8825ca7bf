using System.Diagnostics;
using Emperor.Core.Stats;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Stats;

/// <summary>
/// Overview: finds out what vassals' processes use, on a thread of its own and only while somebody asks. One look at all of /proc tells who
/// belongs to whom and used how much processor time; memory and descriptors are asked of each process and cost more, so a round has a
/// time limit for them and goes on in the next one where it stopped. A program has several processes that are its own; where they have a cgroup,
/// that says what belongs to it, and knows the processor time of those that have ended too. After a round it rests nine times as long as that took, so it takes a
/// tenth of one processor at most.
/// </summary>
/// <param name="onSampled">Called after each round, on the sampler's thread.</param>
/// <param name="log">Where faults are told.</param>
internal sealed class ProcessSampler(Action onSampled, EmperorLog log) : IDisposable
{
    private const int LeastRest = 1_000;
    private const int RestFactor = 9;
    private const long DetailTime = 300;
    private const int LongestChain = 64;
    private const int None = -1;

    private readonly AutoResetEvent _wanted = new(initialState: false);
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly List<ProcessRow> _rows = [];
    private readonly Dictionary<int, int> _rowOf = [];
    private readonly Dictionary<int, int> _vassalOf = [];
    private readonly Dictionary<int, long> _groupTime = [];
    private Dictionary<int, Detail> _details = [];
    private Dictionary<int, Detail> _formerDetails = [];
    private int[] _owners = [];
    private Thread? _thread;
    private volatile EmpireSnapshot? _snapshot;
    private volatile Usage _usage = Usage.Unknown;
    private long _sampledAt = long.MinValue / 2;
    private int _cursor;
    private volatile bool _isStopping;

    private readonly record struct Detail(long? Proportional, int? Descriptors, int? Sockets);

    /// <summary>What was found in the last round.</summary>
    public Usage Usage => _usage;

    /// <summary>When the last round ended, monotonic milliseconds.</summary>
    public long SampledAt => Volatile.Read(ref _sampledAt);

    /// <summary>Somebody wants to know of these vassals. The first time this starts the thread.</summary>
    public void Want(EmpireSnapshot snapshot)
    {
        _snapshot = snapshot;
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "emperor-sampler" };
            _thread.Start();
        }
        _wanted.Set();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isStopping = true;
        _stop.Set();
        _thread?.Join();
        _stop.Dispose();
        _wanted.Dispose();
    }

    private void Run()
    {
        try
        {
            Serve();
        }
        catch (Exception e)
        {
            log.Error("stats-fault", $"what vassals use is not looked at any more: {e.Message}");
        }
    }

    private void Serve()
    {
        using var scan = new ProcessScan();
        while (WaitHandle.WaitAny([_stop, _wanted]) != 0)
        {
            var start = Stopwatch.GetTimestamp();
            if (_snapshot is { } snapshot)
                _usage = Sample(scan, snapshot);
            Volatile.Write(ref _sampledAt, Environment.TickCount64);
            onSampled();
            var took = (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            if (_stop.WaitOne(Math.Max(LeastRest, RestFactor * took)))
                return;
        }
    }

    private Usage Sample(ProcessScan scan, EmpireSnapshot snapshot)
    {
        _vassalOf.Clear();
        _groupTime.Clear();
        for (var i = 0; i < snapshot.Count; i++)
        {
            if (snapshot[i].Pid is { } pid)
                _vassalOf[pid] = i;
            foreach (var member in snapshot[i].Raw.Members)
            {
                if (member.Pid is { } each)
                    _vassalOf[each] = i;
            }
            if (snapshot[i].Raw.Plan is not null)
                LookAtGroups(snapshot[i], i);
        }
        scan.All(_rows);
        FindOwners();
        LookAtDetails(scan);
        return Sum(snapshot);
    }

    // Only where each of its processes has one: a sum of both kinds would count some time twice.
    private void LookAtGroups(VassalSnapshot vassal, int index)
    {
        var pids =
            vassal.Raw.Members.Length > 0 ? vassal.Raw.Members.Select(m => m.Pid).OfType<int>()
            : vassal.Pid is { } one ? [one]
            : [];
        long time = 0;
        var isKnown = true;
        foreach (var folder in pids.Select(VassalCGroup.FolderOf).Distinct())
        {
            if (folder is null || CGroup.Value(CGroup.Read(folder, "cpu.stat"), "usage_usec") is not { } used)
            {
                isKnown = false;
                continue;
            }
            time += used / 1000;
            foreach (var pid in CGroup.Processes(folder))
                _vassalOf[pid] = index;
        }
        if (isKnown && time > 0)
            _groupTime[index] = time;
    }

    private void FindOwners()
    {
        _rowOf.Clear();
        if (_owners.Length < _rows.Count)
            _owners = new int[_rows.Count * 2];
        for (var i = 0; i < _rows.Count; i++)
            _rowOf[_rows[i].Pid] = i;
        for (var i = 0; i < _rows.Count; i++)
            _owners[i] = OwnerOf(_rows[i]);
    }

    // Every vassal leads a session; what has left that is found by its parents.
    private int OwnerOf(ProcessRow row)
    {
        for (var i = 0; i < LongestChain; i++)
        {
            if (_vassalOf.TryGetValue(row.Pid, out var vassal) || _vassalOf.TryGetValue(row.Session, out vassal))
                return vassal;
            if (!_rowOf.TryGetValue(row.Parent, out var parent))
                return None;
            row = _rows[parent];
        }
        return None;
    }

    private void LookAtDetails(ProcessScan scan)
    {
        (_details, _formerDetails) = (_formerDetails, _details);
        _details.Clear();
        var start = Stopwatch.GetTimestamp();
        var (count, first) = (_rows.Count, _rows.Count == 0 ? 0 : _cursor % _rows.Count);
        var done = 0;
        for (; done < count && !_isStopping && Stopwatch.GetElapsedTime(start).TotalMilliseconds < DetailTime; done++)
        {
            var at = (first + done) % count;
            if (_owners[at] == None)
                continue;
            var pid = _rows[at].Pid;
            var descriptors = scan.Descriptors(pid);
            _details[pid] = new Detail(scan.ProportionalMemory(pid), descriptors?.All, descriptors?.Sockets);
        }
        _cursor = first + done;
        for (; done < count; done++)
        {
            var pid = _rows[(first + done) % count].Pid;
            if (_formerDetails.TryGetValue(pid, out var former))
                _details[pid] = former;
        }
    }

    private Usage Sum(EmpireSnapshot snapshot)
    {
        var result = new Dictionary<string, ProcessFigures>(snapshot.Count, StringComparer.Ordinal);
        var sums = new Total[snapshot.Count];
        for (var i = 0; i < _rows.Count; i++)
        {
            if (_owners[i] == None)
                continue;
            ref var sum = ref sums[_owners[i]];
            var detail = _details.GetValueOrDefault(_rows[i].Pid);
            sum.Processes++;
            sum.Ticks += _rows[i].CpuTicks;
            sum.Resident += _rows[i].ResidentPages * ProcessScan.PageSize;
            sum.Proportional += detail.Proportional ?? 0;
            sum.LacksProportional |= detail.Proportional is null;
            sum.Descriptors += detail.Descriptors ?? 0;
            sum.Sockets += detail.Sockets ?? 0;
            sum.LacksDescriptors |= detail.Descriptors is null;
        }
        var former = _usage.ByVassal;
        for (var i = 0; i < sums.Length; i++)
        {
            if (sums[i].Processes == 0 || snapshot[i].Pid is not { } pid)
                continue;
            var (name, figures) = (snapshot[i].Name, sums[i].Figures(pid));
            if (_groupTime.TryGetValue(i, out var time))
                figures = figures with { CpuMilliseconds = time };
            // Who sees the same object again knows that there is nothing to write anew.
            result[name] = former.TryGetValue(name, out var last) && last == figures ? last : figures;
        }
        return new Usage(Clock.Now.Unix, result);
    }

    private struct Total
    {
        internal int Processes;
        internal long Ticks;
        internal long Resident;
        internal long Proportional;
        internal bool LacksProportional;
        internal int Descriptors;
        internal int Sockets;
        internal bool LacksDescriptors;

        internal readonly ProcessFigures Figures(int pid) =>
            new(
                pid,
                Processes,
                Ticks * 1000 / ProcessScan.TicksPerSecond,
                LacksProportional ? Resident : Proportional,
                !LacksProportional,
                LacksDescriptors ? null : Descriptors,
                LacksDescriptors ? null : Sockets
            );
    }
}
