using System.Diagnostics;
using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>
/// Which processes belong to a vassal's process: its session, and the descendants of it and of that. One look at all processes serves all questions for a
/// while: as long that looking takes a tenth of the time at most. One thread at a time.
/// </summary>
internal sealed class ProcessView : IDisposable
{
    private const long ShortestAge = 20;
    private const int ShareOfTime = 10;
    private const int MostAncestors = 64;

    private readonly ProcessScan _scan = new();
    private readonly List<ProcessRow> _rows = [];
    private readonly Dictionary<int, ProcessRow> _byPid = [];
    private long _lookedAt = long.MinValue / 2;
    private long _lasted;

    /// <summary>When a new look may be taken, monotonic milliseconds.</summary>
    public long NextLook => _lookedAt + Math.Max(ShortestAge, _lasted * ShareOfTime);

    /// <summary>Takes a new look, when the last one is old enough.</summary>
    /// <returns>Whether it did.</returns>
    public bool Refresh(long now)
    {
        if (now < NextLook)
            return false;
        Look(now);
        return true;
    }

    /// <summary>Takes a new look.</summary>
    public void Look(long now)
    {
        var started = Stopwatch.GetTimestamp();
        _scan.All(_rows);
        _byPid.Clear();
        foreach (var row in _rows)
            _byPid[row.Pid] = row;
        _lookedAt = now;
        _lasted = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    /// <summary>The processes of a vassal's process, itself first.</summary>
    public List<int> Of(int main)
    {
        List<int> found = [main];
        foreach (var row in _rows)
        {
            if (row.Pid != main && Belongs(row, main))
                found.Add(row.Pid);
        }
        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _scan.Dispose();

    private bool Belongs(ProcessRow row, int main)
    {
        for (var i = 0; i < MostAncestors; i++)
        {
            if (row.Session == main || row.Parent == main)
                return true;
            if (row.Parent <= 1 || !_byPid.TryGetValue(row.Parent, out row))
                return false;
        }
        return false;
    }
}
