using Emperor.Core.Protocol;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>
/// Overview: reinforcement (--emperor-broodlord; uWSGI's documentation, "Broodlord"). A vassal that has more to do than it can, the lord, sends byte
/// 30, and a zerg is started for it: the same file, with section [zerg]. A zerg lives no longer than the process that called it, whose sockets it
/// serves: it is told to stop when that ends, reloads or is told to stop, so that nothing of it holds a port which the next one binds, and it does not run on with a
/// configuration that is no longer there. When it stops of its own will it is gone. Of all lords together there are never more zergs than allowed.
///
/// <para>In uWSGI all zergs of a lord have one and the same name; here the second is NAME:zerg-2, so that each can be seen and ended by its own.</para>
/// </summary>
/// <param name="limit">How many zergs there may be; 0 for none.</param>
/// <param name="lastNumber">The number of the last zerg that there was under a former emperor; 0 for none.</param>
internal sealed class Broodlord(int limit, int lastNumber)
{
    private readonly Dictionary<string, List<string>> _zergs = new(StringComparer.Ordinal);
    private int _count;

    /// <summary>The number of the last zerg; 0 before the first.</summary>
    public int LastNumber { get; private set; } = lastNumber;

    /// <summary>The vassal that a byte calls reinforcement for; null when it calls for none, or none may come.</summary>
    /// <param name="state">Who has sent it.</param>
    /// <param name="event">What came.</param>
    public string? LordOf(VassalState state, VassalEvent @event) =>
        @event is VassalEvent.Received { Message: VassalMessage.Reinforce } call
        && _count < limit
        && call.Incarnation == state.Incarnation
        && state is { IsProgram: false, Phase: Phase.Starting or Phase.Running or Phase.Reloading }
            ? state.Lord ?? state.Name
            : null;

    /// <summary>A new zerg of a lord's, before its first event, and its number.</summary>
    public (VassalState Zerg, int Number) Summon(string lord, IReadOnlyDictionary<string, VassalState> vassals)
    {
        var place = 1;
        while (vassals.ContainsKey(ZergName.Of(lord, place)))
            place++;
        var name = ZergName.Of(lord, place);
        Take(lord, name);
        return (VassalMachine.Create(name), ++LastNumber);
    }

    /// <summary>A zerg that a former emperor has left.</summary>
    public void Inherit(VassalState zerg)
    {
        if (zerg.Lord is not { } lord)
            return;
        Take(lord, zerg.Name);
        LastNumber = Math.Max(LastNumber, zerg.ZergNumber);
    }

    /// <summary>A vassal is gone.</summary>
    public void Forget(VassalState state)
    {
        if (state.Lord is not { } lord || !_zergs.TryGetValue(lord, out var zergs) || !zergs.Remove(state.Name))
            return;
        _count--;
        if (zergs.Count == 0)
            _zergs.Remove(lord);
    }

    /// <summary>The zergs that are to end because of what has become of their lord.</summary>
    /// <param name="before">The lord.</param>
    /// <param name="after">The same, after an event.</param>
    /// <param name="why">Why, as a sentence.</param>
    public IReadOnlyList<string> Masterless(VassalState before, VassalState after, out string why)
    {
        why = "";
        if (_count == 0 || !_zergs.TryGetValue(before.Name, out var zergs))
            return [];
        if (!after.HasProcess || after.Incarnation != before.Incarnation || after.Phase is Phase.Stopping or Phase.Killing)
            why = $"{before.Name}, which it reinforced, ends";
        else if (after.Reloads > before.Reloads)
            why = $"{before.Name}, which it reinforced, reloads, and calls again when it has to";
        return why.Length > 0 ? [.. zergs] : [];
    }

    private void Take(string lord, string zerg)
    {
        if (!_zergs.TryGetValue(lord, out var zergs))
            _zergs[lord] = zergs = [];
        zergs.Add(zerg);
        _count++;
    }
}
