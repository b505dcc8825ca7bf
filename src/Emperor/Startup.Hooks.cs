using Emperor.Core.Hooks;
using Emperor.Core.Reign;
using Emperor.Hooks;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Processes;
using Emperor.Servers;

namespace Emperor;

/// <summary>What is made for hooks and namespaces.</summary>
internal sealed partial class Startup
{
    private Func<string, HookContext> _describe = vassal => new HookContext(vassal, "/", null, null);

    private HookDesk? Hooks(EventLoop loop, ProcessKeeper processes, ChainTools tools, EmperorLog log)
    {
        var hooks = settings.Hooks;
        IReadOnlyList<HookAction> all =
        [
            .. hooks.AsVassal,
            .. hooks.AsEmperor,
            .. hooks.AfterVassal,
            .. hooks.EmperorStart,
            .. hooks.EmperorStop,
            .. hooks.EmperorReload,
            .. hooks.EmperorLost,
        ];
        if (all.Count == 0 && settings.Namespaces == NamespaceKinds.None)
            return null;
        // What is the emperor's own affair with others is not for them to answer.
        var environment = _environment
            .Where(v => v.Key is not ("NOTIFY_SOCKET" or "WATCHDOG_USEC" or "WATCHDOG_PID" or "UWSGI_EMPEROR_FD"))
            .ToDictionary(StringComparer.Ordinal);
        var desk = new HookDesk(hooks, environment, loop, processes, tools, log, isSuccessor: !_inheritance.IsNone)
        {
            MapsUsers = settings.Namespaces.HasFlag(NamespaceKinds.Users) && Self.IsRoot,
            Describe = vassal => _describe(vassal),
        };
        processes.OnKept = process => desk.Started(process.Vassal, process.Process.Pid);
        processes.OnReaped = (process, pid) => desk.Ended(process.Vassal, pid);
        return desk;
    }

    private static int ExitOf(bool hasStarted, HookDesk? hooks) =>
        hasStarted ? ExitCode.Ended
        : hooks is { HasFailed: true } ? ExitCode.Failed
        : ExitCode.NotReady;

    private void TellHooks(MonitorHub monitors, Empire empire) =>
        _describe = vassal =>
        {
            var source = empire.Vassals.GetValueOrDefault(vassal)?.Source;
            // The file of one that has ended may be gone.
            var (configuration, folder) = monitors.LocateForPeople(vassal, source?.Monitor);
            return new HookContext(configuration, folder, source?.Uid, source?.Gid);
        };
}
