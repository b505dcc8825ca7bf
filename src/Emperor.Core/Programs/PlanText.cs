using System.Globalization;

namespace Emperor.Core.Programs;

/// <summary>A plan as the section [emperor] that would make it, with all defaults.</summary>
public static class PlanText
{
    /// <summary>Its lines, without the section's head.</summary>
    public static IReadOnlyList<string> Lines(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var lines = new List<string>();
        void Add(string key, object? value)
        {
            if (value is not null)
                lines.Add($"{key} = {Convert.ToString(value, CultureInfo.InvariantCulture)}");
        }
        if (plan.IsProgram)
            AddProgram(plan, Add);
        Add("server", plan.Server?.ToString().ToLowerInvariant());
        Add("stop-timeout", Time(plan.StopTimeout));
        Add("ready", Ready(plan.Ready));
        Add("ready-timeout", plan.ReadyTimeout == ProgramPlan.Never ? null : Time(plan.ReadyTimeout));
        if (plan.Health is { } health)
        {
            Add("health", health.Path is { } path ? $"http {path}" : $"exec {Words(health.Command)}");
            Add("health-interval", Time(health.Interval));
            Add("health-timeout", Time(health.Timeout));
            Add("health-failures", health.Failures);
        }
        Add("watchdog", Time(plan.Watchdog));
        AddLimits(plan.Limits, Add);
        foreach (var name in plan.After)
            Add("after", name);
        return lines;
    }

    private static void AddProgram(ProgramPlan plan, Action<string, object?> add)
    {
        add("exec", Words(plan.Exec));
        add("chdir", plan.Folder);
        add("uid", plan.User);
        add("gid", plan.Group);
        add("groups", plan.Groups is { } groups ? string.Join(' ', groups) : null);
        add("umask", plan.Umask is { } umask ? Octal(umask) : null);
        foreach (var variable in plan.Environment)
            add("env", variable);
        foreach (var file in plan.EnvironmentFiles)
            add("env-file", file);
        foreach (var socket in plan.Sockets)
            add("socket", $"{socket.Name}={socket.Address}");
        if (plan.Sockets.Count > 0)
        {
            var first = plan.Sockets[0];
            add("chmod-socket", Octal(first.Mode));
            add("chown-socket", first.Owner);
            add("listen", first.Backlog);
            add("reuse-port", first.ReusePort ? "true" : null);
        }
        add("processes", plan.Processes);
        add("stop-signal", SignalNames.NameOf(plan.StopSignal));
        add(
            "reload",
            plan.Reload switch
            {
                ReloadWay.Overlap => "overlap",
                ReloadWay.Restart => "restart",
                _ => $"signal {SignalNames.NameOf(plan.ReloadSignal)}",
            }
        );
        add(
            "restart",
            plan.Restart switch
            {
                RestartRule.Always => "always",
                RestartRule.OnFailure => "on-failure",
                _ => "never",
            }
        );
        add("success-exit-status", plan.SuccessExitStatus.Count > 0 ? string.Join(' ', plan.SuccessExitStatus) : null);
        add("on-demand", plan.OnDemand ? "true" : null);
        add("idle", Time(plan.Idle));
    }

    private static void AddLimits(LimitRules limits, Action<string, object?> add)
    {
        add("memory-max", Size(limits.MemoryMax));
        add("memory-high", Size(limits.MemoryHigh));
        add("cpu-max", limits.CpuMax is { } cpu ? (cpu / 1000m).ToString("0.###", CultureInfo.InvariantCulture) : null);
        add("tasks-max", limits.TasksMax);
        add("io-weight", limits.IoWeight);
        add("limit-nofile", limits.OpenFiles);
        // A bare number would be of megabytes.
        add("limit-as", limits.AddressSpace is { } bytes ? Quantity.SizeText(bytes & ~0x3FFL) : null);
        add("nice", limits.Nice);
        add("oom-score-adj", limits.OomScoreAdjust);
        add("cpu-affinity", limits.CpuAffinity);
        add("no-new-privs", limits.NoNewPrivileges ? "true" : null);
        add("private-tmp", limits.PrivateTmp ? "true" : null);
        foreach (var path in limits.ReadOnlyPaths)
            add("read-only", path);
    }

    private static string Ready(ReadyRule rule) =>
        rule.Way switch
        {
            ReadyWay.Http => $"http {rule.Path}",
            ReadyWay.Exec => $"exec {Words(rule.Command)}",
            ReadyWay.After => $"after {Quantity.TimeText(rule.Delay)}",
            _ => rule.Way.ToString().ToLowerInvariant(),
        };

    private static string Words(IReadOnlyList<string> words) => string.Join(' ', words.Select(ShellWords.Quote));

    private static string Octal(int mode) => Convert.ToString(mode, 8).PadLeft(3, '0');

    private static string? Time(long? milliseconds) => milliseconds is { } time ? Quantity.TimeText(time) : null;

    private static string? Size(long? bytes) => bytes is { } size ? Quantity.SizeText(size) : null;
}
