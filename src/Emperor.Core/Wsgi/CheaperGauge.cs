namespace Emperor.Core.Wsgi;

/// <summary>
/// Decides how many workers there shall be, as uWSGI's algorithms spare and backlog (core/master_utils.c), which look once a second. "spare" keeps one worker
/// free: when all have been busy for more than <see cref="CheaperRule.Overload"/> looks, more are started; as long as two or more are free, one is stopped each so
/// many looks. "backlog" goes by the connections that wait to be accepted.
/// </summary>
/// <param name="Busy">How many looks more all were busy than not.</param>
/// <param name="Idle">How many looks there was more than one to spare.</param>
public readonly record struct CheaperGauge(int Busy, int Idle)
{
    /// <summary>How often one looks, milliseconds.</summary>
    public const long Interval = 1_000;

    // Longer than any overload that is asked for makes sense.
    private const int Most = 1_000_000;

    /// <summary>Takes in what is seen.</summary>
    /// <param name="rule">What is asked for.</param>
    /// <param name="active">How many workers serve.</param>
    /// <param name="busy">How many of them are busy with a request.</param>
    /// <param name="waiting">How many connections wait to be accepted; only backlog asks.</param>
    /// <param name="delta">How many more, or fewer (negative), there shall be.</param>
    public CheaperGauge Look(CheaperRule rule, int active, int busy, int waiting, out int delta)
    {
        ArgumentNullException.ThrowIfNull(rule);
        delta = 0;
        if (active == 0)
            return this;
        if (rule.ByBacklog)
        {
            if (waiting > rule.Overload)
                delta = rule.Step;
            else if (waiting < rule.Overload && active > rule.Minimum)
                delta = -1;
            return this;
        }
        var next = busy >= active ? this with { Busy = Math.Min(Most, Busy + 1), Idle = 0 } : this with { Busy = Math.Max(0, Busy - 1) };
        if (next.Busy > rule.Overload)
        {
            delta = rule.Step;
            return next with { Busy = 0 };
        }
        if (next.Busy > 0 || active - busy <= 1)
            return next;
        next = next with { Idle = (next.Idle + 1) % Math.Max(1, rule.Overload) };
        if (next.Idle == 0 && active > rule.Minimum)
            delta = -1;
        return next;
    }
}
