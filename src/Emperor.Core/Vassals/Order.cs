namespace Emperor.Core.Vassals;

/// <summary>What an operator may want of one vassal.</summary>
public enum OrderKind
{
    /// <summary>It shall stop, and stay down until it is started or its file changes.</summary>
    Stop,

    /// <summary>It shall run, whatever kept it down.</summary>
    Start,

    /// <summary>Its process shall end, and a new one take its place.</summary>
    Restart,

    /// <summary>It shall read its file again, as if that had been touched.</summary>
    Reload,

    /// <summary>Its next attempt shall be made now, and not when its delay is over.</summary>
    Retry,
}

/// <summary>Which orders a vassal cannot obey, and why: asked by the machine before it acts, and by those who tell the operator.</summary>
public static class Order
{
    /// <summary>Why the order has no effect on a vassal as it stands, and what has; null when it is obeyed, or is fulfilled already.</summary>
    public static string? Refusal(VassalState state, OrderKind order)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Phase is Phase.Gone || (state.Phase is Phase.Stopping or Phase.Killing && state.Aftermath == Aftermath.Forget))
            return order == OrderKind.Stop ? null : "it goes for good: its file is gone, or the emperor leaves";
        return order switch
        {
            OrderKind.Stop => null,
            OrderKind.Retry => RetryRefusal(state),
            _ when state.RefusedChange is { } refused => FileRefusal(state, order, refused),
            OrderKind.Reload when state is { Suspended: true, HasProcess: false } => "it waits for the command spawn; start it",
            OrderKind.Reload when IsStoppedByHand(state) => "it was stopped by hand; start it",
            _ => null,
        };
    }

    private static string? FileRefusal(VassalState state, OrderKind order, string refused)
    {
        if (!state.HasProcess || state.Phase is Phase.Stopping or Phase.Killing)
            return $"its file cannot be run: {refused} (it starts by itself when the file is mended)";
        // It would read the file that was refused, and lose the configuration that it runs on with.
        return order == OrderKind.Start
            ? null
            : $"its changed file was not taken ({refused}), and it would lose the configuration that it runs with; mend the file";
    }

    private static string? RetryRefusal(VassalState state) =>
        state.Phase switch
        {
            Phase.Resting => $"it is stopped ({state.Reason}), and waits for no attempt; start it",
            Phase.Refused => FileRefusal(state, OrderKind.Retry, state.RefusedChange ?? state.Reason),
            Phase.Stopping or Phase.Killing when state.Aftermath == Aftermath.Rest => "it stops; start it",
            _ => null,
        };

    private static bool IsStoppedByHand(VassalState state) =>
        state.StoppedByHand
        && (state.Phase == Phase.Resting || (state.Phase is Phase.Stopping or Phase.Killing && state.Aftermath == Aftermath.Rest));
}
