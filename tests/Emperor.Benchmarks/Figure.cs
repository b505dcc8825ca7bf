namespace Emperor.Benchmarks;

/// <summary>What Emperor must reach: at most <paramref name="Limit"/>, of the median or of its ratio to uwsgi's in the same run.</summary>
internal readonly record struct Target(double Limit, bool OfUwsgi);

/// <summary>Where a figure of uwsgi 2.0.21 lies when the harness measures rightly, with room for slower and faster machines.</summary>
internal readonly record struct Region(double Low, double High)
{
    public bool Holds(double value) => value >= Low && value <= High;
}

/// <summary>One figure of the comparison. <paramref name="Key"/> is its name on the command line and in JSON.</summary>
internal sealed record Figure(string Key, string Title, string Unit)
{
    /// <summary>The target at a number of vassals; null where there is none.</summary>
    public Func<int, Target?> Target { get; init; } = _ => null;

    /// <summary>The region for uwsgi at a number of vassals; null where none is known.</summary>
    public Func<int, Region?> UwsgiRegion { get; init; } = _ => null;

    /// <summary>The figure with which it is measured and chosen; itself for most.</summary>
    public string MeasuredWith { get; init; } = Key;

    /// <summary>Measured only when it is asked for by name, because what it needs would change the other figures.</summary>
    public bool OnlyByName { get; init; }
}

/// <summary>All figures, in the order of the table. Targets and uwsgi's regions are those of the issue that asked for them.</summary>
internal static class Figures
{
    private const int Many = 1000;
    private const int Most = 4000;

    public static readonly Figure ColdStart = new("cold-start", "cold start to last vassal started", "ms")
    {
        // A runtime that starts in 60 ms cannot be 0.45 of a C program that starts 100 vassals in 200: no target below 1,000.
        Target = OfUwsgi(0.45, 0.35),
        UwsgiRegion = At(new(700, 6_500), new(4_000, 35_000)),
    };

    public static readonly Figure Drop = new("drop", "ini dropped to vassal started", "ms")
    {
        Target = AtMost(10, 10),
        UwsgiRegion = Polled,
    };

    public static readonly Figure Link = new("link", "ini linked to vassal started", "ms")
    {
        Target = AtMost(10, 10),
        UwsgiRegion = Polled,
    };

    public static readonly Figure Edit = new("edit", "link target edited to reload byte", "ms")
    {
        Target = AtMost(10, 10),
        UwsgiRegion = Polled,
    };

    public static readonly Figure Remove = new("remove", "link removed to stop byte", "ms")
    {
        Target = AtMost(10, 10),
        UwsgiRegion = Polled,
    };

    public static readonly Figure Kill = new("kill", "SIGKILL to successor started", "ms")
    {
        Target = AtMost(5, 5),
        UwsgiRegion = At(new(1, 100), new(8, 500)),
    };

    public static readonly Figure Idle = new("idle", "idle processor time", "ms/s")
    {
        Target = AtMost(1, 3),
        UwsgiRegion = At(new(0.5, 30), new(2, 1_000)),
    };

    public static readonly Figure Stop = new("stop", "stop of all", "ms")
    {
        Target = OfUwsgi(0.4, 0.4),
        UwsgiRegion = At(new(600, 7_000), new(500, 30_000)),
    };

    public static readonly Figure Stats = new("stats", "stats document, connect to end", "ms")
    {
        Target = vassals => vassals == Many ? new(3, OfUwsgi: false) : null,
        UwsgiRegion = At(new(3, 40), new(15, 300)),
        OnlyByName = true,
    };

    public static readonly Figure Memory = new("memory", "private memory (dirty)", "MB")
    {
        Target = AtMost(16, 16),
        UwsgiRegion = At(new(1, 12), new(2, 30)),
    };

    public static readonly Figure PrivateClean = new("private-clean", "private memory (clean)", "MB") { MeasuredWith = "memory" };

    public static readonly Figure Resident = new("rss", "resident memory", "MB") { MeasuredWith = "memory" };

    public static IReadOnlyList<Figure> All { get; } =
    [ColdStart, Drop, Link, Edit, Remove, Kill, Stats, Idle, Stop, Memory, PrivateClean, Resident];

    private static Func<int, Target?> AtMost(double limit, double limitAtMost) =>
        vassals => new(vassals > Many ? limitAtMost : limit, OfUwsgi: false);

    private static Func<int, Target?> OfUwsgi(double ratio, double ratioAtMost) =>
        vassals => vassals < Many ? null : new Target(vassals >= Most ? ratioAtMost : ratio, OfUwsgi: true);

    private static Func<int, Region?> At(Region many, Region most) =>
        vassals =>
            vassals switch
            {
                Many => many,
                Most => most,
                _ => null,
            };

    /// <summary>
    /// What waits for a poll every three seconds takes half of that in the middle, and more when a scan itself takes long; or nearly nothing
    /// while thousands of vassals have uwsgi scan without a pause because of what they said at their start.
    /// </summary>
    private static Region? Polled(int vassals) => vassals > Many ? new(1, 8_000) : new(300, 3_500);
}
