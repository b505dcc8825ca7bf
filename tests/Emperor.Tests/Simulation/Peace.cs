using Emperor.Core.Monitoring;
using Emperor.Core.Protocol;
using Emperor.Core.Reign;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>What all must have come to when nothing has changed for long and every process has behaved: what the folders say.</summary>
internal sealed class Peace(Func<Empire> reigning, FileChurn churn, SimulatedKernel kernel, SimulatedSockets sockets)
{
    private readonly Dictionary<string, SettledChange> _told = new(StringComparer.Ordinal);
    private readonly HashSet<string> _mayRest = new(StringComparer.Ordinal);
    private string[] _couldRest = [];

    /// <summary>The census has told something and it was acted on.</summary>
    public void Tell(SettledChange change)
    {
        if (change.Stamp is null)
            _told.Remove(change.Name);
        else
            _told[change.Name] = change;
    }

    /// <summary>Remembers who has asked not to be started again, and whom an operator has stopped.</summary>
    public void Heed(string vassal, VassalEvent @event)
    {
        if (@event is VassalEvent.FileAccepted or VassalEvent.FileRefused or VassalEvent.FileGone)
            _mayRest.Remove(vassal);
        else if (@event is VassalEvent.Exited { End.IsExile: true } or VassalEvent.Received { Message: VassalMessage.Stopping })
            _mayRest.Add(vassal);
        else if (@event is VassalEvent.Ordered { Order: OrderKind.Stop })
            _mayRest.Add(vassal);
        else if (@event is VassalEvent.Ordered { Order: OrderKind.Start or OrderKind.Restart } order && IsObeyed(vassal, order.Order))
            _mayRest.Remove(vassal);
    }

    /// <summary>A turn is over and written down.</summary>
    public void Remember() => _couldRest = _mayRest.Count == 0 ? [] : [.. _mayRest];

    /// <summary>The emperor has ended, and what it knew at the end of its last turn counts.</summary>
    /// <param name="told">The files that it had acted on.</param>
    public void Recall(IEnumerable<(string Name, int Monitor, FileStamp Stamp)> told)
    {
        _mayRest.Clear();
        _mayRest.UnionWith(_couldRest);
        _told.Clear();
        foreach (var (name, monitor, stamp) in told)
            _told[name] = new SettledChange(name, monitor, stamp);
    }

    /// <summary>Checks all vassals.</summary>
    public void Check()
    {
        var empire = reigning();
        foreach (var name in empire.Vassals.Keys)
            Invariants.Require("WhatHasNoFileIsGone", churn.Folders.Wanted(name) is not null, $"{empire.Vassals[name]}");
        foreach (var name in _told.Keys)
            Invariants.Require("TheCensusKnowsTheFolders", churn.Folders.Wanted(name) is not null, $"{name} was told and is not there");
        foreach (var name in churn.Folders.Names)
        {
            var (monitor, file) = churn.Folders.Wanted(name)!.Value;
            var isTold = _told.TryGetValue(name, out var told) && told.Stamp == file.Stamp && told.Monitor == monitor;
            Invariants.Require("TheCensusKnowsTheFolders", isTold, $"{name} is {file} of {monitor}, told was {told}");
            var state = empire.Vassals.GetValueOrDefault(name);
            Invariants.Require("WhatHasAFileIsThere", state is not null, name);
            var isResting = state!.Phase == Phase.Resting && _mayRest.Contains(name);
            if (isResting)
                Invariants.Require("WhatRestsHasNoSocket", state.Bound is null && sockets.WaitingFor(name) == 0, $"{state}");
            if (isResting || churn.PutBack.Contains(name))
                continue;
            if (file.IsGood)
                CheckGood(name, state, file);
            else
                CheckBad(state);
        }
    }

    private bool IsObeyed(string vassal, OrderKind order) =>
        reigning().Vassals.TryGetValue(vassal, out var state) && Order.Refusal(state, order) is null;

    private void CheckGood(string name, VassalState state, SimulatedFile file)
    {
        // One whose socket was lost has a process that has it.
        var isBound = state.Bound == file.Socket || (state is { Bound: null, HasProcess: true } && sockets.WasLost(name));
        Invariants.Require("WhatHasAFileHasItsSocket", isBound, $"{state} should have {file.Socket}");
        Invariants.Require("NobodyWaitsForEver", sockets.WaitingFor(name) == 0, $"{sockets.WaitingFor(name)} wait for {state}");
        if (state.Phase == Phase.Waiting)
            return;
        var process = kernel.Processes.GetValueOrDefault(name);
        var runs = state is { Phase: Phase.Running, Accepting: true, RefusedChange: null } && process is { End: null };
        Invariants.Require("WhatHasAGoodFileAndBehavesRuns", runs, $"{state}");
        Invariants.Require("WhatRunsHasReadItsLastFile", process!.Read == file.Stamp, $"{name} is {file}, read was {process.Read}");
    }

    private static void CheckBad(VassalState state)
    {
        var isRefused = state.Phase == Phase.Refused || state is { Phase: Phase.Running, RefusedChange: not null };
        Invariants.Require("WhatHasABadFileSaysSo", isRefused, $"{state}");
    }
}
