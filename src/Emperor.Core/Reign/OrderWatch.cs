using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>What has come of an operator's order.</summary>
/// <param name="Word">"accepting", "ready" (a program), "running", "on-demand", "stopped", "unchanged", "failed", "refused" or "timeout".</param>
/// <param name="IsWell">Whether what was ordered is so.</param>
/// <param name="Text">A sentence without the vassal's name.</param>
public sealed record OrderOutcome(string Word, bool IsWell, string Text);

/// <summary>
/// Overview: whether what was ordered of one vassal has come true. Like <see cref="ReadyWatch"/> it takes a vassal that accepts requests for one
/// that is there, one on demand for one that is well as soon as it waits, and one that is in backoff, rests or is refused for one that failed; the first death, after which a vassal is started again
/// at once, is still waited through. A server in uwsgi's place that has never said that it accepts requests counts as there when it has lived for
/// <see cref="LongEnough"/>. Of a program it is always known when it is ready; its reload has failed when the former processes serve on.
/// </summary>
/// <param name="order">What was ordered.</param>
/// <param name="before">The vassal at that moment, before it obeyed.</param>
/// <param name="since">That moment, monotonic milliseconds.</param>
/// <param name="patience">How long its outcome is waited for, milliseconds.</param>
public sealed class OrderWatch(OrderKind order, VassalState before, long since, long patience)
{
    /// <summary>How long a program that never speaks must live to count as one that is there, milliseconds.</summary>
    public const long LongEnough = 10_000;

    private readonly string? _refusal = Order.Refusal(before, order);

    private readonly bool _needsNewProcess =
        order == OrderKind.Restart || before.Phase is not (Phase.Starting or Phase.Running or Phase.Reloading);

    /// <summary>The vassal's name.</summary>
    public string Vassal => before.Name;

    /// <summary>When it was ordered, monotonic milliseconds.</summary>
    public long Since => since;

    /// <summary>When to look again by time alone, monotonic milliseconds.</summary>
    public long Due(VassalState? state) =>
        state is { Phase: Phase.Starting, IsProgram: false } ? Math.Min(since + patience, state.SpawnedAt + LongEnough) : since + patience;

    /// <summary>How long the outcome of an order is waited for when nobody says: longer than the vassal itself may take, milliseconds.</summary>
    /// <param name="vassal">The vassal before it obeys.</param>
    /// <param name="usual">How long otherwise.</param>
    public static long PatienceFor(VassalState vassal, long usual)
    {
        ArgumentNullException.ThrowIfNull(vassal);
        if (vassal.Plan is not { IsProgram: true } plan)
            return usual;
        // Each copy may take its time to get ready, and a former one its time to stop; the machine ends what takes longer.
        const long Margin = 5_000;
        var each = plan.ReadyTimeout + (plan.StopTimeout ?? 0);
        return Math.Max(usual, Math.Min((each * plan.Processes) + Margin, Control.ControlProtocol.LongestTimeout));
    }

    /// <summary>Looks what has become of it.</summary>
    /// <param name="state">The vassal as it is now; null when it is gone.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <returns>Null while there is nothing to tell.</returns>
    public OrderOutcome? Judge(VassalState? state, long now)
    {
        if (_refusal is not null)
            return new OrderOutcome("refused", false, _refusal);
        var outcome = order == OrderKind.Stop ? JudgeStop(state, now) : JudgeStart(state, now);
        if (outcome is not null || now < since + patience)
            return outcome;
        return new OrderOutcome(
            "timeout",
            false,
            $"not yet after {Seconds(patience)}: it is {state?.Word}{(state?.Reason is { Length: > 0 } reason ? $" ({reason})" : "")}"
        );
    }

    private OrderOutcome? JudgeStop(VassalState? state, long now)
    {
        if (state is { HasProcess: true })
            return null;
        if (!before.HasProcess)
            return new OrderOutcome("stopped", true, before.Phase == Phase.Resting ? "it was stopped already" : "it had no process");
        return new OrderOutcome("stopped", true, $"stopped after {Seconds(now - since)} ({state?.LastEnd ?? "its file is gone"})");
    }

