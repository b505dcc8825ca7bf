using System.Text.Json;
using Emperor.Core.Vassals;

namespace Emperor.Core.Control;

/// <summary>One line of an answer.</summary>
public sealed record ControlReply
{
    /// <summary>The protocol's version.</summary>
    public int V { get; init; } = ControlProtocol.Version;

    /// <summary>The request's.</summary>
    public JsonElement? Id { get; init; }

    /// <summary>False when the request was not done, or (orders, in the last line) when the outcome of one vassal is not as ordered.</summary>
    public bool Ok { get; init; } = true;

    /// <summary>More lines about this request follow.</summary>
    public bool More { get; init; }

    /// <summary>Why not, when <see cref="Ok"/> is false.</summary>
    public ControlError? Error { get; init; }

    /// <summary>status: the emperor.</summary>
    public EmpireView? Empire { get; init; }

    /// <summary>status: the vassals, by name.</summary>
    public IReadOnlyList<VassalView>? Vassals { get; init; }

    /// <summary>names: the vassals' names.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Orders: what came of one vassal.</summary>
    public OutcomeView? Outcome { get; init; }

    /// <summary>events: one event.</summary>
    public EventView? Event { get; init; }

    /// <summary>events, logs: so many were not told, because they came faster than they were read, or are not kept any more.</summary>
    public long? Missed { get; init; }

    /// <summary>logs: one line.</summary>
    public LineView? Line { get; init; }

    /// <summary>upgrade: how far it is, "probing" or "leaving".</summary>
    public string? Phase { get; init; }

    /// <summary>upgrade: what has come of it, as the new emperor tells it.</summary>
    public UpgradeReport? Upgrade { get; init; }

    /// <summary>events, with the error "upgrading": who goes on after this number has missed nothing, and is told nothing twice.</summary>
    public long? Since { get; init; }

    /// <summary>explain: all about one vassal.</summary>
    public ExplainView? Explain { get; init; }

    /// <summary>An answer that tells why not.</summary>
    public static ControlReply Failed(JsonElement? id, string code, string message) =>
        new()
        {
            Id = id,
            Ok = false,
            Error = new ControlError(code, message),
        };

    /// <summary>An answer that could not be made.</summary>
    public static ControlReply Faulty(JsonElement? id, Exception fault) =>
        Failed(id, "fault", $"a fault of the emperor's own, please report it: {PlainText.OneLine(fault?.Message ?? "")}");
}

/// <summary>Why a request was not done.</summary>
/// <param name="Code">For machines: malformed, too-large, too-slow, too-many, version, unknown-verb, forbidden, no-such-vassal, not-kept, leaving, busy, refused, upgrading, fault.</param>
/// <param name="Message">For people.</param>
public sealed record ControlError(string Code, string Message);

/// <summary>The emperor itself.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Pid">Its process.</param>
/// <param name="Uid">Its user.</param>
/// <param name="UptimeMs">How long it governs, milliseconds.</param>
/// <param name="Ready">Whether it has said that it is ready.</param>
/// <param name="Leaving">Whether it leaves.</param>
/// <param name="Monitors">Where it looks for vassals.</param>
/// <param name="Status">One line about all vassals.</param>
public sealed record EmpireView(
    string Version,
    int Pid,
    long Uid,
    long UptimeMs,
    bool Ready,
    bool Leaving,
    IReadOnlyList<string> Monitors,
    string Status
)
{
    /// <summary>How often the emperor's program was changed since the first of them began.</summary>
    public int Upgrades { get; init; }

    /// <summary>How often an emperor has ended without a word since, and its vassals have lived on.</summary>
    public int Crashes { get; init; }

    /// <summary>What vassals would live on over: "upgrade", "upgrade and crash" or "nothing".</summary>
    public string? Survives { get; init; }
}

/// <summary>What came of an order for one vassal.</summary>
/// <param name="Vassal">Its name.</param>
/// <param name="Result">One word (<see cref="Reign.OrderOutcome"/>); "ordered" when the outcome was not waited for.</param>
/// <param name="Well">Whether it is as ordered.</param>
/// <param name="Text">A sentence.</param>
/// <param name="Output">The last lines that it printed, when it failed; null when they are not kept.</param>
public sealed record OutcomeView(string Vassal, string Result, bool Well, string Text, IReadOnlyList<string>? Output = null);

/// <summary>An event.</summary>
/// <param name="Seq">Its number.</param>
/// <param name="TimeMs">When, milliseconds since the epoch.</param>
/// <param name="Level">debug, information, warning or error.</param>
/// <param name="Event">One word.</param>
/// <param name="Vassal">Whom it is about; null for the emperor.</param>
/// <param name="Start">Which start of it, from 1; null when it is about none.</param>
/// <param name="Text">A sentence.</param>
public sealed record EventView(long Seq, long TimeMs, string Level, string Event, string? Vassal, int? Start, string Text)
{
    /// <summary>Makes one.</summary>
    public static EventView Of(EmperorEvent e)
    {
        ArgumentNullException.ThrowIfNull(e);
        var level = e.Level switch
        {
            NoteLevel.Debug => "debug",
            NoteLevel.Information => "information",
            NoteLevel.Warning => "warning",
            _ => "error",
        };
        return new EventView(e.Sequence, e.Unix, level, e.Event, e.Vassal, e.Incarnation > 0 ? e.Incarnation : null, e.Text);
    }
}

/// <summary>A line that a vassal printed.</summary>
/// <param name="Vassal">Whose.</param>
/// <param name="TimeMs">When, milliseconds since the epoch.</param>
/// <param name="Text">Its text.</param>
public sealed record LineView(string Vassal, long TimeMs, string Text);

/// <summary>All about one vassal.</summary>
public sealed record ExplainView
{
    /// <summary>How it stands.</summary>
    public required VassalView Vassal { get; init; }

    /// <summary>Its file, as it is named from its working folder.</summary>
    public required string File { get; init; }

    /// <summary>Its file with all links followed; null when it is not there.</summary>
    public string? Target { get; init; }

    /// <summary>The folder that its file is named from; a uwsgi is started in it.</summary>
    public required string Folder { get; init; }

    /// <summary>When its file was changed last, seconds since the epoch.</summary>
    public long FileModified { get; init; }

    /// <summary>Its command line, the program first; null when no program was found.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Which server runs it, and why; null when nothing was to be chosen.</summary>
    public string? Server { get; init; }

    /// <summary>What its environment has that the emperor's has not, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>What more there is to tell of a program; null of a uwsgi.</summary>
    public ProgramView? Program { get; init; }

    /// <summary>Why its app could not be loaded the last time, Python's lines; null when it could.</summary>
    public IReadOnlyList<string>? Traceback { get; init; }

    /// <summary>The user that its process runs as; null when it has none.</summary>
    public string? User { get; init; }

    /// <summary>Its last events, oldest first.</summary>
    public IReadOnlyList<EventView> Events { get; init; } = [];

    /// <summary>The last lines that it printed, oldest first; null when they are not kept.</summary>
    public IReadOnlyList<string>? Output { get; init; }

    /// <summary>What will happen by itself.</summary>
    public string Next { get; init; } = "";

    /// <summary>What an operator can do.</summary>
    public string Advice { get; init; } = "";
}
