using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>What a process will do with its life, decided at its birth. Times are milliseconds after its birth, null is never.</summary>
internal sealed record Character
{
    /// <summary>When it reads its file.</summary>
    public long ReadsAfter { get; init; } = 5;

    /// <summary>When it says that it accepts requests.</summary>
    public long? AcceptsAfter { get; init; } = 100;

    /// <summary>When it says that it is loyal.</summary>
    public long? LoyalAfter { get; init; }

    /// <summary>When it ends unasked, and how.</summary>
    public long? DiesAfter { get; init; }

    /// <summary>How it ends when it ends unasked.</summary>
    public ProcessEnd End { get; init; } = Exit(1);

    /// <summary>When it closes its channel and lives on.</summary>
    public long? HangsUpAfter { get; init; }

    /// <summary>When it says that it stops of its own will.</summary>
    public long? WillAfter { get; init; }

    /// <summary>When it sends bytes without a meaning, or a flood.</summary>
    public long? BabblesAfter { get; init; }

    /// <summary>How many bytes it then sends.</summary>
    public int Babble { get; init; } = 1;

    /// <summary>How often it sends a heartbeat.</summary>
    public long? BeatsEvery { get; init; }

    /// <summary>How many heartbeats it sends before it forgets to.</summary>
    public int Beats { get; init; }

    /// <summary>How long it takes to stop when it is told to; null does not obey.</summary>
    public long? StopsIn { get; init; } = 20;

    /// <summary>How long it takes to read its file again when it is told to; null does not obey.</summary>
    public long? ReloadsIn { get; init; } = 10;

    /// <summary>How long after that it accepts requests again; null does not say.</summary>
    public long? AcceptsAgainIn { get; init; } = 100;

    /// <summary>It dies of a reload.</summary>
    public bool DiesOfReload { get; init; }

    /// <summary>Nothing more can be sent to it.</summary>
    public bool IsDeaf { get; init; }

    /// <summary>How long it takes to die of SIGKILL: long when it waits inside the kernel.</summary>
    public long DiesOfKillIn { get; init; } = 1;

    /// <summary>The longest that any process takes to die of SIGKILL.</summary>
    public const long SlowestKill = 25_000;

    /// <summary>One that does all that is expected of it.</summary>
    public static Character Tame { get; } = new() { LoyalAfter = 500 };

    /// <summary>One that may do anything.</summary>
    /// <param name="dice">The chance.</param>
    /// <param name="wildness">Of a hundred: how often it does each of the things that it should not.</param>
    public static Character Wild(Dice dice, int wildness) =>
        new()
        {
            ReadsAfter = dice.Duration(500),
            AcceptsAfter = dice.Chance(wildness) ? dice.Maybe(50, 60_000) : dice.Duration(2_000),
            LoyalAfter = dice.Chance(10) ? 0 : dice.Maybe(50, 20_000),
            DiesAfter = dice.Maybe(wildness * 2, 60_000),
            End = dice.Of(Exit(0), Exit(1), Exit(1), Exit(22), Exit(ProcessEnd.ExileCode), Signal(9), Signal(11), Signal(26)),
            HangsUpAfter = dice.Maybe(wildness, 30_000),
            WillAfter = dice.Maybe(wildness / 4, 30_000),
            BabblesAfter = dice.Maybe(wildness, 10_000),
            Babble = (int)dice.Of<long>(1, 2, 40),
            BeatsEvery = dice.Chance(wildness) ? dice.Between(500, 4_000) : null,
            Beats = (int)dice.Between(1, 20),
            StopsIn = dice.Chance(wildness) ? dice.Maybe(40, 60_000) : dice.Duration(500),
            ReloadsIn = dice.Chance(wildness) ? dice.Maybe(40, 20_000) : dice.Duration(300),
            AcceptsAgainIn = dice.Chance(wildness) ? dice.Maybe(50, 20_000) : dice.Duration(2_000),
            DiesOfReload = dice.Chance(wildness / 2),
            IsDeaf = dice.Chance(wildness / 3),
            DiesOfKillIn = dice.Chance(wildness / 4) ? dice.Between(0, SlowestKill) : dice.Between(0, 5),
        };

    private static ProcessEnd Exit(int code) => new(code, Signaled: false, code == 0 ? "exit 0" : "exit other");

    private static ProcessEnd Signal(int number) => new(number, Signaled: true, "signal");
}
