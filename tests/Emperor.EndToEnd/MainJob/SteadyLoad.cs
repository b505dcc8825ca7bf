using System.Collections.Concurrent;
using System.Diagnostics;

namespace Emperor.EndToEnd.MainJob;

/// <summary>What became of a load.</summary>
/// <param name="Requests">How many were answered, in whatever way.</param>
/// <param name="Failures">What was not 200, in words.</param>
/// <param name="Workers">The workers that answered.</param>
/// <param name="Time">How long it lasted.</param>
/// <param name="Slowest">The longest that a request took.</param>
internal sealed record LoadResult(
    int Requests,
    IReadOnlyCollection<string> Failures,
    IReadOnlyCollection<int> Workers,
    TimeSpan Time,
    TimeSpan Slowest
)
{
    public override string ToString() =>
        $"{Requests} requests in {Time.TotalSeconds:0.0} s ({Requests / Time.TotalSeconds:0}/s), {Failures.Count} failures, "
        + $"{Workers.Count} workers seen, the slowest took {Slowest.TotalMilliseconds:0} ms";
}

/// <summary>
/// Visitors who each ask for a project's page some twenty times a second. Each waits for its answer, so there are never more requests
/// under way than visitors: uwsgi lets 100 wait for it while it reloads, and refuses more than that with or without an emperor.
/// </summary>
internal sealed class SteadyLoad
{
    private const int Visitors = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentQueue<string> _failures = new();
    private readonly ConcurrentDictionary<int, bool> _workers = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Task[] _visitors;
    private volatile bool _isEnding;
    private int _requests;
    private long _slowest;

    private SteadyLoad(Site site, DjangoProject project) =>
        _visitors = [.. Enumerable.Range(0, Visitors).Select(_ => Task.Run(() => VisitAsync(site, project)))];

    /// <summary>The workers that have answered until now.</summary>
    public ICollection<int> Workers => _workers.Keys;

    /// <summary>How many requests have been answered until now.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public static SteadyLoad Start(Site site, DjangoProject project) => new(site, project);

    /// <summary>Ends it when the requests that are under way have been answered.</summary>
    public LoadResult Stop()
    {
        _isEnding = true;
        Task.WaitAll(_visitors);
        return new LoadResult(
            _requests,
            _failures,
            [.. _workers.Keys],
            Stopwatch.GetElapsedTime(_start),
            Stopwatch.GetElapsedTime(0, _slowest)
        );
    }

    private async Task VisitAsync(Site site, DjangoProject project)
    {
        while (!_isEnding)
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                var page = await site.GetAsync(project);
                if (page.IsServed)
                    _workers.TryAdd(page.Worker, true);
                else
                    _failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} status {page.Status}");
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                _failures.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {e.Message}");
            }
            var took = Stopwatch.GetTimestamp() - start;
            InterlockedMax(ref _slowest, took);
            Interlocked.Increment(ref _requests);
            await Task.Delay(Pause);
        }
    }

    private static void InterlockedMax(ref long place, long value)
    {
        var seen = Volatile.Read(ref place);
        while (value > seen)
        {
            var before = Interlocked.CompareExchange(ref place, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
