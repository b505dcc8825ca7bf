using Emperor.Core.Vassals;

namespace Emperor.Core.Sockets;

/// <summary>The socket that a vassal is started on demand by, as it was asked for.</summary>
/// <param name="Address">Where it is, in its one spelling (<see cref="SocketAddress.ToString"/>).</param>
public sealed record OnDemandSocket(string Address)
{
    /// <summary>The name of the socket that the service manager has handed over for it; null when the emperor makes one itself.</summary>
    public string? Inherited { get; init; }

    /// <summary>The permission bits of its file (chmod-socket of the vassal); uWSGI's emperor gives all the right to connect.</summary>
    public int Mode { get; init; } = EveryoneMode;

    /// <summary>Who its file shall belong to (chown-socket of the vassal, USER[:GROUP]); null for the emperor's user.</summary>
    public string? Owner { get; init; }

    /// <summary>With whose rights it is bound under --emperor-tyrant; null is the emperor's.</summary>
    public VassalOwner? BoundAs { get; init; }

    /// <summary>What uWSGI's emperor sets (core/emperor.c, on_demand_bind).</summary>
    public const int EveryoneMode = 0x1B6;

    /// <inheritdoc/>
    public override string ToString() => Inherited is null ? Address : $"{Address} (the service manager's \"{Inherited}\")";
}
