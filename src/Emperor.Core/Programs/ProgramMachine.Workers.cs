using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// What is about workers of the built-in server alone: they reach limits of their own, cannot load their app, and are more or fewer as there is to do.
public static partial class ProgramMachine
{
    private ref partial struct Turn
    {
        internal void Departing(VassalEvent.Departing word)
        {
            if (IsStopping || Find(word.Incarnation) is not { Role: MemberRole.Current, Serves: true, IsDue: false } member)
                return;
            var pid = Text(member.Pid ?? 0);
            if (word.IsDue)
            {
                Note(NoteLevel.Information, "worker-due", $"pid {pid} is to be replaced: {word.Reason}", null, member.Incarnation);
                Put(member with { IsDue = true });
                Relieve(member.Slot);
                return;
            }
            Note(NoteLevel.Information, "worker-leaves", $"pid {pid} leaves: {word.Reason}", null, member.Incarnation);
            Put(
                member with
                {
                    Role = MemberRole.Leaving,
                    WatchdogDue = null,
                    Deadline = now.Monotonic + (member.Plan.StopTimeout ?? policy.CurseTolerance),
                }
            );
            Replace(member, "the last one leaves");
        }

        internal void AppFailed(VassalEvent.AppFailed word)
        {
            if (Find(word.Incarnation) is not null)
                State = State with { Traceback = word.Traceback };
        }

        internal void Scaled(VassalEvent.Scaled word)
        {
            if (State is not { Phase: Phase.Running, Rolling: null } || State.Slots[0].Plan.Wsgi?.Cheaper is not { } cheaper)
                return;
            if (word.Delta > 0)
                Grow(word.Delta, word.Reason);
            else
                Shrink(-word.Delta, cheaper.Minimum, word.Reason);
        }

        // Its process has ended, or is about to, in order: the next one is no second attempt. It is only not started as fast as the machine can.
        private void Replace(Member member, string why)
        {
            var slot = Slot(member.Slot);
            var shortLives = now.Monotonic - member.SpawnedAt < policy.ShortLife ? slot.ShortLives + 1 : 0;
            // One that is to take its place may be on its way.
            if (State.Members.Any(m => m.Slot == member.Slot && m.Role == MemberRole.Next))
                return;
            PutSlot(member.Slot, slot with { ShortLives = shortLives, RetryAt = now.Monotonic + policy.DelayAfter(0, shortLives) });
            StartDue(why);
        }

        // Starts the process that is to take the place of one which has reached a limit of its own. It serves on until then.
        private void Relieve(int slot)
        {
            if (
                State.Rolling is null
                && State.Phase is Phase.Starting or Phase.Running
                && State.Members.Any(m => m.Slot == slot && m is { IsDue: true, Serves: true })
                && !State.Members.Any(m => m.Slot == slot && m.Role == MemberRole.Next)
            )
                Spawn(slot, MemberRole.Next, Slot(slot).Plan);
        }

        // A reload has nothing against it any more.
        private void RelieveAll()
        {
            for (var i = 0; i < State.Slots.Length; i++)
            {
                if (State.Slots[i].RetryAt is null)
                    Relieve(i);
            }
        }

        // One that was to take the place of another has not come to that.
        private void NextFailed(string reason, Member member)
        {
            if (State.Rolling is not null)
            {
                FailRoll(reason, member);
                return;
            }
            if (!State.Members.Any(m => m.Slot == member.Slot && m.Role == MemberRole.Current))
            {
                // What it was to replace has ended meanwhile. One that is still there is followed when it ends.
                if (Find(member.Incarnation) is null)
                    Respawn(member, reason, end: null);
                return;
            }
            var slot = Slot(member.Slot);
            var failures = slot.Failures + 1;
            var delay = Math.Max(policy.DelayAfter(failures, 0), policy.ShortLifeDelay);
            PutSlot(member.Slot, slot with { Failures = failures, RetryAt = now.Monotonic + delay });
            State = State with { LastEnd = reason };
            Note(
                NoteLevel.Error,
                "not-replaced",
                $"{reason}; the one that it was to replace serves on, and it is tried again in {Seconds(delay)}",
                null,
                member.Incarnation
            );
        }

        private void Grow(int count, string why)
        {
            for (var i = 0; i < State.Slots.Length && count > 0; i++)
            {
                if (!State.Slots[i].IsCheap)
                    continue;
                count--;
                PutSlot(i, State.Slots[i] with { IsCheap = false });
                Note(NoteLevel.Information, "cheaper", $"copy {Text(i + 1)} of {Text(State.Slots.Length)} is started: {why}");
                Spawn(i, MemberRole.Current, State.Slots[i].Plan);
            }
        }

        private void Shrink(int count, int least, string why)
        {
            var active = State.Slots.Count(s => !s.Rests);
            for (var i = State.Slots.Length - 1; i >= 0 && count > 0 && active > least; i--)
            {
                if (State.Slots[i].Rests || !IsServed(i))
                    continue;
                count--;
                active--;
                PutSlot(i, State.Slots[i] with { IsCheap = true, RetryAt = null, Failures = 0, ShortLives = 0 });
                foreach (var member in State.Members.Where(m => m.Slot == i && m.Role != MemberRole.Leaving).ToArray())
                {
                    Note(NoteLevel.Information, "cheaper", $"pid {Text(member.Pid ?? 0)} is told to stop: {why}", null, member.Incarnation);
                    Leave(member, failure: null, now.Monotonic + (member.Plan.StopTimeout ?? policy.CurseTolerance));
                }
            }
        }
    }
}
