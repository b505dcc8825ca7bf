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
    public void No_history_breaks_the_invariants_of_generations()
    {
        _ = Parallel.For(0, Histories, OnePerProcessor, seed => Live(seed, new ProgramWorld(seed)));
    }

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
                var mortality = new Mortality();
                Live(seed, new ProgramWorld(seed, mortality).Mortal());
                _ = Interlocked.Add(ref upgrades, mortality.Upgrades);
                foreach (var death in mortality.Deaths)
                    deaths[death] = true;
            }
        );
        Assert.That(upgrades, Is.GreaterThan(Histories / 2));
        Assert.That(deaths.Keys, Is.SupersetOf(KindsOfSteps), "each of these must have been the last");
    }

    [Test]
    public void The_emperor_may_die_at_every_step_of_a_history()
    {
        _ = Parallel.For(
            0,
            HistoriesOfAllSteps,
            OnePerProcessor,
            seed =>
            {
                var whole = new Mortality();
                Live(seed, new ProgramWorld(seed, whole));
                for (var step = 0L; step < Math.Min(whole.Steps, MostSteps); step++)
                    Live(seed, new ProgramWorld(seed, new Mortality(step)), $", killed at step {step}");
            }
        );
    }

    private static void Live(int seed, ProgramWorld world, string how = "")
    {
        if (world.Live() is { } broken)
            throw new AssertionException($"seed {seed}{how}: {broken}\n{world.Trace}");
    }
}
