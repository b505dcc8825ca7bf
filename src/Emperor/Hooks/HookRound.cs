using Emperor.Core.Hooks;
using Emperor.Linux;

namespace Emperor.Hooks;

/// <summary>Hooks that are run one after another, because of one thing that has happened.</summary>
internal sealed class HookRound
{
    private readonly Dictionary<string, string?> _changes = new(StringComparer.Ordinal);

    /// <summary>Makes one.</summary>
    /// <param name="vassal">The vassal; null for the emperor itself.</param>
    /// <param name="actions">The hooks.</param>
    /// <param name="folder">Where they run.</param>
    public HookRound(string? vassal, IEnumerable<HookAction> actions, string folder)
    {
        Vassal = vassal;
        Actions = new Queue<HookAction>(actions);
        Folder = folder;
    }

    /// <summary>The vassal that it is about; null for the emperor itself.</summary>
    public string? Vassal { get; }

    /// <summary>What is still to be done.</summary>
    public Queue<HookAction> Actions { get; }

    /// <summary>Where they run.</summary>
    public string Folder { get; set; }

    /// <summary>What they are told of the vassal; null for the emperor itself.</summary>
    public HookContext? Context { get; init; }

    /// <summary>The number of the vassal's process, as the emperor sees it.</summary>
    public int Pid { get; init; }

    /// <summary>Whether the vassal is not started again before this is done.</summary>
    public bool IsEnd { get; init; }

    /// <summary>Whether what follows a failure is left out.</summary>
    public bool EndsWithFailure { get; init; }

    /// <summary>Whether the emperor does it for itself, so that nobody is told but of a failure.</summary>
    public bool IsQuiet { get; init; }

    /// <summary>What is to be done at the end, with whether all has gone well; null for nothing.</summary>
    public Action<bool>? Done { get; init; }

    /// <summary>Whether one has failed.</summary>
    public bool HasFailed { get; set; }

    /// <summary>Sets a variable for what follows, or removes it.</summary>
    public void Set(string pair)
    {
        var equals = pair.IndexOf('=', StringComparison.Ordinal);
        _changes[equals < 0 ? pair : pair[..equals]] = equals < 0 ? null : pair[(equals + 1)..];
    }

    /// <summary>The environment of a hook, as NAME=VALUE.</summary>
    public IReadOnlyList<string> Environment(IReadOnlyDictionary<string, string> emperors)
    {
        var result = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (name, value) in emperors)
            result[name] = value;
        foreach (var (name, value) in Context?.Variables ?? [])
            result[name] = value;
        if (Context is not null)
            result["UWSGI_VASSAL_PID"] = Pid.ToString(System.Globalization.CultureInfo.InvariantCulture);
        foreach (var (name, value) in _changes)
            result[name] = value;
        return [.. result.Where(v => v.Value is not null).Select(v => $"{v.Key}={v.Value}")];
    }
}

/// <summary>A hook that runs.</summary>
internal sealed class HookRun(
    long id,
    string key,
    HookRound round,
    HookAction action,
    PidRef process,
    int guardSlot,
    SafeFd output,
    long started
)
{
    /// <summary>Its number in the loop.</summary>
    public long Id { get; } = id;

    /// <summary>Whose turn it is.</summary>
    public string Key { get; } = key;

    /// <summary>What it is a part of.</summary>
    public HookRound Round { get; } = round;

    /// <summary>What it does.</summary>
    public HookAction Action { get; } = action;

    /// <summary>Its process.</summary>
    public PidRef Process { get; } = process;

    /// <summary>Its place in the guard's list.</summary>
    public int GuardSlot { get; } = guardSlot;

    /// <summary>What it prints.</summary>
    public SafeFd Output { get; } = output;

    /// <summary>Whether that is listened to.</summary>
    public bool IsTalking { get; set; } = true;

    /// <summary>The lines of what it prints.</summary>
    public HookOutput Lines { get; } = new();

    /// <summary>When it was started, monotonic milliseconds.</summary>
    public long Started { get; } = started;
}
