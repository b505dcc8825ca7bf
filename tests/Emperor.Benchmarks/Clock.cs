using System.Diagnostics;

namespace Emperor.Benchmarks;

/// <summary>CLOCK_MONOTONIC in nanoseconds, the clock that the vassals write into their journal.</summary>
internal static class Clock
{
    /// <summary>On Linux <see cref="Stopwatch"/> is CLOCK_MONOTONIC in nanoseconds.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    public static double Milliseconds(long nanoseconds) => nanoseconds / 1e6;

    /// <summary>Sleeps, and wakes at once with an exception when the run is cancelled.</summary>
    public static void Pause(TimeSpan time, CancellationToken cancel)
    {
        if (time > TimeSpan.Zero)
            cancel.WaitHandle.WaitOne(time);
        cancel.ThrowIfCancellationRequested();
    }
}
