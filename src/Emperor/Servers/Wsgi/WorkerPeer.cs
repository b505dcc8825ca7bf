using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;

namespace Emperor.Servers.Wsgi;

/// <summary>A worker, or a template, as the emperor's side of its control socket knows it.</summary>
/// <param name="id">Its number in the loop.</param>
/// <param name="launch">How it was asked for. Templates have negative incarnations, which no machine knows.</param>
/// <param name="control">The emperor's end of its control socket; null when that is closed.</param>
/// <param name="slots">The shared memory that it has.</param>
/// <param name="slot">Its slot there; null for a template.</param>
internal sealed class WorkerPeer(long id, Effect.Launch launch, MessageSocket? control, WorkerSlots slots, int? slot)
{
    // A loaded worker says a few words in its life.
    private const int MostMessagesASecond = 256;

    private long _second;
    private int _count;

    /// <summary>Its number in the loop.</summary>
    public long Id { get; } = id;

    /// <summary>The vassal.</summary>
    public string Vassal { get; } = launch.Vassal;

    /// <summary>Which of the vassal's processes it is.</summary>
    public int Incarnation { get; } = launch.Incarnation;

    /// <summary>What it is started with.</summary>
    public WsgiPlan Plan { get; } = launch.Plan.Wsgi!;

    /// <summary>How it was asked for.</summary>
    public Effect.Launch Launch { get; } = launch;

    /// <summary>The emperor's end of its control socket; null when it is closed.</summary>
    public MessageSocket? Control { get; set; } = control;

    /// <summary>The name by which that passes on; null when it is closed.</summary>
    public string? Heirloom { get; set; }

    /// <summary>The shared memory that it has.</summary>
    public WorkerSlots Slots { get; } = slots;

    /// <summary>Its slot there; null for a template.</summary>
    public int? Slot { get; } = slot;

    /// <summary>Whether it is a template.</summary>
    public bool IsTemplate => Slot is null;

    /// <summary>The number of a template.</summary>
    public int Template => -Incarnation;

    /// <summary>The template that was told to fork it; null when it was started.</summary>
    public int? Parent { get; init; }

    /// <summary>Whether it is known as a process. One that is forked is when its first word has come.</summary>
    public bool IsBorn { get; set; }

    /// <summary>Whether it accepts, and has not said that it leaves.</summary>
    public bool Serves { get; set; }

    /// <summary>Whether its control socket is closed.</summary>
    public bool IsDeaf => Control is null;

    /// <summary>When it is killed because of its request, monotonic milliseconds; null when it is not.</summary>
    public long? KillAt { get; set; }

    /// <summary>Why it cannot serve, as it has said; null when it has not.</summary>
    public string? Failure { get; set; }

    /// <summary>What is left of it to the next emperor.</summary>
    public PeerLegacy LegacyOf(PlanTable plans) =>
        new(Incarnation, plans.Place(Launch.Plan), Launch.Slot, Launch.Generation, Heirloom, Slots.Heirloom, Slot)
        {
            Parent = Parent,
            IsBorn = IsBorn,
            Serves = Serves,
            KillAt = KillAt,
            Failure = Failure,
        };

    /// <summary>Counts a message; true when they are too many for this second.</summary>
    public bool TalksTooMuch(long now)
    {
        if (now / 1000 != _second)
            (_second, _count) = (now / 1000, 0);
        return ++_count > MostMessagesASecond;
    }
}

/// <summary>What a worker or template needs that is about to be started. Disposed, it is given back unless that has been started.</summary>
internal sealed class WorkerLaunch(MessageSocket control, SafeFd theirs, WorkerSlots slots, int? slot) : IDisposable
{
    /// <summary>The emperor's end of its control socket.</summary>
    public MessageSocket Control { get; } = control;

    /// <summary>The memory of its slot.</summary>
    public WorkerSlots Slots { get; } = slots;

    /// <summary>Its slot; null for a template.</summary>
    public int? Slot { get; } = slot;

    /// <summary>What it inherits behind its sockets.</summary>
    public required IReadOnlyList<SafeFd> Descriptors { get; init; }

    /// <summary>What is run.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Whether the master keeps it.</summary>
    public bool IsTaken { get; set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        theirs.Dispose();
        if (IsTaken)
            return;
        Control.Dispose();
        if (Slot is { } slot)
            Slots.Return(slot);
    }
}
