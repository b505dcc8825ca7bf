namespace Emperor.Benchmarks;

/// <summary>The samples of one figure, one program and one number of vassals, over all rounds.</summary>
internal sealed class Cell
{
    private readonly List<double> samples = [];
    private readonly List<string> failures = [];

    public IReadOnlyList<double> Samples => samples;

    /// <summary>Why samples are missing; a figure with any is not ok.</summary>
    public IReadOnlyList<string> Failures => failures;

    public double? Median
    {
        get
        {
            if (samples.Count == 0)
                return null;
            double[] sorted = [.. samples.Order()];
            var middle = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    public void Add(double sample) => samples.Add(sample);

    public void Fail(string why) => failures.Add(why);
}

/// <summary>Both programs' cells of one figure, and what follows from them.</summary>
internal sealed record Row(Figure Figure, int Vassals, Cell Uwsgi, Cell Emperor)
{
    public double? Ratio => Emperor.Median is { } emperor && Uwsgi.Median is > 0 and { } uwsgi ? emperor / uwsgi : null;

    public Target? Target => Figure.Target(Vassals);

    /// <summary>Null when there is no target or the program that has to reach it was not run; false also when it could not be taken.</summary>
    public bool? Reached
    {
        get
        {
            if (Emperor.Failures.Count > 0)
                return false;
            if (Target is not { } target || Emperor.Samples.Count == 0)
                return null;
            // A ratio needs both: with Emperor alone it is not known.
            if (target.OfUwsgi)
                return Uwsgi.Failures.Count > 0 ? false
                    : Ratio is { } ratio ? ratio <= target.Limit
                    : null;
            return Emperor.Median <= target.Limit;
        }
    }
}

/// <summary>Everything that was measured.</summary>
internal sealed class Results
{
    public const string Uwsgi = "uwsgi";
    public const string Emperor = "emperor";
    private readonly Dictionary<(int Vassals, string Figure, string Contender), Cell> cells = [];

    public Cell this[int vassals, Figure figure, string contender]
    {
        get
        {
            if (!cells.TryGetValue((vassals, figure.Key, contender), out var cell))
                cells[(vassals, figure.Key, contender)] = cell = new Cell();
            return cell;
        }
    }

    public IEnumerable<Row> Rows(int vassals, Func<Figure, bool> wanted) =>
        Figures.All.Where(wanted).Select(figure => new Row(figure, vassals, this[vassals, figure, Uwsgi], this[vassals, figure, Emperor]));
}
