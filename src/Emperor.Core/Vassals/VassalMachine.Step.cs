using Emperor.Core.Programs;

namespace Emperor.Core.Vassals;

// Which event is whose.
public static partial class VassalMachine
{
    /// <summary>What becomes of a vassal by an event.</summary>
    /// <param name="state">The vassal.</param>
    /// <param name="event">What happened.</param>
    /// <param name="now">The moment.</param>
    /// <param name="policy">The times and choices.</param>
    /// <param name="effects">What is to be done is added here, in order.</param>
    public static VassalState Step(VassalState state, VassalEvent @event, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        if (Suspend(ref state, @event, now, policy, effects))
            return state;
        var next = IsForProgram(state, @event)
            ? ProgramMachine.Step(state, @event, now, policy, effects)
            : StepAlone(state, @event, now, policy, effects);
        // Reinforcement that rests is none: another is called when the load asks for it.
        if (next is { Lord: not null, Phase: Phase.Resting })
            next = next with { Phase = Phase.Gone };
        if (next.Phase != state.Phase)
            next = next with { History = next.History with { Since = now.Unix } };
        return next.Phase == state.Phase && next.Incarnation == state.Incarnation ? next : next with { PhaseSince = now.Monotonic };
    }

    // What has processes is what it was started as, whatever its file says meanwhile.
    private static bool IsForProgram(VassalState state, VassalEvent @event) =>
        state.IsProgram || (!state.HasProcess && @event is VassalEvent.FileAccepted { Plan: { IsProgram: true } });

    /// <summary>A uwsgi vassal begins, where there was a program, or nothing.</summary>
    internal static VassalState Begin(VassalState state, string why, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        var turn = new Turn(state, now, policy, effects);
        turn.Begin(why);
        return turn.State;
    }

    private static VassalState StepAlone(VassalState state, VassalEvent @event, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        var turn = new Turn(state, now, policy, effects);
        switch (@event)
        {
            case VassalEvent.FileAccepted e:
                turn.FileAccepted(e);
                break;
            case VassalEvent.FileRefused e:
                turn.FileRefused(e);
                break;
            case VassalEvent.Summoned e:
                turn.Summoned(e);
                break;
            case VassalEvent.Dismissed e:
                turn.StopForGood(e.Why, policy.CurseTolerance);
                break;
            case VassalEvent.FileGone:
                turn.StopForGood("its file is gone", policy.CurseTolerance);
                break;
            case VassalEvent.Listening:
                turn.Listening();
                break;
            case VassalEvent.ListenFailed e:
                turn.ListenFailed(e.Reason);
                break;
            case VassalEvent.SocketsLost:
                turn.SocketsLost();
                break;
            case VassalEvent.Knocked:
                turn.Knocked();
                break;
            case VassalEvent.TimePassed:
                turn.TimePassed();
                break;
            case VassalEvent.ReloadAsked:
                turn.ReloadAsked();
                break;
            case VassalEvent.Forgiven:
                turn.Forgiven();
                break;
            case VassalEvent.Ordered e:
                turn.Ordered(e.Order);
                break;
            case VassalEvent.Ragnarok e:
                turn.StopForGood("the emperor leaves", policy.Mercy, e.Gracefully);
                break;
            case VassalEvent.NoMercy:
                turn.KillNow(Aftermath.Forget, "the emperor waits no longer");
                break;
            case VassalEvent.OthersChanged:
                turn.OthersChanged();
                break;
            // It was a program when its idleness was found.
            case VassalEvent.FellIdle:
                effects.Add(new Effect.Thaw(state.Name, state.Incarnation));
                break;
            // A uwsgi vassal has no NOTIFY_SOCKET of the emperor's.
            case VassalEvent.Notified:
            // Nor workers of the built-in server.
            case VassalEvent.Departing:
            case VassalEvent.AppFailed:
            case VassalEvent.Scaled:
            // It is not ended for want of readiness, so nobody is told what it looked like.
            case VassalEvent.NotReady:
                break;
            default:
                TakeFromProcess(ref turn, @event);
                break;
        }
        return turn.State;
    }

    private static void TakeFromProcess(ref Turn turn, VassalEvent @event)
    {
        switch (@event)
        {
            case VassalEvent.Spawned e when turn.IsCurrent(e.Incarnation):
                turn.Spawned(e);
                break;
            case VassalEvent.SpawnFailed e when turn.IsCurrent(e.Incarnation):
                turn.SpawnFailed(e);
                break;
            case VassalEvent.Received e when turn.IsCurrent(e.Incarnation):
                turn.Received(e.Message);
                break;
            case VassalEvent.HungUp e when turn.IsCurrent(e.Incarnation):
                turn.HungUp();
                break;
            case VassalEvent.SendFailed e when turn.IsCurrent(e.Incarnation):
                turn.SendFailed(e.Message);
                break;
            case VassalEvent.Exited e when turn.IsCurrent(e.Incarnation):
                turn.Exited(e.End);
                break;
            case VassalEvent.OutputLost:
                turn.OutputLost();
                break;
            case VassalEvent.BecameReady e when turn.IsCurrent(e.Incarnation):
                turn.BecameReady();
                break;
            case VassalEvent.Unwell e when turn.IsCurrent(e.Incarnation):
                turn.Unwell(e.Reason);
                break;
        }
    }
}
