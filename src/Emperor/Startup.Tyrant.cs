using Emperor.Control;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Monitors;
using Emperor.Output;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Sockets;
using Emperor.Tyrant;

namespace Emperor;

/// <summary>What is made in another way where vassals run as the owners of their files.</summary>
internal sealed partial class Startup
{
    private OwnerEye? Eye(List<FileMonitor> monitors, Spawner spawner, EmperorLog log)
    {
        var eye = settings.Tyrant is { } tyrant ? new OwnerEye(tyrant, log) : null;
        monitors.ForEach(m => m.Tyrant = eye);
        LendCapabilities(spawner, log);
        return eye;
    }

    private ProgramServer ProgramServer(LaunchSettings launching, ulong softLimit, ChainTools tools, Spawner spawner, OwnerEye? eye) =>
        new(_environment, launching.CapturesOutput, launching.DeathSignal, softLimit, tools, spawner)
        {
            Act = eye is null ? null : eye.Act,
            Capabilities = launching.Capabilities,
            Jail = new VassalJail(launching.Namespaces, launching.Hooks, tools),
        };

    private ControlServer? Control(EventFeed events, VassalOutput? output, EventLoop loop, OwnerBook? owners, EmperorLog log) =>
        _controlSocket is null ? null : new ControlServer(_controlSocket, events, output, Self.Uid, loop.Wake, log) { Owners = owners };

    // A tyrant that is not root changes the user by programs that it executes, which need its capabilities for that. They are the main thread's own,
    // so everything is started by that.
    private void LendCapabilities(Spawner spawner, EmperorLog log)
    {
        if (settings.Tyrant is null || Self.IsRoot)
            return;
        if (!ProgramIdentity.MayBecomeAnother)
        {
            log.Warning(
                "tyrant",
                $"the emperor runs as user {Self.Uid} and cannot make vassals run as others; run it as root, or with --cap setuid,setgid"
            );
            return;
        }
        spawner.Retire();
        if (Capabilities.Bequeath(Capabilities.SetUid, Capabilities.SetGid) is { Number: not 0 } error)
            log.Warning("tyrant", $"the capabilities setuid and setgid cannot be lent to what is started: {error}");
    }

    private OnDemandResolver OnDemand(
        EventLoop loop,
        ProcessKeeper processes,
        InheritedSockets inherited,
        MonitorHub monitors,
        OwnerEye? eye
    )
    {
        var options = new OnDemandSettings(settings.OnDemandExtension, settings.OnDemandDirectory, settings.OnDemandCommand);
        var commands = options.Command is { } command
            ? new AddressCommands(
                command,
                [.. _environment.Where(v => v.Key != "NOTIFY_SOCKET").Select(v => $"{v.Key}={v.Value}")],
                loop,
                processes
            )
            : null;
        return new OnDemandResolver(options, inherited, commands, monitors.Locate) { Act = eye is null ? null : eye.Act };
    }
}
