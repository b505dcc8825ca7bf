using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;

namespace Emperor.Core.Vassals;

/// <summary>
/// Overview: the life of one vassal, without the world. A vassal is wanted as long as its file is there; the machine keeps one process
/// for it, and at most one at a time.
///
/// <para>A new file is <see cref="Phase.Starting"/> at once. The vassal says that it accepts requests: <see cref="Phase.Running"/>. A changed
/// file is told to it by a byte, and it is <see cref="Phase.Reloading"/> until it accepts requests again; changes that come meanwhile, or
/// while it starts, are told together, a moment afterwards. A process that ends unasked is replaced at once when it had proved itself (it
/// was loyal, or had accepted requests for a while); when not, that is a failure, and after the first the vassal waits in
/// <see cref="Phase.Backoff"/>, longer with each. A changed file is a new chance: it starts at once, its failures forgotten.</para>
///
/// <para>A process that was told to stop is <see cref="Phase.Stopping"/>, one that closed its channel and lives on is
/// <see cref="Phase.Cursed"/>; both are sent SIGKILL at their deadline and are <see cref="Phase.Killing"/> until their end is seen. What
/// follows that end is the <see cref="Aftermath"/>, which a later event may change: a file that comes back while its vassal stops is started
/// anew when the old process is gone, never beside it.</para>
///
/// <para>A vassal that ends with the code of exile, or that says that it stops of its own will, is <see cref="Phase.Resting"/>; one whose file
/// cannot be run is <see cref="Phase.Refused"/>. Both have no process until the file changes. A file that becomes unusable while its
/// process runs changes nothing but <see cref="VassalState.RefusedChange"/>: the process lives on with what it has read.</para>
///
/// <para>A vassal on demand is <see cref="Phase.Waiting"/> where another would be started: the emperor has its socket, connections wait there,
/// and the first of them starts the process, which gets the socket and accepts them. The socket stays with the emperor all the time, so what
/// connects between the end of one process and the start of the next waits and is not lost. When a process ends, for whatever reason, the
/// vassal waits again; when it failed, not before its backoff is over, during which nobody looks at the socket.</para>
///
/// <para>An operator's orders are events like all others. A stop by hand ends in <see cref="Phase.Resting"/>, and so lasts until a start by hand
/// or a change of the file; an on-demand socket is closed meanwhile, and a start by hand lets it wait again. An order that cannot be obeyed (<see cref="Order.Refusal"/>) changes nothing.</para>
///
/// <para>Step is pure and total: every phase answers every event, and an event of an earlier incarnation is dropped.</para>
/// </summary>
public static partial class VassalMachine
{
    /// <summary>A vassal whose file has just been seen, before the first event.</summary>
    public static VassalState Create(string name) => new() { Name = name, Phase = Phase.Gone };

    /// <summary>One step under way.</summary>
    private ref partial struct Turn(VassalState state, Instant now, VassalPolicy policy, List<Effect> effects)
    {
        internal VassalState State { get; private set; } = state;

        internal readonly bool IsCurrent(int incarnation) => incarnation == State.Incarnation && State.HasProcess;

        internal void FileAccepted(VassalEvent.FileAccepted file)
        {
            var isNew = State.Phase == Phase.Gone;
            // A vassal whose file was refused at first is born when it is mended.
            var born = State.File == default ? file.ModifiedUnix : State.File.Born;
            var former = (State.Socket, State.Plan);
            State = State with
            {
                RefusedChange = null,
                File = (born, file.ModifiedUnix),
                Source = file.Source ?? State.Source,
                Socket = file.Socket,
                Plan = file.Plan,
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
                    Begin(isNew ? "new" : "its file has changed");
                    break;
                case Phase.Waiting:
                    Update();
                    break;
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    ReloadWith(former.Socket, former.Plan);
                    break;
                case Phase.Cursed:
                    // It is about to be killed and replaced, and the next process will read the file as it is then.
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    if (State.Aftermath != Aftermath.Recover)
                        Succeed(State.Aftermath == Aftermath.Forget ? "its file is back" : "its file has changed");
                    break;
            }
        }

        internal void FileRefused(VassalEvent.FileRefused file)
        {
            State = State with { Source = file.Source ?? State.Source };
            switch (State.Phase)
            {
                case Phase.Gone:
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                    Refuse(file.Reason);
                    break;
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                case Phase.Cursed:
                    State = State with { RefusedChange = file.Reason };
                    TakeBackReload();
                    Note(NoteLevel.Error, "refused", $"its changed file is not taken, and it runs on as it is: {file.Reason}");
                    break;
                case Phase.Stopping:
                case Phase.Killing:
                    State = State with { RefusedChange = file.Reason };
                    if (State.Aftermath != Aftermath.Recover)
                        Succeed("its file has changed");
                    break;
            }
        }

        internal void StopForGood(string why, long patience)
        {
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    TellToStop(Aftermath.Forget, why, patience);
                    break;
                case Phase.Cursed:
                    // It cannot be told any more. It keeps the time it was given, but no longer than all others.
                    State = State with
                    {
                        Phase = Phase.Stopping,
                        Aftermath = Aftermath.Forget,
                        Reason = why,
                        Deadline = Math.Min(State.Deadline ?? long.MaxValue, now.Monotonic + patience),
                    };
                    Note(NoteLevel.Information, "stopping", $"{why}; it has closed its channel and cannot be told");
                    break;
                case Phase.Stopping:
                    State = State with
                    {
                        Aftermath = Aftermath.Forget,
                        Deadline = Math.Min(State.Deadline ?? long.MaxValue, now.Monotonic + patience),
                    };
                    break;
                case Phase.Killing:
                    State = State with { Aftermath = Aftermath.Forget };
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Backoff:
                case Phase.Resting:
                case Phase.Refused:
                    Note(NoteLevel.Information, "removed", why);
                    Forget();
                    break;
                case Phase.Gone:
                    break;
            }
        }

