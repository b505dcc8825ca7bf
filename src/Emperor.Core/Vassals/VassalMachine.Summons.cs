using Emperor.Core.Programs;

namespace Emperor.Core.Vassals;

// What waits for a command, and what is called for reinforcement.
public static partial class VassalMachine
{
    // A vassal that is suspended takes in what becomes of its file, and starts for nothing but a start by hand.
    private static bool Suspend(ref VassalState state, VassalEvent @event, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        switch (@event)
        {
            case VassalEvent.Ordered { Order: OrderKind.Start or OrderKind.Restart }:
                state = state with { Suspended = false };
                return false;
            case VassalEvent.Ordered { Order: OrderKind.Stop } when policy.Suspends(state.Name):
                state = state with { Suspended = true };
                return false;
            // What has never run, because there was no file, or none that could run, is as new as ever.
            case VassalEvent.FileAccepted file
                when state.Suspended || (state.Incarnation == 0 && IsUnborn(state) && policy.Suspends(state.Name)):
                state = Suspended(state, file, now, effects);
                return true;
            default:
                return false;
        }
    }

    private static bool IsUnborn(VassalState state) => state.Phase is Phase.Gone or Phase.Refused;

    private static VassalState Suspended(VassalState state, VassalEvent.FileAccepted file, Instant now, List<Effect> effects)
    {
        const string why = "it waits for the command spawn (--emperor-wait-for-command)";
        var isNew = state.Phase is Phase.Gone or Phase.Refused;
        effects.Add(
            new Effect.Note(state.Name, state.Incarnation, NoteLevel.Information, "suspended", isNew ? why : $"its file has changed; {why}")
        );
        state = state with
        {
            Suspended = true,
            StoppedByHand = true,
            RefusedChange = null,
            File = (state.File == default ? file.ModifiedUnix : state.File.Born, file.ModifiedUnix),
            Source = file.Source ?? state.Source,
            Socket = file.Socket,
            Plan = file.Plan,
        };
        // One that still stops rests when it has.
        return state.HasProcess
            ? state
            : state with
            {
                Phase = Phase.Resting,
                Reason = why,
                Deadline = null,
                PhaseSince = now.Monotonic,
                History = state.History with { Since = now.Unix },
            };
    }

    private ref partial struct Turn
    {
        internal void Summoned(VassalEvent.Summoned call)
        {
            if (State.Phase != Phase.Gone)
                return;
            var lord = call.Lord;
            State = State with
            {
                Lord = lord.Name,
                ZergNumber = call.Number,
                File = (now.Unix / 1000, lord.File.LastModified),
                Source = lord.Source,
                // It may use what its lord may. It is known to be ready by what it says itself.
                Plan = lord.Plan is { } plan ? plan with { After = [], Health = null, Ready = new ReadyRule(ReadyWay.Protocol) } : null,
            };
            Begin($"{lord.Name} asks for reinforcement");
        }
    }
}
