using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Core.Wsgi;
using Emperor.Linux;
using Serilog.Events;

namespace Emperor.Servers.Wsgi;

// What passes on to the next emperor, and what the last one has left.
internal sealed partial class MasterDuties
{
    /// <summary>Called with a vassal when something else is left of it than before.</summary>
    public Action<string> OnAltered { get; set; } = _ => { };

    /// <summary>The vassals of which something is left here; some of them may be gone already, but for daemons that have been told to stop.</summary>
    public IEnumerable<string> Vassals => _holders.Keys.Concat(_leaving.Select(d => d.Vassal)).Distinct(StringComparer.Ordinal);

    /// <summary>What is left of what a vassal has besides workers; null for nothing.</summary>
    public DutyLegacy? LegacyOf(string vassal, PlanTable plans)
    {
        var leaving = _leaving.Where(d => d.Vassal == vassal).Select(LegacyOf).ToArray();
        var holder = _holders.GetValueOrDefault(vassal);
        if (holder is null && leaving.Length == 0)
            return null;
        var left = holder?.LegacyOf(plans) ?? new DutyLegacy { Plan = -1, BegunWith = -1 };
        return left with
        {
            Touched = [.. holder is null ? [] : Touched(holder.BegunWith!)],
            Daemons = [.. holder?.Daemons?.Legacy ?? [], .. leaving],
        };
    }

    /// <summary>
    /// Takes over what a vassal has besides workers, when its processes, workers and outputs have been taken over, and before the first scan: no file is
    /// written, nothing is started, and nothing is bound that is not lost.
    /// </summary>
    /// <param name="vassal">What was left.</param>
    /// <param name="plans">The vassal's plans.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <exception cref="LegacyException">It does not fit together.</exception>
    public void Inherit(VassalLegacy vassal, PlanTable plans, long now)
    {
        if (vassal.Duties is not { } left)
            return;
        foreach (var daemon in left.Daemons.Where(d => d.LeavesBy is not null))
        {
            if (Find(daemon) is (PidRef process, var exit))
                Await(
                    new LeavingDaemon(
                        vassal.Name,
                        process,
                        exit,
                        daemon.GuardSlot,
                        0,
                        _world.Output?.Find(vassal.Name, daemon.Output),
                        daemon.LeavesBy!.Value
                    )
                );
        }
        if (left.Plan < 0)
            return;
        if (plans.At(left.Plan) is not { Wsgi: not null } plan || plans.At(left.BegunWith) is not { Wsgi.Duties: { } duties } begun)
            throw new LegacyException($"what vassal {vassal.Name} has besides workers has no plan");
        var holder = new Holder(vassal.Name) { Plan = plan, BegunWith = begun };
        _holders.Add(vassal.Name, holder);
        holder.Inherit(left);
        InheritPidFiles(holder, left);
        _world.Monitors.InheritTouch(vassal.Name, [.. left.Touched.Select(t => (t.Path, StatusOf(t)))], begun.Owner);
        try
        {
            holder.Fifos = [.. left.Fifos.Select(f => CommandFifo.Inherit(this, vassal.Name, begun, f)).OfType<CommandFifo>()];
            holder.Stats = duties.Stats.Count > 0 ? WorkerStats.Inherit(this, holder, duties, left.Stats) : null;
        }
        catch (LinuxException e)
        {
            TellNotAll(vassal.Name, e);
        }
        if (duties.Daemons.Count == 0)
            return;
        holder.Daemons = new AttachedDaemons(this, vassal.Name, begun);
        holder.Daemons.Inherit([.. left.Daemons.Where(d => d.LeavesBy is null)], now);
    }

