using Emperor.Core.Vassals;

namespace Emperor.Core.Stats;

/// <summary>
/// The whole empire at one moment, for any thread to read. It is cheap to make: what is known of a vassal is immutable, so only references
/// are copied; everything that is worked out from it is worked out by who reads it.
/// </summary>
public sealed class EmpireSnapshot
{
    private readonly VassalState[] _vassals;
    private readonly VassalPolicy _policy;

    /// <summary>Takes one; on the thread that owns the vassals.</summary>
    internal EmpireSnapshot(IReadOnlyCollection<VassalState> vassals, VassalPolicy policy, Instant at)
    {
        _vassals = [.. vassals];
        _policy = policy;
        At = at;
    }

    /// <summary>When it was taken.</summary>
    public Instant At { get; }

    /// <summary>How many vassals there are.</summary>
    public int Count => _vassals.Length;

    /// <summary>One of them, from 0, in the order in which they came.</summary>
    public VassalSnapshot this[int index] => new(_vassals[index], _policy, At);

    /// <summary>All of them.</summary>
    public IEnumerable<VassalSnapshot> Vassals
    {
        get
        {
            for (var i = 0; i < _vassals.Length; i++)
                yield return this[i];
        }
    }

    /// <summary>The one of that name; null when there is none.</summary>
    public VassalSnapshot? Find(string name)
    {
        foreach (var vassal in _vassals)
        {
            if (vassal.Name == name)
                return new VassalSnapshot(vassal, _policy, At);
        }
        return null;
    }

    /// <summary>What the workers of a vassal have done; null when the built-in server does not run it.</summary>
    public WorkCounts? WorkOf(string name) => Work.TryGetValue(name, out var work) ? work : null;

    /// <summary>How long reloads took, from the order to the word that requests are accepted again.</summary>
    public required DurationCounts Reloads { get; init; }

    /// <summary>Whether the emperor leaves.</summary>
    public bool IsEnding { get; init; }

    /// <summary>Whether the emperor has been ready (--emperor-ready) and does not leave.</summary>
    public bool IsReady { get; init; }

    /// <summary>What has come to the command socket; null when there is none.</summary>
    public Control.CommandCounts? Commands { get; init; }

    /// <summary>What vassals have lived on over, and would.</summary>
    public Continuity Continuity { get; init; }

    /// <summary>How the main loop fares.</summary>
    public LoopHealth Loop { get; init; }

    /// <summary>What the workers of the built-in server have done, by vassal.</summary>
    public IReadOnlyDictionary<string, WorkCounts> Work { get; init; } = new Dictionary<string, WorkCounts>();

    /// <summary>How the scans fare, one for each --emperor.</summary>
    public IReadOnlyList<ScanHealth> Scans { get; init; } = [];
}

/// <summary>What vassals have lived on over, and would.</summary>
/// <param name="Upgrades">How often the emperor's program was changed since the first of them began.</param>
/// <param name="Crashes">How often an emperor has ended without a word since.</param>
/// <param name="OverUpgrade">Whether they would live on over an upgrade (--emperor-survive).</param>
/// <param name="OverCrash">Whether over a crash.</param>
public readonly record struct Continuity(int Upgrades, int Crashes, bool OverUpgrade, bool OverCrash)
{
    /// <summary>What they would live on over, in words.</summary>
    public string Survives =>
        OverCrash ? "upgrade and crash"
        : OverUpgrade ? "upgrade"
        : "nothing";
}

/// <summary>What the workers of one vassal have done since its slots were made, which is when it was started, or got more of them.</summary>
/// <param name="Requests">How many requests were served.</param>
/// <param name="Exceptions">In how many the app has raised one.</param>
/// <param name="Busy">How many workers serve one now.</param>
/// <param name="Harakiri">How many workers were killed because theirs took too long.</param>
public readonly record struct WorkCounts(long Requests, long Exceptions, int Busy, long Harakiri);

/// <summary>How the main loop fares; a turn is all the work between two waits.</summary>
/// <param name="Turns">How many there were.</param>
/// <param name="Longest">The longest one that was not the first, milliseconds.</param>
/// <param name="LongestAt">When that was, milliseconds since the epoch.</param>
/// <param name="Last">The last one, milliseconds.</param>
/// <param name="Total">All of them together, milliseconds.</param>
public readonly record struct LoopHealth(long Turns, double Longest, long LongestAt, double Last, double Total);

/// <summary>How the scans of one --emperor fare.</summary>
/// <param name="Monitor">What was asked for.</param>
/// <param name="Scans">How many there were.</param>
/// <param name="LastAt">When the last one ended, milliseconds since the epoch; 0 before the first.</param>
/// <param name="Took">How long it took, milliseconds.</param>
/// <param name="Files">How many vassals' files it found.</param>
/// <param name="IsHinted">Whether the kernel tells of changes, so that scans only make sure; otherwise it is polled.</param>
/// <param name="Trouble">Why it is polled, or could not be looked at; null when neither.</param>
public sealed record ScanHealth(string Monitor, long Scans, long LastAt, double Took, int Files, bool IsHinted, string? Trouble);

/// <summary>How many durations fell under which bound; never changes.</summary>
/// <param name="Counts">One for each of <see cref="Bounds"/>, not added up, and one for what was longer.</param>
/// <param name="Sum">All durations together, milliseconds.</param>
public sealed record DurationCounts(IReadOnlyList<long> Counts, long Sum)
{
    /// <summary>The upper bounds, milliseconds.</summary>
    public static IReadOnlyList<long> Bounds { get; } = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];

    /// <summary>None yet.</summary>
    public static DurationCounts None { get; } = new(new long[Bounds.Count + 1], 0);

    /// <summary>The same with one more.</summary>
    /// <param name="milliseconds">How long it was.</param>
    public DurationCounts With(long milliseconds)
    {
        var counts = Counts.ToArray();
        var at = 0;
        while (at < Bounds.Count && milliseconds > Bounds[at])
            at++;
        counts[at]++;
        return new DurationCounts(counts, Sum + milliseconds);
    }
}
