using System.Globalization;
using Emperor.Core.Configuration;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Sockets;
using Emperor.Succession;
using Emperor.Systemd;
using Serilog.Events;

namespace Emperor;

/// <summary>How an emperor takes over from another one, and leaves to the next.</summary>
internal sealed partial class Startup
{
    // Nearer deadlines, which passed because nobody listened, are put off by so much.
    private const long Grace = 5_000;

    private readonly List<(string Name, SafeFd Fd)> _kept = [];
    private Inheritance _inheritance = Inheritance.None;
    private string? _lostInheritance;

    /// <summary>The path of the program, as it was started by it.</summary>
    public string ProgramPath { get; init; } = Self.ProgramPath;

    // What has leapt here, or was kept for the one that follows a killed emperor; and the sockets of the service manager.
    private InheritedSockets Inherit(SafeFd? daemonPipe)
    {
        if (Arrival.OfLeap(_environment, out _lostInheritance) is { } leapt)
        {
            _inheritance = leapt;
            _ = Capabilities.ClearAmbient();
            foreach (var variable in Core.Sockets.ListenFds.Variables)
                _environment.Remove(variable);
            return InheritedSockets.Inherit(leapt.Legacy.Empire.Inherited, leapt.Heirlooms);
        }
        // The sockets of a process that daemonizes itself are told again to the daemon, whose number it does not know.
        var sockets = InheritedSockets.Receive(_environment, daemonPipe is null ? Self.Pid : Self.ParentPid, _kept);
        _inheritance = Arrival.OfCrash(_kept, out var lost) ?? _inheritance;
        _lostInheritance ??= lost;
        if (_inheritance.IsNone)
            _kept.ForEach(k => k.Fd.Dispose());
        sockets.Keep(_inheritance.Heirlooms);
        return sockets;
    }

    // Where the service manager keeps descriptors, it says so (FDSTORE=, since version 254; emperor.service says it for older ones).
    private void OpenStore(EmperorLog log)
    {
        if (_lostInheritance is { } reason)
            log.Error("not-adopted", reason);
        _ = int.TryParse(_environment.GetValueOrDefault("FDSTORE"), NumberStyles.None, CultureInfo.InvariantCulture, out var most);
        _environment.Remove("FDSTORE");
        var empire = _inheritance.Legacy.Empire;
        var isWanted = settings.Survive == SurviveMode.Auto && most > 0;
        if ((!isWanted && !empire.IsStored && _kept.Count == 0) || UnixDatagram.Open(_environment.GetValueOrDefault("NOTIFY_SOCKET")) is not { } socket)
            return;
        var store = new FdStore(socket, most, log);
        store.Know(_inheritance.Heirlooms.All.Select(k => k.Name).Concat(_kept.Select(k => k.Name)).Distinct());
        // What cannot be adopted is let go of, upon which the guard ends it.
        if (_inheritance.IsNone)
            _kept.ForEach(k => store.Remove(k.Name));
        if (isWanted)
            _inheritance.Heirlooms.Store = store;
        else
            foreach (var (name, _) in _inheritance.Heirlooms.All)
                store.Remove(name);
        store.Turn(Environment.TickCount64);
    }

    // The legacy as it counts now.
    private Legacy Legacy()
    {
        var legacy = _inheritance.Legacy;
        if (!_inheritance.IsAdoption)
            return legacy;
        var now = Clock.Now.Monotonic;
        return legacy with
        {
            Vassals = [.. legacy.Vassals.Select(v => v.State is { } s ? v with { State = s with { State = Accession.AfterAbsence(s.State, now, Grace) } } : v)],
        };
    }

    private Restoration? Restore(Works works, Empire empire, MonitorHub monitors, VassalOutput? output, Herald herald, EmperorLog log)
    {
        if (_inheritance.IsNone)
            return null;
        var repairs = new List<Effect>();
        foreach (var vassal in _inheritance.Legacy.Vassals)
        {
            try
            {
                Restore(vassal, works, empire, output, repairs);
                monitors.OnOwner?.Invoke(vassal.Name, vassal.File?.Owner);
            }
            catch (Exception e) when (e is LinuxException or LegacyException)
            {
                log.Vassal(LogEventLevel.Error, "not-adopted", vassal.Name, $"not all that was left of it could be taken over: {e.Message}");
            }
        }
        if (_inheritance.IsAdoption)
            works.Processes.EndUnheardOf(
                _inheritance
                    .Legacy.Vassals.SelectMany(v => v.Duties?.Daemons ?? [])
                    .Where(d => d.Pid != 0)
                    .Select(d => d.GuardSlot)
                    .ToHashSet()
            );
        foreach (var vassal in _inheritance.Legacy.Vassals)
            TellLosses(vassal.Name, works, empire);
        _ = _inheritance.Heirlooms.CloseRest();
        if (_inheritance.Legacy.Empire.IsReady)
            herald.InheritReadiness();
        TellSuccession(works, log);
        return new Restoration(repairs, _inheritance.IsAdoption);
    }

