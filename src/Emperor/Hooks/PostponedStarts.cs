using Emperor.Core.Protocol;
using Emperor.Core.Vassals;

namespace Emperor.Hooks;

/// <summary>Starts of vassals that wait for the hook of their last end.</summary>
internal sealed class PostponedStarts(HookDesk desk)
{
    private readonly List<Effect> _starts = [];

    /// <summary>Keeps the start of a vassal whose last hook is not done.</summary>
    /// <returns>Whether it is one.</returns>
    public bool Keep(Effect effect)
    {
        if (effect is not (Effect.Spawn or Effect.Launch) || !desk.IsEnding(effect.Vassal))
            return false;
        _starts.Add(effect);
        return true;
    }

    /// <summary>Forgets the start of a process that is to be ended.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Forget(Effect effect)
    {
        var isEnd = effect is Effect.Kill or Effect.Signal { Stops: true } or Effect.Send { Message: not EmperorMessage.Reload };
        return isEnd && _starts.RemoveAll(s => s.Vassal == effect.Vassal && s.Incarnation == effect.Incarnation) > 0;
    }

    /// <summary>Those that can be made now; they are forgotten here.</summary>
    public IReadOnlyList<Effect> TakeReady()
    {
        if (_starts.Count == 0)
            return [];
        var ready = _starts.FindAll(s => !desk.IsEnding(s.Vassal));
        _starts.RemoveAll(ready.Contains);
        return ready;
    }
}
