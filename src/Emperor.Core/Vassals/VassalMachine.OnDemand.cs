using Emperor.Core.Programs;
using Emperor.Core.Sockets;

namespace Emperor.Core.Vassals;

// What is about the socket of a vassal that is started on demand.
public static partial class VassalMachine
{
    private ref partial struct Turn
    {
        internal void Listening()
        {
            State = State with { ListenFailures = 0 };
            if (State.Phase == Phase.Waiting)
                Note(NoteLevel.Information, "on-demand", State.Reason);
        }

        internal void ListenFailed(string reason)
        {
            if (State.Phase != Phase.Waiting)
            {
                Note(NoteLevel.Warning, "listen-failed", reason);
                return;
            }
            // The same cause again and again is told once, and in the state for ever.
            var isKnown = State.ListenFailures > 0 && VassalPolicy.IsSameCause(State.LastEnd, reason);
            State = State with { Bound = null, LastEnd = reason, ListenFailures = State.ListenFailures + 1 };
            var delay = policy.ListenDelayAfter(State.ListenFailures);
            Note(isKnown ? NoteLevel.Debug : NoteLevel.Error, "listen-failed", $"{reason}; it is tried again, first in {Seconds(delay)}");
            NoProcess(Phase.Backoff, reason);
            State = State with { Deadline = now.Monotonic + delay };
        }

        // A process has its own copy and serves on. Whoever waits next, now or after its end, binds it anew.
        internal void SocketsLost()
        {
            if (State.Bound is null)
                return;
            Note(NoteLevel.Warning, "socket-lost", $"its socket {State.Bound} was lost with the former emperor and is bound anew");
            if (State.Phase == Phase.Waiting)
                Wait();
            else
                State = State with { Bound = null };
        }

        internal void Knocked()
        {
            if (State.Phase == Phase.Waiting)
                Start("a connection waits");
        }

        // A vassal that is wanted and has no process.
        internal void Begin(string why)
        {
            if (State.Plan is { IsProgram: true })
                State = ProgramMachine.Begin(State, why, now, policy, effects);
            else if (State.Plan is { After.Count: > 0 } plan && !State.OthersReady)
                Hold(plan);
            else if (State.Socket is null)
                Start(why);
            else
                Wait();
        }

        internal void OthersChanged()
        {
            if (State.Phase == Phase.Held && State.OthersReady)
                Begin("those that it is started after are ready");
        }

        private void Hold(ProgramPlan plan)
        {
            NoProcess(Phase.Held, $"it is started after {string.Join(", ", plan.After)}");
            Note(NoteLevel.Information, "waiting", State.Reason);
        }

        private void Wait()
        {
            var socket = State.Socket!;
            NoProcess(Phase.Waiting, $"on demand: it waits for connections on {socket}");
            State = State with { Bound = socket, StoppedByHand = false };
            effects.Add(new Effect.Listen(State.Name, State.Incarnation, socket, Await: true));
        }

        // Its file has changed while it waits: whoever starts it reads what is there then.
        private void Update()
        {
            if (State.Socket == State.Bound)
                Note(NoteLevel.Information, "updated", "its file has changed; the next connection starts it with that");
            else
                Begin("its file has changed, and it is not on demand any more");
        }

        // A process has the socket that it was started with.
        private void ReloadWith(OnDemandSocket? former, ProgramPlan? formerPlan)
        {
            var why =
                State.Socket?.Address != former?.Address || State.Socket?.Inherited != former?.Inherited
                    ? "its on-demand socket has changed"
                : State.Plan?.LaunchDigest != formerPlan?.LaunchDigest ? "its section [emperor] wants it to be started in another way"
                : null;
            if (why is not null)
            {
                TellToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
                Succeed(why);
                return;
            }
            // One that was lost is bound when it is next waited at, as its file asks for it then.
            if (State.Socket is { } socket && socket != former && State.Bound is not null)
            {
                State = State with { Bound = socket };
                effects.Add(new Effect.Listen(State.Name, State.Incarnation, socket, Await: false));
            }
            Reload("its file has changed");
        }

        // uWSGI answers with the order to stop, and its vassals wait for it. On demand it is told to finish what it has just accepted: that
        // somebody connects at the very moment in which it finds itself idle is nothing rare.
        private void StopByItsWill() =>
            TellToStop(Aftermath.Rest, "it stops of its own will", policy.CurseTolerance, gracefully: State.Socket is not null);

        // It has stopped of its own will. When it does so again and again at once, its connections wait as if it had failed.
        private void WaitAgain()
        {
            CountLife(now.Monotonic - State.SpawnedAt, wasProved: State.Loyal || State.AcceptingSince is not null);
            var delay = policy.DelayAfter(State.Failures, State.ShortLives);
            if (delay == 0)
            {
                Wait();
                return;
            }
            NoProcess(Phase.Backoff, State.Reason);
            State = State with { Deadline = now.Monotonic + delay };
        }

        private void CountLife(long lived, bool wasProved)
        {
            State = State with
            {
                Failures = wasProved ? 0 : State.Failures + 1,
                ShortLives = lived < policy.ShortLife ? State.ShortLives + 1 : 0,
            };
            if (wasProved)
                return;
            var first = State.Failures == 1 ? now.Unix : State.History.FirstFailure;
            State = State with { History = State.History with { FirstFailure = first, LastFailure = now.Unix } };
        }

        // On demand, a server that has accepted requests and then ends without an error has nothing more to do.
        private readonly bool HasLeftInOrder(ProcessEnd? ended) =>
            State.Socket is not null && ended is { Signaled: false, Code: 0 } && State.AcceptingSince is not null;

        private void StopAwaiting()
        {
            if (State.Bound is { } bound)
                effects.Add(new Effect.Listen(State.Name, State.Incarnation, bound, Await: false));
        }

        private void Unlisten()
        {
            if (State.Bound is null)
                return;
            effects.Add(new Effect.Unlisten(State.Name, State.Incarnation));
            State = State with { Bound = null };
        }
    }
}
