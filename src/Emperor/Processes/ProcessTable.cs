namespace Emperor.Processes;

/// <summary>The vassals' processes that have not been reaped.</summary>
internal sealed class ProcessTable
{
    private readonly Dictionary<long, LiveProcess> _bySerial = [];
    private readonly Dictionary<int, LiveProcess> _byPid = [];
    private readonly Dictionary<string, LiveProcess> _byVassal = new(StringComparer.Ordinal);

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<LiveProcess> All => _bySerial.Values;

    /// <summary>Adds one; a vassal has at most one.</summary>
    public void Add(LiveProcess process)
    {
        _bySerial.Add(process.Serial, process);
        _byPid.Add(process.Process.Pid, process);
        _byVassal.Add(process.Vassal, process);
    }

    /// <summary>Removes one that has been reaped.</summary>
    public void Remove(LiveProcess process)
    {
        _bySerial.Remove(process.Serial);
        _byPid.Remove(process.Process.Pid);
        _byVassal.Remove(process.Vassal);
    }

    /// <summary>That of a serial number; null when it has been reaped.</summary>
    public LiveProcess? BySerial(long serial) => _bySerial.GetValueOrDefault(serial);

    /// <summary>That of a process number; null when it is none of ours.</summary>
    public LiveProcess? ByPid(int pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>That of a vassal's incarnation; null when it has been reaped.</summary>
    public LiveProcess? Of(string vassal, int incarnation) =>
        _byVassal.TryGetValue(vassal, out var process) && process.Incarnation == incarnation ? process : null;
}
