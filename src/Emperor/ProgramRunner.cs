using Emperor.Core.Hooks;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Limits;
using Emperor.Linux;
using Emperor.Output;
using Emperor.Probes;
using Emperor.Processes;
using Emperor.Servers;
using Emperor.Servers.Wsgi;
using Emperor.Sockets;

namespace Emperor;

/// <summary>Starts the processes of programs, with all that they are to have. On the main thread only.</summary>
internal sealed class ProgramRunner(
    ProcessKeeper processes,
    ProgramServer server,
    HeldSockets sockets,
    WsgiMaster wsgi,
    VassalLimits limits,
    bool capturesOutput
)
{
    /// <summary>The sockets of programs.</summary>
    public HeldSockets Sockets => sockets;

    /// <summary>The workers of the built-in server.</summary>
    public WsgiMaster Wsgi => wsgi;

    /// <summary>Where the NOTIFY_SOCKETs are made; null when programs get none.</summary>
    public NotifySockets? Notify { get; set; }

    /// <summary>What hooks are told of a vassal; null when there are none, and no namespaces either.</summary>
    public Func<string, HookContext>? Describe { get; init; }

    /// <summary>What the built-in server's vassals have besides workers.</summary>
    public MasterDuties? Duties { get; set; }

    /// <summary>Starts a process, or has one forked.</summary>
    public void Launch(Effect.Launch launch)
    {
        Duties?.Launched(launch, Environment.TickCount64);
        // What is forked within a namespace of processes becomes the child of the first process there, and not the emperor's.
        if (launch.Plan.Wsgi is { LazyApps: false } && server.Jail is not { IsFirstProcess: true })
            wsgi.Want(launch, Environment.TickCount64);
        else if (Start(launch) is { } failure)
            processes.Outcomes.Enqueue((launch.Vassal, new VassalEvent.SpawnFailed(launch.Incarnation, failure)));
    }

    /// <summary>Starts a process.</summary>
    /// <returns>Why not; null when it is there.</returns>
    public string? Start(Effect.Launch launch)
    {
        var failure = "";
        try
        {
            failure = TryLaunch(launch);
        }
        catch (LinuxException e)
        {
            // No descriptor, or no room in epoll, is left: this vassal waits, all others live on.
            failure = $"cannot be started: {e.Message}";
        }
        if (failure is null)
            return null;
        Notify?.Close(launch.Vassal, launch.Incarnation);
        wsgi.Drop(launch.Vassal, launch.Incarnation);
        return failure;
    }

    // Why it was not started; null when it was.
    private string? TryLaunch(Effect.Launch launch)
    {
        var plan = launch.Plan;
        var held = new List<SafeFd>();
        foreach (var socket in plan.Sockets)
        {
            if (sockets.Of(launch.Vassal, socket.Address) is not { } fd)
                return $"its socket {socket.Address} is not held";
            held.Add(fd);
        }
        var failure = "";
        using var worker = plan.Wsgi is null ? null : wsgi.Prepare(launch, out failure);
        if (plan.Wsgi is not null && worker is null)
            return failure;
        var (serial, mark) = processes.Next();
        var (ours, theirs) = plan.Ready.Way == ReadyWay.Protocol ? Channel.Create() : ((Channel?)null, (SafeFd?)null);
        using (theirs)
        using (var pipe = capturesOutput ? new OutputPipe() : null)
        {
            var group = limits.GroupFor(launch.Vassal, serial, plan);
            try
            {
                var request = new ProgramLaunch
                {
                    Plan = plan,
                    Hooks = Describe?.Invoke(launch.Vassal),
                    Command = worker?.Command,
                    Sockets = held,
                    Others = worker?.Descriptors ?? [],
                    Channel = theirs,
                    Output = pipe?.Write,
                    Mark = mark,
                    NotifySocket = NotifySockets.Wants(plan) ? Notify?.Open(launch.Vassal, launch.Incarnation) : null,
                    CGroup = group?.Folder,
                    UserTasks = limits.UserTasksFor(launch.Vassal, plan, group),
                };
                if (server.Launch(request, out failure) is not { } process)
                {
                    ours?.Dispose();
                    limits.Return(group);
                    return failure;
                }
                var live = new LiveProcess(serial, launch.Vassal, launch.Incarnation, process, ours)
                {
                    Mark = mark,
                    Group = group,
                    User = plan.User,
                    IsFirstProcess = server.Jail?.IsFirstProcess ?? false,
                    Log = MasterDuties.LogOf(plan),
                };
                if (worker is not null)
                    wsgi.Started(launch, worker, Environment.TickCount64);
                processes.Keep(live, pipe);
                return null;
            }
            catch (LinuxException)
            {
                limits.Return(group);
                throw;
            }
        }
    }
}
