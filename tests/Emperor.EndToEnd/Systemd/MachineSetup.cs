namespace Emperor.EndToEnd.Systemd;

/// <summary>In what a machine differs from the system that the tests run on. Paths are absolute, as they are seen inside.</summary>
internal sealed record MachineSetup
{
    /// <summary>Texts of files that it has.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>Links that it has: path and target.</summary>
    public IReadOnlyDictionary<string, string> Links { get; init; } = new Dictionary<string, string>();

    /// <summary>Folders and files of the outer system that are seen inside, not to be written: inner and outer path.</summary>
    public IReadOnlyDictionary<string, string> Bound { get; init; } = new Dictionary<string, string>();

    /// <summary>The same, to be written too.</summary>
    public IReadOnlyDictionary<string, string> Shared { get; init; } = new Dictionary<string, string>();

    /// <summary>What the outer system has and the machine has not.</summary>
    public IReadOnlyList<string> Removed { get; init; } = [];
}
