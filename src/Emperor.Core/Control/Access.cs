namespace Emperor.Core.Control;

/// <summary>Who asks, as the kernel tells it of the other end of a unix socket (SO_PEERCRED, unix(7)).</summary>
/// <param name="Pid">Its process.</param>
/// <param name="Uid">Its effective user when it connected.</param>
/// <param name="Gid">Its effective group.</param>
public readonly record struct Peer(int Pid, uint Uid, uint Gid);

/// <summary>Who may see and steer what over the control socket.</summary>
public static class Access
{
    /// <summary>Whether a user may see and steer everything: root, and the user that the emperor runs as.</summary>
    public static bool IsMaster(uint peer, uint emperor) => peer == 0 || peer == emperor;

    /// <summary>
    /// Whether a user may see and steer one vassal: masters each, and under tyrant (where each vassal runs as the owner of its file) a user
    /// those that are his.
    /// </summary>
    /// <param name="peer">The user who asks.</param>
    /// <param name="emperor">The user that the emperor runs as.</param>
    /// <param name="vassal">The user that the vassal runs as; null when that is not known.</param>
    /// <param name="isTyrant">Whether the emperor is a tyrant.</param>
    public static bool May(uint peer, uint emperor, uint? vassal, bool isTyrant) =>
        IsMaster(peer, emperor) || (isTyrant && vassal is { } owner && owner == peer);
}
