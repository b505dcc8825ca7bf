namespace Emperor.Monitors;

/// <summary>Which names are vassals' (uWSGI's uwsgi_emperor_is_valid, less its limit of 254 bytes; hidden files are none).</summary>
/// <param name="extraExtensions">--emperor-extra-extension.</param>
/// <param name="companion">--emperor-on-demand-extension: a file beside a vassal's, with its name and this, belongs to it; null for none.</param>
internal sealed class VassalNames(IReadOnlyList<string> extraExtensions, string? companion = null)
{
    private readonly string[] _extensions = [".ini", ".xml", ".yml", ".yaml", ".js", ".json", .. extraExtensions];

    /// <summary>What a vassal's file has beside it; null for nothing.</summary>
    public string? Companion { get; } = string.IsNullOrEmpty(companion) ? null : companion;

    /// <summary>The vassal that a file of that name belongs to: itself, or the one that it stands beside.</summary>
    public string VassalOf(string name) =>
        Companion is not null && name.EndsWith(Companion, StringComparison.Ordinal) && IsVassal(name[..^Companion.Length])
            ? name[..^Companion.Length]
            : name;

    /// <summary>Whether a file of that name (or path) is a vassal.</summary>
    public bool IsVassal(string path)
    {
        var name = path.AsSpan(path.LastIndexOf('/') + 1);
        if (name.StartsWith("."))
            return false;
        foreach (var extension in _extensions)
        {
            if (name.EndsWith(extension, StringComparison.Ordinal))
                return true;
        }
        return false;
    }
}
