using Emperor.Core.Programs;
using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>
/// Overview: what a new emperor must make up for. Its states are those of the former one's last word, and between that and its own first turn the
/// world has gone on without it: processes have ended, sockets may be lost, deadlines have passed. All of it comes to the machines as events that they
/// know, so that nothing follows a succession that could not follow in the life of one emperor.
///
/// <para>In this order, before the first turn: <see cref="AfterAbsence"/> on the states, then the events of <see cref="Repairs"/> (a program whose
/// sockets are lost must not have one of its copies started again without them), then those of <see cref="Losses"/>; then what was said and ended meanwhile
/// is heard as ever, words before exits, and only then deadlines count. Who knows nothing of an emperor that has left on purpose has nothing to make up
/// for: then there is nothing lost, and none of this leads to anything.</para>
///
/// <para>What the former one did after its last word is done a second time, or seen from the other side: an order to stop whose vassal has obeyed
/// is a death, which a vassal that is still wanted recovers from; a file that was acted on is a change again. What it had started is ended before any of this
/// begins, for nobody knows it.</para>
/// </summary>
public static class Accession
{
    /// <summary>The exit code of a process of which nobody has seen how it ended.</summary>
    public const int UnknownCode = -1;

    /// <summary>
    /// What has become of the processes that are no more, in the order of their start. A process that is to be and has no number yet is not there unless it is on its way.
    /// </summary>
    /// <param name="state">The vassal, as the former emperor has left it.</param>
    /// <param name="living">The incarnations whose end will be seen, and those that are on their way (a worker whose template has it on its list).</param>
    /// <param name="why">What there is to say of their end, such as "ended while there was no emperor, nobody saw how".</param>
    public static IEnumerable<VassalEvent> Losses(VassalState state, IReadOnlySet<int> living, string why)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(living);
        if (state.Members.Length > 0)
            return state.Members.Where(m => !living.Contains(m.Incarnation)).Select(m => Loss(m.Incarnation, m.Pid, why)).ToArray();
        return state.HasProcess && !state.IsProgram && !living.Contains(state.Incarnation) ? [Loss(state.Incarnation, state.Pid, why)] : [];
    }

    /// <summary>What is to be said to a vassal whose sockets were lost; nothing when it has them, or needs none.</summary>
    /// <param name="state">The vassal, as the former emperor has left it.</param>
    /// <param name="hasItsSockets">Whether all of them have come over (<see cref="SocketsOf"/>).</param>
    public static IEnumerable<VassalEvent> Repairs(VassalState state, bool hasItsSockets)
    {
        ArgumentNullException.ThrowIfNull(state);
        // Whoever waits for the answer to an order to bind them waits in vain, wherever they are.
        return (!hasItsSockets && SocketsOf(state).Count > 0) || state.AwaitsSockets ? [new VassalEvent.SocketsLost()] : [];
    }

    /// <summary>What is to be said to a vassal of which processes print to where nobody reads any more.</summary>
    /// <param name="state">The vassal, as the former emperor has left it.</param>
    /// <param name="mute">The incarnations of those processes.</param>
    public static IEnumerable<VassalEvent> Renewals(VassalState state, IReadOnlySet<int> mute)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(mute);
        var isMute = state.Members.Any(m => m.Role != MemberRole.Leaving && mute.Contains(m.Incarnation));
        return isMute || (state.HasProcess && !state.IsProgram && mute.Contains(state.Incarnation)) ? [new VassalEvent.OutputLost()] : [];
    }

    /// <summary>
    /// What is to be done in the world in any case, after a crash: who was found idle is frozen until his machine has decided, and the emperor may have
    /// ended between the two.
    /// </summary>
    /// <param name="state">The vassal, as the former emperor has left it.</param>
    public static IEnumerable<Effect> Releases(VassalState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.Members.Any(m => m.Plan.Idle is not null) ? [new Effect.Thaw(state.Name, state.Incarnation)] : [];
    }

    /// <summary>The addresses of the sockets that the emperor must hold for a vassal as it stands.</summary>
    public static IReadOnlyList<string> SocketsOf(VassalState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Bound is { } bound)
            return [bound.Address];
        return state.HoldsSockets ? [.. ProgramMachine.SocketsOf(state).Select(s => s.Address)] : [];
    }

    /// <summary>
    /// The state of a vassal with more time for what it could not say while nobody listened: that it is ready, that it lives. Times of the emperor's own
    /// stay as they are: when it starts the next process, when what it told to stop, or has closed its channel, is killed.
    /// </summary>
    /// <param name="state">The vassal, as the former emperor has left it.</param>
    /// <param name="now">Monotonic milliseconds.</param>
    /// <param name="grace">From now on so many milliseconds at least.</param>
    public static VassalState AfterAbsence(VassalState state, long now, long grace)
    {
        ArgumentNullException.ThrowIfNull(state);
        var least = now + grace;
        return state with
        {
            HeartbeatDeadline = NotBefore(state.HeartbeatDeadline, least),
            Deadline = state.Phase == Phase.Starting ? NotBefore(state.Deadline, least) : state.Deadline,
            Members = [.. state.Members.Select(m => WithMoreTime(m, least))],
        };
    }

    // What leaves, or has said that it does, has been given its time.
    private static Member WithMoreTime(Member member, long least) =>
        member.Role == MemberRole.Leaving || member.IsStopping
            ? member
            : member with
            {
                Deadline = NotBefore(member.Deadline, least),
                WatchdogDue = NotBefore(member.WatchdogDue, least),
            };

    private static long? NotBefore(long? due, long least) => due is { } time ? Math.Max(time, least) : null;

    private static VassalEvent Loss(int incarnation, int? pid, string why) =>
        pid is null
            ? new VassalEvent.SpawnFailed(incarnation, "the emperor that was to start it has ended")
            : new VassalEvent.Exited(incarnation, new ProcessEnd(UnknownCode, Signaled: false, why));
}
