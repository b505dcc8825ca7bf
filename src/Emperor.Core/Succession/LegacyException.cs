namespace Emperor.Core.Succession;

/// <summary>A legacy that cannot be taken over.</summary>
/// <param name="reason">What is wrong with it.</param>
public sealed class LegacyException(string reason) : Exception(reason);