        internal void ReloadAsked()
        {
            switch (State.Phase)
            {
                case Phase.Starting:
                case Phase.Running:
                case Phase.Reloading:
                    // It would read the file that was refused, and lose the configuration that it runs on with.
                    if (State.RefusedChange is { } refused)
                        Note(NoteLevel.Warning, "not-reloaded", $"it is not reloaded, because its changed file was not taken: {refused}");
                    else
                        Reload("a reload was asked for");
                    break;
                case Phase.Backoff:
                    Begin("a reload was asked for");
                    break;
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
            State = State with { Failures = 0, ShortLives = 0, ListenFailures = 0 };
            if (State.Phase == Phase.Backoff)
                Begin("its failures are forgiven");
        }

        internal void KillNow(Aftermath aftermath, string why)
        {
            if (State.HasProcess)
            {
                effects.Add(new Effect.Kill(State.Name, State.Incarnation));
                Note(NoteLevel.Warning, "killed", $"SIGKILL to pid {Pid()}: {why}");
                State = State with
                {
                    Phase = Phase.Killing,
                    Aftermath = aftermath,
                    Reason = why,
                    Deadline = now.Monotonic + policy.KillPatience,
                    HeartbeatDeadline = null,
                    ReloadPending = false,
                    History = State.History with { Cursed = State.History.Cursed == 0 ? now.Unix : State.History.Cursed },
                };
            }
            else if (State.Phase != Phase.Gone && aftermath == Aftermath.Forget)
            {
                Forget();
            }
        }

        internal void TimePassed()
        {
            if (State.HeartbeatDeadline is { } beat && beat <= now.Monotonic)
            {
                KillNow(Aftermath.Recover, $"no heartbeat for {Seconds(policy.RequiredHeartbeat)}");
                return;
            }
            if (State.Deadline is not { } due || due > now.Monotonic)
                return;
            switch (State.Phase)
            {
                case Phase.Backoff:
                    Begin($"attempt {State.Failures + 1}");
                    break;
                case Phase.Reloading:
                    SendReload(State.AnsweredAt is null ? "a further change, though it has not answered to the last one" : State.Reason);
                    break;
                case Phase.Cursed:
                    KillNow(Aftermath.Recover, $"it closed its channel {Seconds(policy.CurseTolerance)} ago and lives on");
                    break;
                case Phase.Stopping:
                    KillNow(State.Aftermath, $"{State.Reason}, and it did not stop in time");
                    break;
                case Phase.Killing:
                    effects.Add(new Effect.Kill(State.Name, State.Incarnation));
                    Note(NoteLevel.Error, "unkillable", $"pid {Pid()} is still there after SIGKILL: it waits inside the kernel");
                    State = State with { Deadline = now.Monotonic + policy.KillPatience };
                    break;
                case Phase.Starting when State.Plan is { } plan:
                    var late = $"it was not ready in {Seconds(plan.ReadyTimeout)}";
                    Note(NoteLevel.Warning, "unwell", $"pid {Pid()} is ended: {late}");
                    TellToStop(Aftermath.Recover, late, policy.CurseTolerance);
                    break;
                case Phase.Waiting:
                case Phase.Held:
                case Phase.Starting:
                case Phase.Running:
                case Phase.Resting:
                case Phase.Refused:
                case Phase.Gone:
                    State = State with { Deadline = null };
                    break;
            }
        }

        private void Start(string why)
        {
            if (State.Socket is null)
                Unlisten();
            State = State with
            {
                Phase = Phase.Starting,
                Incarnation = State.Incarnation + 1,
                Pid = null,
                Reason = why,
                // Only its section [emperor] can say how long a uwsgi vassal may take.
                Deadline = State.Plan is { ReadyTimeout: < ProgramPlan.Never } plan ? now.Monotonic + plan.ReadyTimeout : null,
                HeartbeatDeadline = null,
                ReloadPending = false,
                Ready = false,
                Accepting = false,
                AcceptingSince = null,
                AnsweredAt = null,
                Loyal = false,
                WasLoyal = false,
                Babbled = false,
                Deaf = false,
                StoppedByHand = false,
                Reloads = 0,
                SpawnedAt = now.Monotonic,
                LaunchedDigest = State.Source?.Digest,
                History = State.History with { Cursed = 0, LastHeartbeat = 0 },
            };
            effects.Add(new Effect.Spawn(State.Name, State.Incarnation) { Plan = State.Plan });
        }

        private void Reload(string why)
        {
            if (State.Phase == Phase.Reloading)
            {
                if (!State.ReloadPending)
                    State = State with { ReloadPending = true, Deadline = now.Monotonic + policy.ReloadPatience };
                return;
            }
            // One that starts has not forked its workers yet.
            var due = State.Phase == Phase.Starting ? now.Monotonic + policy.ReloadPatience : State.AnsweredAt + policy.ReloadRest;
            if (due > now.Monotonic)
                State = State with { Phase = Phase.Reloading, Reason = why, ReloadPending = true, Deadline = due };
            else
                SendReload(why);
        }

        private void TakeBackReload()
        {
            if (State.Phase != Phase.Reloading || !State.ReloadPending)
                return;
            State = State with { ReloadPending = false, Deadline = null };
            // What it has not read is no reload, and will never be answered.
            if (State.Deaf || State.AnsweredAt is not null || State.Reloads == 0)
                State = State with { Phase = State.Accepting || State.Loyal ? Phase.Running : Phase.Starting, Deaf = false };
        }

        private void SendReload(string why)
        {
            effects.Add(new Effect.Send(State.Name, State.Incarnation, EmperorMessage.Reload));
            State = State with
            {
                Phase = Phase.Reloading,
                Reason = why,
                Deadline = null,
                ReloadPending = false,
                Ready = false,
                Accepting = false,
                AnsweredAt = null,
                WasLoyal = State.Loyal,
                Reloads = State.Reloads + 1,
                LaunchedDigest = State.Source?.Digest,
                History = State.History with { LastRun = now.Unix, ReloadTold = now.Monotonic },
            };
            Note(State.Deaf ? NoteLevel.Debug : NoteLevel.Information, "reload", $"reload of pid {Pid()}: {why}");
        }

        private void TellToStop(Aftermath aftermath, string why, long patience, bool gracefully = false)
        {
            var message = gracefully || policy.GracefulStop ? EmperorMessage.StopGracefully : EmperorMessage.Stop;
            effects.Add(new Effect.Send(State.Name, State.Incarnation, message));
            State = State with
            {
                Phase = Phase.Stopping,
                Aftermath = aftermath,
                Reason = why,
                Deadline = now.Monotonic + (State.Plan?.StopTimeout ?? patience),
                HeartbeatDeadline = null,
                ReloadPending = false,
                History = State.History with { Cursed = now.Unix },
            };
            Note(NoteLevel.Information, "stopping", $"pid {Pid()} is told to stop: {why}");
        }

        private void Refuse(string reason)
        {
            if (State.Phase == Phase.Waiting)
                StopAwaiting();
            NoProcess(Phase.Refused, reason);
            State = State with { RefusedChange = reason };
            Note(NoteLevel.Error, "config-error", reason);
        }

        private void NoProcess(Phase phase, string reason) =>
            State = State with
            {
                Phase = phase,
                Pid = null,
                Reason = reason,
                Deadline = null,
                HeartbeatDeadline = null,
                ReloadPending = false,
                Accepting = false,
                AcceptingSince = null,
                AnsweredAt = null,
                Ready = false,
                History = State.History with { Cursed = 0 },
            };

        private void Forget()
        {
            Unlisten();
            NoProcess(Phase.Gone, "");
        }

        private readonly void Note(NoteLevel level, string @event, string text, ProcessEnd? end = null) =>
            effects.Add(new Effect.Note(State.Name, State.Incarnation, level, @event, text, end?.Words));

        private readonly string Pid() => State.Pid is { } pid ? pid.ToString(CultureInfo.InvariantCulture) : "(none yet)";

        private static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.#} s");
    }
}
