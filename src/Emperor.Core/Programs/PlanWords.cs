using System.Globalization;
using Emperor.Core.Control;

namespace Emperor.Core.Programs;

/// <summary>What a plan asks for, in words for people; <see cref="PlanText"/> has the keys.</summary>
public static class PlanWords
{
    /// <summary>The command line as it is started: descriptors in the place of %(fd).</summary>
    public static IReadOnlyList<string> Command(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return [.. plan.Exec.Select(word => DescriptorWords.Replace(word, plan.Sockets, out _) ?? word)];
    }

    /// <summary>What the emperor adds to the environment; one that says the process's own number is left open.</summary>
    public static IReadOnlyList<string> Additions(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        List<string> result = [];
        if (plan.Sockets.Count > 0)
        {
            result.Add($"LISTEN_FDS={Text(plan.Sockets.Count)}");
            result.Add($"LISTEN_FDNAMES={string.Join(':', plan.Sockets.Select(s => s.Name))}");
            result.Add("LISTEN_PID=(its own)");
        }
        if (plan.Ready.Way == ReadyWay.Protocol)
            result.Add($"UWSGI_EMPEROR_FD={Text(DescriptorWords.First + plan.Sockets.Count)}");
        if (plan.Watchdog is { } watchdog)
            result.Add($"WATCHDOG_USEC={Text(watchdog * 1000)}");
        return result;
    }

    /// <summary>Who it runs as.</summary>
    public static string Account(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var parts = new List<string> { plan.User is { } user ? $"user {user}" : "the emperor's user" };
        if (plan.Group is { } group)
            parts.Add($"group {group}");
        if (plan.Groups is { } groups)
            parts.Add(groups.Count == 0 ? "no other groups" : $"also groups {string.Join(", ", groups)}");
        if (plan.Umask is { } umask)
            parts.Add($"umask {Octal(umask)}");
        return string.Join(", ", parts);
    }

    /// <summary>The sockets that the emperor holds, one by one.</summary>
    public static IReadOnlyList<string> Sockets(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return [.. plan.Sockets.Select((s, i) => Socket(s, DescriptorWords.First + i))];
    }

    /// <summary>What it may use.</summary>
    public static IReadOnlyList<string> Limits(LimitRules limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        List<string> result = [];
        void Add(string? words)
        {
            if (words is not null)
                result.Add(words);
        }
        Add(limits.MemoryMax is { } most ? $"memory {Quantity.SizeText(most)} at most" : null);
        Add(limits.MemoryHigh is { } high ? $"slowed down above {Quantity.SizeText(high)} of memory" : null);
        Add(limits.CpuMax is { } cpu ? $"{Share(cpu)} of a processor" : null);
        Add(limits.TasksMax is { } tasks ? $"{Text(tasks)} processes and threads" : null);
        Add(limits.IoWeight is { } weight ? $"weight {Text(weight)} at disks (others 100)" : null);
        Add(limits.OpenFiles is { } files ? $"{Text(files)} open files a process" : null);
        Add(limits.AddressSpace is { } space ? $"{Quantity.SizeText(space)} of address space a process" : null);
        Add(limits.Nice is { } nice ? $"nice {Text(nice)}" : null);
        Add(limits.OomScoreAdjust is { } score ? $"OOM score {(score > 0 ? "+" : "")}{Text(score)}" : null);
        Add(limits.CpuAffinity is { } processors ? $"processors {processors}" : null);
        Add(limits.NoNewPrivileges ? "no new privileges" : null);
        Add(limits.PrivateTmp ? "a /tmp of its own" : null);
        Add(limits.ReadOnlyPaths.Count > 0 ? $"cannot write to {string.Join(", ", limits.ReadOnlyPaths)}" : null);
        return result;
    }

