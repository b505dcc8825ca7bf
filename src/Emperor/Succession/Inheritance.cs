using Emperor.Core.Succession;

namespace Emperor.Succession;

/// <summary>What an emperor begins with.</summary>
/// <param name="Legacy">What the one before has written down; <see cref="Core.Succession.Legacy.None"/> for the first.</param>
/// <param name="Heirlooms">The descriptors that came with it, and those to come.</param>
/// <param name="IsAdoption">
/// Whether the one before was killed: then its vassals are not this one's children, what it wrote last may not be what it did last, and time has passed.
/// </param>
internal sealed record Inheritance(Legacy Legacy, Heirlooms Heirlooms, bool IsAdoption)
{
    /// <summary>Whether there was nobody before.</summary>
    public bool IsNone => Legacy.IsNone;

    /// <summary>That of the first emperor.</summary>
    public static Inheritance None => new(Legacy.None, new Heirlooms(), IsAdoption: false);
}
