using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;

namespace Emperor.Core.Vassals;

// What a vassal's process does: it is there, it speaks, it falls silent, it ends.
public static partial class VassalMachine
{
    private ref partial struct Turn
    {
        internal void Spawned(VassalEvent.Spawned process)
        {
            var history = State.History;
            State = State with
            {
                Pid = process.Pid,
                SpawnedAt = now.Monotonic,
                History = history with
                {
                    FirstStart = history.FirstStart == 0 ? now.Unix : history.FirstStart,
                    LastStart = now.Unix,
                    LastRun = now.Unix,
                },
            };
            var number = State.Incarnation.ToString(CultureInfo.InvariantCulture);
            Note(NoteLevel.Information, "spawned", $"pid {Pid()}, start {number} ({State.Reason})");
        }

        internal void SpawnFailed(VassalEvent.SpawnFailed failure)
        {
            // The same cause again and again is told once, and in the state for ever.
            var level = State.Reason == failure.Reason || State.LastEnd == failure.Reason ? NoteLevel.Debug : NoteLevel.Error;
            Note(level, "spawn-failed", failure.Reason);
            Ended(failure.Reason, ended: null);
        }

        internal void Received(byte message)
        {
            if (State.Phase == Phase.Killing)
                return;
            switch (message)
            {
                case VassalMessage.Spawned:
                    if (!State.Ready)
                        Note(NoteLevel.Debug, "ready", "it has been spawned");
                    State = State with { Ready = true, History = State.History with { LastReady = now.Unix } };
                    break;
                case VassalMessage.Accepting when State.Plan is { Ready.Way: not ReadyWay.Protocol } plan:
                    // Its file says by what else it is known.
                    if (!State.Accepting)
                        effects.Add(new Effect.AwaitReady(State.Name, State.Incarnation, plan));
                    break;
                case VassalMessage.Accepting:
                    Accepts();
                    break;
                case VassalMessage.Loyal:
                    BecomesLoyal();
                    break;
                case VassalMessage.Heartbeat:
                    State = State with { History = State.History with { LastHeartbeat = now.Unix } };
                    if (State.Phase is Phase.Starting or Phase.Running or Phase.Reloading && policy.RequiredHeartbeat > 0)
                        State = State with { HeartbeatDeadline = now.Monotonic + policy.RequiredHeartbeat };
                    break;
                case VassalMessage.Stopping:
                    // uWSGI answers with the order to stop, and its vassals wait for it.
                    if (State.Phase is Phase.Starting or Phase.Running or Phase.Reloading)
                        StopByItsWill();
                    break;
                case VassalMessage.SendConfiguration:
                case VassalMessage.Reinforce:
                    Note(NoteLevel.Debug, "ignored", $"it asks for what it cannot get here (byte {message})");
                    break;
                default:
                    if (!State.Babbled)
                        Note(NoteLevel.Warning, "unknown-byte", $"it sends bytes that mean nothing, such as {message}; they are ignored");
                    State = State with { Babbled = true };
                    break;
            }
        }

        internal void HungUp()
        {
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    State = State with
                    {
                        Phase = Phase.Cursed,
                        Reason = "it closed its channel to the emperor",
                        Deadline = now.Monotonic + policy.CurseTolerance,
                        HeartbeatDeadline = null,
                        ReloadPending = false,
                        History = State.History with { Cursed = now.Unix },
                    };
                    // Most often this is the first sign of its end, which follows at once; the curse is worth a line when it is not.
                    Note(NoteLevel.Debug, "cursed", $"pid {Pid()} closed its channel; it has {Seconds(policy.CurseTolerance)} to end");
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Cursed:
                case Phase.Stopping:
                case Phase.Killing:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Gone:
                    break;
            }
        }

        internal void SendFailed(byte message)
        {
            // It may have said that it accepts requests before this came: that was no answer to what it has not read.
            if (
                message != EmperorMessage.Reload
                || State.Phase is not (Phase.Running or Phase.Reloading)
                || State.RefusedChange is not null
            )
                return;
            if (!State.Deaf)
                Note(NoteLevel.Warning, "deaf", "it does not read what the emperor tells it; the reload is told again later");
            State = State with
            {
                Phase = Phase.Reloading,
                Deaf = true,
                Accepting = State.AcceptingSince is not null,
                AnsweredAt = null,
                ReloadPending = true,
                Deadline = now.Monotonic + policy.ReloadPatience,
            };
        }

        internal void Exited(ProcessEnd end)
        {
            effects.Add(new Effect.Bury(State.Name, State.Incarnation));
            Ended(end.Words, end);
        }

        internal void BecameReady()
        {
            if (State.Phase is Phase.Starting or Phase.Running or Phase.Reloading)
                Accepts();
        }

        internal void Unwell(string reason)
        {
            if (State.Phase is not (Phase.Running or Phase.Reloading))
                return;
            Note(NoteLevel.Warning, "unwell", $"pid {Pid()} is ended: {reason}");
            TellToStop(Aftermath.Recover, reason, policy.CurseTolerance);
        }

        private void Accepts()
        {
            var first = !State.Accepting;
            State = State with
            {
                Accepting = true,
                AcceptingSince = State.AcceptingSince ?? now.Monotonic,
                TellsWhenReady = true,
                History = State.History with { LastAccepting = now.Unix },
            };
            if (State.Phase is Phase.Starting or Phase.Reloading)
                Answered(first);
            // A second worker may have served a request, and said so, before the first one says that it accepts them.
            else if (first && State.Phase == Phase.Running)
                Note(NoteLevel.Information, "accepting", $"pid {Pid()} accepts requests");
        }