    private OrderOutcome? JudgeStart(VassalState? state, long now)
    {
        switch (state?.Phase)
        {
            case null or Phase.Gone:
                return new OrderOutcome("failed", false, "its file is gone");
            case Phase.Backoff:
                var wait = Math.Max(0, (state.NextDeadline ?? now) - now);
                return new OrderOutcome("failed", false, $"failed: {state.Reason}; next attempt in {Seconds(wait)}");
            case Phase.Waiting:
                return new OrderOutcome("on-demand", true, state.Reason);
            case Phase.Resting when state is { IsProgram: true, StoppedByHand: false, History.LastExit.End: { Signaled: false, Code: 0 } }:
                return new OrderOutcome("stopped", true, state.Reason);
            case Phase.Resting:
            case Phase.Refused:
                return new OrderOutcome("failed", false, $"{state.Word}: {state.Reason}");
            case Phase.Running when state.IsProgram && order == OrderKind.Reload && state.FailedReload is { } failed:
                return new OrderOutcome("failed", false, $"the reload failed: {failed}; {Former(state)} ({Pids(state)})");
            case Phase.Running when state.IsProgram && (!_needsNewProcess || state.Incarnation > before.Incarnation):
                return Ready(state, now);
            case Phase.Running
                when !state.IsProgram && !state.ReloadPending && (!_needsNewProcess || state.Incarnation > before.Incarnation):
                return Accepting(state, now);
            case Phase.Starting
                when !state.IsProgram
                    && !state.TellsWhenReady
                    && !state.Ready
                    && state.Pid is not null
                    && now - state.SpawnedAt >= LongEnough:
                return new OrderOutcome(
                    "running",
                    true,
                    $"runs for {Seconds(now - state.SpawnedAt)} (pid {state.Pid}), and does not say whether it accepts requests"
                );
            default:
                return null;
        }
    }

    // A reload that begins forgets how the last one failed; one that failed has left what was there, or has brought it back.
    private string Former(VassalState state)
    {
        var hasStayed = state.Members.Any(m => m.Serves && before.Members.Any(b => b.Incarnation == m.Incarnation));
        return !hasStayed ? "the former program runs again"
            : state.Members.Count(m => m.Serves) == 1 ? "the former process serves on"
            : "the former processes serve on";
    }

    private OrderOutcome Ready(VassalState state, long now)
    {
        var isSame = state.Incarnation == before.Incarnation;
        if (isSame && order == OrderKind.Reload && state.Reloads > before.Reloads && state.Plan is { } plan)
            return new OrderOutcome(
                "ready",
                true,
                $"told to reload by SIG{SignalNames.NameOf(plan.ReloadSignal)} ({Pids(state)}); it does so by itself"
            );
        if (isSame && order != OrderKind.Reload)
            return new OrderOutcome("unchanged", true, $"it runs already ({Pids(state)})");
        var ready = state.Members.Count(m => m.Serves);
        var again = before.TellsWhenReady ? " again" : "";
        var after = $"ready{again} after {Seconds(now - since)} ({Pids(state)})";
        return ready >= state.Slots.Length
            ? new OrderOutcome("ready", true, after)
            : new OrderOutcome(
                "failed",
                false,
                string.Create(CultureInfo.InvariantCulture, $"only {ready} of {state.Slots.Length} processes are {after}: {state.LastEnd}")
            );
    }

    // Those that are ready.
    private static string Pids(VassalState state)
    {
        const int most = 8;
        var pids = state.Members.Where(m => m.Serves).Select(m => m.Pid?.ToString(CultureInfo.InvariantCulture) ?? "?").ToArray();
        var more = pids.Length > most ? $" and {(pids.Length - most).ToString(CultureInfo.InvariantCulture)} more" : "";
        return $"{(pids.Length == 1 ? "pid" : "pids")} {string.Join(", ", pids.Take(most))}{more}";
    }

    private OrderOutcome Accepting(VassalState state, long now)
    {
        var again = before.TellsWhenReady ? " again" : "";
        if (state.Incarnation == before.Incarnation && order != OrderKind.Reload)
            return new OrderOutcome("unchanged", true, $"it runs already (pid {state.Pid})");
        return new OrderOutcome("accepting", true, $"accepting{again} after {Seconds(now - since)} (pid {state.Pid})");
    }

    private static string Seconds(long milliseconds) => string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000.0:0.0} s");
}
