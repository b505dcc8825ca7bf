using System.Globalization;
using Emperor.Control;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Processes;
using Emperor.Sockets;
using Emperor.Stats;
using Emperor.Succession;
using Emperor.Systemd;
using Serilog.Events;

namespace Emperor;

/// <summary>How an emperor takes over from another one, and leaves to the next.</summary>
internal sealed partial class Startup
{
    // How long the guard of an emperor that was not survived has for its work.
    private const int BurialTime = 10_000;
    private const int BurialLook = 10;

    // Nearer deadlines, which passed because nobody listened, are put off by so much.
    private const long Grace = 5_000;

    // How long a program may take to answer whether it can be the next emperor, milliseconds; and the variable that says otherwise.
    private const long ProbeLimit = 30_000;
    private const string ProbeLimitVariable = "EMPEROR_PROBE_LIMIT";

    private readonly List<(string Name, SafeFd Fd)> _kept = [];
    private Inheritance _inheritance = Inheritance.None;
    private string? _lostInheritance;

    // The names of what a leap has brought here and nobody can read.
    private readonly List<string> _lostNames = [];

    // From where on descriptors that have passed on have numbers; null when there are none.
    private int? _firstHeirloom;
    private bool _governs;

    // The file of the options that this emperor obeys.
    private SafeFd? _rules;

    /// <summary>The path of the program, as it was started by it.</summary>
    public string ProgramPath { get; init; } = Self.ProgramPath;

    // What has leapt here, or was kept for the one that follows a killed emperor; and the sockets of the service manager.
    private InheritedSockets Inherit(SafeFd? daemonPipe)
    {
        if (Arrival.OfLeap(_environment, _lostNames, out _lostInheritance) is { } leapt)
        {
            (_inheritance, _firstHeirloom) = (leapt, Arrival.LowestNumber);
            _servants = new Servants(leapt.Legacy.Empire.Servants, leapt.Heirlooms);
            if (leapt.Legacy.Empire.LendsCapabilities)
                _ = Capabilities.ClearAmbient();
            foreach (var variable in Core.Sockets.ListenFds.Variables)
                _environment.Remove(variable);
            return InheritedSockets.Inherit(leapt.Legacy.Empire.Inherited, leapt.Heirlooms);
        }
        // The sockets of a process that daemonizes itself are told again to the daemon, whose number it does not know.
        var sockets = InheritedSockets.Receive(_environment, daemonPipe is null ? Self.Pid : Self.ParentPid, _kept);
        _inheritance = Arrival.OfCrash(_kept, out var lowest, out var lost) ?? _inheritance;
        _lostInheritance ??= lost;
        if (_inheritance.IsNone)
            _kept.ForEach(k => k.Fd.Dispose());
        else
            _firstHeirloom = lowest;
        _servants = new Servants(_inheritance.Legacy.Empire.Servants, _inheritance.Heirlooms);
        sockets.Keep(_inheritance.Heirlooms);
        return sockets;
    }

    // What stands in the place of standard output and error goes on, whatever the rights to open it anew are by now.
    private StartFailure? AdoptLog(string? path, out LogFile? file)
    {
        var full = string.IsNullOrEmpty(path) ? null : Path.GetFullPath(path);
        file = LogFile.Adopt(_inheritance.Legacy.Empire.Log, full, (uint?)settings.LogFileMode, out var error);
        return StartFailure.Unavailable(file is null && error.Number != 0 ? $"the log {path} cannot be opened: {error}" : null);
    }

    // An emperor that has vassals already does not end, and them with it, for the want of what only tells of them.
    private StartFailure? Grave(StartFailure? failure, EmperorLog log)
    {
        if (failure is null || _inheritance.IsNone)
            return failure;
        log.Error("start-failed", $"{failure.Reason}; the emperor goes on without that, for the sake of its vassals");
        return null;
    }

    // When this emperor began, or the one that it was before in the same process.
    private long Started => _inheritance is { IsNone: false, IsAdoption: false } ? _inheritance.Legacy.Empire.Started : Clock.Now.Unix;

