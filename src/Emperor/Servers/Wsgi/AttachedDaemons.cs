using Emperor.Core.Programs;
using Emperor.Core.Stats;
using Emperor.Core.Succession;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Emperor.Output;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

/// <summary>
/// The commands that run beside a vassal's workers (attach-daemon), by /bin/sh, in its folder as its user and in
/// namespaces of its own, as each worker has them. One that ends is started again, after a
/// pause that grows while its lives are short. They end with the vassal; at a reload they stay, unless the file says something else of them.
/// </summary>
internal sealed class AttachedDaemons
{
    private const long ShortLife = 10_000;
    private const long FirstPause = 1_000;
    private const long LongestPause = 60_000;
    private const long Mercy = 10_000;

    private readonly MasterDuties _duties;
    private readonly string _vassal;
    private readonly ProgramPlan _plan;
    private readonly List<Attached> _all;

    /// <summary>Makes them; they are started by the next turn.</summary>
    public AttachedDaemons(MasterDuties duties, string vassal, ProgramPlan plan)
    {
        (_duties, _vassal) = (duties, vassal);
        _plan = plan with { Wsgi = null, Sockets = [], Ready = new ReadyRule(ReadyWay.After) };
        _all = [.. plan.Wsgi!.Duties.Daemons.Select(d => new Attached(d))];
    }

    /// <summary>What is left of them to the next emperor, in the order of the file.</summary>
    public IEnumerable<DaemonLegacy> Legacy =>
        _all.Select(d => new DaemonLegacy(d.Starts, d.StartedAt, d.Pause, d.Due)
        {
            Pid = d.Process?.Pid ?? 0,
            Exit = d.Exit,
            GuardSlot = d.GuardSlot,
            Output = d.Output?.Heirloom,
        });

    /// <summary>When something is to be done by time alone, monotonic milliseconds; null when there is not.</summary>
    public long? NextDue => _all.Min(d => d.Due);

    /// <summary>What the stats tell of them.</summary>
    public IReadOnlyList<DaemonFigures> Figures =>
        [.. _all.Select(d => new DaemonFigures(d.Rule.Command, d.Process?.Pid ?? 0, Math.Max(0, d.Starts - 1)))];

    /// <summary>Starts those that are due.</summary>
    public void Turn(long now)
    {
        foreach (var daemon in _all.Where(d => d.Due <= now))
            Start(daemon, now);
    }

    /// <summary>Goes on with those of a former emperor: what runs is not started.</summary>
    /// <param name="left">They, in the order of the file.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Inherit(IReadOnlyList<DaemonLegacy> left, long now)
    {
        if (left.Count != _all.Count)
            throw new LegacyException($"the daemons of vassal {_vassal} are not as many as its file names");
        foreach (var (daemon, former) in _all.Zip(left))
        {
            (daemon.Starts, daemon.StartedAt, daemon.Pause, daemon.Due) = (former.Starts, former.StartedAt, former.Pause, former.Due);
            if (former.Pid == 0)
                continue;
            (daemon.Process, daemon.Exit) = _duties.Find(former);
            (daemon.GuardSlot, daemon.Output) = (former.GuardSlot, _duties.World.Output?.Find(_vassal, former.Output));
            if (daemon.Process is null)
            {
                Postpone(daemon, now);
                Tell(
                    LogEventLevel.Warning,
                    $"its daemon \"{daemon.Rule.Command}\" (pid {former.Pid}) is not there any more; it is started again"
                );
                continue;
            }
            try
            {
                daemon.Token = _duties.Listen(daemon.Process.Fd, _ => HearEnd(daemon));
            }
            catch (LinuxException e)
            {
                Drop(daemon);
                Postpone(daemon, now);
                Tell(LogEventLevel.Error, $"its daemon \"{daemon.Rule.Command}\" is ended, as it cannot be watched: {e.Message}");
            }
        }
    }

    /// <summary>Tells all to stop. What has not within ten seconds is killed by the guardian that stays behind.</summary>
    public void End(long now)
    {
        foreach (var daemon in _all)
        {
            daemon.Due = null;
            if (daemon.Process is { } process)
                _duties.Leave(
                    new LeavingDaemon(_vassal, process, daemon.Exit, daemon.GuardSlot, daemon.Token, daemon.Output, now + Mercy),
                    daemon.Rule.StopSignal
                );
            (daemon.Process, daemon.Exit) = (null, null);
        }
    }

