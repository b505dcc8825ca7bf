using System.Collections.Concurrent;
using Emperor.Core.Vassals;
using Emperor.Tests.Simulation;
using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class ProgramSimulationTests
{
    private const int Histories = 4_000;
    private const int HistoriesOfAllSteps = 12;
    private const long MostSteps = 1_000;
    private const int LinesToShow = 100;

    private static readonly ParallelOptions OnePerProcessor = new() { MaxDegreeOfParallelism = Environment.ProcessorCount };

    private static readonly string[] KindsOfSteps =
    [
        nameof(Effect.Launch),
        nameof(Effect.Signal),
        nameof(Effect.Kill),
        nameof(Effect.Bury),
        nameof(Effect.Hold),
        nameof(Effect.Unlisten),
        nameof(Effect.AwaitReady),
        nameof(Effect.Thaw),
        nameof(VassalEvent.Spawned),
        nameof(VassalEvent.SpawnFailed),
        nameof(VassalEvent.Listening),
        nameof(VassalEvent.ListenFailed),
        "the end of a turn",
    ];

    [Test]
    public void No_history_breaks_the_invariants_of_generations() => Parallel.For(0, Histories, OnePerProcessor, seed => Live(seed));

    [Test]
    public void Nor_one_of_mortal_emperors()
    {
        var upgrades = 0;
        var deaths = new ConcurrentDictionary<string, bool>(StringComparer.Ordinal);
        _ = Parallel.For(
            0,
            Histories,
            OnePerProcessor,
            seed =>
            {
                var mortality = Live(seed, isMortal: true);
                _ = Interlocked.Add(ref upgrades, mortality.Upgrades);
                foreach (var death in mortality.Deaths)
                    deaths[death] = true;
            }
        );
        Assert.That(upgrades, Is.GreaterThan(Histories / 2));
        Assert.That(deaths.Keys, Is.SupersetOf(KindsOfSteps), "each of these must have been the last");
    }

    [Test]
    public void The_emperor_may_die_at_every_step_of_a_history() =>
        Parallel.For(
            0,
            HistoriesOfAllSteps,
            OnePerProcessor,
            seed =>
            {
                var steps = Math.Min(Live(seed).Steps, MostSteps);
                for (var step = 0L; step < steps; step++)
                    _ = Live(seed, killAt: step);
            }
        );

    // Returns whose end it was. A history that is broken is lived through again, to be told.
    private static Mortality Live(int seed, bool isMortal = false, long? killAt = null)
    {
        var mortality = new Mortality(killAt);
        if (World(new Trace(isOn: false), mortality).Live() is not { } broken)
            return mortality;
        var trace = new Trace(isOn: true);
        var again = World(trace, new Mortality(killAt)).Live();
        Assert.That(again, Is.EqualTo(broken), $"seed {seed} does not fail again");
        var how = killAt is null ? "" : $", killed at step {killAt}";
        throw new AssertionException($"seed {seed}{how}: {broken}\n{trace.Tail(LinesToShow)}");

        ProgramWorld World(Trace trace, Mortality mortality)
        {
            var world = new ProgramWorld(seed, trace, mortality);
            return isMortal ? world.Mortal() : world;
        }
    }
}
