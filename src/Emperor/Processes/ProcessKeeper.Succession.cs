using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Output;
using Serilog.Events;

namespace Emperor.Processes;

// How processes pass from one emperor to the next.
internal sealed partial class ProcessKeeper
{
    /// <summary>What it leaves besides the vassals' processes.</summary>
    public KeeperLegacy Legacy =>
        new()
        {
            Mark = _mark,
            LastSerial = _serial,
            Guard = _guard.Legacy,
            Strangers = [.. _kindred.Strangers],
        };

    /// <summary>The processes of a vassal, as they pass on.</summary>
    public IReadOnlyList<ProcessLegacy> LegacyOf(string vassal) => [.. _processes.OfVassal(vassal).Select(LegacyOf)];

    /// <summary>The incarnations of a vassal that have a process.</summary>
    public IReadOnlySet<int> LivingOf(string vassal) => _processes.OfVassal(vassal).Select(p => p.Incarnation).ToHashSet();

    /// <summary>
    /// Takes over the processes of a vassal. One whose pidfd is lost is found again by its number and its beginning; one that is not, though it lives, is
    /// ended with all that came of it (<see cref="EndUnheardOf"/>).
    /// </summary>
    /// <param name="vassal">What was left of it.</param>
    /// <param name="outputOf">Finds what a process prints by the name of its pipe.</param>
    /// <param name="isAdoption">Whether their emperor was killed, so that they are not this one's children.</param>
    /// <returns>The incarnations that print to a pipe which is lost: nobody reads it, and many a program that goes on printing is ended by that (SIGPIPE).</returns>
    public IReadOnlySet<int> Inherit(VassalLegacy vassal, Func<string?, OutputSource?> outputOf, bool isAdoption)
    {
        var mute = new HashSet<int>();
        var lost = vassal.Outputs.Where(o => o.Inode is not null && outputOf(o.Pipe) is null).Select(o => o.Inode!.Value).ToHashSet();
        foreach (var legacy in vassal.Processes)
        {
            var (process, exit) = Claim(legacy.Pid, legacy.Began, legacy.Exit, "exit");
            if (process is null)
            {
                _log.Vassal(
                    LogEventLevel.Warning,
                    "not-adopted",
                    vassal.Name,
                    $"pid {legacy.Pid} is not taken over: its pidfd was lost with the emperor that was killed, and it has ended or cannot be found"
                );
                continue;
            }
            Inherit(vassal.Name, legacy with { Exit = exit }, process, outputOf(legacy.Output), isAdoption);
            if (lost.Count > 0 && ProcFs.PrintsTo(legacy.MainPid ?? legacy.Pid, lost))
                mute.Add(legacy.Incarnation);
        }
        return mute;
    }

    // The process whose pidfd is kept by a name, and the name by which it is kept from now on; null when that is lost and no process of its number is it.
    private (PidRef? Process, string Name) Claim(int pid, long? began, string name, string kind)
    {
        if (_heirlooms.Take(name) is { } kept)
            return (PidRef.Adopt(pid, kept), name);
        if (began is null || PidRef.Find(pid) is not { } found)
            return (null, name);
        // After it was opened, so that it is still the one that was looked at.
        if (ProcFs.Stat(pid)?.Began == began)
            return (found, _heirlooms.Keep(kind, found.Fd));
        found.Dispose();
        return (null, name);
    }

    /// <summary>Lets the processes of a vassal go on that were frozen, to be looked at, when their emperor was killed.</summary>
    public void Continue(string vassal)
    {
        foreach (var process in _processes.OfVassal(vassal))
            _ = process.Process.SignalGroup(Signals.Continue);
    }

    /// <summary>
    /// When all vassals' processes are taken over: ends the sessions on the guard's list that nobody has taken and that came of none of them, which an
    /// emperor that was killed has begun and not written down. It is done before anything is started, so that no vassal runs twice. Those that came of
    /// one (a daemon that detached itself) are found, and listed again, by the sweep that follows.
    /// </summary>
    /// <param name="taken">The places in the list that others have (daemons).</param>
    public void EndUnheardOf(IReadOnlySet<int> taken)
    {
        var known = _processes.All.Select(p => p.GuardSlot).ToHashSet();
        var unknown = _guard.Listed().Where(l => !known.Contains(l.Slot) && !taken.Contains(l.Slot)).ToArray();
        var killed = _kindred.KillSessions(unknown.Select(u => u.Session).ToHashSet(), _processes);
        foreach (var (slot, _) in unknown)
            _guard.Delist(slot);
        if (killed > 0)
            _log.Say(
                LogEventLevel.Information,
                "orphans",
                $"{killed} processes are ended that the former emperor had begun and could not write down, or whose descriptors were lost"
            );
        SweepDue = true;
    }

