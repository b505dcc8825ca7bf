using Emperor.Core.Succession;

namespace Emperor.Succession;

/// <summary>What is still to be done when all rooms have taken over what an emperor has left.</summary>
/// <param name="IsAdoption">Whether that emperor was killed.</param>
/// <param name="Orders">Orders of operators that some vassals have not been given yet.</param>
/// <param name="Tell">Tells those who wait for it that this emperor governs.</param>
internal sealed record Restoration(bool IsAdoption, IReadOnlyList<OrderLegacy> Orders, Action Tell);
