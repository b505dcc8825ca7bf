using Emperor.Core.Configuration;
using Emperor.Core.Programs;

namespace Emperor.Core.Wsgi;

/// <summary>Reads what is said of the number of processes and of idleness: cheaper and its kind, cheap, idle, die-on-idle.</summary>
internal static class LoadReader
{
    /// <summary>Adds it to a plan.</summary>
    public static ProgramPlan Read(WsgiValues values, ProgramPlan plan)
    {
        var idle = values.Number("idle", int.MaxValue / 1000) is { } seconds and > 0 ? seconds * 1000 : (long?)null;
        var isCheap = values.Flag("cheap");
        return plan with
        {
            // die-on-idle ends a uwsgi that its emperor starts again; here the sockets stay, and the next connection does that.
            OnDemand = isCheap || idle is not null,
            StartsAtOnce = !isCheap && idle is not null,
            Idle = idle,
            Wsgi = plan.Wsgi! with { Cheaper = Cheaper(values, plan.Processes) },
        };
    }

    private static CheaperRule? Cheaper(WsgiValues values, int processes)
    {
        if (values.Last("cheaper") is not { } option || values.Number("cheaper") is not { } minimum)
            return null;
        if (minimum == 0)
            return null;
        if (minimum >= processes)
        {
            values.Refuse(option, "cheaper must be lower than processes", $"write fewer than {processes}, or more processes");
            return null;
        }
        var initial = values.Number("cheaper-initial") is { } asked and > 0 ? asked : minimum;
        if (values.Last("cheaper-initial") is { } first && (initial < minimum || initial > processes))
            values.Warn(first, "that is not between cheaper and processes, and the nearest that is counts");
        return new CheaperRule(
            (int)minimum,
            (int)Math.Clamp(initial, minimum, processes),
            (int)Math.Max(1, values.Number("cheaper-step") ?? 1),
            (int)(values.Number("cheaper-overload") ?? 3),
            ByBacklog(values)
        );
    }

    // As uWSGI: an algorithm that is not there leaves it at "spare".
    private static bool ByBacklog(WsgiValues values)
    {
        var name = values.Text("cheaper-algo");
        if (name is not (null or "spare" or "backlog"))
            values.Warn(values.Last("cheaper-algo")!, "the built-in server has spare and backlog; spare is used");
        return name == "backlog";
    }
}
