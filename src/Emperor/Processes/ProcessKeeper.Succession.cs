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

    /// <summary>Takes over the processes of a vassal. One whose pidfd is lost is ended with all that came of it: it cannot be watched.</summary>
    /// <param name="vassal">What was left of it.</param>
    /// <param name="outputOf">Finds what a process prints by the name of its pipe.</param>
    /// <param name="isAdoption">Whether their emperor was killed, so that they are not this one's children.</param>
    public void Inherit(VassalLegacy vassal, Func<string?, OutputSource?> outputOf, bool isAdoption)
    {
        foreach (var legacy in vassal.Processes)
        {
            if (_heirlooms.Take(legacy.Exit) is not { } exit)
            {
                _log.Vassal(
                    LogEventLevel.Warning,
                    "not-adopted",
                    vassal.Name,
                    $"pid {legacy.Pid} is ended, because its descriptors were lost with the emperor that was killed"
                );
                continue;
            }
            Inherit(vassal.Name, legacy, PidRef.Adopt(legacy.Pid, exit), outputOf(legacy.Output), isAdoption);
        }
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
        var live = new LiveProcess(legacy.Serial, vassal, legacy.Incarnation, process, channel)
        {
            Mark = legacy.Mark,
            MarkSerial = legacy.MarkSerial,
            Group = GroupOf(legacy, isAdoption),
            User = legacy.User,
            IsFirstProcess = legacy.IsFirstProcess,
            IsPromoted = legacy.IsPromoted,
            GuardSlot = legacy.GuardSlot,
            Configuration = _heirlooms.Take(legacy.Configuration) is { } socket ? Linux.Channel.Adopt(socket) : null,
            Main = legacy.MainPid is { } pid && _heirlooms.Take(legacy.Main) is { } main ? PidRef.Adopt(pid, main) : null,
            WasFloodReported = legacy.WasFloodReported,
            Output = output,
            ExitName = legacy.Exit,
            ChannelName = legacy.Channel,
            ConfigurationName = legacy.Configuration,
            MainName = legacy.Main,
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
            Exit = process.ExitName!,
            MainPid = process.Main?.Pid,
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
