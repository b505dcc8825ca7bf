using Emperor.Core.Monitoring;
using Emperor.Core.Protocol;
using Emperor.Core.Vassals;

namespace Emperor.Tests.Simulation;

/// <summary>
/// Processes and channels without a machine under them: does what the effects ask for, as the daemon's effect runner would, and plays the
/// processes by their <see cref="Character"/>. What the daemon would hear is gathered until the driver's next turn asks for it.
/// </summary>
internal sealed class SimulatedKernel(
    Timeline time,
    Dice dice,
    Trace trace,
    Invariants invariants,
    SimulatedSockets sockets,
    Func<string, FileStamp?> readFile
)
{
    private readonly Dictionary<string, SimulatedProcess> _processes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Character> _habits = new(StringComparer.Ordinal);
    private readonly HashSet<SimulatedProcess> _speaking = [];
    private readonly List<SimulatedProcess> _ended = [];
    private readonly List<byte> _messages = [];

    // Of a hundred processes: whose pidfd does not come over to a new emperor; how often the end of one is seen and not how it was.
    private const int LossesOfHundred = 10;
    private const int UnknownOfHundred = 50;
    private static readonly ProcessEnd Unknown = new(Core.Succession.Accession.UnknownCode, Signaled: false, "nobody saw how");
    private int _pid = 1_000;

    /// <summary>How wild new processes are, of a hundred; 0 is tame.</summary>
    public int Wildness { get; set; }

    /// <summary>How many of a hundred spawns fail.</summary>
    public int SpawnFailures { get; set; }

    /// <summary>What has come of effects, and what was heard.</summary>
    public Queue<(string Vassal, VassalEvent Event)> Outcomes { get; } = new();

    /// <summary>The processes that have not been reaped, by vassal.</summary>
    public IReadOnlyDictionary<string, SimulatedProcess> Processes => _processes;

    /// <summary>Who has said something or hung up since the last turn.</summary>
    public bool IsAnyoneSpeaking => _speaking.Count > 0;

    /// <summary>Does one thing.</summary>
    public void Run(Effect effect)
    {
        trace.Say($"  effect {effect}");
        var process = _processes.GetValueOrDefault(effect.Vassal) is { } p && p.Incarnation == effect.Incarnation ? p : null;
        switch (effect)
        {
            case Effect.Spawn:
                Spawn(effect.Vassal, effect.Incarnation);
                break;
            case Effect.Send send when process is not null:
                if (send.Message != EmperorMessage.Reload)
                    invariants.ToldToStop(process);
                // What is sent to one that has just ended or hung up is lost without a word.
                if (process is { IsChannelOpen: true, End: null })
                    Send(process, send.Message);
                break;
            case Effect.Kill when process is not null:
                invariants.Killed(process);
                process.IsKilled = true;
                time.In(process.Character.DiesOfKillIn, () => End(process, new ProcessEnd(9, Signaled: true, "signal 9")));
                break;
            case Effect.Listen listen:
                Outcomes.Enqueue((effect.Vassal, sockets.Listen(listen)));
                break;
            case Effect.Unlisten:
                sockets.Unlisten(effect.Vassal);
                break;
            case Effect.Bury:
                invariants.Buried(effect.Vassal, effect.Incarnation);
                break;
        }
    }

    /// <summary>Somebody connects to a vassal's socket.</summary>
    public void Connect(string vassal) =>
        sockets.Connect(vassal, _processes.GetValueOrDefault(vassal) is { End: null, IsServing: true, IsToldToStop: false });

    /// <summary>Hands over what processes have said since the last turn.</summary>
    public void Hear()
    {
        foreach (var process in _speaking)
            Hear(process);
        _speaking.Clear();
    }

    /// <summary>The processes that have ended since the last turn, in the order in which the loop would tell.</summary>
    public List<SimulatedProcess> TakeEnded()
    {
        var ended = _ended.ToList();
        _ended.Clear();
        return ended;
    }

    /// <summary>Hears a process's last words and tells its end.</summary>
    public void Reap(SimulatedProcess process)
    {
        Hear(process);
        _processes.Remove(process.Vassal);
        Outcomes.Enqueue((process.Vassal, new VassalEvent.Exited(process.Incarnation, process.End!)));
    }

    /// <summary>The processes of a vassal whose end a new emperor will see.</summary>
    public IReadOnlySet<int> LivingOf(string vassal) => _processes.TryGetValue(vassal, out var p) ? new HashSet<int> { p.Incarnation } : [];

    /// <summary>The processes of a vassal whose output a new emperor does not get.</summary>
    public IReadOnlySet<int> MuteOf(string vassal, Dice chance) =>
        _processes.TryGetValue(vassal, out var p) && chance.Chance(LossesOfHundred) ? new HashSet<int> { p.Incarnation } : [];

    /// <summary>The emperor is gone. What it has read and reaped is read and reaped; the rest waits for the next one.</summary>
    public void LoseEmperor()
    {
        Outcomes.Clear();
        _ended.Clear();
        _speaking.Clear();
        foreach (var process in _processes.Values)
        {
            process.IsHangupTold = false;
            if (process.IsEndVisible)
                _ended.Add(process);
            if (process.Said.Count > 0 || !process.IsChannelOpen)
                _speaking.Add(process);
        }
    }

    /// <summary>
    /// A new emperor takes over the processes that it knows of; all others are ended at once, as what of them does not come over: none of them is there any more.
    /// </summary>
    /// <returns>Those that are not, and whether they are known.</returns>
    public List<(SimulatedProcess Process, bool IsKnown)> Adopt(IReadOnlyDictionary<string, VassalState> vassals, Dice chance)
    {
        List<(SimulatedProcess, bool)> gone = [];
        foreach (var process in _processes.Values)
        {
            var isKnown = vassals.TryGetValue(process.Vassal, out var v) && v.HasProcess && v.Incarnation == process.Incarnation;
            if (isKnown && !chance.Chance(LossesOfHundred))
            {
                if (process.End is not null && chance.Chance(UnknownOfHundred))
                    process.End = Unknown;
                continue;
            }
            process.End ??= Unknown;
            gone.Add((process, isKnown));
            _processes.Remove(process.Vassal);
            _ended.Remove(process);
            _speaking.Remove(process);
        }
        return gone;
    }

    /// <summary>From now on all processes do what is expected of them, those that live too.</summary>
    public void Tame()
    {
        Wildness = SpawnFailures = sockets.Failures = 0;
        foreach (var process in _processes.Values.Where(p => p.End is null))
        {
            process.Character = Character.Tame with { DiesOfKillIn = process.Character.DiesOfKillIn };
            process.Mind++;
            if (process.IsToldToStop)
                EndIn(process, 20);
            else if (process.HasUnreadReload || process.Read is null)
                Reload(process);
            else
                Say(process, 100, VassalMessage.Accepting);
        }
    }

    private void Spawn(string vassal, int incarnation)
    {
        invariants.Spawning(vassal, _processes.GetValueOrDefault(vassal));
        sockets.Spawning(vassal);
        if (dice.Chance(SpawnFailures))
        {
            var reason = dice.Of("no program", "no folder", "too many open files");
            Outcomes.Enqueue((vassal, new VassalEvent.SpawnFailed(incarnation, reason)));
            return;
        }
        var character = Wildness == 0 ? Character.Tame : CharacterOf(vassal);
        var process = new SimulatedProcess(vassal, incarnation, ++_pid, character);
        _processes[vassal] = process;
        invariants.Spawned(process);
        Live(process);
        Outcomes.Enqueue((vassal, new VassalEvent.Spawned(incarnation, process.Pid)));
    }

    // A program that is broken is mostly broken in the same way the next time.
    private Character CharacterOf(string vassal)
    {
        if (_habits.TryGetValue(vassal, out var habit) && dice.Chance(70))
            return habit;
        return _habits[vassal] = Character.Wild(dice, Wildness);
    }

    private void Live(SimulatedProcess process)
    {
        var c = process.Character;
        Plan(process, c.ReadsAfter, () => process.Read = readFile(process.Vassal));
        if (dice.Chance(50))
            Say(process, c.ReadsAfter, VassalMessage.Spawned);
        Say(process, c.AcceptsAfter, VassalMessage.Accepting);
        Say(process, c.LoyalAfter, VassalMessage.Loyal);
        Say(process, c.WillAfter, VassalMessage.Stopping);
        for (var i = 0; i < c.Babble; i++)
            Say(process, c.BabblesAfter, (byte)dice.Between(27, 60));
        if (c.BeatsEvery is { } every)
            Beat(process, every, c.Beats);
        if (c.HangsUpAfter is { } hangup)
            Plan(process, hangup, () => HangUp(process));
        if (c.DiesAfter is not null)
            EndIn(process, c.DiesAfter);
    }

    private void Send(SimulatedProcess process, byte message)
    {
        if (process.Character.IsDeaf)
        {
            Outcomes.Enqueue((process.Vassal, new VassalEvent.SendFailed(process.Incarnation, message)));
            return;
        }
        if (message == EmperorMessage.Reload)
        {
            process.HasUnreadReload = true;
            if (process.Character.ReloadsIn is { } delay)
                Plan(process, delay, () => Reload(process));
            return;
        }
        process.IsToldToStop = true;
        EndIn(process, process.Character.StopsIn);
    }

    private void Reload(SimulatedProcess process)
    {
        process.HasUnreadReload = false;
        process.Read = readFile(process.Vassal);
        if (process.Character.DiesOfReload)
            EndIn(process, 1);
        Say(process, process.Character.AcceptsAgainIn, VassalMessage.Accepting);
    }

    private void Beat(SimulatedProcess process, long every, int left) =>
        Plan(
            process,
            every,
            () =>
            {
                SayNow(process, VassalMessage.Heartbeat);
                if (left > 1)
                    Beat(process, every, left - 1);
            }
        );

    private void Say(SimulatedProcess process, long? delay, byte message)
    {
        if (delay is { } at)
            Plan(process, at, () => SayNow(process, message));
    }

    private void SayNow(SimulatedProcess process, byte message)
    {
        if (message == VassalMessage.Accepting)
        {
            process.IsServing = true;
            sockets.Serve(process.Vassal);
        }
        if (!process.IsChannelOpen)
            return;
        process.Said.Add(message);
        _speaking.Add(process);
    }

    private void HangUp(SimulatedProcess process)
    {
        process.IsChannelOpen = false;
        _speaking.Add(process);
    }

    private void EndIn(SimulatedProcess process, long? delay)
    {
        if (delay is { } at)
            Plan(process, at, () => End(process, process.Character.End));
    }

    private void End(SimulatedProcess process, ProcessEnd end)
    {
        if (process.End is not null)
            return;
        process.End = end;
        process.IsChannelOpen = false;
        // A dead process's hangup may be seen in the same turn as its exit, or only with it.
        if (dice.Chance(50))
            _speaking.Add(process);
        var late = dice.Maybe(20, 50);
        if (late is { } delay)
            time.In(delay, () => ShowEnd(process));
        else
            ShowEnd(process);
    }

    private void ShowEnd(SimulatedProcess process)
    {
        process.IsEndVisible = true;
        if (_processes.GetValueOrDefault(process.Vassal) == process)
            _ended.Add(process);
    }

    private void Hear(SimulatedProcess process)
    {
        if (process.IsHangupTold)
            return;
        ProtocolDecoder.Decode(process.Said.ToArray(), _messages);
        process.Said.Clear();
        foreach (var message in _messages)
        {
            Outcomes.Enqueue((process.Vassal, new VassalEvent.Received(process.Incarnation, message)));
            if (message == VassalMessage.Heartbeat)
                invariants.HasBeaten(process);
        }
        if (process.IsChannelOpen)
            return;
        process.IsHangupTold = true;
        Outcomes.Enqueue((process.Vassal, new VassalEvent.HungUp(process.Incarnation)));
        invariants.HungUp(process);
    }

    // What it plans is dropped when it has ended or changed its mind.
    private void Plan(SimulatedProcess process, long delay, Action action)
    {
        var mind = process.Mind;
        time.In(
            delay,
            () =>
            {
                if (process.End is null && process.Mind == mind)
                    action();
            }
        );
    }
}
