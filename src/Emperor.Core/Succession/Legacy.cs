namespace Emperor.Core.Succession;

/// <summary>
/// Overview: all that an emperor leaves to the next one, besides the descriptors, which go with it by their names. It is a document, so that another
/// version of the program can read it (<see cref="LegacyText"/>); and it is the only way in which the state of an empire is built: a cold start is
/// <see cref="None"/>, an upgrade, an adoption after a crash and the simulation have more in it.
///
/// <para>What is the emperor's is in <see cref="Empire"/>, and each vassal's is by itself, because after a crash the last word of each counts
/// (<see cref="LegacyJournal"/>). All monotonic times stay what they are: CLOCK_MONOTONIC goes on over both.</para>
/// </summary>
public sealed record Legacy
{
    /// <summary>Nothing: that of an emperor who is the first.</summary>
    public static Legacy None { get; } = new();

    /// <summary>The version of the program that has written it; empty for nobody.</summary>
    public string Program { get; init; } = "";

    /// <summary>The emperor's own.</summary>
    public EmpireLegacy Empire { get; init; } = new();

    /// <summary>The vassals', in no order.</summary>
    public IReadOnlyList<VassalLegacy> Vassals { get; init; } = [];

    /// <summary>The last lines that vassals have printed; only an emperor that leaves on purpose has the time to write them down.</summary>
    public IReadOnlyList<TailLegacy> Tails { get; init; } = [];

    /// <summary>The last events, the oldest first; likewise.</summary>
    public IReadOnlyList<Control.EmperorEvent> Events { get; init; } = [];

    /// <summary>Whether there was nobody before.</summary>
    public bool IsNone => Program.Length == 0;
}

/// <summary>What is the emperor's own.</summary>
public sealed record EmpireLegacy
{
    /// <summary>When the first of all these emperors began, milliseconds since the epoch.</summary>
    public long Started { get; init; }

    /// <summary>How often the program was changed since.</summary>
    public int Upgrades { get; init; }

    /// <summary>How often an emperor ended without a word since.</summary>
    public int Crashes { get; init; }

    /// <summary>The number of the last name that a descriptor was given; null when nobody has told.</summary>
    public long? LastName { get; init; }

    /// <summary>The options that it obeys; null where they are not told. They have a document of their own, as they never change.</summary>
    public IReadOnlyList<Configuration.ExportedOption>? Options { get; init; }

    /// <summary>Whether its descriptors are with the service manager too.</summary>
    public bool IsStored { get; init; }

    /// <summary>The soft limit of descriptors that the first emperor was started with, and vassals get; null for nobody.</summary>
    public ulong? SoftLimit { get; init; }

    /// <summary>Whether it has been ready (--emperor-ready).</summary>
    public bool IsReady { get; init; }

    /// <summary>Whether the emperor above still waits for the end of a start or reload; null when there is none above.</summary>
    public bool? OwesLord { get; init; }

    /// <summary>What concerns all vassals at once.</summary>
    public ReignLegacy Reign { get; init; } = new();

    /// <summary>What keeps their processes.</summary>
    public KeeperLegacy Keeper { get; init; } = new();

    /// <summary>The sockets on which the emperor itself answers.</summary>
    public IReadOnlyList<ServantLegacy> Servants { get; init; } = [];

    /// <summary>The sockets that the service manager has handed over.</summary>
    public IReadOnlyList<InheritedLegacy> Inherited { get; init; } = [];

    /// <summary>What has come to the command socket.</summary>
    public Control.CommandCounts? Commands { get; init; }

    /// <summary>The file in the place of standard output and error; null when there is none.</summary>
    public LogLegacy? Log { get; init; }

    /// <summary>When the upgrade was asked for, monotonic milliseconds; 0 when none was.</summary>
    public long AskedAt { get; init; }

    /// <summary>Whether it has lent its capabilities to the next program, which is to take them from what that starts.</summary>
    public bool LendsCapabilities { get; init; }

    /// <summary>Who waits for the word that the upgrade is done.</summary>
    public IReadOnlyList<AskerLegacy> Askers { get; init; } = [];

    /// <summary>Orders of operators that some vassals have not been given yet.</summary>
    public IReadOnlyList<OrderLegacy> Orders { get; init; } = [];

    /// <summary>The files that hold the emperor's process number.</summary>
    public IReadOnlyList<string> PidFiles { get; init; } = [];
}

/// <summary>What is one vassal's.</summary>
public sealed record VassalLegacy
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>What the others name by their place in it; each is here once.</summary>
    public IReadOnlyList<Programs.ProgramPlan> Plans { get; init; } = [];

    /// <summary>Its state; null when only a file is known.</summary>
    public StateLegacy? State { get; init; }

    /// <summary>Its file as it was last acted on; null when it has none (a zerg).</summary>
    public FileLegacy? File { get; init; }

    /// <summary>Its processes that have not been reaped.</summary>
    public IReadOnlyList<ProcessLegacy> Processes { get; init; } = [];

    /// <summary>The sockets that are held for its program.</summary>
    public IReadOnlyList<HeldLegacy> Held { get; init; } = [];

    /// <summary>The socket by which it is started on demand; null when it has none.</summary>
    public ListenerLegacy? Listener { get; init; }

    /// <summary>The NOTIFY_SOCKETs of its processes.</summary>
    public IReadOnlyList<EarLegacy> Ears { get; init; } = [];

    /// <summary>What is being found out of its processes.</summary>
    public IReadOnlyList<CheckLegacy> Checks { get; init; } = [];

    /// <summary>When it was last used, monotonic milliseconds; null when nobody watches that.</summary>
    public long? UsedAt { get; init; }

    /// <summary>What its processes, and those that came of them, print.</summary>
    public IReadOnlyList<OutputLegacy> Outputs { get; init; } = [];

    /// <summary>Its workers, where it is one of the built-in server's; null where it is not.</summary>
    public WsgiLegacy? Wsgi { get; init; }

    /// <summary>What it has besides workers there; null for nothing.</summary>
    public DutyLegacy? Duties { get; init; }
}
