using System.Collections.Immutable;
using System.Globalization;
using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

/// <summary>
/// Overview: the life of a vassal that is a program of any kind. It has one or more copies (<see cref="ProgramSlot"/>), each with one process that
/// serves (<see cref="MemberRole.Current"/>), perhaps one that is to take its place (<see cref="MemberRole.Next"/>), and any number that leave.
///
/// <para>A start has the sockets first, then all copies at once; the vassal is <see cref="Phase.Running"/> when each of them is ready. A copy that
/// ends is replaced by itself, after the delay that its failures earn; when none is left the vassal is in <see cref="Phase.Backoff"/>, or, on
/// demand, waits for the next connection.</para>
///
/// <para>A reload (<see cref="Phase.Reloading"/>) rolls through the copies one at a time: the new process is started beside the old one, on the
/// same sockets, and only when it is ready the old one is told to stop. When it does not get ready it is ended, the old one stays, and the
/// reload is over with <see cref="VassalState.FailedReload"/>. A further change during a reload supersedes it. Where two cannot live side by side
/// (<see cref="ReloadWay.Restart"/>) the old one ends first, and its plan is brought back when the new one fails.</para>
///
/// <para>A process that dies is replaced with the plan that it ran with, not with what its file says meanwhile: a file that was refused, or whose
/// reload failed, takes nothing down.</para>
///
/// <para>Like <see cref="VassalMachine"/>, which hands it the events of programs, it is pure and total, and drops what an earlier process sent.</para>
/// </summary>
public static partial class ProgramMachine
{
    /// <summary>
    /// The sockets of all that a program runs, or would start, as it stands, each address once. What leaves has its own copies; one whose sockets could not be
    /// bound has them tried again in any case.
    /// </summary>
    internal static IReadOnlyList<ProgramSocket> SocketsOf(VassalState state)
    {
        if (state is { Phase: Phase.Backoff, Deadline: not null })
            return [];
        var plans = state
            .Slots.Select(s => s.Plan)
            .Concat(state.Members.Where(m => m.Role != MemberRole.Leaving).Select(m => m.Plan))
            .Append(state.Rolling);
        // One that stops and is to begin anew has no copies; its plan may have changed since, and what follows has that bound first.
        var isToBegin = state is { Slots.Length: 0, Phase: Phase.Stopping or Phase.Killing };
        return [.. (
                state.Slots.Length > 0 ? plans
                : isToBegin ? []
                : [state.Plan]
            ).SelectMany(p => p?.Sockets ?? []).DistinctBy(s => s.Address)];
    }

