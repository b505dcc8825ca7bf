using NUnit.Framework;

namespace Emperor.Tests.Programs;

[TestFixture]
public sealed class ProgramSimulationTests
{
    private const int Histories = 4_000;

    [Test]
    public void No_history_breaks_the_invariants_of_generations()
    {
        for (var seed = 0; seed < Histories; seed++)
        {
            var world = new ProgramWorld(seed);
            if (world.Live() is { } broken)
                Assert.Fail($"seed {seed}: {broken}\n{world.Trace}");
        }
    }
}
