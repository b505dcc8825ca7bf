using Emperor.Core.Reign;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>
/// The sockets of vassals on demand, and who connects to them. A connection waits until a process of the vassal accepts it; the emperor is told
/// of it once, and only while it has asked to be.
/// </summary>
internal sealed class SimulatedSockets(Dice dice, Trace trace)
{
    private const int LossesOfHundred = 10;

    private readonly Dictionary<string, Bound> _sockets = new(StringComparer.Ordinal);
    private readonly HashSet<string> _lost = new(StringComparer.Ordinal);

    /// <summary>How many of a hundred attempts to bind fail.</summary>
    public int Failures { get; set; }

    /// <summary>Whether the loop would wake now because somebody has knocked.</summary>
    public bool IsKnockedAt => _sockets.Values.Any(s => s is { IsAwaited: true, Waiting: > 0 });

    /// <summary>Whether none is bound.</summary>
    public bool IsEmpty => _sockets.Count == 0;

    /// <summary>How many connections wait for a vassal.</summary>
    public int WaitingFor(string vassal) => _sockets.GetValueOrDefault(vassal)?.Waiting ?? 0;

    public VassalEvent Listen(Effect.Listen listen)
    {
        var former = _sockets.GetValueOrDefault(listen.Vassal);
        // What waits at a former address is lost with that.
        if (former is not null && former.Socket.Address != listen.Socket.Address)
            _sockets.Remove(listen.Vassal, out former);
        if (!_sockets.TryGetValue(listen.Vassal, out var bound))
        {
            if (dice.Chance(Failures))
                return new VassalEvent.ListenFailed(dice.Of("somebody listens there", "no such folder"));
            _sockets.Add(listen.Vassal, bound = new Bound());
        }
        bound.Socket = listen.Socket;
        bound.IsAwaited = listen.Await;
        return new VassalEvent.Listening();
    }

    public void Unlisten(string vassal) =>
        Invariants.Require("OnlyWhatIsBoundIsClosed", _sockets.Remove(vassal), $"{vassal} has no socket to close");

    /// <summary>Somebody connects.</summary>
    /// <param name="vassal">Whose.</param>
    /// <param name="isServing">Whether a process of it accepts at once.</param>
    public void Connect(string vassal, bool isServing)
    {
        if (isServing || !_sockets.TryGetValue(vassal, out var bound))
            return;
        bound.Waiting++;
        trace.Say($"somebody connects to {vassal}");
    }

    /// <summary>A process accepts what has waited.</summary>
    public void Serve(string vassal)
    {
        if (_sockets.TryGetValue(vassal, out var bound))
            bound.Waiting = 0;
    }

    /// <summary>What the loop tells.</summary>
    public List<string> TakeKnocks()
    {
        var knocks = new List<string>();
        foreach (var (vassal, bound) in _sockets)
        {
            if (bound is not { IsAwaited: true, Waiting: > 0 })
                continue;
            (bound.IsAwaited, bound.HasKnocked) = (false, true);
            knocks.Add(vassal);
        }
        return knocks;
    }

    /// <summary>A process is spawned; it gets the socket.</summary>
    public void Spawning(string vassal)
    {
        if (!_sockets.TryGetValue(vassal, out var bound))
            return;
        Invariants.Require("OnDemandNothingIsSpawnedWithoutAConnection", bound.HasKnocked, vassal);
        Invariants.Require("NobodyIsToldOfConnectionsThatAProcessAccepts", !bound.IsAwaited, vassal);
        bound.HasKnocked = false;
    }

    /// <summary>Whether a vassal has the socket that it believes to have.</summary>
    public bool Has(VassalState state) => state.Bound is null || _sockets.ContainsKey(state.Name);

    /// <summary>Whether the socket of a vassal has once not come over to a new emperor.</summary>
    public bool WasLost(string vassal) => _lost.Contains(vassal);

    /// <summary>
    /// A new emperor takes over what it knows of, as it was when it was last written down, and loses some of it; what it does not know is closed.
    /// </summary>
    public void Adopt(IReadOnlyDictionary<string, VassalState> vassals, Dice chance)
    {
        foreach (var (vassal, bound) in _sockets)
        {
            var state = vassals.GetValueOrDefault(vassal);
            var isKnown = state?.Bound is { } socket && socket.Address == bound.Socket.Address;
            if (!isKnown || chance.Chance(LossesOfHundred))
            {
                _sockets.Remove(vassal);
                continue;
            }
            bound.Socket = state!.Bound!;
            bound.IsAwaited = state.Phase == Phase.Waiting;
            bound.HasKnocked = false;
        }
        _lost.UnionWith(vassals.Values.Where(v => !Has(v)).Select(v => v.Name));
    }

    /// <summary>Checks that the vassals and the sockets agree; after every turn.</summary>
    public void Check(Empire empire)
    {
        foreach (var vassal in empire.Vassals.Values)
        {
            var bound = _sockets.GetValueOrDefault(vassal.Name);
            Invariants.Require("WhoBelievesToHaveASocketHasIt", vassal.Bound == bound?.Socket, $"{vassal} has {bound?.Socket}");
            var isWaiting = vassal.Phase == Phase.Waiting;
            Invariants.Require("WhoWaitsIsToldOfConnectionsAndNobodyElse", isWaiting == (bound?.IsAwaited ?? false), $"{vassal}");
        }
        foreach (var vassal in _sockets.Keys)
            Invariants.Require("NoSocketOutlivesItsVassal", empire.Vassals.ContainsKey(vassal), vassal);
    }

    private sealed class Bound
    {
        public OnDemandSocket Socket { get; set; } = null!;
        public bool IsAwaited { get; set; }
        public bool HasKnocked { get; set; }
        public int Waiting { get; set; }
    }
}
