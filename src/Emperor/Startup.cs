using System.Text;
using Emperor.Control;
using Emperor.Core.Configuration;
using Emperor.Core.Control;
using Emperor.Core.Programs;
using Emperor.Core.Reign;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Probes;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Servers.Wsgi;
using Emperor.Sockets;
using Emperor.Stats;
using Emperor.Succession;
using Emperor.Systemd;
using Emperor.Tyrant;
using Serilog.Events;

namespace Emperor;

/// <summary>
/// From settings to a governing daemon, in the order that rights allow: log and pidfile as root, then the user and group, then what is done
/// with theirs.
/// </summary>
/// <param name="settings">What to do.</param>
/// <param name="problems">What the log shall say of the configuration.</param>
/// <param name="arguments">The command line, for a daemon that starts itself again.</param>
/// <param name="environment">The environment; of a variable that is there twice the first one counts, as with getenv(3).</param>
internal sealed partial class Startup(
    EmperorSettings settings,
    IReadOnlyList<ConfigProblem> problems,
    IReadOnlyList<string> arguments,
    IEnumerable<KeyValuePair<string, string>> environment
)
{
    // Two for each processor keep it busy while applications wait for their database.
    private static readonly int ReloadsAtOnce = Math.Max(2, 2 * Environment.ProcessorCount);

    private readonly Dictionary<string, string> _environment = environment.DistinctBy(v => v.Key).ToDictionary(StringComparer.Ordinal);

    private Servants _servants = new([], new Heirlooms());

    private ControlSocket? _controlSocket;
    private string? _controlFailure;
    private LordChannel? _lord;
    private string _lordFailure = "";
    private bool _beginsAnew;

    /// <summary>Reads the configuration again, as at the start.</summary>
    public Func<ReadResult>? Reread { get; init; }

    /// <summary>Keeps what its configuration comes from for the program that it is about to become.</summary>
    public Action? Bequeath { get; init; }

    /// <summary>The options that it was started with.</summary>
    public IReadOnlyList<ExportedOption> Options { get; init; } = [];

    /// <summary>Starts, governs, leaves.</summary>
    /// <returns>The exit code.</returns>
    public int Run()
    {
        try
        {
            var code = Begin();
            return _beginsAnew ? BeginAnew() : code;
        }
        catch (Exception e)
        {
            // Before there was a log. Without a descriptor left there is no Console either.
            _ = Files.WriteAll(2, Encoding.UTF8.GetBytes($"emperor: error: {Fault(e)}\n"));
            return ExitCode.Fault;
        }
    }

    private int Begin()
    {
        var daemonPipe = Daemonizer.Inherited();
        _environment.Remove(Daemonizer.Variable);
        using var inherited = Inherit(daemonPipe);
        _lord = LordChannel.Find(_environment, settings.Heartbeat, out _lordFailure);
        if (_inheritance is { IsNone: false, IsAdoption: false })
            _lord?.Inherit(_inheritance.Legacy.Empire.OwesLord ?? false);
        _environment.Remove("UWSGI_EMPEROR_FD");
        _environment.Remove("UWSGI_EMPEROR_FD_CONFIG");
        var daemonLog = settings.Daemonize ?? settings.DaemonizeLater;
        if (daemonLog is not null && _lord is null && daemonPipe is null && _inheritance.IsNone)
            return Daemonizer.Start(arguments, _environment, inherited, daemonLog);

        // First of all: what is open now it holds open for ever.
        using var spawner = new Spawner(daemonPipe, _firstHeirloom);
        var softLimit = (ulong?)settings.MaxOpenFiles ?? _inheritance.Legacy.Empire.SoftLimit ?? Self.InheritedDescriptorLimit();
        var noLog = OpenLog(daemonLog ?? settings.LogTo, out var logFile);
        if (noLog is not null && _inheritance.IsNone)
            return Refuse(noLog);
        var (log, sink) = LogSetup.Create(settings, logFile);
        using (sink)
        using (var pidFiles = new PidFiles())
        {
            foreach (var problem in problems)
                Tell(log, problem);
            _ = Grave(noLog, log);
            OpenStore(log);
            AwaitFormerGuard();
            if (Prepare(pidFiles, inherited, log) is { } failure)
            {
                _controlSocket?.Dispose();
                return Fail(log, failure);
            }
            using var socket = _controlSocket;
            // With the rights that will open it anew when it is rotated.
            if (daemonLog is null && logFile is null && settings.LogToLater is { Length: > 0 } later)
            {
                if (Grave(OpenLog(later, out logFile), log) is { } noLaterLog)
                    return Refuse(noLaterLog);
                if (logFile is not null)
                    sink.File = logFile;
            }
            try
            {
                return Govern(log, sink, logFile, pidFiles, spawner, softLimit, inherited, daemonPipe);
            }
            // A filter runs before anything is cleared away.
            catch (Exception e) when (LeaveToSuccessor(e, log, sink))
            {
                // Nothing of the emperor may outlive it: the guard sees to that when this process has ended, unless another emperor follows.
                log.Error("fault", Fault(e));
                return ExitCode.Fault;
            }
        }
    }

    private int Govern(
        EmperorLog log,
        BoundedSink sink,
        LogFile? logFile,
        PidFiles pidFiles,
        Spawner spawner,
        ulong softLimit,
        InheritedSockets inherited,
        SafeFd? daemonPipe
    )
    {
        var events = new EventFeed(_inheritance.Legacy.Events);
        log.Events = _controlSocket is null ? null : events;
        using var loop = new EventLoop();
        using var signals = new SignalInbox(loop);
        if (!TryMakeMonitors(log, out var monitorList))
            return ExitCode.Failed;
        var style = LogSetup.StyleOf(settings, logFile);
        using var output = VassalOutput.Create(settings, style, sink, _inheritance, log, out var failure);
        if (Grave(StartFailure.Unavailable(failure), log) is { } noFolder)
            return Fail(log, noFolder);
        void Reopen()
        {
            ReopenLog(log, logFile);
            output?.Reopen();
        }
        var eye = Eye(monitorList, spawner, log);
        using var monitors = Hub(monitorList, loop, eye, Reopen, log);
        var launching = Launching();
        var tools = new ChainTools(_environment.GetValueOrDefault("PATH"));
        var server = new UwsgiServer(launching, _environment, softLimit, tools, spawner);
        monitors.Programs.Ask(settings.Server, server.IsInstalled, server.ConfigurationOf);
        monitors.Programs.Serve = settings.Serve;
        using var works = Work(loop, server, launching, softLimit, tools, spawner, inherited, output, monitors, eye, log);
        var (processes, limits, hooks, runner) = works;
        using var onDemand = OnDemand(loop, processes, inherited, monitors, eye);
        var empire = new Empire(Policy(), Legacy());
        TellHooks(monitors, empire);
        Greet(softLimit, server, inherited, log);
        var ready = new ReadyWatch(settings.Ready, (long)settings.ReadyTimeout.TotalMilliseconds);
        using var herald = new Herald(_environment, empire, ready, (long)settings.ReloadMercy.TotalMilliseconds, log);
        var snapshots = new SnapshotDesk(loop);
        var owners = eye is null ? null : new OwnerBook(Self.Uid);
        monitors.OnOwner = (vassal, owner) => owners?.Note(vassal, owner?.Uid);
        using var control = Control(events, output, loop, owners, log);
        using var stats = StatsSetup.Start(settings, inherited, _servants, Started, snapshots, log, out var statsFailure);
        if (Grave(StartFailure.Unavailable(statsFailure), log) is { } noStats)
            return Fail(log, noStats);
        using var desk = control is null ? null : Desk(control, empire, monitors, server, limits, output, herald, owners, log);
        using var commands = Commands(loop, out var noCommands);
        if (Grave(noCommands, log) is { } grave)
            return Fail(log, grave);
        _servants.CloseRest();
        var restoration = Restore(works, empire, monitors, output, herald, log);
        output?.Resume();
        var own = new OwnEstate(inherited, softLimit, herald, pidFiles, logFile, desk, stats, commands, events, output, signals, sink);
        var testament = Testament(works, empire, monitors, onDemand, own);
        using var chronicle = Chronicle(works, testament, log);
        using var leap = Leap(works, onDemand, empire, testament, own, loop, log);
        var daemon = new Daemon(loop, empire, monitors, onDemand, runner, signals, herald, snapshots, log)
        {
            Restoration = restoration,
            Chronicle = chronicle,
            Heirlooms = _inheritance.Heirlooms,
            Leap = leap,
            ReopenLog = Reopen,
            Control = desk,
            Commands = commands,
            Continuity = () => Continuity(testament, chronicle),
            Lord = _lord,
            HasChanged = () => HasChanged(log),
            OfLord = order => hooks?.OfLord(HooksOf(order)),
            OnFirstScan = () =>
            {
                Governs(empire, inherited, daemonPipe, log);
                _governs = true;
            },
        };
        var isReady = daemon.Run();
        _beginsAnew = daemon.BeginsAnew;
        return ExitOf(isReady, hooks);
    }

    private string Task =>
        settings.Serve is { } serve
            ? $"serves {serve.Text}; Ctrl-C or SIGTERM ends it, SIGHUP reloads it"
            : $"governs {string.Join(", ", settings.Monitors)}";

    private ControlDesk Desk(
        ControlServer control,
        Empire empire,
        MonitorHub monitors,
        UwsgiServer server,
        VassalLimits limits,
        VassalOutput? output,
        Herald herald,
        OwnerBook? owners,
        EmperorLog log
    )
    {
        var started = Environment.TickCount64;
        return new ControlDesk(control, empire, ReloadsAtOnce, (long)settings.ReadyTimeout.TotalMilliseconds, log)
        {
            Output = output,
            Owners = owners,
            Plan = vassal =>
            {
                var (configuration, folder) = monitors.LocateForPeople(vassal.Raw.Lord ?? vassal.Name, vassal.Source?.Monitor);
                if (vassal.Raw.Plan is { Wsgi: not null } wsgi)
                    return new LaunchPlan(configuration, wsgi.Folder, wsgi.Exec, []);
                var launch = Explanations.PlanOf(vassal.Raw) is { } plan
                    ? new LaunchPlan(configuration, folder, PlanWords.Command(plan), PlanWords.Additions(plan))
                    : Reasoned(server.Describe(new UwsgiFile(configuration, folder, vassal.Source, vassal.Raw.ZergNumber)), vassal);
                return launch with { Unenforced = limits.ProblemsOf(vassal.Name) };
            },
            Describe = () =>
                new EmpireView(
                    Program.Version,
                    Self.Pid,
                    Self.Uid,
                    Environment.TickCount64 - started,
                    herald.IsReady,
                    empire.IsEnding,
                    settings.Monitors,
                    ""
                ),
        };
    }

    // That the built-in server does not run it has been decided when its file was read.
    private LaunchPlan Reasoned(LaunchPlan launch, VassalSnapshot vassal) =>
        vassal.Source is null || vassal.Raw.Phase == Phase.Refused
            ? launch
            : launch with
            {
                Server =
                    $"uwsgi: {ServerChoice.Make(vassal.Raw.Plan?.Server, settings.Server, () => launch.Command is not null, () => null).Reason}",
            };

    // What nothing else has caught: tells systemd in short, and returns what the log shall say.
    private string Fault(Exception e)
    {
        var error = (e as LinuxException)?.Error ?? Errno.InputOutput;
        if (error == Errno.TooManyFiles)
        {
            var reason = $"no descriptor is left ({e.Message}); allow the emperor more of them (LimitNOFILE= of its unit, ulimit -n)";
            Herald.TellFailure(_environment, reason, error, ExitCode.Fault);
            return reason;
        }
        Herald.TellFailure(_environment, $"a fault of the emperor's own: {e.Message}", error, ExitCode.Fault);
        return $"the emperor ends by a fault of its own, please report it: {e}";
    }

    private int Fail(EmperorLog log, StartFailure failure)
    {
        log.Error("start-failed", failure.Reason);
        Herald.TellFailure(_environment, failure.Reason, failure.Error, failure.ExitCode);
        return failure.ExitCode;
    }

    private static void Tell(EmperorLog log, ConfigProblem problem)
    {
        if (problem.Severity == Severity.Warning)
            log.Warning("config", problem.ToString());
        else
            log.Error("config", problem.ToString());
    }

    private static void ReopenLog(EmperorLog log, LogFile? file)
    {
        if (file is null)
            return;
        var error = file.Reopen();
        if (error.Number == 0)
            log.Information("log-reopened", "the log is opened anew");
        else
            log.Error("log-reopen", $"the log cannot be opened anew, and the old file stays in use: {error}");
    }

    private StartFailure? OpenLog(string? path, out LogFile? file)
    {
        if (_inheritance is { IsNone: false, IsAdoption: false })
            return AdoptLog(path, out file);
        file = null;
        if (string.IsNullOrEmpty(path))
            return null;
        if (path.Contains(':'))
            return StartFailure.Configuration(NoUdp(path));
        file = LogFile.Open(Path.GetFullPath(path), (uint?)settings.LogFileMode, out var error);
        return StartFailure.Unavailable(file is null ? $"the log {path} cannot be opened: {error}" : null);
    }

    // Before there is a log.
    private int Refuse(StartFailure failure)
    {
        Console.Error.WriteLine($"emperor: error: {failure.Reason}");
        Herald.TellFailure(_environment, failure.Reason, failure.Error, failure.ExitCode);
        return failure.ExitCode;
    }

    // What must be done before the first vassal: why it cannot, or null.
    private StartFailure? Prepare(PidFiles pidFiles, InheritedSockets inherited, EmperorLog log)
    {
        foreach (var change in settings.EnvironmentChanges)
        {
            if (change.Value is null)
                _environment.Remove(change.Name);
            else
                _environment[change.Name] = change.Value;
        }
        if (settings.Umask is { } mask)
            _ = Self.SetUmask((uint)mask);
        if (settings.MaxOpenFiles is { } files && Self.DescriptorLimit().Hard < (ulong)files)
        {
            if (Self.SetDescriptorLimit((ulong)files, (ulong)files) is { Number: not 0 } error)
                return StartFailure.Configuration($"max-fd = {files}: {error}");
        }
        if (!_inheritance.IsAdoption)
            pidFiles.Inherit(_inheritance.Legacy.Empire.PidFiles);
        StartFailure? Pid(string? file) => Grave(StartFailure.Unavailable(pidFiles.Write(file, settings.WorkingDirectory)), log);
        StartFailure? Folder(string? path)
        {
            var failure = ChangeDirectory(path);
            return HasFixedFolders ? Grave(failure, log) : failure;
        }
        return Folder(settings.ChangeDirectory)
            ?? Pid(settings.PidFile)
            ?? Pid(settings.SafePidFile)
            ?? Pid(settings.EmperorPidFile)
            ?? Grave(OpenControl(inherited), log)
            ?? DropRights()
            ?? Pid(settings.PidFileLater)
            ?? Pid(settings.SafePidFileLater)
            ?? Folder(settings.ChangeDirectoryLater)
            ?? SetTitle();
    }

    // Before the rights are dropped, which the usual folder asks for. A path that was asked for must do; the usual one may fail.
    private StartFailure? OpenControl(InheritedSockets inherited)
    {
        if (settings.Control == ControlSocket.None)
            return null;
        if (inherited.Take("control") is { } handedOver)
        {
            _controlSocket = ControlSocket.Adopt(handedOver);
            return _controlSocket is not null
                ? null
                : StartFailure.Configuration(
                    $"the service manager's socket {handedOver.Name} ({handedOver.Address}) is no unix socket; give its unit a ListenStream= with a path"
                );
        }
        var path = settings.Control is { } asked
            ? Path.GetFullPath(asked, settings.WorkingDirectory)
            : ControlSocket.DefaultPath(Self.IsRoot, _environment.GetValueOrDefault("XDG_RUNTIME_DIR"));
        if (path is null)
            return null;
        _controlSocket = ControlSocket.Open(path, makeFolder: settings.Control is null, _servants, out var failure);
        if (_controlSocket is not null)
            return null;
        _controlFailure = failure;
        return settings.Control is null ? null : StartFailure.Unavailable($"emperor-control = {settings.Control}: {failure}");
    }

    private static StartFailure? ChangeDirectory(string? folder)
    {
        if (folder is null)
            return null;
        try
        {
            Environment.CurrentDirectory = folder;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return StartFailure.Unavailable($"chdir = {folder}: {e.Message}");
        }
    }

    private StartFailure? SetTitle()
    {
        if (settings.ProcessName is { Length: > 0 } title)
            Self.SetTitle(title);
        return null;
    }

    // As uWSGI: gid and its user's groups first, then uid; without rights to change, both are ignored.
    private StartFailure? DropRights()
    {
        if (!Self.IsRoot || (settings.User is null && settings.Group is null))
            return null;
        Errno error = default;
        var user = settings.User is { } u ? Find(u, out error) : null;
        if (error.Number != 0)
            return StartFailure.Unavailable($"uid = {settings.User!.Text}: it cannot be told whether there is such a user: {error}");
        if (settings.User is not null && user is null)
            return StartFailure.Configuration(NoUser(settings.User));
        var group = settings.Group switch
        {
            null => null,
            { Id: { } id } => (uint?)id,
            var g => Accounts.GroupByName(g.Text, out error),
        };
        if (error.Number != 0)
            return StartFailure.Unavailable($"gid = {settings.Group!.Text}: it cannot be told whether there is such a group: {error}");
        if (settings.Group is not null && group is null)
            return StartFailure.Configuration(NoGroup(settings.Group));
        if (settings.Capabilities is not null && Capabilities.KeepOverChangeOfUser() is { Number: not 0 } keepError)
            return StartFailure.Configuration($"cap: the capabilities cannot be kept: {keepError}");
        if (group is { } gid && Self.SetGroup(gid, user?.Name) is { Number: not 0 } groupError)
            return StartFailure.Configuration($"gid = {settings.Group!.Text}: {groupError}");
        if (user is not null && Self.SetUser(user.Uid) is { Number: not 0 } userError)
            return StartFailure.Configuration($"uid = {settings.User!.Text}: {userError}");
        if (settings.Capabilities is { } kept && Capabilities.Reduce(Capabilities.Bits([.. kept])) is { Number: not 0 } capError)
            return StartFailure.Configuration($"cap: the capabilities cannot be had: {capError}; Emperor itself must have them");
        return null;
    }

    private static Account? Find(AccountReference user, out Errno error)
    {
        error = default;
        return user.Id is { } id
            ? Accounts.UserById((uint)id) ?? new Account(user.Text, (uint)id, (uint)id)
            : Accounts.UserByName(user.Text, out error);
    }
}
