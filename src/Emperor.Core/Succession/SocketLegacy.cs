using Emperor.Core.Programs;
using Emperor.Core.Sockets;
using Emperor.Core.Vassals;

namespace Emperor.Core.Succession;

/// <summary>A socket that the emperor has bound for a vassal, as it is.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="Mode">The permission bits of its file.</param>
/// <param name="Owner">Who its file belongs to, USER[:GROUP]; null for the emperor's user.</param>
/// <param name="Backlog">How many connections may wait.</param>
/// <param name="ReusePort">Whether others may bind the same port.</param>
public sealed record BoundLegacy(string Address, int Mode, string? Owner, int Backlog, bool ReusePort)
{
    /// <summary>With whose rights it was bound (--emperor-tyrant).</summary>
    public VassalOwner? BoundAs { get; init; }

    /// <summary>The file system of the file that was made for it; null when it has none.</summary>
    public ulong? Device { get; init; }

    /// <summary>That file's number there.</summary>
    public ulong? Inode { get; init; }
}

/// <summary>A socket that is held for a program.</summary>
/// <param name="Socket">As its file asks for it.</param>
/// <param name="Descriptor">The name of its descriptor; that of the service manager's when it is one.</param>
/// <param name="IsAwaited">Whether a connection to it shall be told.</param>
public sealed record HeldLegacy(ProgramSocket Socket, string Descriptor, bool IsAwaited)
{
    /// <summary>As it was bound; null when the service manager has made it.</summary>
    public BoundLegacy? Bound { get; init; }
}

/// <summary>The socket of a vassal on demand.</summary>
/// <param name="Socket">As it is asked for.</param>
/// <param name="Descriptor">The name of its descriptor; that of the service manager's when it is one.</param>
/// <param name="IsAwaited">Whether a connection to it shall be told.</param>
public sealed record ListenerLegacy(OnDemandSocket Socket, string Descriptor, bool IsAwaited)
{
    /// <summary>As it was bound; null when the service manager has made it.</summary>
    public BoundLegacy? Bound { get; init; }
}

/// <summary>A socket that the service manager has handed over.</summary>
/// <param name="Descriptor">The name by which it passes on.</param>
/// <param name="Name">The name that the service manager gave it.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="User">Who uses it; null when nobody does.</param>
public sealed record InheritedLegacy(string Descriptor, string Name, string Address, string? User);

/// <summary>A socket on which the emperor itself answers.</summary>
/// <param name="Role">control, stats, metrics or command.</param>
/// <param name="Address">The address as it was asked for.</param>
/// <param name="Descriptor">The name of its descriptor.</param>
public sealed record ServantLegacy(string Role, string Address, string Descriptor)
{
    /// <summary>The whole path of the file that was made for it; null when it has none.</summary>
    public string? Path { get; init; }

    /// <summary>That file's file system.</summary>
    public ulong Device { get; init; }

    /// <summary>That file's number there.</summary>
    public ulong Inode { get; init; }
}