    private void Start(Attached daemon, long now)
    {
        daemon.Due = null;
        daemon.StartedAt = now;
        _duties.OnAltered(_vassal);
        if (TryStart(daemon) is { } failure)
        {
            Tell(LogEventLevel.Error, $"its daemon \"{daemon.Rule.Command}\" cannot be started: {failure}");
            Postpone(daemon, now);
        }
    }

    // Why it was not started; null when it was.
    private string? TryStart(Attached daemon)
    {
        var world = _duties.World;
        try
        {
            using var pipe = world.Output is null ? null : new OutputPipe();
            var launch = new ProgramLaunch
            {
                Plan = _plan with { Folder = daemon.Rule.Folder },
                Command = ["/bin/sh", "-c", daemon.Rule.Command],
                Hooks = world.Describe?.Invoke(_vassal),
                IsDaemon = true,
                Output = pipe?.Write,
            };
            using var prepared = world.Prepare(launch, out var failure);
            if (prepared is null)
                return failure;
            var process = world.Processes.StartHelper(prepared.Request, out var guardSlot, out var error);
            if (process is null)
                return $"{error}";
            (daemon.Process, daemon.GuardSlot) = (process, guardSlot);
            daemon.Exit = world.Heirlooms.Keep("daemon", process.Fd);
            daemon.Starts++;
            daemon.Token = _duties.Listen(process.Fd, _ => HearEnd(daemon));
            if (pipe is not null)
                daemon.Output = world.Output!.Watch(pipe, _vassal, 0, process.Pid, OwnLogOf());
            Tell(LogEventLevel.Information, $"its daemon \"{daemon.Rule.Command}\" runs (pid {process.Pid})");
            return null;
        }
        catch (LinuxException e)
        {
            Drop(daemon);
            return e.Message;
        }
    }

    private OwnLog? OwnLogOf() => _duties.LogOf(_vassal);

    private void HearEnd(Attached daemon)
    {
        if (daemon.Process is not { } process || !process.HasEnded(out var status))
            return;
        var now = Environment.TickCount64;
        Drop(daemon);
        _duties.OnAltered(_vassal);
        Postpone(daemon, now);
        Tell(
            LogEventLevel.Warning,
            $"its daemon \"{daemon.Rule.Command}\" (pid {process.Pid}) has ended ({status}); it is started again in {(daemon.Due - now) / 1000} s"
        );
    }

    private void Drop(Attached daemon)
    {
        if (daemon.Process is not { } process)
            return;
        daemon.Process = null;
        _duties.Unlisten(process.Fd, daemon.Token);
        _duties.World.Heirlooms.Drop(daemon.Exit);
        daemon.Exit = null;
        _duties.World.Processes.EndHelper(process, daemon.GuardSlot);
        if (daemon.Output is { } output)
            _duties.World.Output?.NoteEnd(output);
        daemon.Output = null;
    }

    private static void Postpone(Attached daemon, long now)
    {
        daemon.Pause = now - daemon.StartedAt >= ShortLife || daemon.Pause == 0 ? FirstPause : Math.Min(2 * daemon.Pause, LongestPause);
        daemon.Due = now + daemon.Pause;
    }

    private void Tell(LogEventLevel level, string words) => _duties.World.Log.Vassal(level, "daemon", _vassal, words);

    private sealed class Attached(AttachedDaemon rule)
    {
        internal AttachedDaemon Rule { get; } = rule;
        internal PidRef? Process { get; set; }
        internal string? Exit { get; set; }
        internal int GuardSlot { get; set; }
        internal ulong Token { get; set; }
        internal OutputSource? Output { get; set; }
        internal int Starts { get; set; }
        internal long StartedAt { get; set; }
        internal long Pause { get; set; }
        internal long? Due { get; set; } = 0;
    }
}

/// <summary>A daemon that has been told to stop.</summary>
/// <param name="Vassal">Whose it is.</param>
/// <param name="Process">Its process.</param>
/// <param name="Exit">The name by which its pidfd passes on.</param>
/// <param name="GuardSlot">Its place in the guard's list.</param>
/// <param name="Token">Its token in the loop.</param>
/// <param name="Output">What it prints.</param>
/// <param name="Deadline">When it is killed, monotonic milliseconds.</param>
internal sealed record LeavingDaemon(
    string Vassal,
    PidRef Process,
    string? Exit,
    int GuardSlot,
    ulong Token,
    OutputSource? Output,
    long Deadline
);