        private void BecomesLoyal()
        {
            var first = !State.Loyal;
            if (first)
                Note(NoteLevel.Information, "loyal", $"pid {Pid()} is loyal");
            // Short lives are not forgiven: a sub-emperor is loyal at once, and one that then dies would be started without a pause for ever.
            State = State with
            {
                Loyal = true,
                TellsWhenReady = true,
                Failures = 0,
                History = State.History with { LastLoyal = now.Unix },
            };
            // That it has served a request does not make it ready where its file says by what else that is known.
            if (State.Plan is { Ready.Way: not ReadyWay.Protocol } plan && !State.Accepting)
            {
                if (first && State.Phase == Phase.Starting)
                    effects.Add(new Effect.AwaitReady(State.Name, State.Incarnation, plan));
                return;
            }
            // A sub-emperor announces nothing but its loyalty, also after a reload. From one that was not loyal before, it may be the word of the
            // program that is about to reload.
            if (State.Phase == Phase.Starting || (State.Phase == Phase.Reloading && (State.WasLoyal || State.Reloads == 0)))
                Answered(note: false);
        }

        private void Answered(bool note)
        {
            var pending = State.ReloadPending;
            // It has not read the reload yet, or it has answered before and is given its rest.
            if (pending && (State.Deaf || State.AnsweredAt is not null))
                return;
            if (State is { Phase: Phase.Reloading, AnsweredAt: null, Reloads: > 0 })
                CountReload();
            State = State with
            {
                Phase = Phase.Running,
                PhaseSince = now.Monotonic,
                Reason = "",
                Deadline = null,
                ReloadPending = false,
                Deaf = false,
                AnsweredAt = State.AnsweredAt ?? now.Monotonic,
            };
            if (note)
                Note(NoteLevel.Information, "accepting", $"pid {Pid()} accepts requests");
            if (State.Plan is { Health: not null } plan)
                effects.Add(new Effect.CheckHealth(State.Name, State.Incarnation, plan));
            if (pending)
                Reload("its file had changed meanwhile");
        }

        private void CountReload() =>
            State = State with
            {
                History = State.History with
                {
                    ReloadsAnswered = State.History.ReloadsAnswered + 1,
                    LastReloadTook = now.Monotonic - State.History.ReloadTold,
                },
            };

        private void Ended(string words, ProcessEnd? ended)
        {
            var lived = now.Monotonic - State.SpawnedAt;
            var pid = Pid();
            State = State with { LastEnd = words };
            if (ended is not null)
                State = State with { History = State.History with { LastExit = new LastExit(ended, now.Unix, lived) } };
            if (State.Phase is Phase.Stopping or Phase.Killing && State.Aftermath != Aftermath.Recover)
            {
                Note(NoteLevel.Information, "stopped", $"pid {pid} has ended ({words})", ended);
                Follow();
                return;
            }
            if (ended is { IsExile: true })
            {
                // Nobody would take the connections, so they are refused and do not wait.
                Unlisten();
                NoProcess(Phase.Resting, $"it ended with code {ProcessEnd.ExileCode}, which asks not to be started again");
                Note(NoteLevel.Warning, "exiled", $"pid {pid}: {State.Reason}; it starts when its file changes", ended);
                return;
            }
            var hasLeft = HasLeftInOrder(ended);
            var wasProved = State.Loyal || hasLeft || (State.AcceptingSince is { } since && now.Monotonic - since >= policy.LoyalAfter);
            CountLife(lived, wasProved);
            State = State with { Deaths = State.Deaths + (ended is null ? 0 : 1) };
            if (State.RefusedChange is { } refused)
            {
                if (ended is not null)
                    Note(NoteLevel.Warning, "died", $"pid {pid} has ended ({words})", ended);
                Refuse(refused);
                return;
            }
            Respawn(words, pid, ended, hasLeft ? NoteLevel.Information : NoteLevel.Warning);
        }

        private void Respawn(string words, string pid, ProcessEnd? ended, NoteLevel level)
        {
            var delay = policy.DelayAfter(State.Failures, State.ShortLives);
            if (ended is not null)
            {
                var again = State.Socket is null ? "it is started again" : "the next connection starts it again";
                var wait = State.Socket is null ? "next start in" : "connections wait for";
                var next = delay == 0 ? again : $"failure {State.Failures}, {wait} {Seconds(delay)}";
                Note(level, "died", $"pid {pid} has ended ({words}); {next}", ended);
            }
            if (delay == 0 && ended is not null)
            {
                Begin($"the last one ended: {words}");
                return;
            }
            NoProcess(Phase.Backoff, words);
            // A spawn that failed is never repeated in the same breath, or it could fail for ever within one turn.
            State = State with
            {
                Deadline = now.Monotonic + Math.Max(delay, policy.ShortLifeDelay),
            };
        }

        private void Follow()
        {
            switch (State.Aftermath)
            {
                case Aftermath.StartAnew when State.RefusedChange is { } refused:
                    Refuse(refused);
                    break;
                case Aftermath.StartAnew:
                    State = State with { Failures = 0, ShortLives = 0 };
                    Begin(State.AnewReason);
                    break;
                case Aftermath.Rest when State is { Socket: not null, StoppedByHand: false }:
                    WaitAgain();
                    break;
                case Aftermath.Rest:
                    Unlisten();
                    NoProcess(Phase.Resting, State.Reason);
                    break;
                case Aftermath.Recover:
                case Aftermath.Forget:
                    Forget();
                    break;
            }
        }
    }
}