    private void Restore(VassalLegacy vassal, Works works, Empire empire, VassalOutput? output, List<Effect> repairs)
    {
        if (!empire.Vassals.TryGetValue(vassal.Name, out var state))
            return;
        var (plans, isAdoption, now) = (new PlanTable(vassal.Plans), _inheritance.IsAdoption, Environment.TickCount64);
        var outputs = new Dictionary<string, OutputSource>(StringComparer.Ordinal);
        foreach (var pipe in vassal.Outputs)
        {
            if (output is not null && _inheritance.Heirlooms.Take(pipe.Pipe) is { } fd)
                outputs[pipe.Pipe] = output.Inherit(pipe, vassal.Name, fd);
        }
        OutputSource? OutputOf(string? name) => name is null ? null : outputs.GetValueOrDefault(name);
        works.Processes.Inherit(vassal, OutputOf, isAdoption);
        var isWhole = works.Held.Inherit(vassal.Name, vassal.Held);
        isWhole &= works.Listeners.Inherit(vassal.Name, vassal.Listener);
        works.Probes.Notify.Inherit(vassal.Name, vassal.Ears);
        works.Workers.Inherit(vassal, state, plans, isAdoption, now);
        works.Duties.Inherit(vassal, plans, OutputOf, now);
        var idle = state.Members.Select(m => m.Plan).FirstOrDefault(p => p.Idle is not null);
        works.Probes.Inherit(isAdoption && vassal.UsedAt is not null ? vassal with { UsedAt = now } : vassal, plans, idle, now);
        repairs.AddRange(Accession.Repairs(state, isWhole));
    }

    private static void TellLosses(string vassal, Works works, Empire empire)
    {
        if (!empire.Vassals.TryGetValue(vassal, out var state))
            return;
        var living = works.Processes.LivingOf(vassal).Concat(works.Workers.Awaited(vassal)).ToHashSet();
        foreach (var loss in Accession.Losses(state, living, "ended while there was no emperor, and nobody saw how"))
            works.Processes.Outcomes.Enqueue((vassal, loss));
    }

    private void TellSuccession(Works works, EmperorLog log)
    {
        var (legacy, count) = (_inheritance.Legacy, works.Processes.All.Select(p => p.Vassal).Distinct().Count());
        var vassals = string.Create(CultureInfo.InvariantCulture, $"{count} vassals are carried over");
        if (_inheritance.IsAdoption)
            log.Warning("adopted", $"the emperor before this one was killed; {vassals}");
        else
            log.Information("upgraded", $"upgraded from {legacy.Program} to {Program.Version}: {vassals}");
    }

    private Testament Testament(
        Works works,
        Empire empire,
        MonitorHub monitors,
        OnDemandResolver onDemand,
        VassalOutput? output,
        InheritedSockets inherited,
        ulong softLimit,
        Herald herald
    )
    {
        var former = _inheritance.Legacy.Empire;
        var own = new EmpireLegacy
        {
            Started = _inheritance.IsNone ? Clock.Now.Unix : former.Started,
            Upgrades = former.Upgrades + (_inheritance is { IsNone: false, IsAdoption: false } ? 1 : 0),
            Crashes = former.Crashes + (_inheritance.IsAdoption ? 1 : 0),
            SoftLimit = softLimit,
            IsStored = _inheritance.Heirlooms.Store is not null,
        };
        return new Testament
        {
            Reign = empire,
            Monitors = monitors,
            OnDemand = onDemand,
            Processes = works.Processes,
            Held = works.Held,
            Listeners = works.Listeners,
            Probes = works.Probes,
            Output = output,
            Workers = works.Workers,
            Duties = works.Duties,
            Own = () => own with { IsReady = herald.IsReady, Inherited = inherited.Legacy },
        };
    }

    private Chronicle? Chronicle(Works works, Testament testament, EmperorLog log)
    {
        if (_inheritance.Heirlooms.Store is null)
            return null;
        var chronicle = new Chronicle(_inheritance.Heirlooms, testament, log);
        works.Workers.OnAltered = chronicle.Note;
        works.Duties.OnAltered = chronicle.Note;
        return chronicle;
    }

    private Leap Leap(Works works, OnDemandResolver onDemand, Empire empire, Testament testament, EventLoop loop, EmperorLog log) =>
        new(
            new LeapWorld
            {
                Program = ProgramPath,
                Arguments = arguments,
                Environment =
                [
                    .. environment
                        .Where(v => v.Key != Arrival.Variable && !Core.Sockets.ListenFds.Variables.Contains(v.Key))
                        .Select(v => $"{v.Key}={v.Value}"),
                ],
                Folder = settings.WorkingDirectory,
                Heirlooms = _inheritance.Heirlooms,
                Testament = testament,
                Quieted = [],
                Obstacle = () =>
                    works.Hooks is { IsBusy: true } ? "hooks run"
                    : onDemand.IsBusy ? "commands that tell addresses run"
                    : null,
                Bequeath = () =>
                {
                    if (_lord is not null)
                        Files.Bequeath(_lord.Fd);
                    Bequeath?.Invoke();
                },
                Refusal = () =>
                    settings.Survive == SurviveMode.Never ? "it is not wanted (--emperor-survive=never)"
                    : empire.IsEnding ? "the emperor leaves"
                    : null,
                Processes = works.Processes,
                Loop = loop,
                Log = log,
            }
        );

    // Where another emperor follows, and finds what was kept, nothing is cleared away: files of sockets are those of living vassals.
    private void LeaveToSuccessor(int exitCode, BoundedSink sink)
    {
        if (_inheritance.Heirlooms.Store is null)
            return;
        sink.Dispose();
        Self.Exit(exitCode);
    }
}
