using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>x</summary>
public static class Accession
{
    /// <summary>x</summary>
    public const int UnknownCode = -1;

    /// <summary>x</summary>
    public static IEnumerable<VassalEvent> Losses(VassalState state, IReadOnlySet<int> living, string why) => [];

    /// <summary>x</summary>
    public static IEnumerable<Effect> Repairs(VassalState state, bool hasItsSockets) => [];

    /// <summary>x</summary>
    public static VassalState AfterAbsence(VassalState state, long now, long grace) => state;
}
