using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// Which event is whose.
public static partial class ProgramMachine
{
    /// <summary>What becomes of a program by an event.</summary>
    internal static VassalState Step(VassalState state, VassalEvent @event, Instant now, VassalPolicy policy, List<Effect> effects)
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
            case VassalEvent.OutputLost:
                turn.OutputLost();
                break;
            case VassalEvent.Knocked:
                turn.Knocked();
                break;
            case VassalEvent.OthersChanged:
                turn.OthersChanged();
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
            case VassalEvent.Ragnarok:
                turn.StopForGood("the emperor leaves", policy.Mercy);
                break;
            case VassalEvent.NoMercy:
                turn.KillAll("the emperor waits no longer");
                break;
            default:
                TakeFromProcess(ref turn, @event);
                break;
        }
        return turn.Finish();
    }

    private static void TakeFromProcess(ref Turn turn, VassalEvent @event)
    {
        switch (@event)
        {
            case VassalEvent.Spawned e:
                turn.Spawned(e);
                break;
            case VassalEvent.SpawnFailed e:
                turn.SpawnFailed(e);
                break;
            case VassalEvent.Received e:
                turn.Received(e);
                break;
            case VassalEvent.BecameReady e:
                turn.BecameReady(e.Incarnation);
                break;
            case VassalEvent.NotReady e:
                turn.NotReady(e);
                break;
            case VassalEvent.Unwell e:
                turn.Unwell(e);
                break;
            case VassalEvent.Notified e:
                turn.Notified(e);
                break;
            case VassalEvent.Departing e:
                turn.Departing(e);
                break;
            case VassalEvent.AppFailed e:
                turn.AppFailed(e);
                break;
            case VassalEvent.Scaled e:
                turn.Scaled(e);
                break;
            case VassalEvent.FellIdle:
                turn.FellIdle();
                break;
            case VassalEvent.Exited e:
                turn.Exited(e);
                break;
            // A program has no channel that matters, unless it is ready by it; it is told nothing over it.
            case VassalEvent.HungUp:
            case VassalEvent.SendFailed:
                break;
        }
    }

    /// <summary>A program begins, in place of a uwsgi vassal or of nothing.</summary>
    internal static VassalState Begin(VassalState state, string why, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        var turn = new Turn(state, now, policy, effects);
        turn.Begin(why);
        return turn.Finish();
    }
}
