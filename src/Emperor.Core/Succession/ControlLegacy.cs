using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>Somebody at the control socket who has asked for the upgrade, and is answered by the next emperor.</summary>
/// <param name="Descriptor">The name of the connection's descriptor.</param>
/// <param name="Id">The request's number as it was written, a string's quotation marks included; null when it has none.</param>
public sealed record AskerLegacy(string Descriptor, string? Id);

/// <summary>An order for several vassals, which are given it a few at a time.</summary>
/// <param name="Order">The order.</param>
/// <param name="Vassals">Those that have not been given it yet, in their order.</param>
public sealed record OrderLegacy(OrderKind Order, IReadOnlyList<string> Vassals);