    /// <summary>One step under way.</summary>
    private ref partial struct Turn(VassalState state, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        private VassalState State { get; set; } = state;

        // What is known of the whole follows from its processes.
        internal VassalState Finish()
        {
            if (State.Slots.Length == 0)
                return State;
            var first = State.Members.FirstOrDefault(m => m.Serves) ?? State.Members.FirstOrDefault();
            var since = State.Members.Where(m => m.Serves).Min(m => m.ReadyAt);
            return State with
            {
                // Running is what serves, be it by one of its copies.
                Phase = State.Phase == Phase.Running && since is null ? Phase.Starting : State.Phase,
                Pid = first?.Pid,
                SpawnedAt = first?.SpawnedAt ?? State.SpawnedAt,
                Ready = since is not null,
                Accepting = since is not null,
                AcceptingSince = since,
                TellsWhenReady = State.TellsWhenReady || since is not null,
                Failures = State.Slots.Max(s => s.Failures),
                ShortLives = State.Slots.Max(s => s.ShortLives),
            };
        }

        internal void FileAccepted(VassalEvent.FileAccepted file)
        {
            var isNew = State.Phase == Phase.Gone;
            State = State with
            {
                RefusedChange = null,
                FailedReload = null,
                File = (State.File == default ? file.ModifiedUnix : State.File.Born, file.ModifiedUnix),
                Source = file.Source ?? State.Source,
                Socket = file.Plan is { IsProgram: true } ? null : file.Socket,
                Plan = file.Plan,
                Slots = [.. State.Slots.Select(s => s with { Failures = 0, ShortLives = 0 })],
                Failures = 0,
                ShortLives = 0,
                ListenFailures = 0,
                StoppedByHand = false,
            };
            switch (State.Phase)
            {
                case Phase.Gone:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Waiting:
                    Anew(isNew ? "new" : "its file has changed");
                    break;
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                    Change("its file has changed");
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    Succeed(State.Aftermath == Aftermath.Forget ? "its file is back" : "its file has changed");
                    break;
            }
        }

        internal void FileRefused(VassalEvent.FileRefused file)
        {
            State = State with { Source = VassalSource.Refused(file.Source, State.Source), RefusedChange = file.Reason };
            switch (State.Phase)
            {
                case Phase.Gone:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                    Refuse(file.Reason);
                    break;
                case Phase.Waiting:
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                    Note(NoteLevel.Error, "refused", $"its changed file is not taken, and it goes on as it is: {file.Reason}");
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    Succeed("its file has changed");
                    break;
            }
        }

        internal void StopForGood(string why, long patience)
        {
            if (State.HasProcess)
            {
                TellAllToStop(Aftermath.Forget, why, patience);
                return;
            }
            if (State.Phase != Phase.Gone)
                Note(NoteLevel.Information, "removed", why);
            Forget();
        }

        internal void KillAll(string why)
        {
            if (!State.HasProcess)
            {
                if (State.Phase != Phase.Gone)
                    Forget();
                return;
            }
            foreach (var member in State.Members)
                Kill(member, why);
            State = State with { Phase = Phase.Killing, Aftermath = Aftermath.Forget, Reason = why, Rolling = null };
            NoRetries();
            FollowWhenEmpty();
        }

        internal void ReloadAsked()
        {
            switch (State.Phase)
            {
                case Phase.Running:
                case Phase.Reloading:
                    // What it runs with is what it was last told; a file that was refused has no say in it.
                    Change("a reload was asked for");
                    break;
                case Phase.Backoff:
                    Anew("a reload was asked for");
                    break;
                case Phase.Starting:
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Cursed:
                case Phase.Stopping:
                case Phase.Killing:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Gone:
                    break;
            }
        }

        internal void Forgiven()
        {
            for (var i = 0; i < State.Slots.Length; i++)
                PutSlot(i, State.Slots[i] with { Failures = 0, ShortLives = 0 });
            State = State with { Failures = 0, ShortLives = 0, ListenFailures = 0 };
            RetryNow("its failures are forgiven");
        }

        internal void OthersChanged()
        {
            if (State.Phase == Phase.Held && State.OthersReady)
                Begin("those that it is started after are ready");
        }

        // Without a process: as if it had never had one.
        private void Anew(string why)
        {
            if (State.Members.Length > 0)
            {
                Succeed(why);
                TellAllToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
                return;
            }
            State = State with { Slots = [], Deadline = null };
            if (State.Plan is { IsProgram: true })
            {
                Begin(why);
                return;
            }
            Unhold();
            State = VassalMachine.Begin(State, why, now, policy, effects);
        }

        internal void Begin(string why)
        {
            var plan = State.Plan!;
            if (plan.After.Count > 0 && !State.OthersReady)
            {
                NoProcess(Phase.Held, $"it is started after {string.Join(", ", plan.After)}");
                Note(NoteLevel.Information, "waiting", State.Reason);
                return;
            }
            // One that was on demand in uWSGI's way has a socket of that kind.
            if (State.Bound is not null)
            {
                effects.Add(new Effect.Unlisten(State.Name, State.Incarnation));
                State = State with { Bound = null };
            }
            if (plan is { OnDemand: true, StartsAtOnce: false })
            {
                Wait();
                return;
            }
            StartWithSockets(why);
        }

        private void Wait()
        {
            var plan = State.Plan!;
            NoProcess(Phase.Waiting, $"on demand: it waits for connections on {string.Join(", ", plan.Sockets.Select(s => s.Address))}");
            State = State with { StoppedByHand = false, HoldsSockets = true };
            effects.Add(new Effect.Hold(State.Name, State.Incarnation, plan.Sockets, Await: true, Keep: false));
        }

        private void StartWithSockets(string why)
        {
            State = State with
            {
                Phase = Phase.Starting,
                Reason = why,
                Deadline = null,
                HeartbeatDeadline = null,
                StoppedByHand = false,
                Slots = Copies(),
            };
            if (State.Plan!.Sockets.Count == 0)
            {
                Unhold();
                StartAll();
                return;
            }
            State = State with { AwaitsSockets = true, HoldsSockets = true };
            effects.Add(new Effect.Hold(State.Name, State.Incarnation, State.Plan.Sockets, Await: false, Keep: false));
        }

        private void StartAll()
        {
            State = State with
            {
                Phase = Phase.Starting,
                Deadline = null,
                Reloads = 0,
                Rolling = null,
                FailedReload = null,
                LaunchedDigest = State.Source?.Digest,
                Generation = State.Generation + 1,
                Slots = Copies(),
                StoppedByHand = false,
                History = State.History with { Cursed = 0 },
            };
            var plan = State.Plan!;
            var count = plan.Wsgi?.Cheaper?.Initial ?? plan.Processes;
            for (var slot = 0; slot < plan.Processes; slot++)
            {
                PutSlot(slot, Slot(slot) with { Generation = State.Generation, IsCheap = slot >= count });
                if (slot < count)
                    Spawn(slot, MemberRole.Current, plan);
            }
        }

        private void TellAllToStop(Aftermath aftermath, string why, long patience)
        {
            var wasStopping = State.Phase is Phase.Stopping or Phase.Killing;
            foreach (var member in State.Members)
            {
                var limit = now.Monotonic + (member.Plan.StopTimeout ?? patience);
                if (member.Role != MemberRole.Leaving)
                    Leave(member, failure: null, limit);
                else if (!member.IsKilled)
                    Put(member with { Deadline = Math.Min(member.Deadline ?? long.MaxValue, limit) });
            }
            NoRetries();
            State = State with
            {
                Phase = State.Phase == Phase.Killing ? Phase.Killing : Phase.Stopping,
                Aftermath = aftermath,
                Reason = why,
                Deadline = null,
                Rolling = null,
                AwaitsSockets = false,
                History = State.History with { Cursed = now.Unix },
            };
            if (!wasStopping)
                Note(NoteLevel.Information, "stopping", $"{Pids()} told to stop: {why}");
            FollowWhenEmpty();
        }

        private void FollowWhenEmpty()
        {
            if (State.Members.Length > 0)
                return;
            switch (State.Aftermath)
            {
                case Aftermath.StartAnew when State.RefusedChange is { } refused:
                    Refuse(refused);
                    break;
                case Aftermath.StartAnew:
                    Anew(State.AnewReason);
                    break;
                case Aftermath.Rest when IsOnDemand && !State.StoppedByHand:
                    WaitAgain(State.Reason);
                    break;
                case Aftermath.Rest:
                    Unhold();
                    NoProcess(Phase.Resting, State.Reason);
                    Note(NoteLevel.Information, "stopped", State.Reason);
                    break;
                case Aftermath.Recover:
                case Aftermath.Forget:
                    Note(NoteLevel.Information, "stopped", $"all of it has ended: {State.Reason}");
                    Forget();
                    break;
            }
        }

        private void Refuse(string reason)
        {
            Unhold();
            NoProcess(Phase.Refused, reason);
            Note(NoteLevel.Error, "config-error", reason);
        }

        private void Forget()
        {
            Unhold();
            NoProcess(Phase.Gone, "");
        }

        private void Unhold()
        {
            if (State.HoldsSockets)
                effects.Add(new Effect.Unlisten(State.Name, State.Incarnation));
            State = State with { HoldsSockets = false, AwaitsSockets = false };
        }

        private void NoProcess(Phase phase, string reason) =>
            State = State with
            {
                Phase = phase,
                Pid = null,
                Reason = reason,
                Deadline = null,
                HeartbeatDeadline = null,
                // On demand the next start inherits them.
                Failures = State.Slots.Length > 0 ? State.Slots.Max(s => s.Failures) : State.Failures,
                ShortLives = State.Slots.Length > 0 ? State.Slots.Max(s => s.ShortLives) : State.ShortLives,
                Slots = phase == Phase.Backoff ? State.Slots : [],
                Rolling = null,
                AwaitsSockets = false,
                Accepting = false,
                AcceptingSince = null,
                Ready = false,
                History = State.History with { Cursed = 0 },
            };

        private void NoRetries() => State = State with { Slots = [.. State.Slots.Select(s => s with { RetryAt = null })] };

        // When all processes have ended, others follow at once.
        private void Succeed(string why) => State = State with { Aftermath = Aftermath.StartAnew, AnewReason = why, StoppedByHand = false };

        private readonly void Note(NoteLevel level, string @event, string text, ProcessEnd? end = null, int? incarnation = null) =>
            effects.Add(new Effect.Note(State.Name, incarnation ?? State.Incarnation, level, @event, text, end?.Words));

        private readonly string Pids()
        {
            var pids = State.Members.Where(m => m.Pid is not null).Select(m => Text(m.Pid!.Value)).ToArray();
            return pids.Length switch
            {
                0 => "it is",
                1 => $"pid {pids[0]} is",
                <= 4 => $"pids {string.Join(", ", pids)} are",
                _ => $"pids {string.Join(", ", pids[..4])} and {Text(pids.Length - 4)} more are",
            };
        }

        // On demand they are made anew for each start, and inherit the failures of the last.
        private readonly ImmutableArray<ProgramSlot> Copies()
        {
            var plan = State.Plan!;
            var copies = ImmutableArray.CreateBuilder<ProgramSlot>(plan.Processes);
            for (var i = 0; i < plan.Processes; i++)
                copies.Add(
                    i < State.Slots.Length
                        ? State.Slots[i] with
                        {
                            Plan = plan,
                            RetryAt = null,
                            IsDone = false,
                        }
                        : new ProgramSlot(plan, State.Failures, State.ShortLives)
                );
            return copies.MoveToImmutable();
        }

        private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

        private static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.#} s");
    }
}
