using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Probes;
using Emperor.Processes;
using Emperor.Servers.Wsgi;
using Emperor.Sockets;

namespace Emperor.Succession;

/// <summary>Puts together what all rooms of an emperor leave. On the main thread, between two turns of the loop.</summary>
internal sealed class Testament
{
    /// <summary>The vassals.</summary>
    public required Empire Reign { get; init; }

    /// <summary>Their files.</summary>
    public required MonitorHub Monitors { get; init; }

    /// <summary>Those of them whose address is being asked for.</summary>
    public required OnDemandResolver OnDemand { get; init; }

    /// <summary>Their processes.</summary>
    public required ProcessKeeper Processes { get; init; }

    /// <summary>What programs are held.</summary>
    public required HeldSockets Held { get; init; }

    /// <summary>What vassals on demand are held.</summary>
    public required OnDemandSockets Listeners { get; init; }

    /// <summary>What is being found out.</summary>
    public required ProbeDesk Probes { get; init; }

    /// <summary>What they print; null where that is not the emperor's.</summary>
    public required VassalOutput? Output { get; init; }

    /// <summary>The workers of the built-in server.</summary>
    public required WsgiMaster Workers { get; init; }

    /// <summary>What those have besides.</summary>
    public required MasterDuties Duties { get; init; }

    /// <summary>What is the emperor's own, but for what is known here.</summary>
    public required Func<EmpireLegacy> Own { get; init; }

    /// <summary>All vassals, and those of which only something is left that is told to stop.</summary>
    public IEnumerable<string> Names => Reign.Vassals.Keys.Union(Duties.Vassals, StringComparer.Ordinal);

    /// <summary>What is the emperor's own.</summary>
    public EmpireLegacy Empire => Own() with { Reign = Reign.LegacyOf(), Keeper = Processes.Legacy };

    /// <summary>What is a vassal's; null when there is none of that name.</summary>
    public VassalLegacy? Of(string vassal)
    {
        var state = Reign.Vassals.GetValueOrDefault(vassal);
        var plans = new PlanTable();
        var duties = Duties.LegacyOf(vassal, plans);
        if (state is null && duties is null)
            return null;
        var legacy = new VassalLegacy
        {
            Name = vassal,
            State = state is null ? null : StateLegacy.Of(state, plans),
            // A file whose address is being asked for is read again by the next emperor.
            File = OnDemand.IsAsking(vassal) ? null : Monitors.LegacyOf(vassal),
            Processes = Processes.LegacyOf(vassal),
            Held = Held.LegacyOf(vassal),
            Listener = Listeners.LegacyOf(vassal),
            Ears = Probes.Notify.LegacyOf(vassal),
            Checks = Probes.LegacyOf(vassal, plans),
            UsedAt = Probes.UsedAt(vassal),
            Outputs = Output?.LegacyOf(vassal) ?? [],
            Wsgi = Workers.LegacyOf(vassal, plans),
            Duties = duties,
        };
        return legacy with { Plans = plans.All };
    }

    /// <summary>All of it.</summary>
    public Legacy Whole() =>
        new()
        {
            Program = Program.Version,
            Empire = Empire,
            Vassals = [.. Names.Select(Of).OfType<VassalLegacy>()],
        };
}
