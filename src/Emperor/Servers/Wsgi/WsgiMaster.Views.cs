using System.Diagnostics;

namespace Emperor.Servers.Wsgi;

// What others may know of workers.
internal sealed partial class WsgiMaster
{
    private const double Nanoseconds = 1_000_000_000.0;

    /// <summary>Called with a vassal and the file of a module of its that has changed (py-autoreload).</summary>
    public Action<string, string> OnChanged { get; set; } = (_, _) => { };

    /// <summary>The time by the clock of the slots, monotonic nanoseconds.</summary>
    public static ulong SlotClock => (ulong)(Stopwatch.GetTimestamp() * (Nanoseconds / Stopwatch.Frequency));

    /// <summary>Where a worker tells what it does; null when it is none, or has no place yet.</summary>
    public (WorkerSlots Slots, int Slot)? PlaceOf(string vassal, int incarnation) =>
        _byProcess.TryGetValue((vassal, incarnation), out var worker) && worker.Slot is { } slot ? (worker.Slots, slot) : null;

    /// <summary>Whether a worker has been at a request for longer than it may (harakiri).</summary>
    public bool IsOverdue(string vassal, int incarnation) =>
        _byProcess.TryGetValue((vassal, incarnation), out var worker)
        && worker.Plan.Harakiri is { } limit
        && PlaceOf(vassal, incarnation) is var (slots, slot)
        && slots.OldestRequest(slot) is { } start
        && SlotClock is var clock
        && clock > start
        && (long)((clock - start) / 1_000_000) >= limit;

    /// <summary>All workers of a vassal.</summary>
    public IEnumerable<int> WorkersOf(string vassal) =>
        _byVassal.GetValueOrDefault(vassal)?.Where(p => !p.IsTemplate).Select(p => p.Incarnation) ?? [];
}
