namespace Emperor.Monitors;

/// <summary>What is made of vassals' files besides reading them; the options keep uWSGI's names.</summary>
internal sealed record FileManner
{
    /// <summary>--emperor-magic-exec: a file that may be executed is not looked into, as what it prints is the configuration.</summary>
    public bool MagicExec { get; init; }

    /// <summary>--emperor-force-config-pipe: the content is kept, to be sent.</summary>
    public bool SendsConfiguration { get; init; }

    /// <summary>--emperor-collect-attr.</summary>
    public IReadOnlyList<string> Attributes { get; init; } = [];
}
