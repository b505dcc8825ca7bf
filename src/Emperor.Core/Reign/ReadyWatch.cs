using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>When the emperor says that it is ready (--emperor-ready).</summary>
public enum ReadyPolicy
{
    /// <summary>When every vassal of the first scan accepts requests, or waits on demand, or has failed, or has run out of its time.</summary>
    Settled,

    /// <summary>When every vassal of the first scan accepts requests, or waits on demand; when one fails, or runs out of its time, the start has failed.</summary>
    All,

    /// <summary>When every vassal of the first scan has been spawned.</summary>
    Scan,

    /// <summary>At once, before anything is looked at, as uWSGI does.</summary>
    Immediate,
}

/// <summary>What there is to say about readiness.</summary>
public enum ReadyVerdict
{
    /// <summary>Not yet.</summary>
    Waiting,

    /// <summary>The emperor is ready.</summary>
    Ready,

    /// <summary>The start has failed.</summary>
    Failed,
}

/// <summary>
/// Overview: whether what was asked for has come true. At the first scan it takes down which vassals there are, and after each change it looks
/// who of them is still to be waited for: one that is starting or, after its first failure, started again at once. A failure that earns a
/// delay, a file that cannot be run, a vassal that rests or is gone: these are settled, though not well. Where none may fail, the first failure
/// decides; the others have a few seconds more, so that all that is wrong is told together. One on demand is well as soon as its socket is bound.
/// </summary>
/// <param name="policy">What to wait for.</param>
/// <param name="patience">How long a vassal may take, milliseconds (--emperor-ready-timeout).</param>
public sealed class ReadyWatch(ReadyPolicy policy, long patience)
{
    /// <summary>How long, after the first failure, other failures are waited for where none may fail, milliseconds.</summary>
    public const long Aftermath = 3_000;

    private readonly HashSet<string> _waitingFor = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _failed = new(StringComparer.Ordinal);
    private bool _begun;
    private long _lastMoment;

    /// <summary>How long a vassal may take to accept requests, milliseconds.</summary>
    public long Patience => patience;

    /// <summary>When waiting is over whatever happens, monotonic milliseconds; null when nothing is waited for.</summary>
    public long? Deadline { get; private set; }

    /// <summary>The vassals that did not come up, by name.</summary>
    public IReadOnlyCollection<string> Failed => _failed;

    /// <summary>The vassals that are waited for.</summary>
    public IReadOnlyCollection<string> WaitingFor => _waitingFor;

    /// <summary>The first scan is done: these vassals are there.</summary>
    public void Begin(IEnumerable<string> vassals, long now)
    {
        _begun = true;
        if (policy is ReadyPolicy.Scan or ReadyPolicy.Immediate)
            return;
        _waitingFor.UnionWith(vassals);
        _lastMoment = now + patience;
        Deadline = _waitingFor.Count > 0 ? _lastMoment : null;
    }

    /// <summary>Looks again.</summary>
    /// <param name="vassals">All vassals as they are now.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public ReadyVerdict Judge(IReadOnlyDictionary<string, VassalState> vassals, long now)
    {
        if (policy == ReadyPolicy.Immediate)
            return ReadyVerdict.Ready;
        if (!_begun)
            return ReadyVerdict.Waiting;
        var isLate = now >= _lastMoment;
        int settled;
        do
        {
            // One that has failed may settle those that wait for it.
            settled = _waitingFor.RemoveWhere(name => IsSettled(name, vassals.GetValueOrDefault(name), isLate));
        } while (settled > 0 && _waitingFor.Count > 0);
        var mayNotBecomeReady = policy == ReadyPolicy.All && _failed.Count > 0;
        if (_waitingFor.Count == 0 || (mayNotBecomeReady && now >= Deadline))
        {
            Deadline = null;
            return mayNotBecomeReady ? ReadyVerdict.Failed : ReadyVerdict.Ready;
        }
        if (mayNotBecomeReady && Deadline == _lastMoment)
            Deadline = Math.Min(_lastMoment, now + Aftermath);
        return ReadyVerdict.Waiting;
    }

    private bool IsSettled(string name, VassalState? vassal, bool isLate)
    {
        switch (vassal?.Phase ?? Phase.Gone)
        {
            case Phase.Held when vassal?.Plan is { } plan && plan.After.Any(_failed.Contains):
                _failed.Add(name);
                return true;
            case Phase.Running:
            case Phase.Waiting:
            // A file that was taken away is nobody's failure.
            case Phase.Gone:
            case Phase.Stopping:
                return true;
            case Phase.Held:
            case Phase.Starting:
            case Phase.Reloading:
            case Phase.Cursed:
            case Phase.Killing:
                if (isLate)
                    _failed.Add(name);
                return isLate;
            case Phase.Backoff:
            case Phase.Resting:
            case Phase.Refused:
            default:
                _failed.Add(name);
                return true;
        }
    }
}
