using Emperor.Core;
using Emperor.Core.Protocol;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Output;
using Emperor.Succession;
using Serilog.Events;

namespace Emperor.Processes;

/// <summary>
/// Overview: keeps the vassals' processes from their start until they are reaped: listens to their channels and for their ends, and sees to it that
/// nothing that came of them is left. A program may name another process than the one that was started as its main one (MAINPID of sd_notify(3)): that is
/// sent the signals from then on, and when the first one ends, it takes its place. On the main thread only.
/// </summary>
internal sealed partial class ProcessKeeper : IDisposable
{
    // What one vassal may say in one turn of the loop, and after its end.
    private const int ChunkSize = 4096;
    private const int LastWordsLimit = 64 * 1024;
    private const long SerialsUnheardOf = 1_000_000;

    private readonly EventLoop _loop;
    private readonly VassalOutput? _output;
    private readonly VassalCGroups _groups;
    private readonly EmperorLog _log;
    private readonly ProcessTable _processes = new();
    private readonly Kindred _kindred;
    private readonly Guard _guard;
    private readonly Heirlooms _heirlooms;
    private readonly string _mark;
    private readonly byte[] _chunk = new byte[ChunkSize];
    private readonly List<byte> _messages = [];
    private readonly HashSet<LiveProcess> _muted = [];
    private long _serial;

    /// <summary>Makes one, and starts the guard, or takes over that of the emperor before.</summary>
    /// <param name="loop">The loop that listens to what it opens.</param>
    /// <param name="groups">The cgroups of vassals.</param>
    /// <param name="output">Where vassals print to; null is where the emperor does.</param>
    /// <param name="log">Where it tells of what no machine knows.</param>
    /// <param name="inheritance">What an emperor has left.</param>
    public ProcessKeeper(EventLoop loop, VassalCGroups groups, VassalOutput? output, EmperorLog log, Inheritance inheritance)
    {
        _loop = loop;
        _groups = groups;
        _output = output;
        _log = log;
        _heirlooms = inheritance.Heirlooms;
        var legacy = inheritance.Legacy.Empire.Keeper;
        // Nobody can guess it (60 bits from the kernel), and OpenSSL need not be there nor be loaded for it.
        _mark = legacy.Mark.Length > 0 ? legacy.Mark : Guid.NewGuid().ToString("N")[..16];
        // What was started after the last word of an emperor that was killed has numbers that nobody knows.
        _serial = legacy.LastSerial + (inheritance.IsAdoption ? SerialsUnheardOf : 0);
        _guard = new Guard($"{Kindred.MarkVariable}={_mark}", _heirlooms, legacy.Guard);
        var strangers = inheritance.IsNone || inheritance.IsAdoption ? null : legacy.Strangers;
        _kindred = new Kindred(
            _mark,
            loop,
            _guard,
            strangers,
            inheritance.IsAdoption || inheritance.Legacy.Empire.Crashes > 0 ? _groups.Unit : null
        );
        if (Children.BecomeSubreaper() is { Number: not 0 } error)
            log.Warning("no-subreaper", $"orphans of vassals will be lost to init: {error}");
        if (_guard.Process is { } guard)
            loop.Add(guard.Fd, Token.Make(TokenKind.Guard, 0));
        else
            StartGuard();
    }

    /// <summary>What has come of processes, for the machines; whoever runs effects empties it.</summary>
    public Queue<(string Vassal, VassalEvent Event)> Outcomes { get; } = new();

    /// <summary>Who hears of a vassal of which something else is left than before, though nothing has come of it; null for nobody.</summary>
    public Action<string>? OnAltered { get; set; }

    /// <summary>Who hears of each process that has been taken in; null for nobody.</summary>
    public Action<LiveProcess>? OnKept { get; set; }

    /// <summary>Who tells of processes that the kernel kills for want of memory; null when nobody does.</summary>
    public MemoryWatch? Memory { get; init; }

    /// <summary>Who hears of each process that has been reaped, with the number of the one that was started first or has taken its place.</summary>
    public Action<LiveProcess, int>? OnReaped { get; set; }

