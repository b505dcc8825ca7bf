using Emperor.Core.Reign;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Servers;
using Emperor.Sockets;
using Serilog.Events;

namespace Emperor;

/// <summary>What is told when all is set up, and when the first vassals are there.</summary>
internal sealed partial class Startup
{
    private void Greet(ulong softLimit, UwsgiServer server, InheritedSockets inherited, EmperorLog log)
    {
        if (_controlFailure is not null)
            log.Warning("no-control", $"there is no control socket, and the command finds no emperor here: {_controlFailure}");
        if (_controlSocket is { Listener.IsAdopted: true } handedOver && settings.Control is { } asked && asked != handedOver.Path)
            log.Warning("sockets", $"emperor-control = {asked} is not opened: the service manager has handed over {handedOver.Path}");
        foreach (var problem in inherited.Problems)
            log.Warning("sockets", problem);
        if (server.LacksDeathSignal)
            log.Warning("no-setpriv", "setpriv (package util-linux) is not there: vassals get no parent-death signal");
        if (_lordFailure.Length > 0)
            log.Warning("lord", _lordFailure);
        log.Say(LogEventLevel.Debug, "limit", $"vassals may open {softLimit} descriptors (--max-fd sets another limit)");
        log.Information("start", $"emperor {Program.Version} (pid {Self.Pid}) {Task}");
    }

    private void Governs(Empire empire, InheritedSockets inherited, SafeFd? daemonPipe, EmperorLog log)
    {
        if (settings.Serve is null)
            log.Information("governing", $"the emperor is governing {empire.Vassals.Count} vassals");
        foreach (var unused in inherited.Unused())
            log.Warning("sockets", unused);
        if (daemonPipe is not null)
            Daemonizer.Report(daemonPipe);
    }
}
