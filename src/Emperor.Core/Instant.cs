namespace Emperor.Core;

/// <summary>
/// A moment, twice: deadlines are counted on the monotonic clock, which never jumps; people and stats are told the wall clock's.
/// </summary>
/// <param name="Monotonic">Milliseconds since some start.</param>
/// <param name="Unix">Milliseconds since the epoch.</param>
public readonly record struct Instant(long Monotonic, long Unix);
