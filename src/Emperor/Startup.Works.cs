using Emperor.Core.Configuration;
using Emperor.Hooks;
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
using Emperor.Succession;
using Emperor.Tyrant;

namespace Emperor;

/// <summary>What runs vassals.</summary>
internal sealed partial class Startup
{
    private Works Work(
        EventLoop loop,
        UwsgiServer server,
        LaunchSettings launching,
        ulong softLimit,
        ChainTools tools,
        Spawner spawner,
        InheritedSockets inherited,
        VassalOutput? output,
        MonitorHub monitors,
        OwnerEye? eye,
        EmperorLog log
    )
    {
        var groups = new VassalCGroups(Self.Pid);
        var processes = new ProcessKeeper(loop, groups, output, log, _inheritance) { Memory = new MemoryWatch(loop, log) };
        var heirlooms = _inheritance.Heirlooms;
        var binder = new SocketBinder(heirlooms) { VassalOf = processes.VassalOf, Act = eye is null ? null : eye.Act };
        var sockets = new OnDemandSockets(loop, binder, inherited, log);
        var held = new HeldSockets(loop, binder, inherited, log);
        var limits = new VassalLimits(groups, log) { Processes = () => processes.All };
        var programServer = ProgramServer(launching, softLimit, tools, spawner, eye);
        var hooks = Hooks(loop, processes, tools, log);
        var probes = new ProbeDesk(loop, World(processes, held, programServer, hooks), log, heirlooms);
        var wsgi = new WsgiMaster(loop, processes, heirlooms, log);
        var programs = new ProgramRunner(processes, programServer, held, wsgi, limits, Captures(output))
        {
            Describe = hooks?.Describe,
            Notify = probes.Notify,
        };
        wsgi.StartTemplate = programs.Start;
        wsgi.GroupFor = limits.GroupFor;
        wsgi.SocketsOf = held.All;
        var duties = new MasterDuties(
            new DutyWorld(loop, processes, wsgi, monitors, log, output, programServer.Prepare, held.All, settings.Serve is not null)
            {
                Describe = hooks?.Describe,
                Heirlooms = heirlooms,
            }
        );
        programs.Duties = duties;
        var runner = new EffectRunner(processes, server, sockets, programs, probes, limits, Captures(output), log, monitors.Locate)
        {
            OwnerNow = eye is null ? null : monitors.OwnerNow,
            Hooks = hooks,
        };
        return new Works(processes, limits, hooks, runner)
        {
            Held = held,
            Listeners = sockets,
            Probes = probes,
            Workers = wsgi,
            Duties = duties,
        };
    }

    // Where a former emperor's vassals are listened to, those that are started now may all the same print to where the emperor does.
    private bool Captures(VassalOutput? output) => output is not null && settings.VassalOutput == VassalOutputMode.Capture;

    private static ProbeWorld World(ProcessKeeper processes, HeldSockets held, ProgramServer server, HookDesk? hooks) =>
        new()
        {
            Find = (vassal, incarnation) => processes.Of(vassal, incarnation) is { } process ? TargetOf(process) : null,
            All = vassal => [.. processes.All.Where(p => p.Vassal == vassal).Select(TargetOf)],
            OwnerOf = processes.OwnerOf,
            Sockets = held.All,
            Prepare = server.Prepare,
            Describe = hooks?.Describe,
            StartCommand = processes.StartHelper,
            EndCommand = processes.EndHelper,
        };

    private static ProbeTarget TargetOf(LiveProcess process) =>
        new(
            process.Incarnation,
            process.Process.Pid,
            process.Serial,
            process.Mark[(process.Mark.IndexOf('=', StringComparison.Ordinal) + 1)..],
            process.Group?.Folder
        );

    /// <summary>What runs vassals, and is taken down in the reverse order.</summary>
    private sealed record Works(ProcessKeeper Processes, VassalLimits Limits, HookDesk? Hooks, EffectRunner Runner) : IDisposable
    {
        /// <summary>The sockets of programs.</summary>
        public required HeldSockets Held { get; init; }

        /// <summary>The sockets of vassals on demand.</summary>
        public required OnDemandSockets Listeners { get; init; }

        /// <summary>What is found out of processes.</summary>
        public required ProbeDesk Probes { get; init; }

        /// <summary>The workers of the built-in server.</summary>
        public required WsgiMaster Workers { get; init; }

        /// <summary>What those have besides.</summary>
        public required MasterDuties Duties { get; init; }

        /// <inheritdoc/>
        public void Dispose()
        {
            Runner.Dispose();
            Hooks?.Dispose();
            foreach (IDisposable other in new IDisposable[] { Duties, Probes, Workers, Held, Listeners })
                other.Dispose();
            Processes.Dispose();
        }
    }
}
