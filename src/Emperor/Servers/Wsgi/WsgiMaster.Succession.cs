using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Linux;

namespace Emperor.Servers.Wsgi;

// What passes on to the next emperor, and what the last one has left.
internal sealed partial class WsgiMaster
{
    /// <summary>
    /// Called with a vassal when something else is left of it than before. How much there is to do (cheaper) changes all the time, and is not worth it.
    /// </summary>
    public Action<string> OnAltered { get; set; } = _ => { };

    /// <summary>The workers of a vassal that are on their way, and have no process yet.</summary>
    public IEnumerable<int> Awaited(string vassal) => _nurseries.GetValueOrDefault(vassal)?.Births.Select(b => b.Incarnation) ?? [];

    /// <summary>What is left of a vassal's workers; null for nothing.</summary>
    public WsgiLegacy? LegacyOf(string vassal, PlanTable plans)
    {
        var current = _slots.GetValueOrDefault(vassal);
        var nursery = _nurseries.GetValueOrDefault(vassal);
        if (!_byVassal.TryGetValue(vassal, out var peers) && current is null && nursery is null)
            return null;
        var memories = new List<WorkerSlots>(current is null ? [] : [current]);
        foreach (var peer in peers ?? [])
        {
            if (!memories.Contains(peer.Slots))
                memories.Add(peer.Slots);
        }
        return new WsgiLegacy
        {
            Slots = [.. memories.Select(m => new SlotsLegacy(m.Heirloom, m.Count, m.Threads, m == current))],
            Peers = [.. (peers ?? []).Select(p => p.LegacyOf(plans))],
            Nursery = nursery,
            Gauge = _gauges.GetValueOrDefault(vassal),
            Harakiris = _harakiri.GetValueOrDefault(vassal),
        };
    }

    /// <summary>
    /// Takes over a vassal's workers, whose processes have been taken over before. One whose socket or memory is lost cannot be governed: it leaves, as its
    /// socket is closed, and its machine does the rest.
    /// </summary>
    /// <param name="vassal">What was left.</param>
    /// <param name="state">The state of the vassal's machine; null when it has none.</param>
    /// <param name="plans">The vassal's plans.</param>
    /// <param name="isCrash">
    /// The former emperor has not left of its own will. What a template forks becomes the child of the emperor that has started it, so those are of no use then:
    /// they end, and the workers that were on their way never come; their machine knows that of every process that is not there.
    /// </param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <exception cref="LegacyException">It does not fit together.</exception>
    public void Inherit(VassalLegacy vassal, VassalState? state, PlanTable plans, bool isCrash, long now)
    {
        if (vassal.Wsgi is not { } left)
            return;
        var memories = left.Slots.ToDictionary(s => s.Descriptor, s => new WorkerSlots(s, heirlooms), StringComparer.Ordinal);
        var ungoverned = new List<WorkerPeer>();
        foreach (var peer in left.Peers.Where(p => IsThere(vassal.Name, p, isCrash)))
        {
            if (!memories.TryGetValue(peer.Slots, out var slots) || peer.Slot >= slots.Count || peer.Slot < 0)
                throw new LegacyException($"a worker of vassal {vassal.Name} has no slot");
            if (!TryInherit(vassal.Name, peer, plans, slots, out var inherited))
                ungoverned.Add(inherited);
            if (!inherited.IsTemplate)
                Watch(inherited, now);
        }
        // One that was on its way when the emperor was killed writes there until it has left.
        var isShared = isCrash && left.Peers.Any(p => !p.IsBorn);
        foreach (var slots in left.Slots)
        {
            var memory = memories[slots.Descriptor];
            if (slots.IsCurrent && !memory.IsLost && !isShared)
                _slots[vassal.Name] = memory;
            else if (memory.IsUnused)
                memory.Dispose();
        }
        if (left.Gauge != default)
            _gauges[vassal.Name] = left.Gauge;
        if (left.Harakiris > 0)
            _harakiri[vassal.Name] = left.Harakiris;
        if (left.Nursery is { } nursery)
            Inherit(vassal.Name, nursery, state, isCrash, now);
        foreach (var peer in ungoverned)
            HungUp(peer, now);
    }

    private bool IsThere(string vassal, PeerLegacy peer, bool isCrash) =>
        peer.IsBorn ? processes.Of(vassal, peer.Incarnation) is not null : !isCrash;

    // False when it cannot be governed.
    private bool TryInherit(string vassal, PeerLegacy left, PlanTable plans, WorkerSlots slots, out WorkerPeer peer)
    {
        if (plans.At(left.Plan) is not { Wsgi: not null } plan)
            throw new LegacyException($"a worker of vassal {vassal} has no plan");
        var launch = new Effect.Launch(vassal, left.Incarnation, left.ProgramSlot, plan) { Generation = left.Generation };
        var control = slots.IsLost ? null : heirlooms.Take(left.Control);
        peer = new WorkerPeer(++_lastId, launch, control is null ? null : MessageSocket.Adopt(control), slots, left.Slot)
        {
            Heirloom = control is null ? null : left.Control,
            Parent = left.Parent,
            IsBorn = left.IsBorn,
            Serves = left.Serves,
            KillAt = left.KillAt,
            Failure = left.Failure,
        };
        if (left.Slot is { } slot)
            slots.Occupy(slot);
        else
            slots.Templates++;
        if (!left.IsBorn)
            _newborn.Add(peer);
        var isGoverned = control is not null || (left.Control is null && left.IsBorn);
        try
        {
            Listen(peer);
        }
        catch (LinuxException)
        {
            // No room in epoll is left.
            Close(peer);
            Listen(peer);
            isGoverned = false;
        }
        return isGoverned;
    }

    private void Inherit(string vassal, Nursery nursery, VassalState? state, bool isCrash, long now)
    {
        if (isCrash)
            nursery = nursery with { Births = [] };
        foreach (var birth in nursery.Births)
        {
            if (state?.Members.FirstOrDefault(m => m.Incarnation == birth.Incarnation) is { } member)
                _wanted[(vassal, birth.Incarnation)] = new Effect.Launch(vassal, member.Incarnation, member.Slot, member.Plan)
                {
                    Generation = member.Generation,
                };
        }
        _nurseries[vassal] = nursery;
        foreach (var birth in nursery.Births.Where(b => !_wanted.ContainsKey((vassal, b.Incarnation))))
            Happen(vassal, new NurseryEvent.Withdrawn(birth.Incarnation), now);
        foreach (var template in nursery.Templates.Where(t => !_byProcess.ContainsKey((vassal, -t.Id))))
            Happen(vassal, new NurseryEvent.Ended(template.Id, "the process that loads its app is not there any more"), now);
        if (isCrash && _nurseries.ContainsKey(vassal))
            Happen(vassal, new NurseryEvent.Closed(), now);
    }
}