    private void Inherit(string vassal, ProcessLegacy legacy, PidRef process, OutputSource? output, bool isAdoption)
    {
        var channel = _heirlooms.Take(legacy.Channel) is { } fd ? Linux.Channel.Adopt(fd) : null;
        var configuration = _heirlooms.Take(legacy.Configuration) is { } socket ? Linux.Channel.Adopt(socket) : null;
        var (main, mainName) = legacy is { MainPid: { } pid, Main: { } name } ? Claim(pid, legacy.MainBegan, name, "main") : (null, null);
        var live = new LiveProcess(legacy.Serial, vassal, legacy.Incarnation, process, channel)
        {
            Mark = legacy.Mark,
            MarkSerial = legacy.MarkSerial,
            Group = GroupOf(legacy, isAdoption),
            User = legacy.User,
            IsFirstProcess = legacy.IsFirstProcess,
            IsPromoted = legacy.IsPromoted,
            GuardSlot = legacy.GuardSlot,
            Configuration = configuration,
            Main = main,
            Began = legacy.Began,
            MainBegan = legacy.MainBegan,
            WasFloodReported = legacy.WasFloodReported,
            Output = output,
            ExitName = legacy.Exit,
            ChannelName = channel is null ? null : legacy.Channel,
            ConfigurationName = configuration is null ? null : legacy.Configuration,
            MainName = main is null ? null : mainName,
        };
        if (channel is not null)
            _loop.Add(channel.Fd, Token.Make(TokenKind.Channel, live.Serial));
        // It sees the end of its channel itself, and leaves.
        else if (legacy.Channel is not null)
            Outcomes.Enqueue((vassal, new VassalEvent.HungUp(live.Incarnation)));
        _loop.Add(process.Fd, Token.Make(TokenKind.Exit, live.Serial));
        _processes.Add(live);
        if (live.Group is { } own)
            Memory?.Watch(vassal, own);
        if (live.Main is { } other)
            _processes.AddMain(live, other.Pid);
    }

    private VassalCGroup? GroupOf(ProcessLegacy legacy, bool isAdoption)
    {
        if (legacy.Group is not { } folder)
            return null;
        var limits = legacy.Limits ?? Core.Programs.LimitRules.None;
        // Where the unit's group had to give its limits up, so that the service manager could start an emperor in it.
        if (isAdoption)
            _groups.Renew(folder, limits);
        var group = new VassalCGroup(folder, limits) { Controllers = legacy.Controllers.ToHashSet(StringComparer.Ordinal) };
        if (!isAdoption)
            group.Inherit();
        return group;
    }

    private void Bequeath(LiveProcess process)
    {
        // It is our child and has not been reaped, so the number is its own.
        process.Began = ProcFs.Stat(process.Process.Pid)?.Began;
        process.ExitName = _heirlooms.Keep("exit", process.Process.Fd);
        if (process.Channel is { } channel)
            process.ChannelName = _heirlooms.Keep("channel", channel.Fd);
        if (process.Configuration is { } configuration)
            process.ConfigurationName = _heirlooms.Keep("configuration", configuration.Fd);
    }

    private static ProcessLegacy LegacyOf(LiveProcess process) =>
        new()
        {
            Serial = process.Serial,
            Incarnation = process.Incarnation,
            Pid = process.Process.Pid,
            Began = process.Began,
            Exit = process.ExitName!,
            MainPid = process.Main?.Pid,
            MainBegan = process.MainBegan,
            Main = process.MainName,
            IsPromoted = process.IsPromoted,
            Mark = process.Mark,
            MarkSerial = process.MarkSerial,
            Group = process.Group?.Folder,
            Controllers = [.. process.Group?.Controllers ?? new HashSet<string>()],
            Limits = process.Group?.Limits,
            User = process.User,
            IsFirstProcess = process.IsFirstProcess,
            Channel = process.ChannelName,
            Configuration = process.ConfigurationName,
            GuardSlot = process.GuardSlot,
            Output = process.Output?.Heirloom,
            WasFloodReported = process.WasFloodReported,
        };
}