    /// <summary>Whether a look at the orphans is due.</summary>
    public bool SweepDue { get; set; }

    /// <summary>Whether a look at the orphans is worth it soon: a vassal that has come up may have detached some.</summary>
    public bool SweepSoon { get; set; }

    /// <summary>Whether no process of the emperor's is left but the guard.</summary>
    public bool IsAlone => _processes.All.Count == 0 && !_kindred.HasOwn;

    /// <summary>When the first muted vassal is heard again, monotonic milliseconds; null when none is muted.</summary>
    public long? NextUnmute => _muted.Count == 0 ? null : _muted.Min(p => p.MutedUntil);

    /// <summary>All that have not been reaped.</summary>
    public IReadOnlyCollection<LiveProcess> All => _processes.All;

    /// <summary>That of a serial number; null when it has been reaped.</summary>
    public LiveProcess? BySerial(long serial) => _processes.BySerial(serial);

    /// <summary>That of a vassal's incarnation; null when it has been reaped.</summary>
    public LiveProcess? Of(string vassal, int incarnation) => _processes.Of(vassal, incarnation);

    /// <summary>The vassal that a process came of; null when it is none's.</summary>
    public string? VassalOf(int pid) =>
        (_processes.ByPid(pid) ?? (ProcFs.Stat(pid) is { } stat ? _processes.ByPid(stat.Session) : null))?.Vassal;

    /// <summary>A number for a process that is about to be started, and what marks its tree, as NAME=VALUE.</summary>
    public (long Serial, string Mark) Next() => (++_serial, _kindred.MarkOf(_serial));

    /// <summary>Takes a process in that has just been started.</summary>
    /// <param name="process">The process, with its channel. It is disposed when this fails.</param>
    /// <param name="pipe">What it prints to; null is where the emperor does.</param>
    /// <exception cref="LinuxException">It cannot be watched, and was killed.</exception>
    public void Keep(LiveProcess process, OutputPipe? pipe)
    {
        try
        {
            if (process.Channel is { } channel)
                _loop.Add(channel.Fd, Token.Make(TokenKind.Channel, process.Serial));
            _loop.Add(process.Process.Fd, Token.Make(TokenKind.Exit, process.Serial));
            if (pipe is not null)
                process.Output = _output!.Watch(pipe, process.Vassal, process.Incarnation, process.Process.Pid, process.Log);
        }
        catch (LinuxException)
        {
            // A process that cannot be watched must not live. The sweep reaps it.
            _ = process.Process.SignalGroup(Signals.Kill);
            SweepDue = true;
            process.Dispose();
            throw;
        }
        if (process.Group is { } group)
            Memory?.Watch(process.Vassal, group);
        process.GuardSlot = _guard.Enlist(process.Process.Pid);
        Bequeath(process);
        _processes.Add(process);
        Outcomes.Enqueue((process.Vassal, new VassalEvent.Spawned(process.Incarnation, process.Process.Pid)));
        OnKept?.Invoke(process);
    }

    /// <summary>
    /// Takes a process in that one of a vassal's has forked for the emperor, whose child it has become: it leads a session of its own, and has
    /// the mark of the one that forked it.
    /// </summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="incarnation">Which of its processes it shall be.</param>
    /// <param name="pid">Its number, for which the kernel vouches.</param>
    /// <param name="origin">What it was forked from.</param>
    /// <param name="group">Makes its cgroup, for its serial number; null when it gets none.</param>
    /// <returns>Why not; null when it is one of the emperor's own from now on.</returns>
    public string? Adopt(string vassal, int incarnation, int pid, LiveProcess origin, Func<long, VassalCGroup?> group)
    {
        if (_processes.ByPid(pid) is not null || ProcFs.Stat(pid) is not { } stat || stat.Parent != Self.Pid || stat.Session != pid)
            return $"process {pid}, which says that it is the worker, is not one that was forked for the emperor";
        if (PidRef.Open(pid, out var error) is not { } process)
            return $"process {pid} cannot be watched: {error}";
        _kindred.Forget(pid);
        var (serial, _) = Next();
        var own = group(serial);
        // One that stayed in the group of its origin would end with that.
        if (own is not null && stat.State != 'Z' && CGroup.Write(own.Folder, "cgroup.procs", $"{pid}") is { Number: not 0 } refused)
        {
            _groups.Remove(own);
            _ = process.SignalGroup(Signals.Kill);
            SweepDue = true;
            process.Dispose();
            return $"process {pid} cannot join its cgroup: {refused}";
        }
        var adopted = new LiveProcess(serial, vassal, incarnation, process, null)
        {
            Mark = origin.Mark,
            MarkSerial = origin.MarkSerial,
            Group = own,
            User = origin.User,
        };
        Keep(adopted, null);
        return null;
    }