    // Where the service manager keeps descriptors, it says so (FDSTORE=, since version 254; emperor.service says it for older ones).
    private void OpenStore(EmperorLog log)
    {
        if (_lostInheritance is { } reason)
            log.Error("not-adopted", reason);
        _ = int.TryParse(_environment.GetValueOrDefault("FDSTORE"), NumberStyles.None, CultureInfo.InvariantCulture, out var most);
        _environment.Remove("FDSTORE");
        var isStored = _inheritance.Legacy.Empire.IsStored || _inheritance.IsAdoption;
        var isWanted = settings.Survive == SurviveMode.Auto && most > 0;
        // What cannot be adopted, or shall not be the next time, is let go of, upon which the guard ends it.
        if (_inheritance.IsNone)
            LetGo(_kept.Select(k => k.Name).Concat(_lostNames));
        else if (isStored && !isWanted)
            LetGo(_inheritance.Heirlooms.All.Select(k => k.Name));
        if (!isWanted || UnixDatagram.Open(_environment.GetValueOrDefault("NOTIFY_SOCKET")) is not { } socket)
            return;
        var store = new FdStore(socket, most, log);
        var transient = _inheritance
            .Legacy.Empire.Inherited.Select(i => i.Descriptor)
            .Concat(_inheritance.Legacy.Empire.Askers.Select(a => a.Descriptor))
            .ToHashSet(StringComparer.Ordinal);
        foreach (var (name, fd) in _inheritance.Heirlooms.All.Where(k => !transient.Contains(k.Name)))
        {
            if (isStored)
                store.Know([name]);
            else
                store.Add(name, fd, Guard.IsName(name));
        }
        _inheritance.Heirlooms.Store = store;
    }

    // All at once, and waiting for the service manager: before anything is started. The guard's pipe first, so that it begins.
    private void LetGo(IEnumerable<string> names)
    {
        using var socket = UnixDatagram.Open(_environment.GetValueOrDefault("NOTIFY_SOCKET"), wait: 1_000);
        foreach (var name in names.OrderByDescending(Guard.IsName))
        {
            if (socket is null || socket.Send($"FDSTOREREMOVE=1\nFDNAME={name}").Number != 0)
                return;
        }
    }

    // An emperor that was killed, and whose vassals do not live on, has a guard that ends them. Nothing is started beside what is left of them.
    private void AwaitFormerGuard()
    {
        if (!_inheritance.IsNone)
            return;
        // That of an emperor which has leapt here is this process's child.
        Func<IEnumerable<int>> places = OwnChildren;
        if (_lostNames.Count == 0)
        {
            if (!_environment.ContainsKey("NOTIFY_SOCKET") || CGroup.Own(out var isWhole) is not { } folder || isWhole)
                return;
            places = () => CGroup.ProcessesBelow(folder);
        }
        using var never = new ManualResetEvent(initialState: false);
        var deadline = Environment.TickCount64 + BurialTime;
        while (places().Any(p => p != Self.Pid && Guard.IsOne(p)) && Environment.TickCount64 < deadline)
            _ = never.WaitOne(BurialLook);
    }

    private static List<int> OwnChildren()
    {
        var children = new List<int>();
        _ = ProcFs.Children(children);
        return children;
    }

    // The legacy as it counts now.
    private Legacy Legacy() => _inheritance.Legacy with { Vassals = [.. _inheritance.Legacy.Vassals.Select(Taken)] };

    private VassalLegacy Taken(VassalLegacy vassal)
    {
        if (vassal.State is not { } left)
            return vassal;
        var state = left.State.Taken();
        if (_inheritance.IsAdoption)
            state = Accession.AfterAbsence(state, Clock.Now.Monotonic, Grace);
        return vassal with { State = left with { State = state } };
    }

