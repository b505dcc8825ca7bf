using Emperor.Core.Programs;
using Emperor.Core.Succession;

namespace Emperor.Probes;

// How what is being found out passes from one emperor to the next.
internal sealed partial class ProbeDesk
{
    /// <summary>What is being found out of a vassal's processes.</summary>
    public IReadOnlyList<CheckLegacy> LegacyOf(string vassal, PlanTable plans)
    {
        var legacy = new List<CheckLegacy>();
        foreach (var target in _world.All(vassal))
        {
            foreach (var check in _byProcess.GetValueOrDefault((vassal, target.Incarnation)) ?? [])
            {
                legacy.Add(
                    new CheckLegacy(check.Incarnation, plans.Place(check.Plan), check.IsHealth)
                    {
                        Due = check.Due,
                        Failed = check.Failed,
                        Problem = check.Problem,
                    }
                );
            }
        }
        return legacy;
    }

    /// <summary>When a vassal was last used, monotonic milliseconds; null when nobody watches that.</summary>
    public long? UsedAt(string vassal) => _idle.UsedAt(vassal);

    /// <summary>Goes on with what an emperor was finding out of a vassal. Its NOTIFY_SOCKETs are there already, and its processes.</summary>
    /// <param name="vassal">What was left of it.</param>
    /// <param name="plans">Its plans.</param>
    /// <param name="plan">The plan that says for how long it may be idle.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Inherit(VassalLegacy vassal, PlanTable plans, ProgramPlan? plan, long now)
    {
        foreach (var legacy in vassal.Checks)
        {
            if (_world.Find(vassal.Name, legacy.Incarnation) is null || plans.At(legacy.Plan) is not { } how)
                continue;
            var check = Add(
                new Check(++_lastId, vassal.Name, legacy.Incarnation, how, legacy.IsHealth)
                {
                    Failed = legacy.Failed,
                    Problem = legacy.Problem,
                }
            );
            if (!legacy.IsHealth && how.Ready.Way is ReadyWay.Accept or ReadyWay.Http)
                Connect(check, now);
            else
                Schedule(check, Math.Max(now, legacy.Due));
        }
        if (vassal.UsedAt is { } used && plan is not null)
            _idle.Begin(vassal.Name, plan, used);
    }

    /// <summary>
    /// Nothing that was begun may be left to the next emperor: commands are ended, and run again by whoever goes on; what is frozen goes on.
    /// </summary>
    public void Rest(long now)
    {
        _idle.ThawAll(now);
        foreach (var check in _byId.Values.Where(c => c is { IsRunning: true, Command.Count: > 0 }))
        {
            _commands.Cancel(check.Id);
            check.IsRunning = false;
            Schedule(check, now);
        }
    }
}
