using System.Collections.Concurrent;
using Emperor.Core.Stats;
using Emperor.Linux;

namespace Emperor.Stats;

/// <summary>
/// Where other threads ask the main loop for a snapshot of the empire. All that is asked for before a turn of the loop is answered in it by
/// one snapshot.
/// </summary>
/// <param name="loop">The loop to wake.</param>
internal sealed class SnapshotDesk(EventLoop loop)
{
    private readonly ConcurrentQueue<Action<EmpireSnapshot>> _asked = new();

    /// <summary>Asks for a snapshot that is taken after this call. For any thread.</summary>
    /// <param name="answer">Called on the main loop's thread, so it only hands the snapshot over and wakes whoever waits for it.</param>
    public void Ask(Action<EmpireSnapshot> answer)
    {
        _asked.Enqueue(answer);
        loop.Wake();
    }

    /// <summary>Wakes the main loop. For any thread.</summary>
    public void Wake() => loop.Wake();

    /// <summary>Answers all who have asked; on the main loop's thread.</summary>
    /// <param name="take">Takes a snapshot; called when somebody has asked.</param>
    public void Serve(Func<EmpireSnapshot> take)
    {
        // Who asks from now on is answered in the next turn: this snapshot may be too old for them.
        var count = _asked.Count;
        if (count == 0)
            return;
        var snapshot = take();
        for (; count > 0 && _asked.TryDequeue(out var answer); count--)
            answer(snapshot);
    }
}
