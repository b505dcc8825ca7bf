using System.Diagnostics;

namespace Emperor.EndToEnd.Support;

/// <summary>Waits for what must happen. There is no sleep for luck in these tests: each wait ends with its event, or fails at its limit.</summary>
internal static class Wait
{
    /// <summary>
    /// The daemon needs milliseconds, and real servers seconds; the machine under the tests may be slow and busy with others. It is below the
    /// minute that the daemon itself has patience for by default (--emperor-ready-timeout): what comes of that is too late. What a vassal that
    /// does not end is killed for (--reload-mercy, --emperor-curse-tolerance) comes after half of that.
    /// </summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(55);

    private const int Pause = 5;

    /// <summary>Waits until <paramref name="isSo"/>; fails with the words at the limit.</summary>
    public static void Until(Func<bool> isSo, Func<string> otherwise, TimeSpan? limit = null)
    {
        var start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(start) > (limit ?? Limit))
                Assert.Fail($"after {(limit ?? Limit).TotalSeconds:0.#} s: {otherwise()}");
            Thread.Sleep(Pause);
        }
    }

    /// <summary>Waits until <paramref name="isSo"/>, or until the limit: for what a test looks at later in any case.</summary>
    public static void Quietly(Func<bool> isSo, TimeSpan? limit = null)
    {
        var start = Stopwatch.GetTimestamp();
        while (!isSo() && Stopwatch.GetElapsedTime(start) < (limit ?? Limit))
            Thread.Sleep(Pause);
    }

    /// <summary>Waits until something is found, and returns it.</summary>
    public static T For<T>(Func<T?> find, Func<string> otherwise, TimeSpan? limit = null)
        where T : class
    {
        T? found = null;
        Until(() => (found = find()) is not null, otherwise, limit);
        return found!;
    }

    /// <summary>
    /// Watches for a time that something stays so. For what must not happen there is no event to wait for; the time is that in which
    /// it would surely have happened.
    /// </summary>
    public static void While(Func<bool> isSo, TimeSpan time, Func<string> otherwise)
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            if (!isSo())
                Assert.Fail(otherwise());
            Thread.Sleep(Pause);
        }
    }
}