    /// <summary>How it is known to be ready and well, and how it is reloaded, stopped and started again.</summary>
    public static IReadOnlyList<RuleView> Rules(ProgramPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        List<RuleView> rules =
        [
            new("ready", $"{Ready(plan)}; within {Time(plan.ReadyTimeout)}, else the start has failed"),
            new("reload", Reload(plan)),
            new("stop", $"by SIG{SignalNames.NameOf(plan.StopSignal)}, {Stop(plan)}"),
            new("restart", Restart(plan)),
        ];
        if (plan.Health is { } health)
        {
            var what = health.Path is { } path ? $"GET {path} over {First(plan)}" : Words(health.Command);
            rules.Add(
                new(
                    "health",
                    $"{what} every {Time(health.Interval)}, {Time(health.Timeout)} at most; {Text(health.Failures)} failures in a row end it"
                )
            );
        }
        if (plan.Watchdog is { } watchdog)
            rules.Add(new("watchdog", $"it must send WATCHDOG=1 every {Time(watchdog)}"));
        if (plan.OnDemand)
            rules.Add(
                new(
                    "on demand",
                    "the first connection starts it"
                        + (plan.Idle is { } idle ? $"; it is stopped when nobody has used it for {Time(idle)}" : "")
                )
            );
        if (plan.After.Count > 0)
            rules.Add(new("after", $"it is started when {string.Join(", ", plan.After)} are ready, and ends before them"));
        return rules;
    }

    private static string Ready(ProgramPlan plan) =>
        plan.Ready.Way switch
        {
            ReadyWay.Accept => $"when it accepts connections on {First(plan)}",
            ReadyWay.Notify => "when it sends READY=1 to its NOTIFY_SOCKET",
            ReadyWay.Http => $"when GET {plan.Ready.Path} over {First(plan)} is answered with 2xx or 3xx",
            ReadyWay.Exec => $"when {Words(plan.Ready.Command)} exits with 0",
            ReadyWay.Protocol => "when it says so over UWSGI_EMPEROR_FD",
            ReadyWay.Worker => "when its app is loaded and it accepts connections",
            _ => $"when it has lived for {Time(plan.Ready.Delay)}",
        };

    private static string Reload(ProgramPlan plan) =>
        plan.Reload switch
        {
            ReloadWay.Overlap => "the new one is ready before the old one stops; when it does not get ready, the old one stays"
                + (plan.Processes > 1 ? "; one copy after the other" : ""),
            ReloadWay.Restart => "the old one stops, then the new one starts" + (plan.Processes > 1 ? "; one copy after the other" : ""),
            _ => $"SIG{SignalNames.NameOf(plan.ReloadSignal)} tells it; when its launch has changed, it is started anew",
        };

    private static string Stop(ProgramPlan plan) =>
        plan.StopTimeout is { } time ? $"killed after {Time(time)}" : "killed when the emperor's patience is over";

    private static string Restart(ProgramPlan plan)
    {
        var codes = plan.SuccessExitStatus.Count > 0 ? $" (nor {string.Join(", ", plan.SuccessExitStatus.Select(c => Text(c)))})" : "";
        return plan.Restart switch
        {
            RestartRule.Always => "always when it has ended by itself",
            RestartRule.OnFailure => $"when it has ended by a signal or with another code than 0{codes}",
            _ => "never",
        };
    }

    private static string Socket(ProgramSocket socket, int descriptor)
    {
        var isFile = socket.Address.StartsWith('/');
        var owner = socket.Owner is { } name ? $", of {name}" : "";
        return $"{socket.Address} is descriptor {Text(descriptor)}, named {socket.Name}"
            + (isFile ? $", mode {Octal(socket.Mode)}{owner}" : "")
            + (socket.ReusePort ? ", its port may be shared" : "");
    }

    private static string First(ProgramPlan plan) => plan.Sockets.Count > 0 ? plan.Sockets[0].Address : "its first socket";

    private static string Words(IReadOnlyList<string> words) => string.Join(' ', words.Select(ShellWords.Quote));

    private static string Share(int thousandths) => (thousandths / 10m).ToString("0.#' %'", CultureInfo.InvariantCulture);

    private static string Octal(int mode) => Convert.ToString(mode, 8).PadLeft(3, '0');

    private static string Time(long milliseconds) => Quantity.TimeText(milliseconds);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
