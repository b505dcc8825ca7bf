namespace Emperor.Core.Vassals;

// What operators want of a vassal.
public static partial class VassalMachine
{
    private ref partial struct Turn
    {
        internal void Ordered(OrderKind order)
        {
            if (Order.Refusal(State, order) is { } refusal)
            {
                if (State.Phase != Phase.Gone)
                    Note(NoteLevel.Warning, "order-refused", $"{WordOf(order)} was asked for by hand, but {refusal}");
                return;
            }
            switch (order)
            {
                case OrderKind.Stop:
                    StopByHand();
                    break;
                case OrderKind.Start:
                    StartByHand("a start was asked for by hand");
                    break;
                case OrderKind.Restart:
                    RestartByHand("a restart was asked for by hand");
                    break;
                case OrderKind.Reload when State.Phase is Phase.Starting or Phase.Running or Phase.Reloading:
                    Reload("a reload was asked for by hand");
                    break;
                case OrderKind.Reload:
                    StartByHand("a reload was asked for by hand");
                    break;
                case OrderKind.Retry when State.Phase == Phase.Backoff:
                    // Its failures stay: should this attempt fail too, it earns the delay that it would have earned.
                    Begin("a retry was asked for by hand");
                    break;
                case OrderKind.Retry:
                    break;
            }
        }

        private void StopByHand()
        {
            const string why = "it was stopped by hand";
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    TellToStop(Aftermath.Rest, why, policy.CurseTolerance);
                    break;
                case Phase.Cursed:
                    // It cannot be told any more, and keeps the time that it was given.
                    State = State with
                    {
                        Phase = Phase.Stopping,
                        Aftermath = Aftermath.Rest,
                        Reason = why,
                    };
                    Note(NoteLevel.Information, "stopping", $"{why}; it has closed its channel and cannot be told");
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    if (State.Aftermath == Aftermath.Forget)
                        return;
                    State = State with { Aftermath = Aftermath.Rest, Reason = why };
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                    // Nobody would take the connections to its socket, so they are refused and do not wait.
                    Unlisten();
                    NoProcess(Phase.Resting, why);
                    Note(NoteLevel.Information, "stopped", why);
                    break;
                case Phase.Refused:
                case Phase.Gone:
                    return;
            }
            State = State with { StoppedByHand = true };
        }

        private void StartByHand(string why)
        {
            switch (State.Phase)
            {
                case Phase.Backoff:
                case Phase.Resting:
                    State = State with { Failures = 0, ShortLives = 0, ListenFailures = 0 };
                    Begin(why);
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    if (State.Aftermath == Aftermath.Rest)
                        Succeed(why);
                    break;
                // One that waits is started by the next connection.
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                case Phase.Refused:
                case Phase.Gone:
                    break;
            }
        }

        private void RestartByHand(string why)
        {
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    TellToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
                    Succeed(why);
                    break;
                case Phase.Cursed:
                    State = State with { Phase = Phase.Stopping, Reason = why };
                    Succeed(why);
                    Note(NoteLevel.Information, "stopping", $"{why}; it has closed its channel and cannot be told");
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    Succeed(why);
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Gone:
                    StartByHand(why);
                    break;
            }
        }

        internal void OutputLost()
        {
            if (State.Phase is not (Phase.Starting or Phase.Running or Phase.Reloading))
                return;
            Note(NoteLevel.Warning, "output-lost", $"{Programs.ProgramMachine.OutputIsLost}; it is started anew");
            TellToStop(Aftermath.StartAnew, Programs.ProgramMachine.OutputIsLost, policy.CurseTolerance);
            Succeed(Programs.ProgramMachine.OutputIsLost);
        }

        // When the process has ended, another one follows at once.
        private void Succeed(string why) => State = State with { Aftermath = Aftermath.StartAnew, AnewReason = why, StoppedByHand = false };
    }

    internal static string WordOf(OrderKind order) =>
        order switch
        {
            OrderKind.Stop => "a stop",
            OrderKind.Start => "a start",
            OrderKind.Restart => "a restart",
            OrderKind.Reload => "a reload",
            _ => "a retry",
        };
}
