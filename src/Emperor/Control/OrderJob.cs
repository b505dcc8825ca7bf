using Emperor.Core;
using Emperor.Core.Control;
using Emperor.Core.Reign;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Output;

namespace Emperor.Control;

/// <summary>One order for some vassals, from the first to the outcome of the last.</summary>
internal sealed class OrderJob(long client, ControlRequest request, OrderKind order, List<string> names, int atOnce)
{
    // What has not come to its outcome after this does not hold up the next ones.
    private const long Turnaround = 5_000;
    private const int OutputLines = 10;

    private readonly Queue<string> _due = new(names);
    private readonly List<OrderWatch> _flying = [];
    private bool _isAnswered;
    private bool _isWell = true;

    /// <summary>Who has ordered it.</summary>
    public long Client => client;

    /// <summary>All vassals.</summary>
    public required Empire Empire { get; init; }

    /// <summary>Lets something happen to a vassal.</summary>
    public required Action<string, VassalEvent> Handle { get; init; }

    /// <summary>What vassals print; null when it is not kept.</summary>
    public VassalOutput? Output { get; init; }

    /// <summary>Answers.</summary>
    public required Action<ControlAnswer> Answer { get; init; }

    /// <summary>What is left of it to the next emperor; null when all vassals have been given the order.</summary>
    public OrderLegacy? Legacy => _due.Count > 0 ? new OrderLegacy(order, [.. _due]) : null;

    /// <summary>Goes on with one that an emperor before this one has left.</summary>
    /// <param name="legacy">What is left of it.</param>
    /// <param name="atOnce">How many vassals are given it at a time.</param>
    /// <param name="empire">All vassals.</param>
    /// <param name="handle">Lets something happen to a vassal.</param>
    public static OrderJob Inherit(OrderLegacy legacy, int atOnce, Empire empire, Action<string, VassalEvent> handle) =>
        new(0, new ControlRequest { NoWait = true }, legacy.Order, [.. legacy.Vassals], atOnce)
        {
            Empire = empire,
            Handle = handle,
            Answer = _ => { },
            _isAnswered = true,
        };

    /// <summary>When to look again by time alone, monotonic milliseconds.</summary>
    public long? NextDue(IReadOnlyDictionary<string, VassalState> vassals)
    {
        long? next = null;
        foreach (var watch in _flying)
        {
            var due = watch.Due(vassals.GetValueOrDefault(watch.Vassal));
            if (_due.Count > 0)
                due = Math.Min(due, watch.Since + Turnaround);
            if (!(next <= due))
                next = due;
        }
        return next;
    }

    /// <summary>Nobody waits for it any more.</summary>
    /// <returns>Whether it ends with that: what has been begun is not taken back, and one that was not to be waited for goes on.</returns>
    public bool Abandon() => !request.NoWait;

    /// <summary>Tells the outcomes that there are, and gives the orders that are due.</summary>
    /// <returns>False when all is done.</returns>
    public bool Turn(Instant now)
    {
        if (request.NoWait && !_isAnswered)
            TellOrdered();
        Judge(now);
        while (_due.Count > 0 && _flying.Count(w => now.Monotonic < w.Since + Turnaround) < atOnce)
        {
            Give(_due.Dequeue(), now);
            Judge(now);
        }
        if (_due.Count > 0 || (_flying.Count > 0 && !request.NoWait))
            return true;
        if (!_isAnswered)
            Tell(new ControlReply { Id = request.Id, Ok = _isWell });
        return false;
    }

    private void Give(string vassal, Instant now)
    {
        if (!Empire.Vassals.TryGetValue(vassal, out var before))
        {
            TellOutcome(vassal, new OrderOutcome("failed", false, "its file is gone"));
            return;
        }
        var patience = request.TimeoutMs ?? OrderWatch.PatienceFor(before, ControlProtocol.DefaultTimeout);
        _flying.Add(new OrderWatch(order, before, now.Monotonic, patience));
        Handle(vassal, new VassalEvent.Ordered(order));
    }

    private void Judge(Instant now)
    {
        for (var i = 0; i < _flying.Count; i++)
        {
            var watch = _flying[i];
            if (watch.Judge(Empire.Vassals.GetValueOrDefault(watch.Vassal), now.Monotonic) is not { } outcome)
                continue;
            _flying.RemoveAt(i--);
            TellOutcome(watch.Vassal, outcome);
        }
    }

    private void TellOutcome(string vassal, OrderOutcome outcome)
    {
        _isWell &= outcome.IsWell;
        if (_isAnswered)
            return;
        var view = new OutcomeView(vassal, outcome.Word, outcome.IsWell, outcome.Text);
        var isOutputWanted = outcome.Word is "failed" or "timeout";
        // On the other thread, and so a moment later: what it said last may still be on its way.
        Answer(
            new ControlAnswer(
                client,
                _ => new ControlReply
                {
                    Id = request.Id,
                    More = true,
                    Outcome = isOutputWanted
                        ? view with
                        {
                            Output = Output?.Tail(vassal, OutputLines).Select(l => l.Text).ToArray(),
                        }
                        : view,
                }
            )
        );
    }

    // Refusals are known at once.
    private void TellOrdered()
    {
        foreach (var name in names)
        {
            if (!Empire.Vassals.TryGetValue(name, out var state))
                continue;
            var refusal = Order.Refusal(state, order);
            _isWell &= refusal is null;
            var view = new OutcomeView(name, refusal is null ? "ordered" : "refused", refusal is null, refusal ?? "ordered");
            Tell(
                new ControlReply
                {
                    Id = request.Id,
                    More = true,
                    Outcome = view,
                }
            );
        }
        Tell(new ControlReply { Id = request.Id, Ok = _isWell });
        _isAnswered = true;
    }

    private void Tell(ControlReply reply) => Answer(new ControlAnswer(client, _ => reply));
}