    /// <summary>
    /// The process of a daemon that a former emperor has started, with the name by which its pidfd passes on. Where that is lost, its number is trusted when
    /// a session's leader has it that is a child of the emperor's or in the same unit.
    /// </summary>
    /// <returns>Nothing when it is not there any more.</returns>
    internal (PidRef? Process, string? Exit) Find(DaemonLegacy daemon)
    {
        var (process, exit) = (_world.Heirlooms.Take(daemon.Exit) is { } fd ? PidRef.Adopt(daemon.Pid, fd) : null, daemon.Exit);
        if (process is null && PidRef.Find(daemon.Pid) is { } found)
        {
            if (ProcFs.Stat(daemon.Pid)?.Session == daemon.Pid && (found.IsChild || IsInOwnGroup(daemon.Pid)))
                (process, exit) = (found, _world.Heirlooms.Keep("daemon", found.Fd));
            else
                found.Dispose();
        }
        if (process is null)
            return (null, null);
        _world.Processes.InheritHelper(process);
        return (process, exit);
    }

    // The emperor may have moved to a leaf of its group, or not yet.
    private static bool IsInOwnGroup(int pid) =>
        CGroup.Of(Self.Pid) is { } own
        && CGroup.Of(pid) is { } other
        && (own == other || other.StartsWith(own + "/", StringComparison.Ordinal));

    private void InheritPidFiles(Holder holder, DutyLegacy left)
    {
        holder.Pids = PidFilesOf(holder.Vassal, holder.BegunWith!);
        holder.Pids?.Inherit(left.ReadyPids, left.WrittenPid);
        var living = _world.Processes.All.Where(p => p.Vassal == holder.Vassal).Select(p => p.MainPid).ToHashSet();
        foreach (var pid in left.ReadyPids.Where(p => !living.Contains(p)))
            holder.Pids?.Ended(pid);
    }

    private static DaemonLegacy LegacyOf(LeavingDaemon daemon) =>
        new(0, 0, 0, null)
        {
            Pid = daemon.Process.Pid,
            Exit = daemon.Exit,
            GuardSlot = daemon.GuardSlot,
            Output = daemon.Output?.Heirloom,
            LeavesBy = daemon.Deadline,
        };

    private IEnumerable<TouchLegacy> Touched(ProgramPlan plan)
    {
        foreach (var path in plan.Wsgi!.Duties.TouchFiles)
        {
            var s = _world.Monitors.LastSeen(path, plan.Owner);
            yield return new TouchLegacy(path, (int)s.Kind, s.Device, s.Inode, s.Size, s.ModifiedNanoseconds, s.Uid, s.Gid, s.Mode);
        }
    }

    private static FileStatus StatusOf(TouchLegacy t) => new((FileKind)t.Kind, t.Device, t.Inode, t.Size, t.Modified, t.Uid, t.Gid, t.Mode);

    internal sealed partial class Holder
    {
        /// <summary>What is left of it to the next emperor.</summary>
        internal DutyLegacy LegacyOf(PlanTable plans) =>
            new()
            {
                Plan = plans.Place(Plan),
                BegunWith = plans.Place(BegunWith),
                Ready = [.. ReadyOnes],
                ReadyPids = Pids?.Order ?? [],
                WrittenPid = Pids?.Written ?? 0,
                Workers =
                [
                    .. _starts.Select(s => new WorkerLegacy(
                        s.Key,
                        s.Value,
                        _harakiris.GetValueOrDefault(s.Key),
                        [.. _slotOf.Where(i => i.Value == s.Key).Select(i => i.Key)]
                    )),
                ],
                Fifos = [.. Fifos.Select(f => f.Legacy)],
                Stats = Stats?.Legacy ?? [],
            };

        /// <summary>Goes on with what is known of its workers.</summary>
        internal void Inherit(DutyLegacy left)
        {
            ReadyOnes.UnionWith(left.Ready);
            foreach (var worker in left.Workers)
            {
                (_starts[worker.Slot], _harakiris[worker.Slot]) = (worker.Starts, worker.Harakiris);
                foreach (var incarnation in worker.Incarnations)
                    _slotOf[incarnation] = worker.Slot;
            }
        }
    }
}
