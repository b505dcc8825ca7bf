using FsCheck;

namespace Emperor.Tests;

/// <summary>
/// How properties are checked: from one seed. What fails fails again for whoever looks for its reason, and nothing that held yesterday fails today by
/// chance, beside a change that has nothing to do with it.
/// </summary>
internal static class Seeded
{
    private const ulong Seed = 20261121;

    /// <summary>Tries so many times, and throws at the first that does not hold.</summary>
    public static Config Times(int tests) => Config.QuickThrowOnFailure.WithMaxTest(tests).WithReplay(Seed, 1);
}
