using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// What operators want of a program, and what its sockets say.
public static partial class ProgramMachine
{
    internal const string OutputIsLost = "what it prints is read by nobody, as its pipe was lost with the former emperor";

    private ref partial struct Turn
    {
        internal void Ordered(OrderKind order)
        {
            if (Order.Refusal(State, order) is { } refusal)
            {
                if (State.Phase != Phase.Gone)
                    Note(NoteLevel.Warning, "order-refused", $"{VassalMachine.WordOf(order)} was asked for by hand, but {refusal}");
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
                case OrderKind.Restart when State.Phase is Phase.Starting or Phase.Running or Phase.Reloading or Phase.Cursed:
                    const string restart = "a restart was asked for by hand";
                    Succeed(restart);
                    TellAllToStop(Aftermath.StartAnew, restart, policy.CurseTolerance);
                    break;
                case OrderKind.Restart when IsStopping:
                    Succeed("a restart was asked for by hand");
                    break;
                case OrderKind.Restart:
                    StartByHand("a restart was asked for by hand");
                    break;
                case OrderKind.Reload when State.Phase is Phase.Running or Phase.Reloading or Phase.Starting:
                    Change("a reload was asked for by hand");
                    break;
                case OrderKind.Reload:
                    StartByHand("a reload was asked for by hand");
                    break;
                case OrderKind.Retry when State.Phase == Phase.Backoff || State.Slots.Any(s => s.RetryAt is not null):
                    RetryNow("a retry was asked for by hand");
                    break;
                case OrderKind.Retry:
                    break;
            }
        }

        internal void Listening()
        {
            State = State with { ListenFailures = 0 };
            if (State.Phase == Phase.Waiting)
                Note(NoteLevel.Information, "on-demand", State.Reason);
            if (!State.AwaitsSockets)
                return;
            State = State with { AwaitsSockets = false };
            if (State.Rolling is not null)
                RollOn();
            else if (State.Phase == Phase.Starting)
                StartAll();
        }

        internal void ListenFailed(string reason)
        {
            if (State.Rolling is not null && State.AwaitsSockets)
            {
                FailRoll(reason, next: null);
                return;
            }
            if (State.Phase != Phase.Waiting && !State.AwaitsSockets)
            {
                Note(NoteLevel.Warning, "listen-failed", reason);
                return;
            }
            // The same cause again and again is told once, and in the state for ever.
            var isKnown = State.ListenFailures > 0 && VassalPolicy.IsSameCause(State.LastEnd, reason);
            State = State with { LastEnd = reason, ListenFailures = State.ListenFailures + 1 };
            var delay = policy.ListenDelayAfter(State.ListenFailures);
            Note(isKnown ? NoteLevel.Debug : NoteLevel.Error, "listen-failed", $"{reason}; it is tried again, first in {Seconds(delay)}");
            NoRetries();
            NoProcess(Phase.Backoff, reason);
            State = State with { Deadline = now.Monotonic + delay, Slots = Copies() };
        }

        // What listens at them now are processes that the emperor could give no successors: their sockets cannot be bound while they are there.
        internal void SocketsLost()
        {
            if (!State.HoldsSockets || SocketsOf(State).Count == 0)
                return;
            const string why = "its sockets were lost with the former emperor";
            Note(NoteLevel.Warning, "socket-lost", $"{why} and are bound anew");
            switch (State.Phase)
            {
                case Phase.Waiting:
                    Wait();
                    break;
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                    Unhold();
                    Succeed(why);
                    TellAllToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
                    break;
                case Phase.Backoff:
                    State = State with { AwaitsSockets = true };
                    effects.Add(new Effect.Hold(State.Name, State.Incarnation, SocketsOf(State), Await: false, Keep: true));
                    break;
                // What follows has them bound first.
                case Phase.Held:
                case Phase.Stopping:
                case Phase.Killing:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Gone:
                    Unhold();
                    break;
            }
        }

        // A process keeps the pipe that it was started with, so a signal does not mend it; the next one gets another.
        internal void OutputLost()
        {
            if (State.Phase is not (Phase.Starting or Phase.Running or Phase.Reloading))
                return;
            Note(NoteLevel.Warning, "output-lost", $"{OutputIsLost}; it is started anew");
            if (State.Plan is { IsProgram: true } && State.Members.Any(m => m.Serves))
            {
                Roll(OutputIsLost);
                return;
            }
            Succeed(OutputIsLost);
            TellAllToStop(Aftermath.StartAnew, OutputIsLost, policy.CurseTolerance);
        }

        internal void Knocked()
        {
            if (State.Phase != Phase.Waiting)
                return;
            State = State with { Reason = "a connection waits" };
            StartAll();
        }

        private void StopByHand()
        {
            const string why = "it was stopped by hand";
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                    State = State with { StoppedByHand = true };
                    TellAllToStop(Aftermath.Rest, why, policy.CurseTolerance);
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    if (State.Aftermath != Aftermath.Forget)
                        State = State with { Aftermath = Aftermath.Rest, Reason = why, StoppedByHand = true };
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                    // Nobody would take the connections to its sockets, so they are refused and do not wait.
                    Unhold();
                    NoProcess(Phase.Resting, why);
                    Note(NoteLevel.Information, "stopped", why);
                    State = State with { StoppedByHand = true };
                    break;
                case Phase.Refused:
                case Phase.Gone:
                    break;
            }
        }

        private void StartByHand(string why)
        {
            switch (State.Phase)
            {
                case Phase.Backoff:
                case Phase.Resting:
                    State = State with { Slots = [], Failures = 0, ShortLives = 0, ListenFailures = 0 };
                    Anew(why);
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    if (State.Aftermath == Aftermath.Rest)
                        Succeed(why);
                    break;
                // One that waits is started by the next connection, one that is held by those that it waits for.
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

        // What waits for its time, waits no longer. By hand its failures stay: should this attempt fail too, it earns the delay that it would
        // have earned.
        private void RetryNow(string why)
        {
            if (State.Phase == Phase.Backoff && State.Deadline is not null)
            {
                Anew(why);
                return;
            }
            for (var i = 0; i < State.Slots.Length; i++)
            {
                if (State.Slots[i].RetryAt is not null)
                    PutSlot(i, State.Slots[i] with { RetryAt = now.Monotonic });
            }
            if (!IsOnDemandInBackoff)
                StartDue(why);
            else if (NextRetry is not null)
                WaitWhenEmpty(State.Reason);
        }
    }
}
