using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Succession;

/// <summary>What an empire without a world around it leaves.</summary>
internal static class Inheritance
{
    /// <summary>All of it.</summary>
    public static Legacy Of(Empire empire, string? except = null) =>
        new()
        {
            Program = "1.0",
            Empire = new EmpireLegacy { Reign = empire.LegacyOf() },
            Vassals = [.. empire.Vassals.Values.Where(v => v.Name != except).Select(Of)],
        };

    /// <summary>What is one vassal's.</summary>
    public static VassalLegacy Of(VassalState state)
    {
        var plans = new PlanTable();
        var left = StateLegacy.Of(state, plans);
        return new VassalLegacy
        {
            Name = state.Name,
            State = left,
            Plans = plans.All,
        };
    }
}
