namespace Emperor.Tests.Simulation;

/// <summary>The emperor has been killed, at the step at which this is thrown.</summary>
internal sealed class EmperorKilledException : Exception;

/// <summary>
/// When an emperor is killed and when another program takes its place. A step is the moment before each effect, before each outcome, and before what has come
/// of a turn is written down: between any two of them it may be the last.
/// </summary>
/// <param name="killAt">At which step of all it is killed; null for never, or by chance.</param>
internal sealed class Mortality(long? killAt = null)
{
    private long? _killAt = killAt;
    private bool _isUpgradeDue;

    /// <summary>How many steps there have been.</summary>
    public long Steps { get; private set; }

    /// <summary>What was about to be done when emperors were killed.</summary>
    public List<string> Deaths { get; } = [];

    /// <summary>How often another program has taken its place.</summary>
    public int Upgrades { get; private set; }

    /// <summary>Lets it be killed, and followed, at moments of chance.</summary>
    public void Plan(Dice dice, Timeline time, long until)
    {
        for (var i = dice.Of<long>(0, 1, 2, 4); i > 0; i--)
            time.In(dice.Between(0, until - time.Now), () => KillIn(dice.Between(0, 12)));
        for (var i = dice.Of<long>(0, 1, 4); i > 0; i--)
            time.In(dice.Between(0, until - time.Now), UpgradeSoon);
    }

    /// <summary>It is killed after so many more steps.</summary>
    public void KillIn(long steps) => _killAt ??= Steps + steps;

    /// <summary>Another program takes its place when the turn is over.</summary>
    public void UpgradeSoon() => _isUpgradeDue = true;

    /// <summary>One more step.</summary>
    /// <param name="what">What is about to be done.</param>
    /// <exception cref="EmperorKilledException">It was the last.</exception>
    public void Step(object what)
    {
        if (Steps++ != _killAt)
            return;
        _killAt = null;
        Deaths.Add(what as string ?? what.GetType().Name);
        throw new EmperorKilledException();
    }

    /// <summary>Whether another program is to take its place now; told once.</summary>
    public bool TakeUpgrade()
    {
        var isDue = _isUpgradeDue;
        _isUpgradeDue = false;
        Upgrades += isDue ? 1 : 0;
        return isDue;
    }

    /// <summary>From now on it lives.</summary>
    public void End() => (_killAt, _isUpgradeDue) = (null, false);
}
