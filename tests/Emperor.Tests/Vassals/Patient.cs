using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Protocol;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Vassals;

/// <summary>
/// One vassal's machine on the table: events go in by name, time is advanced by hand, and what the machine wants done is kept. Events about
/// a process are about the current one.
/// </summary>
internal sealed class Patient(VassalPolicy? policy = null)
{
    private readonly List<Effect> _effects = [];
    private long _now = 1_000_000;
    private int _pid = 100;

    /// <summary>The socket of those that are on demand.</summary>
    public static OnDemandSocket Socket { get; } = new("/run/blog.socket");

    /// <summary>What a uwsgi vassal's file asks for that is to be started after another.</summary>
    public static ProgramPlan AfterOthers { get; } =
        new()
        {
            Folder = "/",
            LaunchDigest = "",
            After = ["db.ini"],
            Ready = new ReadyRule(ReadyWay.Protocol),
        };

    /// <summary>The policy that governs it.</summary>
    public VassalPolicy Policy { get; } = policy ?? new VassalPolicy();

    /// <summary>Where it stands.</summary>
    public VassalState State { get; private set; } = VassalMachine.Create("blog.ini");

    /// <summary>Shorthand for its phase.</summary>
    public Phase Phase => State.Phase;

    /// <summary>The moment, monotonic milliseconds.</summary>
    public long Now => _now;

    /// <summary>What the last event led to.</summary>
    public IReadOnlyList<Effect> Effects => _effects;

    /// <summary>What the last event led to but for the notes, such as "spawn 2, send 1".</summary>
    public string Deeds => string.Join(", ", _effects.Where(e => e is not Effect.Note).Select(Describe));

    /// <summary>The notes that the last event led to.</summary>
    public IEnumerable<Effect.Note> Notes => _effects.OfType<Effect.Note>();

    /// <summary>Hands it an event as it is.</summary>
    public Patient Takes(VassalEvent @event)
    {
        _effects.Clear();
        State = VassalMachine.Step(State, @event, new Instant(_now, 1_700_000_000_000 + _now), Policy, _effects);
        return this;
    }

    /// <summary>What the empire knows of those that it is started after; the machine is not told of it.</summary>
    public Patient IsToldThatOthersAreReady()
    {
        State = State with { OthersReady = true };
        return this;
    }

    public Patient FileIsGood(long modified = 1) => Takes(new VassalEvent.FileAccepted(modified));

    public Patient FileIsOnDemand(OnDemandSocket? socket = null) => Takes(new VassalEvent.FileAccepted(1, Socket: socket ?? Socket));

    public Patient Listens() => Takes(new VassalEvent.Listening());

    public Patient CannotListen(string reason = "somebody listens there") => Takes(new VassalEvent.ListenFailed(reason));

    public Patient IsKnockedAt() => Takes(new VassalEvent.Knocked());

    public Patient FileIsBad(string reason = "it is empty") => Takes(new VassalEvent.FileRefused(reason));

    public Patient FileIsGone() => Takes(new VassalEvent.FileGone());

    public Patient HasProcess() => Takes(new VassalEvent.Spawned(State.Incarnation, ++_pid));

    public Patient CannotBeSpawned(string reason = "no program") => Takes(new VassalEvent.SpawnFailed(State.Incarnation, reason));

    public Patient Says(byte message) => Takes(new VassalEvent.Received(State.Incarnation, message));

    public Patient Accepts() => Says(VassalMessage.Accepting);

    public Patient IsLoyal() => Says(VassalMessage.Loyal);

    public Patient HangsUp() => Takes(new VassalEvent.HungUp(State.Incarnation));

    public Patient IsDeafTo(byte message) => Takes(new VassalEvent.SendFailed(State.Incarnation, message));

    public Patient Exits(int code) =>
        Takes(new VassalEvent.Exited(State.Incarnation, new ProcessEnd(code, Signaled: false, $"exit {code}")));

    public Patient IsKilledBy(int signal) =>
        Takes(new VassalEvent.Exited(State.Incarnation, new ProcessEnd(signal, Signaled: true, $"signal {signal}")));

    /// <summary>Lets time pass and tells the machine.</summary>
    public Patient After(long milliseconds)
    {
        _now += milliseconds;
        return Takes(new VassalEvent.TimePassed());
    }

    /// <summary>Lets time pass without a word.</summary>
    public Patient Silently(long milliseconds)
    {
        _now += milliseconds;
        return this;
    }

    /// <summary>Lets time pass to the machine's next deadline, and tells it.</summary>
    public Patient AtItsDeadline()
    {
        _now = State.NextDeadline ?? throw new InvalidOperationException($"{State.Phase} has no deadline");
        return Takes(new VassalEvent.TimePassed());
    }

    /// <summary>Lets it have the rest that follows its word that it accepts requests.</summary>
    public Patient Rested() => Silently(Policy.ReloadRest);

    /// <summary>Brings a vassal that has just been made to a phase, by events that lead there in life.</summary>
    public Patient BroughtTo(Phase phase) =>
        phase switch
        {
            Phase.Gone => this,
            Phase.Waiting => FileIsOnDemand().Listens(),
            Phase.Held => Takes(new VassalEvent.FileAccepted(1, Plan: AfterOthers)),
            Phase.Starting => FileIsGood().HasProcess(),
            Phase.Running => BroughtTo(Phase.Starting).Accepts().Rested(),
            Phase.Reloading => BroughtTo(Phase.Running).FileIsGood(2),
            Phase.Cursed => BroughtTo(Phase.Running).HangsUp(),
            Phase.Stopping => BroughtTo(Phase.Running).FileIsGone(),
            Phase.Killing => BroughtTo(Phase.Cursed).AtItsDeadline(),
            Phase.Backoff => BroughtTo(Phase.Starting).Exits(1).HasProcess().Exits(1),
            Phase.Resting => BroughtTo(Phase.Running).Exits(ProcessEnd.ExileCode),
            Phase.Refused => FileIsBad(),
            _ => throw new ArgumentOutOfRangeException(nameof(phase), phase, "a new phase needs a way there"),
        };

    private static string Describe(Effect effect) =>
        effect switch
        {
            Effect.Spawn => $"spawn {effect.Incarnation}",
            Effect.Send send => $"send {send.Message}",
            Effect.Kill => "kill",
            Effect.Bury => "bury",
            Effect.Listen listen => $"{(listen.Await ? "await" : "keep")} {listen.Socket.Address}",
            Effect.Unlisten => "unlisten",
            _ => effect.GetType().Name,
        };
}
