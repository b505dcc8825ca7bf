namespace Emperor.Core.Configuration;

/// <summary>What --emperor-use-clone calls the kinds of namespaces (uWSGI's core/linux_ns.c, uwsgi_unshare_id), by the words of unshare(1).</summary>
public static class NamespaceNames
{
    private static readonly Dictionary<string, string> Words = new(StringComparer.Ordinal)
    {
        ["fs"] = "mount",
        ["mount"] = "mount",
        ["mnt"] = "mount",
        ["ipc"] = "ipc",
        ["net"] = "net",
        ["pid"] = "pid",
        ["uts"] = "uts",
        ["user"] = "user",
        ["newuser"] = "user",
    };

    /// <summary>The word of unshare(1); null for a name that means nothing.</summary>
    public static string? WordOf(string name) => Words.GetValueOrDefault(name);
}
