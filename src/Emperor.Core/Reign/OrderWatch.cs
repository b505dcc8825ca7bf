using System.Globalization;
using Emperor.Core.Vassals;

namespace Emperor.Core.Reign;

/// <summary>What has come of an operator's order.</summary>
/// <param name="Word">"accepting", "running", "on-demand", "stopped", "unchanged", "failed", "refused" or "timeout".</param>
/// <param name="IsWell">Whether what was ordered is so.</param>
/// <param name="Text">A sentence without the vassal's name.</param>
public sealed record OrderOutcome(string Word, bool IsWell, string Text);

/// <summary>
/// Overview: whether what was ordered of one vassal has come true. Like <see cref="ReadyWatch"/> it takes a vassal that accepts requests for one
/// that is there, one on demand for one that is well as soon as it waits, and one that is in backoff, rests or is refused for one that failed; the first death, after which a vassal is started again
/// at once, is still waited through. A program that has never said that it accepts requests (other servers than uwsgi) counts as there when
/// it has lived for <see cref="LongEnough"/>.
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
        state is { Phase: Phase.Starting } ? Math.Min(since + patience, state.SpawnedAt + LongEnough) : since + patience;

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
            case Phase.Resting:
            case Phase.Refused:
                return new OrderOutcome("failed", false, $"{state.Word}: {state.Reason}");
            case Phase.Running when !state.ReloadPending && (!_needsNewProcess || state.Incarnation > before.Incarnation):
                return Accepting(state, now);
            case Phase.Starting when !state.TellsWhenReady && !state.Ready && state.Pid is not null && now - state.SpawnedAt >= LongEnough:
                return new OrderOutcome(
                    "running",
                    true,
                    $"runs for {Seconds(now - state.SpawnedAt)} (pid {state.Pid}), and does not say whether it accepts requests"
                );
            default:
                return null;
        }
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
