using Emperor.Core;

namespace Emperor;

/// <summary>Time, as the daemon asks for it; everything below is told it.</summary>
internal static class Clock
{
    /// <summary>This moment.</summary>
    public static Instant Now => new(Environment.TickCount64, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
}
