namespace Emperor.Monitors;

/// <summary>Which names are vassals' (uWSGI's uwsgi_emperor_is_valid, less its limit of 254 bytes; hidden files are none).</summary>
internal sealed class VassalNames(IReadOnlyList<string> extraExtensions)
{
    private readonly string[] _extensions = [".ini", ".xml", ".yml", ".yaml", ".js", ".json", .. extraExtensions];

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
