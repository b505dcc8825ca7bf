namespace Emperor.Core.Hooks;

/// <summary>The namespaces of the kernel (namespaces(7)) that a vassal may have of its own.</summary>
[Flags]
public enum NamespaceKinds
{
    /// <summary>None: it shares all with the emperor.</summary>
    None = 0,

    /// <summary>Mounts (uWSGI: fs, ns, mnt, mount).</summary>
    Mounts = 1,

    /// <summary>System V IPC and POSIX message queues (uWSGI: ipc).</summary>
    Ipc = 2,

    /// <summary>Network devices, addresses, ports (uWSGI: net).</summary>
    Network = 4,

    /// <summary>Process numbers: the vassal is number 1 (uWSGI: pid).</summary>
    Processes = 8,

    /// <summary>Host and domain name (uWSGI: uts).</summary>
    HostName = 16,

    /// <summary>Users, groups and capabilities (uWSGI: user).</summary>
    Users = 32,
}

/// <summary>The words of --emperor-use-clone (uWSGI, core/utils.c, uwsgi_unshare_list).</summary>
public static class NamespaceWords
{
    /// <summary>What one word asks for.</summary>
    /// <param name="word">The word.</param>
    /// <param name="failure">Why Emperor cannot do it, when it is none of the kinds; null for <see cref="NamespaceKinds.None"/> without harm.</param>
    public static NamespaceKinds Read(string word, out string? failure)
    {
        failure = null;
        switch (word)
        {
            case "fs" or "ns" or "mnt" or "mount":
                return NamespaceKinds.Mounts;
            case "ipc":
                return NamespaceKinds.Ipc;
            case "net":
                return NamespaceKinds.Network;
            case "pid":
                return NamespaceKinds.Processes;
            case "uts":
                return NamespaceKinds.HostName;
            case "user":
                return NamespaceKinds.Users;
            // They make no namespace. A vassal shares nothing of the kind with the emperor that anybody could see.
            case "io" or "sysvsem":
                return NamespaceKinds.None;
            case "files":
                failure = "files would have each vassal close the emperor's own descriptors; take it out";
                return NamespaceKinds.None;
            case "parent":
                failure =
                    "parent would make vassals the children of whoever started the emperor, who would not look after them; take it out";
                return NamespaceKinds.None;
            default:
                failure = $"no namespace is named \"{word}\"; there are fs, ipc, net, pid, user and uts";
                return NamespaceKinds.None;
        }
    }
}