    /// <summary>Sends a signal to the main process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="signal">The signal.</param>
    /// <param name="stops">Whether it shall end it: then one that the kernel would keep from it is SIGKILL.</param>
    public static void Signal(LiveProcess process, int signal, bool stops)
    {
        var target = process.Main is { } main && IsAlive(main) ? main : process.Process;
        var isKept = stops && process.IsFirstProcess && target == process.Process && !ProcFs.Catches(target.Pid, signal);
        _ = target.Signal(isKept ? Signals.Kill : signal);
    }

    /// <summary>Kills a process and all that came of it.</summary>
    public void Kill(LiveProcess process)
    {
        process.Group?.Kill();
        if (!process.IsPromoted)
            _ = process.Process.SignalGroup(Signals.Kill);
        _ = process.Process.Signal(Signals.Kill);
        _ = process.Main?.Signal(Signals.Kill);
        _kindred.KillOf(process.Serial);
    }

    /// <summary>
    /// Makes another process the main one of a vassal's. Whoever tells has made sure that it came of it.
    /// </summary>
    /// <returns>Whether there is such a process.</returns>
    public bool SetMain(string vassal, int incarnation, int pid)
    {
        if (_processes.Of(vassal, incarnation) is not { } process)
            return false;
        if (process.MainPid == pid)
            return true;
        if (process.Process.Pid == pid)
        {
            ForgetMain(process);
            return true;
        }
        if (PidRef.Open(pid, out _) is not { } main)
            return false;
        ForgetMain(process);
        process.Main = main;
        process.MainName = _heirlooms.Keep("main", main.Fd);
        process.MainBegan = ProcFs.Stat(pid)?.Began;
        _kindred.Forget(pid);
        _processes.AddMain(process, main.Pid);
        return true;
    }

    /// <summary>A vassal has said something, or closed its channel.</summary>
    public void Hear(long serial, Instant now)
    {
        if (_processes.BySerial(serial) is { IsChannelOpen: true } process)
            Hear(process, now, ChunkSize);
    }

    /// <summary>Hears again those who were muted long enough ago.</summary>
    public void Unmute(long now)
    {
        foreach (var process in _muted.Where(p => p.MutedUntil <= now).ToArray())
        {
            _muted.Remove(process);
            process.MutedUntil = null;
            if (process.IsChannelOpen)
                _loop.Mute(process.Channel!.Fd, Token.Make(TokenKind.Channel, process.Serial), muted: false);
        }
    }

