using Emperor.Core.Configuration;
using Emperor.Core.Hooks;

namespace Emperor.Servers;

/// <summary>How vassals are launched; the options keep uWSGI's names.</summary>
internal sealed record LaunchSettings
{
    /// <summary>--emperor-wrapper, else --binary-path, else uwsgi.</summary>
    public required string Program { get; init; }

    /// <summary>--emperor-wrapper-override: tried before.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>--emperor-wrapper-fallback: tried after.</summary>
    public IReadOnlyList<string> Fallbacks { get; init; } = [];

    /// <summary>--vassals-inherit-before.</summary>
    public IReadOnlyList<string> InheritBefore { get; init; } = [];

    /// <summary>--vassals-include-before.</summary>
    public IReadOnlyList<string> IncludeBefore { get; init; } = [];

    /// <summary>--vassal-set.</summary>
    public IReadOnlyList<string> Set { get; init; } = [];

    /// <summary>--vassals-inherit.</summary>
    public IReadOnlyList<string> Inherit { get; init; } = [];

    /// <summary>--vassals-include.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>
    /// --emperor-death-signal: SIGKILL for a parent-death signal, set by setpriv of util-linux in front of the program. Not by default: it takes
    /// 0.4 ms a start (a thousand vassals came up in 1.3 s instead of 0.8), and the guard ends the vassals of a dead emperor in any case,
    /// with all that came of them, which this signal does not.
    /// </summary>
    public bool DeathSignal { get; init; }

    /// <summary>--emperor-tyrant; null when it is not given.</summary>
    public TyrantSettings? Tyrant { get; init; }

    /// <summary>--emperor-use-clone.</summary>
    public NamespaceKinds Namespaces { get; init; }

    /// <summary>--hook-as-vassal and its like.</summary>
    public HookSettings Hooks { get; init; } = HookSettings.None;

    /// <summary>--emperor-cap: the numbers of the capabilities that vassals may ever have; null for all.</summary>
    public IReadOnlyList<int>? Capabilities { get; init; }

    /// <summary>--vassal-output: vassals print into pipes of ours.</summary>
    public bool CapturesOutput { get; init; }

    /// <summary>--emperor-wrapper-attr; null when it is not given.</summary>
    public string? WrapperAttribute { get; init; }

    /// <summary>--emperor-chdir-attr; null when it is not given.</summary>
    public string? FolderAttribute { get; init; }

    /// <summary>--emperor-extra-extension.</summary>
    public IReadOnlyList<string> ExtraExtensions { get; init; } = [];
}
