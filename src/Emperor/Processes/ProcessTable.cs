namespace Emperor.Processes;

/// <summary>The vassals' processes that have not been reaped.</summary>
internal sealed class ProcessTable
{
    private readonly Dictionary<long, LiveProcess> _bySerial = [];
    private readonly Dictionary<int, LiveProcess> _byPid = [];
    private readonly Dictionary<(string Vassal, int Incarnation), LiveProcess> _byIncarnation = [];
    private readonly Dictionary<string, List<LiveProcess>> _byVassal = new(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<LiveProcess> All => _bySerial.Values;

    /// <summary>Those of a vassal, in the order of their start.</summary>
    public IReadOnlyList<LiveProcess> OfVassal(string vassal) => _byVassal.GetValueOrDefault(vassal) ?? [];

    /// <summary>Adds one.</summary>
    public void Add(LiveProcess process)
    {
        _bySerial.Add(process.Serial, process);
        _byPid.Add(process.Process.Pid, process);
        _byIncarnation.Add((process.Vassal, process.Incarnation), process);
        if (!_byVassal.TryGetValue(process.Vassal, out var those))
            _byVassal[process.Vassal] = those = [];
        those.Add(process);
    }

    /// <summary>Removes one that has been reaped.</summary>
    public void Remove(LiveProcess process)
    {
        _bySerial.Remove(process.Serial);
        _byPid.Remove(process.Process.Pid);
        _byIncarnation.Remove((process.Vassal, process.Incarnation));
        if (_byVassal.TryGetValue(process.Vassal, out var those) && those.Remove(process) && those.Count == 0)
            _byVassal.Remove(process.Vassal);
    }

    /// <summary>Another process is the main one of it too.</summary>
    public void AddMain(LiveProcess process, int pid) => _byPid[pid] = process;

    /// <summary>It is not any more.</summary>
    public void RemoveMain(int pid) => _byPid.Remove(pid);

    /// <summary>Its first process has been reaped, and its main one is about to take its place.</summary>
    public void Replace(LiveProcess process) => _byPid.Remove(process.Process.Pid);

    /// <summary>That of a serial number; null when it has been reaped.</summary>
    public LiveProcess? BySerial(long serial) => _bySerial.GetValueOrDefault(serial);

    /// <summary>Whether one of them carries the mark of a serial number, its own or that of the process which it was forked from.</summary>
    public bool HasMark(long serial) => _bySerial.ContainsKey(serial) || _bySerial.Values.Any(p => p.MarkSerial == serial);

    /// <summary>That of a process number; null when it is none of ours.</summary>
    public LiveProcess? ByPid(int pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>That of a vassal's incarnation; null when it has been reaped.</summary>
    public LiveProcess? Of(string vassal, int incarnation) => _byIncarnation.GetValueOrDefault((vassal, incarnation));
}