    /// <summary>
    /// A vassal's process has ended: its last words are heard first, what is left of its process group is killed while its number cannot be
    /// another's, and then it is reaped. When it has left its place to another one, that is its process from now on.
    /// </summary>
    /// <param name="serial">Its serial number.</param>
    /// <param name="now">The moment.</param>
    /// <param name="end">How it has ended, when it is gone.</param>
    /// <returns>Whether it is gone.</returns>
    public bool Reap(long serial, Instant now, out ProcessEnd? end)
    {
        end = null;
        if (_processes.BySerial(serial) is not { } process || !process.Process.HasEnded(out _))
            return false;
        if (process.Main is { } main && (IsOurs(main) || (!process.Process.IsChild && IsAlive(main))))
        {
            Promote(process, main, now);
            return false;
        }
        if (process.IsChannelOpen)
            Hear(process, now, LastWordsLimit);
        if (!process.IsPromoted)
            _ = process.Process.SignalGroup(Signals.Kill);
        var ranOut = process.Group?.HasRunOutOfMemory(now.Monotonic) ?? false;
        process.Group?.Kill();
        _ = process.Process.Reap(out var status);
        _loop.Remove(process.Process.Fd);
        CloseChannel(process);
        ForgetMain(process);
        _processes.Remove(process);
        _muted.Remove(process);
        _guard.Delist(process.GuardSlot);
        _kindred.NoteEnded(process, now.Monotonic);
        var pid = process.Process.Pid;
        _heirlooms.Drop(process.ExitName);
        _heirlooms.Drop(process.ConfigurationName);
        process.Dispose();
        OnReaped?.Invoke(process, pid);
        if (process.Output is { } output)
            _output?.NoteEnd(output);
        if (process.Group is { } group)
        {
            Memory?.Unwatch(group);
            _groups.Remove(group);
        }
        end = EndOf(status, ranOut ? process.Group : null);
        Outcomes.Enqueue((process.Vassal, new VassalEvent.Exited(process.Incarnation, end)));
        return true;
    }

    /// <summary>Starts a command of the emperor's own, which the caller watches and ends. Should the emperor be killed, the guard ends it.</summary>
    public PidRef? StartHelper(SpawnRequest request, out int guardSlot, out Errno error)
    {
        guardSlot = 0;
        var process = Spawn.Start(request, out error);
        if (process is null)
            return null;
        guardSlot = _guard.Enlist(process.Pid);
        _kindred.Helpers.Add(process.Pid);
        return process;
    }

    /// <summary>Such a command was started by a former emperor, and is on the guard's list already.</summary>
    public void InheritHelper(PidRef process) => _kindred.Helpers.Add(process.Pid);

    /// <summary>Ends such a command with all of its session, whether it has ended by itself or not.</summary>
    public void EndHelper(PidRef process, int guardSlot)
    {
        _ = process.SignalGroup(Signals.Kill);
        _ = process.Signal(Signals.Kill);
        ReleaseHelper(process, guardSlot);
    }

    /// <summary>Lets such a command go that has ended by itself; what it has started in the background lives on.</summary>
    public void ReleaseHelper(PidRef process, int guardSlot)
    {
        // One that has not ended yet is found and reaped by the sweep.
        SweepDue |= !process.Reap(out _);
        _kindred.Helpers.Remove(process.Pid);
        _guard.Delist(guardSlot);
        process.Dispose();
    }

    /// <summary>A process that came of a vassal and became the emperor's child has ended.</summary>
    public void ReapOrphan(int pid)
    {
        _kindred.Reap(pid);
        SweepDue = true;
    }

    /// <summary>Ends what is left of vassals that have ended; at the end of the emperor (<paramref name="killAll"/>) of all.</summary>
    public void Sweep(bool killAll)
    {
        SweepDue = false;
        _groups.RemoveEmpty();
        var killed = _kindred.Sweep(_processes, _guard.Process?.Pid ?? 0, killAll, Environment.TickCount64);
        // One could not look: soon again, when there may be a descriptor.
        SweepSoon |= killed is null;
        if (killed > 0)
            _log.Say(LogEventLevel.Information, "orphans", $"{killed} processes that vassals had left behind are killed");
    }

    /// <summary>Takes in what has been found out about whose orphans are.</summary>
    public void TakeAnswers() => SweepDue |= _kindred.TakeAnswers();

    /// <summary>Looks whether a child has ended that became ours unnoticed.</summary>
    public void LookForStrays() =>
        SweepDue |= Children.PeekEnded(out var pid, out _) && _processes.ByPid(pid) is null && !_kindred.Knows(pid);

    /// <summary>Writes what vassals have printed last, when they are all gone.</summary>
    public void FinishOutput() => _output?.Finish();

    /// <summary>Whose an orphan is that has become the emperor's child: the serial number; null when that is not known.</summary>
    public long? OwnerOf(int pid) => _kindred.OwnerOf(pid);

