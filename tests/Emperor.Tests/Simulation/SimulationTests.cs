using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace Emperor.Tests.Simulation;

/// <summary>
/// Ten thousand histories (see <see cref="History"/>), each from its seed. A failure prints the seed, the broken invariant and the end of
/// the history's trace; EMPEROR_SEED=n lives through that one again alone, EMPEROR_HISTORIES=n through so many.
/// </summary>
[TestFixture]
public sealed class SimulationTests
{
    private const int FirstSeed = 1;
    private const int Histories = 10_000;
    private const int LinesToShow = 150;

    [Test]
    public void In_ten_thousand_histories_no_invariant_is_broken()
    {
        var only = Number("EMPEROR_SEED");
        var first = only ?? FirstSeed;
        var count = only is null ? Number("EMPEROR_HISTORIES") ?? Histories : 1;
        var clock = Stopwatch.StartNew();
        var turns = 0L;
        _ = Parallel.For(first, first + count, seed => Interlocked.Add(ref turns, Live(seed)));
        TestContext.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{count} histories, {turns} turns, {count / clock.Elapsed.TotalSeconds:0} histories a second"
            )
        );
        // A world in which nothing happens would break nothing either.
        Assert.That(turns, Is.GreaterThan(20L * count));
    }

    [Test]
    public void A_seed_tells_the_same_history_again()
    {
        Assert.That(Tell(7), Is.EqualTo(Tell(7)).And.Not.Empty);
        Assert.That(Tell(7), Is.Not.EqualTo(Tell(8)));
    }

    private static string Tell(int seed)
    {
        var trace = new Trace(isOn: true);
        new History(seed, trace).Run();
        return trace.Tail(int.MaxValue);
    }

    private static long Live(int seed)
    {
        try
        {
            var history = new History(seed, new Trace(isOn: false));
            history.Run();
            return history.Turns;
        }
        catch (Exception e)
        {
            var trace = new Trace(isOn: true);
            Assert.Throws(e.GetType(), () => new History(seed, trace).Run(), $"seed {seed} does not fail again");
            throw new AssertionException($"EMPEROR_SEED={seed}\n{e.Message}\n{trace.Tail(LinesToShow)}", e);
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
