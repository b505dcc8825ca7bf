using Emperor.Core.Hooks;
using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>What a vassal's process gets and does before its program, because the emperor's options say so.</summary>
/// <param name="Kinds">The namespaces of its own.</param>
/// <param name="FirstHooks">A script of hooks that run as the emperor's user; empty for none.</param>
/// <param name="LastHooks">A script of hooks that run as who it is then; empty for none.</param>
internal sealed record JailRequest(NamespaceKinds Kinds, string FirstHooks, string LastHooks)
{
    /// <summary>Nothing.</summary>
    public static readonly JailRequest None = new(NamespaceKinds.None, "", "");

    /// <summary>
    /// Whether it maps itself to root in its namespace of users, as it may without rights; else the emperor, which is root, maps all users to themselves.
    /// </summary>
    public bool MapsItself { get; init; }

    /// <summary>The namespaces that it does not make but joins, being those of the process <see cref="Beside"/>.</summary>
    public NamespaceKinds Joined { get; init; }

    /// <summary>Whose namespaces it joins, by its process number.</summary>
    public int Beside { get; init; }

    /// <summary>Whether it is the first process of a namespace of processes.</summary>
    public bool IsFirstProcess => Kinds.HasFlag(NamespaceKinds.Processes);
}

/// <summary>
/// Overview: --emperor-use-clone and the hooks as-vassal. uWSGI makes all namespaces by one clone(2), and then runs the hooks as who the vassal is, in
/// its process. Here the namespace of processes is made with the process (<see cref="SpawnRequest.NewProcessNamespace"/>), all others by unshare(1), and
/// that of users last, because it takes away the right to mount. Where the emperor is a tyrant, what only root can do (mount, umount, hostname) is done
/// with its rights before the user changes: in uWSGI no such hook succeeds then.
/// </summary>
internal sealed class VassalJail(NamespaceKinds kinds, HookSettings hooks, ChainTools tools)
{
    /// <summary>Whether nothing of the kind is asked for.</summary>
    public bool IsEmpty => kinds == NamespaceKinds.None && hooks.AsVassal.Count == 0;

    /// <summary>Whether vassals are the first processes of namespaces.</summary>
    public bool IsFirstProcess => kinds.HasFlag(NamespaceKinds.Processes);

    /// <summary>What a vassal gets and does.</summary>
    /// <param name="context">What its hooks are told.</param>
    /// <param name="isOwned">Whether it runs as the owner of its file (--emperor-tyrant).</param>
    /// <param name="failure">When null is returned: why it cannot have that, and what mends it.</param>
    public JailRequest? Of(HookContext context, bool isOwned, out string failure) => Of(context, isOwned, _ => true, out failure);

    private JailRequest? Of(HookContext context, bool isOwned, Func<HookAction, bool> wanted, out string failure)
    {
        failure = Failure(isOwned) ?? MissingTool() ?? "";
        if (failure.Length > 0)
            return null;
        string Script(Func<HookAction, bool> which) =>
            HookScripts.InVassal(
                [.. hooks.AsVassal.Where(a => wanted(a) && which(a))],
                context,
                hooks.Limit,
                ProgramChain.Quote,
                n => tools.Find(n)!
            );
        return new JailRequest(kinds, Script(a => !isOwned || a.NeedsRoot), isOwned ? Script(a => !a.NeedsRoot) : "")
        {
            MapsItself = !Self.IsRoot,
        };
    }

    /// <summary>What a command gets that looks at a process of a vassal's.</summary>
    /// <remarks>
    /// A vassal may go on into namespaces of its own making, where it decides what a path leads to and has all rights over who comes. So nothing that has
    /// the emperor's rights enters its mounts or users: of these a command gets new ones, made as the vassal's were.
    /// </remarks>
    /// <param name="pid">The process.</param>
    /// <param name="context">What hooks are told.</param>
    /// <param name="isOwned">Whether it runs as the owner of its file (--emperor-tyrant).</param>
    /// <param name="failure">When null is returned: why it cannot have that, and what mends it.</param>
    public JailRequest? Beside(int pid, HookContext context, bool isOwned, out string failure)
    {
        // It may do to the emperor nothing that the vassal may not do itself: both are the same user.
        if (!Self.IsRoot && kinds.HasFlag(NamespaceKinds.Users))
        {
            failure = "";
            return JailRequest.None with { Joined = kinds & ~NamespaceKinds.Processes, Beside = pid };
        }
        if (OfDaemon(context, isOwned, out failure, a => a.Verb is not (HookVerb.Execute or HookVerb.ExecuteWithName)) is not { } jail)
            return null;
        const NamespaceKinds harmless = NamespaceKinds.Network | NamespaceKinds.Ipc | NamespaceKinds.HostName;
        return jail with { Kinds = kinds & ~harmless, Joined = kinds & harmless, Beside = pid };
    }

    /// <summary>What a command gets that runs beside a vassal's processes for as long as they do.</summary>
    public JailRequest? OfDaemon(HookContext context, bool isOwned, out string failure) =>
        OfDaemon(context, isOwned, out failure, _ => true);

    private JailRequest? OfDaemon(HookContext context, bool isOwned, out string failure, Func<HookAction, bool> which)
    {
        if (!Self.IsRoot || !kinds.HasFlag(NamespaceKinds.Users))
            return Of(context, isOwned, which, out failure);
        failure =
            "--emperor-use-clone has user, and nothing but its own processes can be let into a vassal's namespace of users; take this out of its file, or user out of that";
        return null;
    }

    private string? Failure(bool isOwned)
    {
        if (kinds == NamespaceKinds.None || Self.IsRoot)
            return null;
        if (!kinds.HasFlag(NamespaceKinds.Users) && !Capabilities.Has(Capabilities.SysAdmin))
            return $"--emperor-use-clone: the emperor runs as user {Self.Uid} without the capability sys_admin, and can make no namespaces; run it as root, "
                + "or add user, which needs no rights";
        if (kinds.HasFlag(NamespaceKinds.Users) && isOwned)
            return $"--emperor-use-clone: the emperor runs as user {Self.Uid}, and cannot make namespaces of users for others (--emperor-tyrant); run it as root, "
                + "or take out user";
        return kinds.HasFlag(NamespaceKinds.Processes) && !Capabilities.Has(Capabilities.SysAdmin)
            ? $"--emperor-use-clone: the emperor runs as user {Self.Uid} without the capability sys_admin, and can make no namespaces of processes; run it as "
                + "root, or take out pid"
            : null;
    }

    private string? MissingTool()
    {
        if (hooks.AsVassal.Count == 0)
            return null;
        string?[] needed =
        [
            "sh",
            "timeout",
            hooks.AsVassal.Any(a => a.Verb == HookVerb.Mount) ? "mount" : null,
            hooks.AsVassal.Any(a => a.Verb == HookVerb.Unmount) ? "umount" : null,
        ];
        return needed.FirstOrDefault(n => n is not null && tools.Find(n) is null) is { } missing
            ? $"{missing} is not installed, which {hooks.AsVassal[0].Option} asks for; install it (packages dash, coreutils, mount)"
            : null;
    }
}