    /// <inheritdoc/>
    public void Dispose()
    {
        Memory?.Dispose();
        _groups.Leave(_guard.Process?.Pid);
        // When the emperor leaves with processes left, the guard ends them.
        if (IsAlone)
            _guard.Farewell();
        _guard.Dispose();
        _kindred.Dispose();
    }

    private static ProcessEnd EndOf(ExitStatus status, VassalCGroup? exhausted) =>
        new(
            status.IsUnknown ? Accession.UnknownCode : status.Code,
            status.Signaled,
            exhausted is null ? status.ToString() : $"{status}, {exhausted.MemoryWords}"
        )
        {
            CoreDumped = status.CoreDumped,
            SignalName = status.Signaled ? Signals.NameOf(status.Code) : null,
            OutOfMemory = exhausted is not null,
        };

    private static bool IsAlive(PidRef process) => ProcFs.Stat(process.Pid) is { State: not 'Z' } && process.Signal(0).Number == 0;

    // It has become our child now that its parent is gone, unless it is that of somebody who takes in orphans too: then its end is not for us
    // to see, and it is left to be killed as one of many.
    private static bool IsOurs(PidRef process) => IsAlive(process) && ProcFs.Stat(process.Pid)?.Parent == Self.Pid;

    private void Promote(LiveProcess process, PidRef main, Instant now)
    {
        _ = process.Process.Reap(out _);
        _loop.Remove(process.Process.Fd);
        _processes.Replace(process);
        _guard.Delist(process.GuardSlot);
        process.GuardSlot = _guard.Enlist(ProcFs.Stat(main.Pid) is { Session: > 1 } stat ? stat.Session : main.Pid);
        _kindred.NoteEnded(process, now.Monotonic);
        _heirlooms.Drop(process.ExitName);
        OnAltered?.Invoke(process.Vassal);
        process.Promote();
        _loop.Add(process.Process.Fd, Token.Make(TokenKind.Exit, process.Serial));
    }

    private void ForgetMain(LiveProcess process)
    {
        if (process.Main is not { } main)
            return;
        _processes.RemoveMain(main.Pid);
        process.Main = null;
        _heirlooms.Drop(process.MainName);
        process.MainName = null;
        main.Dispose();
        // It may have become the emperor's child meanwhile, and is then one of many.
        SweepDue = true;
    }

    private void Hear(LiveProcess process, Instant now, int limit)
    {
        while (limit > 0 && process.Channel is { } channel)
        {
            var result = channel.Read(_chunk, out var count);
            if (result == ChannelRead.Nothing)
                return;
            if (result == ChannelRead.Closed)
            {
                CloseChannel(process);
                Outcomes.Enqueue((process.Vassal, new VassalEvent.HungUp(process.Incarnation)));
                return;
            }
            limit -= count;
            ProtocolDecoder.Decode(_chunk.AsSpan(0, count), _messages);
            SweepSoon |= _messages.Contains(VassalMessage.Accepting) || _messages.Contains(VassalMessage.Loyal);
            foreach (var message in _messages)
                Outcomes.Enqueue((process.Vassal, new VassalEvent.Received(process.Incarnation, message)));
            if (process.TalksTooMuch(count, now.Monotonic))
            {
                MuteUntilNextSecond(process, now.Monotonic);
                return;
            }
        }
    }

    private void MuteUntilNextSecond(LiveProcess process, long now)
    {
        if (!_muted.Add(process))
            return;
        process.MutedUntil = ((now / 1000) + 1) * 1000;
        _loop.Mute(process.Channel!.Fd, Token.Make(TokenKind.Channel, process.Serial), muted: true);
        if (!process.WasFloodReported)
            _log.Vassal(
                LogEventLevel.Warning,
                "flood",
                process.Vassal,
                "it floods the emperor with bytes; it is heard a little of each second"
            );
        process.WasFloodReported = true;
    }

    private void CloseChannel(LiveProcess process)
    {
        if (!process.IsChannelOpen)
            return;
        process.IsChannelOpen = false;
        _heirlooms.Drop(process.ChannelName);
        process.ChannelName = null;
        _loop.Remove(process.Channel!.Fd);
    }
}
