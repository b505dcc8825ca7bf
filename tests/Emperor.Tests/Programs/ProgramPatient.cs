using Emperor.Core;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Programs;

/// <summary>One program's machine on the table: what happens goes in by name, and what is to be done comes out as words.</summary>
internal sealed class ProgramPatient(VassalPolicy? policy = null)
{
    private readonly List<Effect> _effects = [];
    private readonly VassalPolicy _policy = policy ?? new VassalPolicy();
    private int _pid = 100;

    /// <summary>A gunicorn behind a socket.</summary>
    public static ProgramPlan Blog { get; } =
        new()
        {
            Exec = ["/usr/bin/gunicorn"],
            Folder = "/srv/blog",
            Sockets = [new ProgramSocket("/run/blog.sock", "blog")],
            LaunchDigest = "blog",
            ReadyTimeout = 5_000,
            StopTimeout = 3_000,
        };

    public VassalState State { get; private set; } = VassalMachine.Create("blog.ini");

    public Phase Phase => State.Phase;

    public long Now { get; private set; } = 1_000_000;

    /// <summary>What the last event led to but for the notes, such as "hold, launch 1".</summary>
    public string Deeds => string.Join(", ", _effects.Where(e => e is not Effect.Note).Select(Describe));

    /// <summary>The events of the notes that the last event led to.</summary>
    public string Notes => string.Join(", ", _effects.OfType<Effect.Note>().Select(n => n.Event));

    public ProgramPatient Takes(VassalEvent @event)
    {
        _effects.Clear();
        State = VassalMachine.Step(State, @event, new Instant(Now, 1_700_000_000_000 + Now), _policy, _effects);
        return this;
    }

    public ProgramPatient IsFile(ProgramPlan? plan) => Takes(new VassalEvent.FileAccepted(1, Plan: plan));

    public ProgramPatient Listens() => Takes(new VassalEvent.Listening());

    /// <summary>The processes that have been asked for are there.</summary>
    public ProgramPatient Spawns()
    {
        foreach (var member in State.Members.Where(m => m.Pid is null))
            Takes(new VassalEvent.Spawned(member.Incarnation, ++_pid));
        return this;
    }

    public ProgramPatient IsReady(int incarnation) => Takes(new VassalEvent.BecameReady(incarnation));

    public ProgramPatient Exits(int incarnation, int code = 0) =>
        Takes(new VassalEvent.Exited(incarnation, new ProcessEnd(code, false, $"exit {code}")));

    public ProgramPatient Says(int incarnation, Notification message) => Takes(new VassalEvent.Notified(incarnation, message));

    public ProgramPatient After(long milliseconds)
    {
        Now += milliseconds;
        return Takes(new VassalEvent.TimePassed());
    }

    /// <summary>It runs: the given plan's copies, all ready, numbered from 1.</summary>
    public ProgramPatient Runs(ProgramPlan plan)
    {
        IsFile(plan);
        if (plan.Sockets.Count > 0)
            Listens();
        Spawns();
        foreach (var member in State.Members)
            IsReady(member.Incarnation);
        return this;
    }

    private static string Describe(Effect effect) =>
        effect switch
        {
            Effect.Hold hold =>
                $"{(hold.Await ? "await" : "hold")} {string.Join('+', hold.Sockets.Select(s => s.Address))}{(hold.Keep ? " and keep" : "")}",
            Effect.Launch => $"launch {effect.Incarnation}",
            Effect.Signal signal => $"signal {signal.Number} to {effect.Incarnation}",
            Effect.AwaitReady => $"ready? {effect.Incarnation}",
            Effect.CheckHealth => $"well? {effect.Incarnation}",
            Effect.WatchIdle => $"idle? {effect.Incarnation}",
            Effect.Kill => $"kill {effect.Incarnation}",
            Effect.Bury => $"bury {effect.Incarnation}",
            Effect.Unlisten => "unlisten",
            Effect.Thaw => "thaw",
            Effect.Spawn => $"uwsgi {effect.Incarnation}",
            _ => effect.ToString(),
        };
}
