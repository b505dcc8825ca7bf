using Emperor.Core.Protocol;
using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// What the processes of a program do: they are there, get ready, speak, end.
public static partial class ProgramMachine
{
    private ref partial struct Turn
    {
        internal void Spawned(VassalEvent.Spawned process)
        {
            if (Find(process.Incarnation) is not { } member)
                return;
            Put(member with { Pid = process.Pid, SpawnedAt = now.Monotonic });
            var history = State.History;
            State = State with
            {
                History = history with
                {
                    FirstStart = history.FirstStart == 0 ? now.Unix : history.FirstStart,
                    LastStart = now.Unix,
                    LastRun = now.Unix,
                },
            };
            Note(
                NoteLevel.Information,
                "spawned",
                $"pid {Text(process.Pid)}, {Which(member)}{(State.Reason.Length > 0 ? $" ({State.Reason})" : "")}",
                null,
                member.Incarnation
            );
            if (member.Role != MemberRole.Leaving)
                effects.Add(new Effect.AwaitReady(State.Name, member.Incarnation, member.Plan));
        }

        internal void SpawnFailed(VassalEvent.SpawnFailed failure)
        {
            if (Find(failure.Incarnation) is not { } member)
                return;
            Remove(member);
            if (member.Role == MemberRole.Leaving)
            {
                // It was not there yet when it was told to stop.
                Note(NoteLevel.Debug, "spawn-failed", failure.Reason, null, member.Incarnation);
                AfterLeaving(member);
                return;
            }
            if (member.Role == MemberRole.Next)
            {
                NextFailed(failure.Reason, member);
                return;
            }
            // The same cause again and again is told once, and in the state for ever.
            var level = State.LastEnd == failure.Reason ? NoteLevel.Debug : NoteLevel.Error;
            Note(level, "spawn-failed", failure.Reason, null, member.Incarnation);
            State = State with { LastEnd = failure.Reason };
            if (!IsStopping)
                Respawn(member, failure.Reason, end: null);
            else
                AfterLeaving(member);
        }

        internal void Received(VassalEvent.Received word)
        {
            if (Find(word.Incarnation) is not { Role: not MemberRole.Leaving } member)
                return;
            switch (word.Message)
            {
                case VassalMessage.Accepting or VassalMessage.Loyal when member.Plan.Ready.Way == ReadyWay.Protocol:
                    BecameReady(word.Incarnation);
                    break;
                case VassalMessage.Stopping when member.Serves && IsOnDemand && State.Phase == Phase.Running:
                    TellAllToStop(Aftermath.Rest, "it stops of its own will", policy.CurseTolerance);
                    break;
            }
        }

        internal void BecameReady(int incarnation)
        {
            if (Find(incarnation) is not { Role: not MemberRole.Leaving, ReadyAt: null, IsStopping: false } member)
                return;
            var ready = member with
            {
                ReadyAt = now.Monotonic,
                Deadline = null,
                WatchdogDue = member.Plan.Watchdog is { } interval ? now.Monotonic + interval : null,
                Role = MemberRole.Current,
                Problem = "",
            };
            Put(ready);
            State = State with
            {
                History = State.History with { LastReady = now.Unix, LastAccepting = now.Unix },
                Traceback = Slot(member.Slot).Failures > 0 ? null : State.Traceback,
            };
            Note(
                NoteLevel.Information,
                "accepting",
                $"pid {Text(member.Pid ?? 0)} is ready after {Seconds(now.Monotonic - member.AskedAt)}",
                null,
                incarnation
            );
            if (member.Plan.Health is not null)
                effects.Add(new Effect.CheckHealth(State.Name, incarnation, member.Plan));
            if (member.Plan is { OnDemand: true, Idle: not null })
                effects.Add(new Effect.WatchIdle(State.Name, incarnation, member.Plan));
            if (member.Role == MemberRole.Next)
                TakeOver(ready);
            else if (State.Phase is Phase.Starting or Phase.Running)
                RunWhenReady();
        }

        internal void NotReady(VassalEvent.NotReady word)
        {
            if (Find(word.Incarnation) is { Role: not MemberRole.Leaving, ReadyAt: null } member)
                Put(member with { Problem = word.Problem });
        }

        internal void Unwell(VassalEvent.Unwell word)
        {
            if (Find(word.Incarnation) is { Serves: true } member)
                FailMember(member, word.Reason);
        }

        internal void Notified(VassalEvent.Notified word)
        {
            if (Find(word.Incarnation) is not { } member)
                return;
            var message = word.Message;
            member = member with
            {
                Status = message.Status ?? member.Status,
                Deadline =
                    message.ExtendTimeout is { } more && member.Deadline is { } due ? Math.Max(due, now.Monotonic + more) : member.Deadline,
            };
            if (message.Watchdog && member.Serves && member.Plan.Watchdog is { } interval)
                member = member with { WatchdogDue = now.Monotonic + (member.WatchdogInterval ?? interval) };
            if (message.WatchdogInterval is { } other && member.Plan.Watchdog is not null)
                member = member with { WatchdogInterval = other, WatchdogDue = member.Serves ? now.Monotonic + other : null };
            if (message.Watchdog)
                State = State with { History = State.History with { LastHeartbeat = now.Unix } };
            Put(member);
            if (message.Stopping && member is { Role: not MemberRole.Leaving, IsStopping: false })
                StopsItself(member);
            else if (message.WatchdogTrigger && member.Serves)
                FailMember(member, "it asked for the end that its watchdog brings (WATCHDOG=trigger)");
            else if (message.Ready && member.ReadyAt is null && member.Plan.Ready.Way == ReadyWay.Notify)
                BecameReady(word.Incarnation);
            else if (message.Ready && member.IsReloading)
                ReloadedItself(member);
            else if (message.Reloading && member.Serves && State.Phase is Phase.Running or Phase.Reloading && State.Rolling is null)
                ReloadsItself(member);
        }

        // It has begun to end; what follows is decided by how it ends. As with systemd it has the time of a stop for that.
        private void StopsItself(Member member)
        {
            var patience = member.Plan.StopTimeout ?? policy.CurseTolerance;
            Put(member with { IsStopping = true, IsReloading = false, WatchdogDue = null, Deadline = now.Monotonic + patience });
            Note(
                NoteLevel.Information,
                "stops-itself",
                $"pid {Text(member.Pid ?? 0)} says that it stops (STOPPING=1)",
                null,
                member.Incarnation
            );
            if (State is { Phase: Phase.Running or Phase.Reloading, Rolling: null })
                State = State with
                {
                    Phase = Phase.Running,
                    Reason = State.Slots.Length == 1 ? "it says that it stops" : $"one of its {Text(State.Slots.Length)} processes stops",
                };
        }

        internal void FellIdle()
        {
            if (
                State is { Phase: Phase.Running, Rolling: null, Plan: { OnDemand: true, Idle: { } idle } }
                && State.Members.All(m => m.Serves)
            )
                TellAllToStop(Aftermath.Rest, $"nobody has used it for {Seconds(idle)}", policy.CurseTolerance);
            effects.Add(new Effect.Thaw(State.Name, State.Incarnation));
        }

        internal void Exited(VassalEvent.Exited exit)
        {
            if (Find(exit.Incarnation) is not { } member)
                return;
            exit = exit with { End = WorkerEnd.Named(exit.End, member.Plan) };
            effects.Add(new Effect.Bury(State.Name, exit.Incarnation));
            Remove(member);
            var lived = now.Monotonic - member.SpawnedAt;
            State = State with
            {
                LastEnd = exit.End.Words,
                History = State.History with { LastExit = new LastExit(exit.End, now.Unix, lived) },
            };
            if (member.Role == MemberRole.Leaving)
            {
                Note(
                    NoteLevel.Information,
                    "stopped",
                    $"pid {Text(member.Pid ?? 0)} has ended ({exit.End.Words})",
                    exit.End,
                    exit.Incarnation
                );
                AfterLeaving(member);
                return;
            }
            State = State with { Deaths = State.Deaths + 1 };
            if (member.Role == MemberRole.Next)
                NextFailed($"the new process ended before it was ready: {exit.End.Words}", member);
            else
                Died(member, exit.End);
        }

        // A copy that fails does not make the others less ready.
        private void RunWhenReady()
        {
            if (!State.Members.Any(m => m.Serves))
                return;
            for (var i = 0; i < State.Slots.Length; i++)
            {
                if (!State.Slots[i].Rests && State.Slots[i].RetryAt is null && !IsServed(i))
                    return;
            }
            State = State with
            {
                Phase = Phase.Running,
                PhaseSince = State.Phase == Phase.Running ? State.PhaseSince : now.Monotonic,
                Reason = "",
                Deadline = null,
            };
        }

        // Not ready in time, not well, or silent: it is ended, and that counts as a failure.
        private void FailMember(Member member, string reason, int? signal = null)
        {
            Note(NoteLevel.Warning, "unwell", $"pid {Text(member.Pid ?? 0)} is ended: {reason}", null, member.Incarnation);
            State = State with { Deaths = State.Deaths + 1, LastEnd = reason };
            var isNext = member.Role == MemberRole.Next;
            // What becomes of the copy that a new one fails to replace is decided with the reload, not a second time when that new one has ended.
            Leave(member, isNext ? null : reason, now.Monotonic + (member.Plan.StopTimeout ?? policy.CurseTolerance), signal);
            if (isNext)
                NextFailed(reason, member);
            else if (State.Phase == Phase.Running)
                State = State with { Reason = reason };
        }

        internal void TimePassed()
        {
            foreach (var member in State.Members)
            {
                if (member.WatchdogDue <= now.Monotonic && member.Serves)
                {
                    var interval = member.WatchdogInterval ?? member.Plan.Watchdog ?? 0;
                    FailMember(member, $"it sent no WATCHDOG=1 for {Seconds(interval)}", AbortSignal);
                }
                else if (member.Deadline <= now.Monotonic)
                {
                    Overdue(member);
                }
            }
            if (State.Deadline <= now.Monotonic)
            {
                State = State with { Deadline = null };
                if (State.Phase == Phase.Backoff)
                    Anew("its sockets are tried again");
            }
            else if (IsOnDemandInBackoff)
            {
                if (NextRetry <= now.Monotonic)
                    WaitWhenEmpty(State.Reason);
            }
            else
            {
                StartDue($"attempt {Text(State.Failures + 1)}");
            }
        }

        private void Overdue(Member member)
        {
            if (member.Role == MemberRole.Leaving)
            {
                Kill(member, member.IsKilled ? null : "it did not stop in time");
                return;
            }
            if (member.IsStopping)
            {
                var patience = member.Plan.StopTimeout ?? policy.CurseTolerance;
                FailMember(member, $"it did not end in {Seconds(patience)} after it had said that it stops");
                return;
            }
            if (member.IsReloading)
            {
                Note(NoteLevel.Warning, "not-reloaded", "it has not said READY=1 since its RELOADING=1, in time", null, member.Incarnation);
                ReloadedItself(member);
                return;
            }
            var seen = member.Problem.Length > 0 ? member.Problem : Words(member.Plan.Ready);
            FailMember(member, $"it was not ready in {Seconds(member.Plan.ReadyTimeout)} ({seen})");
        }

        private void Kill(Member member, string? why)
        {
            effects.Add(new Effect.Kill(State.Name, member.Incarnation));
            if (why is not null)
                Note(NoteLevel.Warning, "killed", $"SIGKILL to pid {Text(member.Pid ?? 0)}: {why}", null, member.Incarnation);
            else
                Note(
                    NoteLevel.Error,
                    "unkillable",
                    $"pid {Text(member.Pid ?? 0)} is still there after SIGKILL: it waits inside the kernel",
                    null,
                    member.Incarnation
                );
            Put(
                member with
                {
                    Role = MemberRole.Leaving,
                    IsKilled = true,
                    WatchdogDue = null,
                    Deadline = now.Monotonic + policy.KillPatience,
                }
            );
        }

        private void Leave(Member member, string? failure, long deadline, int? signal = null)
        {
            effects.Add(new Effect.Signal(State.Name, member.Incarnation, signal ?? member.Plan.StopSignal, Stops: true));
            Put(member with { Role = MemberRole.Leaving, Failure = failure, WatchdogDue = null, Deadline = deadline });
        }

        private void Spawn(int slot, MemberRole role, ProgramPlan plan)
        {
            var incarnation = State.Incarnation + 1;
            var member = new Member
            {
                Incarnation = incarnation,
                Slot = slot,
                Plan = plan,
                Digest = State.Source?.Digest,
                Role = role,
                AskedAt = now.Monotonic,
                SpawnedAt = now.Monotonic,
                Deadline = now.Monotonic + plan.ReadyTimeout,
                Generation = State.Rolling is not null && role == MemberRole.Next ? State.Generation : Slot(slot).Generation,
            };
            // As long as it fails again and again, the last reason is what an operator looks for.
            var traceback = Slot(slot).Failures > 0 ? State.Traceback : null;
            State = State with { Incarnation = incarnation, Members = State.Members.Add(member), Traceback = traceback };
            PutSlot(slot, Slot(slot) with { RetryAt = null, IsDone = false });
            effects.Add(new Effect.Launch(State.Name, incarnation, slot, plan) { Generation = member.Generation });
        }

        // As its file says now, also when what runs was started before.
        private readonly bool IsOnDemand => State.Plan is { IsProgram: true, OnDemand: true };

        private readonly bool IsOnDemandInBackoff => State.Phase == Phase.Backoff && IsOnDemand;

        private readonly long? NextRetry => State.Slots.Min(s => s.RetryAt);

        private readonly bool HasMember(int slot) => State.Members.Any(m => m.Slot == slot);

        private readonly bool IsServed(int slot) => State.Members.Any(m => m.Slot == slot && m.Serves);

        private readonly bool IsStopping => State.Phase is Phase.Stopping or Phase.Killing;

        private readonly Member? Find(int incarnation) => State.Members.FirstOrDefault(m => m.Incarnation == incarnation);

        private void Put(Member member)
        {
            for (var i = 0; i < State.Members.Length; i++)
            {
                if (State.Members[i].Incarnation == member.Incarnation)
                    State = State with { Members = State.Members.SetItem(i, member) };
            }
        }

        private void Remove(Member member) =>
            State = State with { Members = State.Members.RemoveAll(m => m.Incarnation == member.Incarnation) };

        private readonly ProgramSlot Slot(int index) => State.Slots[index];

        private void PutSlot(int index, ProgramSlot slot) => State = State with { Slots = State.Slots.SetItem(index, slot) };

        private readonly string Which(Member member) =>
            State.Slots.Length > 1
                ? $"copy {Text(member.Slot + 1)}, start {Text(member.Incarnation)}"
                : $"start {Text(member.Incarnation)}";

        private static string Words(ReadyRule rule) =>
            rule.Way switch
            {
                ReadyWay.Accept => "nothing of it accepts connections on its first socket",
                ReadyWay.Notify => "it has not sent READY=1 to NOTIFY_SOCKET",
                ReadyWay.Http => $"GET {rule.Path} over its first socket was not answered by it with 2xx or 3xx",
                ReadyWay.Exec => $"{rule.Command[0]} did not exit with 0",
                ReadyWay.Protocol => "it has not said so over UWSGI_EMPEROR_FD",
                ReadyWay.Worker => "its app is still being loaded",
                _ => "its time has not come",
            };
    }

    // SIGABRT, as systemd ends a service whose watchdog has run out: it may leave a core.
    private const int AbortSignal = 6;
}
