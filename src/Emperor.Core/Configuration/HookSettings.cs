namespace Emperor.Core.Configuration;

/// <summary>What is run around the life of vassals and of Emperor; the options keep uWSGI's names.</summary>
public sealed record HookSettings
{
    /// <summary>No hooks.</summary>
    public static HookSettings None { get; } = new();

    /// <summary>vassals-start-hook: a program that gets the vassal's name, run as the vassal before it; null for none.</summary>
    public string? VassalStart { get; init; }

    /// <summary>vassals-stop-hook: a program that gets the vassal's name, run when a process of it has ended; null for none.</summary>
    public string? VassalStop { get; init; }

    /// <summary>hook-as-vassal, then mount-, umount- and exec-as-vassal: lines of a shell, run as the vassal before it, of which none may fail.</summary>
    public IReadOnlyList<HookAction> AsVassal { get; init; } = [];

    /// <summary>hook-as-emperor, then mount-, umount- and exec-as-emperor: the same as Emperor, when a vassal has been started; each may fail.</summary>
    public IReadOnlyList<HookAction> AsEmperor { get; init; } = [];

    /// <summary>hook-emperor-start: before the first vassal; none may fail.</summary>
    public IReadOnlyList<HookAction> EmperorStart { get; init; } = [];

    /// <summary>hook-emperor-stop: when Emperor's own emperor tells it to stop.</summary>
    public IReadOnlyList<HookAction> EmperorStop { get; init; } = [];

    /// <summary>hook-emperor-reload: when Emperor's own emperor tells it to reload.</summary>
    public IReadOnlyList<HookAction> EmperorReload { get; init; } = [];

    /// <summary>hook-emperor-lost: when Emperor's own emperor is gone.</summary>
    public IReadOnlyList<HookAction> EmperorLost { get; init; } = [];

    /// <summary>emperor-hook-timeout: how long each may take.</summary>
    public TimeSpan Limit { get; init; }
}

/// <summary>One hook.</summary>
/// <param name="Option">The option that it comes of.</param>
/// <param name="Text">What was written.</param>
/// <param name="Script">The same as a line of a POSIX shell; it changes that shell only where it must (chdir, putenv).</param>
public sealed record HookAction(string Option, string Text, string Script);
