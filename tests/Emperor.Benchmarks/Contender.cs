namespace Emperor.Benchmarks;

/// <summary>One of the two programs that are compared, and how to take samples of it.</summary>
internal sealed record Contender(string Name, string Program, int StopSignal, int Samples, bool Polls)
{
    /// <summary>uwsgi's --emperor-freq, in seconds, as it is when nobody sets it.</summary>
    private const double PollSeconds = 3;

    /// <summary>Between the samples of a program that acts at once, so that each finds it at rest.</summary>
    private static readonly TimeSpan rest = TimeSpan.FromMilliseconds(120);

    /// <summary>
    /// How long to wait before a sample. The sample before ended just after a poll, so that waiting a different part of the interval each
    /// time spreads the samples evenly over its phases: with three, half a second, a second and a half, and two and a half.
    /// </summary>
    public TimeSpan PauseBefore(int sample, int samples) => Polls ? TimeSpan.FromSeconds((sample + 0.5) / samples * PollSeconds) : rest;
}
