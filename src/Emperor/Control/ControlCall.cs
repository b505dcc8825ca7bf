using Emperor.Core.Control;

namespace Emperor.Control;

/// <summary>What the thread of the control socket asks the main thread.</summary>
/// <param name="Client">Who asks.</param>
/// <param name="Request">What; null when the client has gone, and what it has ordered and is not begun yet shall not be begun.</param>
/// <param name="Peer">Who asks.</param>
internal readonly record struct ControlCall(long Client, ControlRequest? Request, uint Peer);

/// <summary>What the main thread answers. It is made of things that do not change; the other thread makes the line of it.</summary>
/// <param name="Client">Whom.</param>
/// <param name="Make">Makes the answer's line, with the events that are kept; null when there is none.</param>
/// <param name="Logs">Whose output is wanted; null when none is.</param>
/// <param name="Events">The names whose events are wanted, of which each is one that the client may see; null when none are.</param>
internal readonly record struct ControlAnswer(
    long Client,
    Func<EventRing, ControlReply>? Make,
    LogsWanted? Logs = null,
    EventsWanted? Events = null
);

/// <summary>What has happened to vassals is wanted by one who may not see all of them.</summary>
/// <param name="Request">By whom and how.</param>
/// <param name="Vassals">Whose.</param>
internal sealed record EventsWanted(ControlRequest Request, IReadOnlyList<string> Vassals);

/// <summary>What vassals print is wanted.</summary>
/// <param name="Request">By whom and how.</param>
/// <param name="Vassals">Whose.</param>
internal sealed record LogsWanted(ControlRequest Request, IReadOnlyList<string> Vassals);