    private Restoration? Restore(Works works, Empire empire, MonitorHub monitors, VassalOutput? output, Herald herald, EmperorLog log)
    {
        if (_inheritance.IsNone)
            return null;
        var own = _inheritance.Legacy.Empire;
        output?.Restore(_inheritance.Legacy.Tails);
        foreach (var vassal in _inheritance.Legacy.Vassals)
        {
            try
            {
                Restore(vassal, works, empire, output);
                monitors.OnOwner?.Invoke(vassal.Name, vassal.File?.Owner);
            }
            catch (Exception e) when (e is LinuxException or LegacyException)
            {
                log.Vassal(
                    LogEventLevel.Error,
                    "not-adopted",
                    vassal.Name,
                    $"not all that was left of it could be taken over: {e.Message}"
                );
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
        string[] lost = [.. _inheritance.Legacy.Vassals.Select(v => v.Name).Where(name => TellLosses(name, works, empire))];
        Asker[] askers = [.. own.Askers.Select(a => Asker.Inherit(a, _inheritance.Heirlooms)).OfType<Asker>()];
        // The journal counts until there is another.
        _ = _inheritance.Heirlooms.CloseRest(_inheritance.Heirlooms.Store is null ? null : Succession.Chronicle.IsName);
        if (own.IsReady)
            herald.InheritReadiness();
        var carried = works.Processes.All.Select(p => p.Vassal).Distinct().Except(lost).Count();
        TellSuccession(carried, log);
        return new Restoration(
            _inheritance.IsAdoption,
            own.Orders,
            () =>
            {
                var took = Environment.TickCount64 - own.AskedAt;
                foreach (var asker in askers)
                    asker.Succeed(new UpgradeReport(_inheritance.Legacy.Program, Program.Version, took, carried, lost));
            }
        );
    }

    private void Restore(VassalLegacy vassal, Works works, Empire empire, VassalOutput? output)
    {
        var state = empire.Vassals.GetValueOrDefault(vassal.Name);
        var (plans, isAdoption, now) = (new PlanTable(vassal.Plans), _inheritance.IsAdoption, Environment.TickCount64);
        output?.Inherit(vassal.Name, vassal.Outputs);
        OutputSource? OutputOf(string? name) => output?.Find(vassal.Name, name);
        var mute = works.Processes.Inherit(vassal, OutputOf, isAdoption);
        if (isAdoption && state is not null && Accession.Releases(state).Any())
            works.Processes.Continue(vassal.Name);
        var isWhole = works.Held.Inherit(vassal.Name, vassal.Held);
        isWhole &= works.Listeners.Inherit(vassal.Name, vassal.Listener);
        works.Probes.Notify.Inherit(vassal.Name, vassal.Ears);
        works.Workers.Inherit(vassal, state, plans, isAdoption, now);
        works.Duties.Inherit(vassal, plans, now);
        var idle = state?.Members.Select(m => m.Plan).FirstOrDefault(p => p.Idle is not null);
        works.Probes.Inherit(isAdoption && vassal.UsedAt is not null ? vassal with { UsedAt = now } : vassal, plans, idle, now);
        foreach (var repair in state is null ? [] : Accession.Repairs(state, isWhole).Concat(Accession.Renewals(state, mute)))
            works.Processes.Outcomes.Enqueue((vassal.Name, repair));
    }

    // Whether it has lost any.
    private static bool TellLosses(string vassal, Works works, Empire empire)
    {
        if (!empire.Vassals.TryGetValue(vassal, out var state))
            return false;
        var living = works.Processes.LivingOf(vassal).Concat(works.Workers.Awaited(vassal)).ToHashSet();
        var losses = Accession.Losses(state, living, "ended while there was no emperor, and nobody saw how").ToArray();
        foreach (var loss in losses)
            works.Processes.Outcomes.Enqueue((vassal, loss));
        return losses.Length > 0;
    }

    private void TellSuccession(int carried, EmperorLog log)
    {
        var vassals = string.Create(CultureInfo.InvariantCulture, $"{carried} {(carried == 1 ? "vassal is" : "vassals are")} carried over");
        if (_inheritance.IsAdoption)
            log.Warning("adopted", $"the emperor before this one was killed; {vassals}");
        else
            log.Information("upgraded", $"upgraded from {_inheritance.Legacy.Program} to {Program.Version}: {vassals}");
    }

    private Continuity Continuity(Testament testament, Chronicle? chronicle)
    {
        var own = testament.Own();
        return new Continuity(
            own.Upgrades,
            own.Crashes,
            settings.Survive != SurviveMode.Never,
            own.IsStored && chronicle is { IsWhole: true }
        );
    }

    private Testament Testament(Works works, Empire empire, MonitorHub monitors, OnDemandResolver onDemand, OwnEstate own)
    {
        var former = _inheritance.Legacy.Empire;
        var fixedPart = new EmpireLegacy
        {
            Started = Started,
            Upgrades = former.Upgrades + (_inheritance is { IsNone: false, IsAdoption: false } ? 1 : 0),
            Crashes = former.Crashes + (_inheritance.IsAdoption ? 1 : 0),
            SoftLimit = own.SoftLimit,
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
            Output = own.Output,
            Workers = works.Workers,
            Duties = works.Duties,
            Own = () =>
                fixedPart with
                {
                    IsReady = own.Herald.IsReady,
                    LastName = _inheritance.Heirlooms.LastName,
                    OwesLord = _lord?.OwesAnswer,
                    Inherited = own.Inherited.Legacy,
                    Servants = [.. Servants(own)],
                    Commands = own.Commands?.Counts,
                    Log = own.LogFile?.Legacy,
                    PidFiles = own.PidFiles.Written,
                    Orders = own.Desk?.Orders ?? [],
                },
        };
    }

    private IEnumerable<ServantLegacy> Servants(OwnEstate own)
    {
        if (_controlSocket?.Legacy is { } control)
            yield return control;
        foreach (var legacy in own.Stats?.Legacies ?? [])
            yield return legacy;
        if (own.Commands is { } commands)
            yield return commands.Legacy;
    }

    private static List<Quieted> Quieted(OwnEstate own, EventLoop loop)
    {
        var quieted = new List<Quieted>();
        if (own.Desk is { } desk)
            quieted.Add(new Quieted("the control socket", desk.Pause, () => desk.IsQuiet, desk.Resume));
        if (own.Stats is { } stats)
            quieted.Add(new Quieted("the stats socket", stats.Pause, () => stats.IsQuiet, stats.Resume));
        if (own.Output is { } output)
            quieted.Add(new Quieted("what vassals print", () => output.Pause(loop.Wake), () => output.IsQuiet, output.Resume));
        quieted.Add(new Quieted("the log", () => own.Sink.OnQuiet = loop.Wake, () => own.Sink.IsQuiet, () => own.Sink.OnQuiet = null));
        return quieted;
    }

    private Chronicle? Chronicle(Works works, Testament testament, EmperorLog log)
    {
        if (_inheritance.Heirlooms.Store is null)
            return null;
        _rules = FormerRules.Keep(_inheritance.Heirlooms, Options, log);
        var chronicle = new Chronicle(
            _inheritance.Heirlooms,
            () => testament.Empire,
            () => testament.Names,
            testament.Of,
            log,
            () => MemoryLog.Create("emperor-journal")
        );
        works.Workers.OnAltered = chronicle.Note;
        works.Duties.OnAltered = chronicle.Note;
        works.Processes.OnAltered = chronicle.Note;
        return chronicle;
    }

    private Leap Leap(
        Works works,
        OnDemandResolver onDemand,
        Empire empire,
        Testament testament,
        OwnEstate own,
        EventLoop loop,
        EmperorLog log
    ) =>
        new(
            new LeapWorld
            {
                Program = ProgramPath,
                Arguments = arguments,
                Environment =
                [
                    .. environment
                        .Where(v =>
                            v.Key is not Arrival.Variable and not Daemonizer.Variable && !Core.Sockets.ListenFds.Variables.Contains(v.Key)
                        )
                        .Select(v => $"{v.Key}={v.Value}"),
                ],
                Folder = settings.WorkingDirectory,
                Heirlooms = _inheritance.Heirlooms,
                Testament = testament,
                Quieted = Quieted(own, loop),
                TakeLast = () => own.Desk?.Turn(Clock.Now),
                TakeAsker = () => own.Desk?.TakeUpgrade(),
                IsCalled = () => !own.Signals.IsEmpty,
                Complete = legacy => legacy with { Tails = own.Output?.Tails() ?? [], Events = own.Events.Events },
                Obstacle = () =>
                    !_governs ? "its first scan is not over"
                    : works.Hooks is { IsBusy: true } ? "hooks run"
                    // The service manager is told of its end by the emperor that has told it of its beginning.
                    : own.Herald.Socket is not null && empire.ReloadsLeft(Environment.TickCount64) > 0 ? "a reload of all is under way"
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
                ProbeLimit = long.TryParse(
                    _environment.GetValueOrDefault(ProbeLimitVariable),
                    NumberStyles.None,
                    CultureInfo.InvariantCulture,
                    out var limit
                )
                    ? limit
                    : ProbeLimit,
                Processes = works.Processes,
                Loop = loop,
                Log = log,
            }
        );

    // Where another emperor follows, and finds what was kept, nothing is cleared away: files of sockets are those of living vassals. One that has not come
    // to govern over what was left would fail over that again and again, so the next one shall begin anew.
    private bool LeaveToSuccessor(Exception fault, EmperorLog log, BoundedSink sink)
    {
        if (_inheritance.Heirlooms.Store is null)
            return true;
        log.Error("fault", Fault(fault));
        if (_inheritance.IsAdoption && !_governs)
            LetGo(_inheritance.Heirlooms.All.Select(k => k.Name).Where(Succession.Chronicle.IsName));
        sink.Dispose();
        Self.Exit(ExitCode.Fault);
        return true;
    }

    /// <summary>What is the emperor's own of what passes on.</summary>
    private sealed record OwnEstate(
        InheritedSockets Inherited,
        ulong SoftLimit,
        Herald Herald,
        PidFiles PidFiles,
        LogFile? LogFile,
        ControlDesk? Desk,
        StatsServer? Stats,
        CommandSocket? Commands,
        EventFeed Events,
        VassalOutput? Output,
        SignalInbox Signals,
        BoundedSink Sink
    );
}
