using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Emperor.Core.Vassals;
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
    private const int HistoriesOfAllSteps = 24;
    private const long MostSteps = 600;

    // More would only take each other's time.
    private static readonly ParallelOptions OnePerProcessor = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    private static readonly string[] KindsOfSteps =
    [
        nameof(Effect.Spawn),
        nameof(Effect.Send),
        nameof(Effect.Kill),
        nameof(Effect.Bury),
        nameof(Effect.Listen),
        nameof(Effect.Unlisten),
        nameof(VassalEvent.Spawned),
        nameof(VassalEvent.SpawnFailed),
        nameof(VassalEvent.Received),
        nameof(VassalEvent.HungUp),
        nameof(VassalEvent.Exited),
        nameof(VassalEvent.Listening),
        nameof(VassalEvent.ListenFailed),
        nameof(VassalEvent.SendFailed),
        nameof(VassalEvent.SocketsLost),
        nameof(VassalEvent.OutputLost),
        "the end of a turn",
    ];

    [Test]
    public void In_ten_thousand_histories_no_invariant_is_broken()
    {
        var only = Number("EMPEROR_SEED");
        var first = only ?? FirstSeed;
        var count = only is null ? Number("EMPEROR_HISTORIES") ?? Histories : 1;
        var clock = Stopwatch.StartNew();
        var turns = 0L;
        _ = Parallel.For(first, first + count, OnePerProcessor, seed => Interlocked.Add(ref turns, Live(seed)));
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
    public void In_ten_thousand_histories_of_mortal_emperors_no_invariant_is_broken()
    {
        var only = Number("EMPEROR_SEED");
        var first = only ?? FirstSeed;
        var count = only is null ? Number("EMPEROR_HISTORIES") ?? Histories : 1;
        var deaths = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        var upgrades = 0L;
        _ = Parallel.For(
            first,
            first + count,
            OnePerProcessor,
            seed =>
            {
                var mortality = new Mortality();
                Live(seed, mortality, () => new Mortality(), isMortal: true);
                _ = Interlocked.Add(ref upgrades, mortality.Upgrades);
                foreach (var death in mortality.Deaths)
                    deaths.AddOrUpdate(death, 1, (_, n) => n + 1);
            }
        );
        TestContext.Out.WriteLine(
            $"{upgrades} upgrades, {deaths.Values.Sum()} deaths: {string.Join(", ", deaths.Select(d => $"{d.Key} {d.Value}").Order())}"
        );
        if (only is not null)
            return;
        Assert.That(upgrades, Is.GreaterThan(count / 2));
        Assert.That(deaths.Keys, Is.SupersetOf(KindsOfSteps), "each of these must have been the last");
    }

    [Test]
    public void The_emperor_may_die_at_every_step_of_a_history()
    {
        var seeds = Number("EMPEROR_SEED") is { } only ? Enumerable.Range(only, 1) : Enumerable.Range(FirstSeed, HistoriesOfAllSteps);
        var deaths = 0L;
        _ = Parallel.ForEach(
            seeds,
            OnePerProcessor,
            seed =>
            {
                var whole = new Mortality();
                Live(seed, whole, () => new Mortality(), isMortal: false);
                for (var step = 0L; step < Math.Min(whole.Steps, MostSteps); step++)
                {
                    var mortality = new Mortality(step);
                    Live(seed, mortality, () => new Mortality(step), isMortal: false);
                    _ = Interlocked.Add(ref deaths, mortality.Deaths.Count);
                }
            }
        );
        TestContext.Out.WriteLine($"{deaths} deaths");
        Assert.That(deaths, Is.GreaterThan(100L * seeds.Count()));
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

    private static long Live(int seed) => Live(seed, new Mortality(), () => new Mortality(), isMortal: false);

    private static long Live(int seed, Mortality mortality, Func<Mortality> again, bool isMortal)
    {
        try
        {
            var history = new History(seed, new Trace(isOn: false), mortality, isMortal);
            history.Run();
            return history.Turns;
        }
        catch (Exception e)
        {
            var trace = new Trace(isOn: true);
            Assert.Throws(e.GetType(), () => new History(seed, trace, again(), isMortal).Run(), $"seed {seed} does not fail again");
            throw new AssertionException($"EMPEROR_SEED={seed}\n{e.Message}\n{trace.Tail(LinesToShow)}", e);
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;
}
