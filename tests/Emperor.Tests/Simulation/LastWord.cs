using System.Globalization;
using Emperor.Core.Monitoring;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>What an emperor of a history has written down at the end of a turn, and what is read of it.</summary>
internal sealed class LastWord
{
    private const string Program = "1.0";

    private readonly VassalState[] _states;
    private readonly ReignLegacy _reign;
    private readonly Dictionary<string, (int Monitor, FileStamp Stamp)> _told = new(StringComparer.Ordinal);

    public LastWord(Empire empire, Census census)
    {
        _states = [.. empire.Vassals.Values];
        _reign = empire.LegacyOf();
        foreach (var state in _states)
        {
            if (census.ToldOf(state.Name) is { } told)
                _told[state.Name] = told;
        }
    }

    /// <summary>As an emperor that leaves on purpose hands it over.</summary>
    public byte[] Document => LegacyText.Write(Whole);

    /// <summary>As it is read by one that follows on purpose.</summary>
    public Legacy Bequeathed => LegacyText.Read(Document);

    /// <summary>As it is read after a crash: entries of several turns, of which the last counts.</summary>
    public Legacy Found
    {
        get
        {
            var whole = Whole;
            byte[][] entries =
            [
                LegacyJournal.Write(LegacyJournal.Of(new EmpireLegacy(), [("gone", new VassalLegacy { Name = "gone" })], Program)),
                LegacyJournal.Write(
                    LegacyJournal.Of(whole.Empire, [("gone", null), .. whole.Vassals.Select(v => (v.Name, (VassalLegacy?)v))], Program)
                ),
            ];
            return LegacyJournal.Read(entries);
        }
    }

    /// <summary>Whether the end of all had been ordered.</summary>
    public bool IsEnding => _reign.IsEnding;

    /// <summary>The files that had been told, as the census of the next emperor begins with them.</summary>
    public static IEnumerable<(string Name, int Monitor, FileStamp Stamp)> Told(Legacy legacy) =>
        from vassal in legacy.Vassals
        where vassal.File is not null
        select (vassal.Name, int.Parse(vassal.File!.Monitor, CultureInfo.InvariantCulture), vassal.File.Stamp);

    private Legacy Whole =>
        new()
        {
            Program = Program,
            Empire = new EmpireLegacy { Reign = _reign },
            Vassals = [.. _states.Select(Of)],
        };

    private VassalLegacy Of(VassalState state)
    {
        var plans = new PlanTable();
        var left = StateLegacy.Of(state, plans);
        return new VassalLegacy
        {
            Name = state.Name,
            State = left,
            Plans = plans.All,
            File = _told.TryGetValue(state.Name, out var told)
                ? new FileLegacy(told.Monitor.ToString(CultureInfo.InvariantCulture), told.Stamp)
                : null,
        };
    }
}
