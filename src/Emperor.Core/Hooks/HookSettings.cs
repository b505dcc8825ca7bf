namespace Emperor.Core.Hooks;

/// <summary>What is done when vassals, or the emperor, start and end. Each list is in the order in which uWSGI does it.</summary>
public sealed record HookSettings
{
    /// <summary>No hooks at all.</summary>
    public static readonly HookSettings None = new();

    /// <summary>
    /// In a vassal's process, before its program: vassals-start-hook, hook-as-vassal, mount-as-vassal, umount-as-vassal, exec-as-vassal.
    /// </summary>
    public IReadOnlyList<HookAction> AsVassal { get; init; } = [];

    /// <summary>Beside a vassal that has been started: hook-as-emperor, mount-as-emperor, umount-as-emperor, exec-as-emperor.</summary>
    public IReadOnlyList<HookAction> AsEmperor { get; init; } = [];

    /// <summary>When a vassal's process has ended: vassals-stop-hook.</summary>
    public IReadOnlyList<HookAction> AfterVassal { get; init; } = [];

    /// <summary>Before the first vassal: hook-emperor-start.</summary>
    public IReadOnlyList<HookAction> EmperorStart { get; init; } = [];

    /// <summary>When the emperor's own emperor tells it to stop: hook-emperor-stop.</summary>
    public IReadOnlyList<HookAction> EmperorStop { get; init; } = [];

    /// <summary>When the emperor's own emperor tells it to reload: hook-emperor-reload.</summary>
    public IReadOnlyList<HookAction> EmperorReload { get; init; } = [];

    /// <summary>When the emperor's own emperor is gone: hook-emperor-lost.</summary>
    public IReadOnlyList<HookAction> EmperorLost { get; init; } = [];

    /// <summary>How long each may take.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(60);
}
