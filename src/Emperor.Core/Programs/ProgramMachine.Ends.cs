using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// What follows the end of a process.
public static partial class ProgramMachine
{
    private ref partial struct Turn
    {
        private void Died(Member member, ProcessEnd end)
        {
            var plan = member.Plan;
            var isSuccess = !end.Signaled && (end.Code == 0 || plan.SuccessExitStatus.Contains(end.Code));
            if (plan.Wsgi is not null && isSuccess && member.ReadyAt is not null)
            {
                Note(
                    NoteLevel.Information,
                    "died",
                    $"pid {Text(member.Pid ?? 0)} has ended ({end.Words}), in order",
                    end,
                    member.Incarnation
                );
                Replace(member, end.Words);
                return;
            }
            if (IsOnDemand && isSuccess && member.ReadyAt is not null)
            {
                // It has nothing more to do; the next connection starts it again.
                Note(
                    NoteLevel.Information,
                    "died",
                    $"pid {Text(member.Pid ?? 0)} has ended ({end.Words}), in order",
                    end,
                    member.Incarnation
                );
                var isShort = now.Monotonic - member.SpawnedAt < policy.ShortLife;
                var slot = Slot(member.Slot);
                PutSlot(member.Slot, slot with { IsDone = true, Failures = 0, ShortLives = isShort ? slot.ShortLives + 1 : 0 });
                RestWhenDone(end.Words);
                return;
            }
            var isWanted = plan.Restart == RestartRule.Always || (plan.Restart == RestartRule.OnFailure && !isSuccess);
            if (isWanted)
            {
                Respawn(member, end.Words, end);
                return;
            }
            PutSlot(member.Slot, Slot(member.Slot) with { IsDone = true });
            var rule = plan.Restart == RestartRule.Never ? "never" : "on-failure";
            Note(
                isSuccess ? NoteLevel.Information : NoteLevel.Warning,
                "died",
                $"pid {Text(member.Pid ?? 0)} has ended ({end.Words}) and is not started again (restart = {rule})",
                end,
                member.Incarnation
            );
            RestWhenDone($"it has ended ({end.Words}), and restart = {rule}");
        }

        private void RestWhenDone(string why)
        {
            if (State.Rolling is not null || !State.Slots.All(s => s.Rests) || State.Members.Any(m => m.Role != MemberRole.Leaving))
                return;
            if (State.Members.Length > 0)
            {
                State = State with { Phase = Phase.Stopping, Aftermath = Aftermath.Rest, Reason = why };
            }
            else if (IsOnDemand)
            {
                WaitAgain(why);
            }
            else
            {
                Unhold();
                NoProcess(Phase.Resting, why);
            }
        }

        // When it stops again and again at once, its connections wait as if it had failed.
        private void WaitAgain(string why)
        {
            var delay = policy.DelayAfter(0, State.Slots.Max(s => s.ShortLives));
            if (delay == 0)
            {
                Wait();
                return;
            }
            PutSlot(0, Slot(0) with { RetryAt = now.Monotonic + delay });
            NoProcess(Phase.Backoff, why);
        }

        // A copy has lost its process unasked.
        private void Respawn(Member member, string words, ProcessEnd? end)
        {
            var slot = Slot(member.Slot);
            var wasProved = member.Failure is null && member.ReadyAt is { } since && now.Monotonic - since >= policy.LoyalAfter;
            slot = slot with
            {
                Failures = wasProved ? 0 : slot.Failures + 1,
                ShortLives = now.Monotonic - member.SpawnedAt < policy.ShortLife ? slot.ShortLives + 1 : 0,
            };
            if (!wasProved)
            {
                var first = slot.Failures == 1 ? now.Unix : State.History.FirstFailure;
                State = State with { History = State.History with { FirstFailure = first, LastFailure = now.Unix } };
            }
            var delay = policy.DelayAfter(slot.Failures, slot.ShortLives);
            // A spawn that failed is never repeated in the same breath, or it could fail for ever within one turn.
            if (end is null && member.Failure is null)
                delay = Math.Max(delay, policy.ShortLifeDelay);
            if (end is not null)
            {
                var next = delay == 0 ? "it is started again" : $"failure {Text(slot.Failures)}, next start in {Seconds(delay)}";
                Note(NoteLevel.Warning, "died", $"pid {Text(member.Pid ?? 0)} has ended ({words}); {next}", end, member.Incarnation);
            }
            // Its place is about to be taken by another.
            if (State.Members.Any(m => m.Slot == member.Slot && m.Role == MemberRole.Next))
            {
                PutSlot(member.Slot, slot);
                return;
            }
            PutSlot(member.Slot, slot with { RetryAt = now.Monotonic + delay });
            if (State.Rolling is not null || State.Members.Any(m => m.Role != MemberRole.Leaving))
            {
                if (State.Phase == Phase.Running)
                    State = State with { Reason = $"one of its {Text(State.Slots.Length)} processes has ended: {words}" };
                else if (State.Phase == Phase.Starting)
                    RunWhenReady();
                StartDue($"the last one ended: {words}");
                return;
            }
            State = State with { Reason = words };
            if (delay > 0)
                NoProcess(Phase.Backoff, words);
            else if (IsOnDemand)
                WaitWhenEmpty(words);
            else
                StartDue($"the last one ended: {words}");
        }

        // On demand, and none is left: the next connection starts it, or the one that waits already.
        private void WaitWhenEmpty(string words)
        {
            NoRetries();
            if (State.Members.Length == 0)
                Wait();
            else
                NoProcess(Phase.Backoff, words);
        }

        // It was told to stop, and what follows depends on why.
        private void AfterLeaving(Member member)
        {
            if (IsStopping)
            {
                FollowWhenEmpty();
                return;
            }
            if (IsOnDemandInBackoff)
            {
                if (NextRetry is null)
                    WaitWhenEmpty(State.Reason);
                return;
            }
            var hasSuccessor = State.Members.Any(m => m.Slot == member.Slot && m.Role != MemberRole.Leaving);
            if (hasSuccessor || member.Slot >= State.Slots.Length)
                return;
            if (State.Rolling is { } plan && State.RollSlot == member.Slot)
            {
                // With its sockets the reload goes on by itself.
                if (!State.AwaitsSockets)
                    Spawn(member.Slot, MemberRole.Next, plan);
            }
            else if (Slot(member.Slot).IsCheap)
                RestWhenDone(State.Reason);
            else if (member.Failure is { } failure)
                Respawn(member, failure, end: null);
            else if (Slot(member.Slot) is { IsDone: false, RetryAt: null })
                Respawn(member, State.LastEnd ?? "", end: null);
        }

        // Starts the copies whose time has come.
        private void StartDue(string why)
        {
            if (IsStopping)
                return;
            for (var i = 0; i < State.Slots.Length; i++)
            {
                if (State.Slots[i].RetryAt is not { } due || due > now.Monotonic)
                    continue;
                PutSlot(i, State.Slots[i] with { RetryAt = null });
                if (State.AwaitsSockets)
                {
                    PutSlot(i, State.Slots[i] with { RetryAt = now.Monotonic + policy.ShortLifeDelay });
                    continue;
                }
                if (State.Rolling is { } plan && State.RollSlot <= i)
                {
                    // The reload starts it.
                    if (State.RollSlot == i && !HasMember(i))
                        Spawn(i, MemberRole.Next, plan);
                    continue;
                }
                if (State.Members.Any(m => m.Slot == i && m.Role == MemberRole.Current))
                {
                    Relieve(i);
                    continue;
                }
                if (!State.Members.Any(m => m.Serves) && State.Rolling is null)
                    State = State with { Phase = Phase.Starting, Deadline = null };
                State = State with { Reason = State.Phase == Phase.Running ? State.Reason : why };
                Spawn(i, MemberRole.Current, State.Slots[i].Plan);
            }
        }
    }
}
