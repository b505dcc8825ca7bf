using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Limits;
using Emperor.Linux;

namespace Emperor.Servers.Wsgi;

// Templates, and the workers that are forked from them.
internal sealed partial class WsgiMaster
{
    private readonly Dictionary<string, Nursery> _nurseries = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Vassal, int Incarnation), Effect.Launch> _wanted = [];
    private readonly List<WorkerPeer> _newborn = [];

    /// <summary>Starts a template. Why not is returned; null when it is there.</summary>
    public Func<Effect.Launch, string?> StartTemplate { get; set; } = _ => "templates cannot be started";

    /// <summary>Makes the cgroup of a worker that was forked.</summary>
    public Func<string, long, Core.Programs.ProgramPlan?, VassalCGroup?> GroupFor { get; set; } = (_, _, _) => null;

    /// <summary>A worker is wanted that is to be forked.</summary>
    public void Want(Effect.Launch launch, long now)
    {
        _wanted[(launch.Vassal, launch.Incarnation)] = launch;
        Happen(launch.Vassal, new NurseryEvent.Wanted(launch.Incarnation, launch.Generation), now);
    }

    /// <summary>A worker is to stop, or to be killed, that may not be there yet.</summary>
    public void Withdraw(string vassal, int incarnation, long now)
    {
        if (_nurseries.ContainsKey(vassal))
            Happen(vassal, new NurseryEvent.Withdrawn(incarnation), now);
    }

    /// <summary>Hears workers that have been forked and have not said anything yet: before a child that nobody knows is reaped, or killed.</summary>
    public void HearNewborn(long now)
    {
        if (_newborn.Count == 0)
            return;
        foreach (var peer in _newborn.ToArray())
            Hear(peer, now);
    }

    private IEnumerable<Birth> BirthsOf(WorkerPeer template) =>
        _nurseries.GetValueOrDefault(template.Vassal)?.Births.Where(b => b.Generation == template.Launch.Generation) ?? [];

    private void TemplateEnded(WorkerPeer peer, ProcessEnd? end, long now)
    {
        var words = end is null ? "" : $" ({Core.Programs.WorkerEnd.Named(end, peer.Launch.Plan).Words})";
        Happen(peer.Vassal, new NurseryEvent.Ended(peer.Template, peer.Failure ?? $"the process that loads its app has ended{words}"), now);
    }

    private void ForkFailed(WorkerPeer template, WorkerMessage message, long now)
    {
        if (_newborn.Find(p => p.Vassal == template.Vassal && p.Parent == template.Template && p.Slot == message.Slot) is { } peer)
            Happen(peer.Vassal, new NurseryEvent.Lost(peer.Incarnation, $"no process could be made: {message.Text}"), now);
    }

    // Its first word says that it is the emperor's child already.
    private void TakeFirst(WorkerPeer peer, WorkerMessage message, int pid, long now)
    {
        if (message.Kind != "hello" || processes.Of(peer.Vassal, -peer.Parent!.Value) is not { } origin)
            return;
        var plan = peer.Launch.Plan;
        string? failure;
        try
        {
            failure = processes.Adopt(peer.Vassal, peer.Incarnation, pid, origin, serial => GroupFor(peer.Vassal, serial, plan));
        }
        catch (LinuxException e)
        {
            failure = $"it cannot be watched: {e.Message}";
        }
        if (failure is not null)
        {
            Happen(peer.Vassal, new NurseryEvent.Lost(peer.Incarnation, failure), now);
            return;
        }
        peer.IsBorn = true;
        _newborn.Remove(peer);
        _wanted.Remove((peer.Vassal, peer.Incarnation));
        Watch(peer, now);
        Happen(peer.Vassal, new NurseryEvent.Born(peer.Incarnation), now);
    }

    private void Happen(string vassal, NurseryEvent @event, long now)
    {
        var deeds = new List<NurseryDeed>();
        var nursery = (_nurseries.GetValueOrDefault(vassal) ?? new Nursery()).Step(@event, now, deeds);
        if (nursery.IsEmpty)
            _nurseries.Remove(vassal);
        else
            _nurseries[vassal] = nursery;
        OnAltered(vassal);
        foreach (var deed in deeds)
            Do(vassal, deed, now);
    }

    private void Do(string vassal, NurseryDeed deed, long now)
    {
        switch (deed)
        {
            case NurseryDeed.Start start:
                var launch = _wanted[(vassal, start.Incarnation)] with { Incarnation = -start.Template };
                if (StartTemplate(launch) is { } failure)
                    Happen(vassal, new NurseryEvent.Ended(start.Template, failure), now);
                break;
            case NurseryDeed.Fork fork:
                if (Fork(vassal, fork) is { } notForked)
                    Happen(vassal, new NurseryEvent.Lost(fork.Incarnation, notForked), now);
                break;
            case NurseryDeed.Stop stop when _byProcess.GetValueOrDefault((vassal, -stop.Template)) is { Control: { } control }:
                // One that does not listen is killed when its time is over.
                _ = control.Send(WorkerMessages.Stop);
                break;
            case NurseryDeed.Kill kill when processes.Of(vassal, -kill.Template) is { } process:
                processes.Kill(process);
                break;
            case NurseryDeed.Fail fail:
                Abandon(vassal, fail);
                break;
        }
    }

    // Why not; null when it has been told to.
    private string? Fork(string vassal, NurseryDeed.Fork fork)
    {
        if (_byProcess.GetValueOrDefault((vassal, -fork.Template)) is not { Control: { } control } template)
            return "the process that it is to be forked from does not listen";
        if (template.Slots.Take() is not { } slot)
            return TooManySlots;
        try
        {
            var (ours, theirs) = MessageSocket.Create();
            using (theirs)
            {
                var launch = _wanted[(vassal, fork.Incarnation)];
                var peer = new WorkerPeer(++_lastId, launch, ours, template.Slots, slot) { Parent = fork.Template };
                var error = control.Send(WorkerMessages.Fork(slot, launch.Slot + 1), theirs);
                if (error.Number == 0)
                {
                    Listen(peer);
                    _newborn.Add(peer);
                    return null;
                }
                ours.Dispose();
                template.Slots.Return(slot);
                return $"the process that it is to be forked from does not listen: {error}";
            }
        }
        catch (LinuxException e)
        {
            template.Slots.Return(slot);
            return $"it cannot be started: {e.Message}";
        }
    }

    // One that is on its way finds its socket closed, and leaves.
    private void Abandon(string vassal, NurseryDeed.Fail fail)
    {
        _wanted.Remove((vassal, fail.Incarnation));
        if (_newborn.RemoveAll(p => p.Vassal == vassal && p.Incarnation == fail.Incarnation) > 0)
        {
            _ = Remove(vassal, fail.Incarnation);
            processes.SweepSoon = true;
        }
        processes.Outcomes.Enqueue((vassal, new VassalEvent.SpawnFailed(fail.Incarnation, fail.Reason)));
    }
}
