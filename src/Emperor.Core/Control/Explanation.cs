using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Stats;
using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>What will happen to a vassal by itself, and what an operator can do, in words.</summary>
public static class Explanation
{
    /// <summary>How many of its last lines are shown.</summary>
    public const int Lines = 10;

    /// <summary>How many of its last events are shown.</summary>
    public const int Events = 12;

    /// <summary>What will happen next when nobody does anything.</summary>
    public static string Next(VassalSnapshot vassal)
    {
        var raw = vassal.Raw;
        var wait = raw.NextDeadline is { } due ? Seconds(Math.Max(0, due - vassal.At.Monotonic)) : "";
        if (raw.IsProgram && NextOfProgram(raw, wait) is { } next)
            return next;
        return raw.Phase switch
        {
            Phase.Waiting => "the next connection to its socket starts it",
            Phase.Held => "it is started when those are ready, or stopped, or gone",
            Phase.Starting when raw.ReloadPending =>
                "it is reloaded as soon as it accepts requests, because its file has changed meanwhile",
            Phase.Starting => "it is waited for until it says that it accepts requests; should it die, it is started again",
            Phase.Running when raw.Socket is not null =>
                "it runs on; it is reloaded when its file changes, and when it has ended the next connection starts it again",
            Phase.Running => "it runs on; it is reloaded when its file changes, and started again when it dies",
            Phase.Reloading when raw.Deadline is not null => $"it is told to reload in {wait}",
            Phase.Reloading => "it is waited for until it accepts requests again; should it die, it is started again",
            Phase.Cursed => $"it is killed in {wait}, and then started again",
            Phase.Stopping => $"{AfterItsEnd(raw)}; if it does not end, it is killed in {wait}",
            Phase.Killing => AfterItsEnd(raw),
            Phase.Backoff => $"it is tried again in {wait} (attempt {(raw.Failures + 1).ToString(CultureInfo.InvariantCulture)})",
            Phase.Resting => "it stays down until it is started by hand or its file changes",
            Phase.Refused => "it stays down until its file is mended, and then starts by itself",
            _ => "",
        };
    }

    // Where it differs from a uwsgi.
    private static string? NextOfProgram(VassalState raw, string wait) =>
        raw.Phase switch
        {
            Phase.Starting when raw.AwaitsSockets => "it is started when its sockets are open",
            Phase.Starting when raw.Members.Any(m => m.Role == MemberRole.Leaving) && raw.Members.All(m => m.Role == MemberRole.Leaving) =>
                "when its process has ended, it is started again",
            Phase.Starting => $"it is waited for until it is ready; when it is not within {wait}, that start has failed",
            Phase.Running when raw.FailedReload is not null =>
                "what ran before the failed reload serves on; it is reloaded again when its file changes",
            Phase.Running when raw.Slots.Any(s => s.RetryAt is not null) => $"the copy that is missing is started in {wait}",
            Phase.Running when raw.Plan is { OnDemand: true } =>
                "it runs on; it is reloaded when its file changes, and when it has ended the next connection starts it again",
            Phase.Running when raw.Plan is { Restart: not RestartRule.Always } => "it runs on; it is reloaded when its file changes",
            Phase.Reloading when raw.Rolling is { } plan => plan.Processes > 1
                ? Copies(raw, plan)
                : "the new process takes over when it is ready; if it does not get ready, what ran before stays",
            Phase.Reloading => "it is waited for until it says that it is ready again",
            Phase.Stopping => $"{AfterItsEnd(raw)}; what does not end is killed in {wait}",
            _ => null,
        };

    private static string Copies(VassalState raw, ProgramPlan plan) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"copy {Math.Min(raw.RollSlot + 1, plan.Processes)} of {plan.Processes} takes over when it is ready, then the next; if one does not get ready, what ran before stays"
        );

    /// <summary>What can be done about it.</summary>
    public static string Advice(VassalSnapshot vassal)
    {
        var raw = vassal.Raw;
        var name = Quoted(raw.Name);
        if (raw.RefusedChange is not null)
            return $"mend its file (emperor check shows what is wrong with it)";
        if (raw.FailedReload is not null && raw.Phase == Phase.Running)
            return $"see what the new process printed (emperor logs {name}), mend it, and save its file or: emperor reload {name}";
        return raw.Phase switch
        {
            Phase.Backoff => $"see what it printed (emperor logs {name}), mend it, and save its file or: emperor retry {name}",
            Phase.Resting => $"emperor start {name}",
            Phase.Held => $"look at those: emperor status {string.Join(' ', raw.Plan?.After ?? [])}",
            Phase.Waiting => $"connect to its socket, or emperor stop {name} to close it",
            Phase.Starting when raw.Failures > 0 => $"see what it printed: emperor logs {name}",
            Phase.Starting => $"see what it prints: emperor logs -f {name}",
            Phase.Running or Phase.Reloading => $"emperor reload, restart or stop {name}",
            Phase.Stopping or Phase.Killing when raw.Aftermath == Aftermath.Rest =>
                $"emperor start {name}, to have it started when it has ended",
            _ => "nothing; wait",
        };
    }

    private static string AfterItsEnd(VassalState raw) =>
        raw.Aftermath switch
        {
            Aftermath.Rest
                when raw
                    is { Socket: not null, StoppedByHand: false }
                        or { Plan: { IsProgram: true, OnDemand: true }, StoppedByHand: false } =>
                "when its process has ended, the next connection to its socket starts it",
            Aftermath.Rest => "when its process has ended it stays down",
            Aftermath.Forget => "when its process has ended it is forgotten",
            _ when raw.Socket is not null => "when its process has ended, the next connection to its socket starts it again",
            _ => "when its process has ended it is started again",
        };

    // As a shell takes it.
    private static string Quoted(string name)
    {
        var plain = name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '/' or '+' or '@');
        return plain ? name : $"'{PlainText.OneLine(name).Replace("'", @"'\''", StringComparison.Ordinal)}'";
    }

    private static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.#} s");
}
