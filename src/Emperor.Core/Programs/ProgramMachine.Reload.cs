using Emperor.Core.Vassals;

namespace Emperor.Core.Programs;

// How a program is brought to another plan, or to another process of the same one.
public static partial class ProgramMachine
{
    private ref partial struct Turn
    {
        // It has processes, and shall run as its file says now.
        private void Change(string why)
        {
            if (State.Plan is not { IsProgram: true } plan)
            {
                Succeed(why);
                TellAllToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
            }
            else if (State.Phase == Phase.Starting && !State.Members.Any(m => m.Serves))
            {
                // Nothing serves that could be kept.
                Succeed(why);
                TellAllToStop(Aftermath.StartAnew, why, policy.CurseTolerance);
            }
            else if (plan.Reload == ReloadWay.Signal && State.Rolling is null && IsLaunchedAs(plan))
            {
                SignalReload(plan, why);
            }
            else
            {
                Roll(why);
            }
        }

        // Whether a signal is enough: all of it runs as it would be started now.
        private readonly bool IsLaunchedAs(ProgramPlan plan) =>
            plan.Processes == State.Slots.Length
            && State.Slots.All(s =>
                s.Plan.LaunchDigest == plan.LaunchDigest && s.Plan.Sockets.SequenceEqual(plan.Sockets) && s.RetryAt is null
            )
            && State.Members.All(m => m.Role == MemberRole.Leaving || m.Serves);

        private void SignalReload(ProgramPlan plan, string why)
        {
            foreach (var member in State.Members.Where(m => m.Serves).ToArray())
            {
                Put(member with { Plan = plan });
                effects.Add(new Effect.Signal(State.Name, member.Incarnation, plan.ReloadSignal, Stops: false));
            }
            State = State with
            {
                Slots = [.. State.Slots.Select(s => s with { Plan = plan })],
                FailedReload = null,
                Reloads = State.Reloads + 1,
                LaunchedDigest = State.Source?.Digest,
                History = State.History with { LastRun = now.Unix, ReloadTold = now.Monotonic },
            };
            Note(NoteLevel.Information, "reload", $"signal {Text(plan.ReloadSignal)} to {Pids()} sent: {why}");
            if (State.Phase == Phase.Running)
                CountReload();
        }

        // It reloads of its own, or because of the signal, and says so.
        private void ReloadsItself(Member member)
        {
            Put(member with { IsReloading = true, Deadline = now.Monotonic + member.Plan.ReadyTimeout });
            if (State.Phase != Phase.Running)
                return;
            State = State with
            {
                Phase = Phase.Reloading,
                Reason = "it says that it reloads",
                History = State.History with { ReloadTold = now.Monotonic },
            };
        }

        private void ReloadedItself(Member member)
        {
            Put(member with { IsReloading = false, Deadline = null });
            if (State is { Phase: Phase.Reloading, Rolling: null } && !State.Members.Any(m => m.IsReloading))
            {
                State = State with { Phase = Phase.Running, Reason = "" };
                CountReload();
            }
        }

        private void Roll(string why)
        {
            var isSuperseded = State.Rolling is not null;
            foreach (var member in State.Members.Where(m => m.Role == MemberRole.Next).ToArray())
                Leave(member, failure: null, now.Monotonic + (member.Plan.StopTimeout ?? policy.CurseTolerance));
            var plan = State.Plan!;
            State = State with
            {
                Phase = Phase.Reloading,
                Reason = why,
                Deadline = null,
                Rolling = plan,
                RollSlot = 0,
                Generation = State.Generation + 1,
                FailedReload = null,
                Reloads = State.Reloads + 1,
                History = State.History with { LastRun = now.Unix, ReloadTold = now.Monotonic },
            };
            while (State.Slots.Length < plan.Processes)
                State = State with { Slots = State.Slots.Add(new ProgramSlot(plan) { IsDone = true }) };
            Note(NoteLevel.Information, "reload", $"{(isSuperseded ? "the reload under way is superseded: " : "reload: ")}{why}");
            if (plan.Sockets.Count == 0)
            {
                RollOn();
                return;
            }
            State = State with { AwaitsSockets = true, HoldsSockets = true };
            effects.Add(new Effect.Hold(State.Name, State.Incarnation, plan.Sockets, Await: false, Keep: true));
        }

        private void RollOn()
        {
            var plan = State.Rolling!;
            while (plan.Wsgi?.Cheaper is { } cheaper && CanRest(State.RollSlot, plan, cheaper))
            {
                PutSlot(State.RollSlot, new ProgramSlot(plan) { Generation = State.Generation, IsCheap = true });
                State = State with { RollSlot = State.RollSlot + 1 };
            }
            var slot = State.RollSlot;
            if (slot >= plan.Processes)
            {
                FinishRoll();
                return;
            }
            var current = State.Members.FirstOrDefault(m => m.Slot == slot && m.Role == MemberRole.Current);
            var isSideBySide = plan.Reload == ReloadWay.Overlap || (plan.Reload == ReloadWay.Signal && plan.Sockets.Count > 0);
            if (current is not null && !isSideBySide)
                // Its end is followed by the start of the next one.
                Leave(current, failure: null, now.Monotonic + (current.Plan.StopTimeout ?? policy.CurseTolerance));
            else
                Spawn(slot, MemberRole.Next, plan);
        }

        // The new one is ready: the old one may go.
        private void TakeOver(Member ready)
        {
            var former = State.Members.FirstOrDefault(m =>
                m.Slot == ready.Slot && m.Role == MemberRole.Current && m.Incarnation != ready.Incarnation
            );
            if (former is not null)
                Leave(former, failure: null, now.Monotonic + (former.Plan.StopTimeout ?? policy.CurseTolerance));
            if (State.Rolling is null)
            {
                PutSlot(ready.Slot, Slot(ready.Slot) with { Failures = 0, RetryAt = null });
                if (State.Phase is Phase.Starting or Phase.Running)
                    RunWhenReady();
                return;
            }
            PutSlot(ready.Slot, new ProgramSlot(ready.Plan) { Generation = ready.Generation });
            State = State with { RollSlot = ready.Slot + 1 };
            RollOn();
        }

        private void FinishRoll()
        {
            var plan = State.Rolling!;
            foreach (var member in State.Members.Where(m => m.Slot >= plan.Processes && m.Role != MemberRole.Leaving).ToArray())
                Leave(member, failure: null, now.Monotonic + (member.Plan.StopTimeout ?? policy.CurseTolerance));
            State = State with
            {
                Phase = Phase.Running,
                PhaseSince = now.Monotonic,
                Reason = "",
                Rolling = null,
                Slots = State.Slots[..plan.Processes],
                LaunchedDigest = State.Source?.Digest,
            };
            if (State.HoldsSockets)
                effects.Add(new Effect.Hold(State.Name, State.Incarnation, plan.Sockets, Await: false, Keep: false));
            State = State with { HoldsSockets = plan.Sockets.Count > 0 };
            CountReload();
            Note(NoteLevel.Information, "reloaded", $"it is reloaded, after {Seconds(State.History.LastReloadTook)}");
            RelieveAll();
        }

        // A copy without a process, while enough others have one, needs none.
        private readonly bool CanRest(int index, ProgramPlan plan, Wsgi.CheaperRule cheaper) =>
            index < plan.Processes
            && index >= cheaper.Minimum
            && (Slot(index).Rests || Slot(index).RetryAt is not null)
            && !State.Members.Any(m => m.Slot == index && m.Role == MemberRole.Current);

        // The new one is not to be had: what serves stays.
        private void FailRoll(string reason, Member? next)
        {
            // Copies that this reload has added are of the new program, and none of them has begun.
            var slotOfFormer = next is null ? State.Slots.LastOrDefault(s => !s.IsDone) ?? State.Slots[0] : State.Slots[next.Slot];
            var former = next is null ? null : slotOfFormer.Plan;
            State = State with { Rolling = null, FailedReload = reason, AwaitsSockets = false, LastEnd = reason };
            // Copies that are there only because of this reload go again.
            var kept = State.Slots.Length;
            while (kept > 1 && IsSurplus(kept - 1, slotOfFormer.Plan))
                kept--;
            State = State with
            {
                Slots =
                [
                    .. State
                        .Slots[..kept]
                        .Select(s => s.IsCheap ? s with { Plan = slotOfFormer.Plan, Generation = slotOfFormer.Generation } : s),
                ],
            };
            // Where the old one had to end first, or has died meanwhile, it is brought back.
            for (var i = 0; i < kept; i++)
            {
                if (!State.Members.Any(m => m.Slot == i && m.Role != MemberRole.Leaving) && Slot(i) is { Rests: false, RetryAt: null } slot)
                    PutSlot(i, slot with { RetryAt = now.Monotonic + policy.ShortLifeDelay });
            }
            var serving = State.Members.Count(m => m.Serves);
            var words =
                $"the reload failed: {reason}; {(serving > 0 ? "the former processes serve on" : "the former program is started again")}";
            State = State with { Phase = serving > 0 ? Phase.Running : Phase.Starting, Reason = serving > 0 ? "" : words };
            Note(NoteLevel.Error, "reload-failed", words);
            // Those that this reload has brought are closed, unless some copies have them already.
            var plan = former ?? State.Slots[0].Plan;
            if (State.HoldsSockets && State.Slots.All(s => s.Plan == plan))
                effects.Add(new Effect.Hold(State.Name, State.Incarnation, plan.Sockets, Await: false, Keep: false));
            StartDue("the former program is started again");
            RestWhenDone(words);
            RelieveAll();
        }

        private readonly bool IsSurplus(int index, ProgramPlan former) =>
            (Slot(index).IsDone || (Slot(index).IsCheap && index >= former.Processes))
            && !State.Members.Any(m => m.Slot == index && m.Role != MemberRole.Leaving);

        private void CountReload() =>
            State = State with
            {
                History = State.History with
                {
                    ReloadsAnswered = State.History.ReloadsAnswered + 1,
                    LastReloadTook = now.Monotonic - State.History.ReloadTold,
                },
            };
    }
}
