using Emperor.Core.Programs;
using Emperor.Logging;
using Emperor.Processes;
using Serilog.Events;

namespace Emperor.Limits;

/// <summary>
/// Decides which vassal gets a cgroup, and says of every limit that it cannot have that it has it not: once for each vassal and reason.
/// Address space (limit-as) is no memory-max, so nothing takes the place of that.
/// </summary>
internal sealed class VassalLimits(VassalCGroups groups, EmperorLog log)
{
    private readonly Dictionary<string, string> _told = new(StringComparer.Ordinal);

    /// <summary>The vassals' processes.</summary>
    public required Func<IReadOnlyCollection<LiveProcess>> Processes { get; init; }

    /// <summary>Makes the cgroup of a process that is about to be started; null when it gets none.</summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="serial">The process's number in the life of this emperor.</param>
    /// <param name="plan">How it is supervised; null when its file does not tell.</param>
    public VassalCGroup? GroupFor(string vassal, long serial, ProgramPlan? plan)
    {
        if (plan is null || !(plan.IsProgram || CGroupFiles.HasAny(plan.Limits)))
            return null;
        var problems = new List<string>();
        var group = groups.Make(vassal, serial, plan.Limits, problems);
        if (group is null && problems.Count == 0)
        {
            // tasks-max is spoken of where it is known whether something else takes its place.
            foreach (var file in CGroupFiles.Of(plan.Limits).Where(f => f.Controller != "pids"))
                problems.Add($"{file.Key} is not enforced: {groups.Obstacle}");
        }
        problems.RemoveAll(p => p.StartsWith("tasks-max", StringComparison.Ordinal));
        Tell(vassal, "", problems);
        return group;
    }

    /// <summary>The process was not started after all.</summary>
    public void Return(VassalCGroup? group)
    {
        if (group is not null)
            groups.Remove(group);
    }

    /// <summary>
    /// The most processes of its user (RLIMIT_NPROC), where that says the same as tasks-max and no cgroup does: when the user is its alone, and
    /// it has one process that is gone before another one is started. Otherwise it is told that there is no limit.
    /// </summary>
    public long? UserTasksFor(string vassal, ProgramPlan? plan, VassalCGroup? group)
    {
        if (plan?.Limits.TasksMax is not { } tasks || group?.Controllers.Contains("pids") == true)
        {
            Tell(vassal, "tasks", []);
            return null;
        }
        var reason =
            plan.User is null or "root" or "0" ? "it has no user of its own"
            : Processes().Any(p => p.Vassal != vassal && p.User == plan.User) ? "other vassals have its user"
            : plan.Processes > 1 || plan.Reload == ReloadWay.Overlap ? "it may have several processes of its own at once"
            : null;
        var obstacle =
            groups.Obstacle.Length > 0 ? groups.Obstacle : "its cgroup cannot have it (the controller \"pids\" is not available)";
        Tell(
            vassal,
            "tasks",
            reason is null
                ? []
                : [$"tasks-max = {tasks} is not enforced: {obstacle}, and a limit of its user's processes is not the same: {reason}"]
        );
        return reason is null ? tasks : null;
    }

    /// <summary>The limits that a vassal's last start could not have, and why.</summary>
    public IReadOnlyList<string> ProblemsOf(string vassal) =>
        [.. new[] { "", "tasks" }.Select(kind => _told.GetValueOrDefault(Key(vassal, kind))).OfType<string>()];

    private static string Key(string vassal, string kind) => $"{vassal}\n{kind}";

    private void Tell(string vassal, string kind, IReadOnlyList<string> problems)
    {
        var key = Key(vassal, kind);
        var text = string.Join("; ", problems);
        if (_told.GetValueOrDefault(key, "") == text)
            return;
        if (text.Length == 0)
        {
            _told.Remove(key);
            return;
        }
        _told[key] = text;
        log.Vassal(LogEventLevel.Warning, "limit", vassal, text);
    }
}
