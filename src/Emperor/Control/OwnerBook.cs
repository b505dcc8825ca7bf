using System.Collections.Concurrent;
using Emperor.Core.Control;
using Emperor.Core.Reign;

namespace Emperor.Control;

/// <summary>
/// Whose vassals are under --emperor-tyrant, and since when: a name may pass on to another user, who is not to see what was before. Written by
/// the main thread, read by that of the control socket.
/// </summary>
internal sealed class OwnerBook(uint emperor)
{
    private readonly ConcurrentDictionary<string, (uint User, long Since)> _owners = new(StringComparer.Ordinal);

    /// <summary>A vassal's file was read, and is this user's; null when it is gone.</summary>
    public void Note(string vassal, uint? owner)
    {
        if (owner is not { } user)
            _owners.TryRemove(vassal, out _);
        else if (!_owners.TryGetValue(vassal, out var known) || known.User != user)
            _owners[vassal] = (user, Clock.Now.Unix);
    }

    /// <summary>Whether a user may see and steer a vassal now.</summary>
    public bool May(string vassal, uint user) =>
        Access.May(user, emperor, TryFind(vassal, out var owner) ? owner.User : null, isTyrant: true);

    /// <summary>Whether a user may see what a vassal did at a time, milliseconds since the epoch: it was his then, and still is.</summary>
    public bool Owned(string vassal, uint user, long unix) => TryFind(vassal, out var owner) && owner.User == user && owner.Since <= unix;

    /// <summary>The same, for one who may be a master.</summary>
    public bool MaySee(string vassal, uint user, long unix) => Access.IsMaster(user, emperor) || Owned(vassal, user, unix);

    // A zerg has no file of its own: it is whose its lord is.
    private bool TryFind(string vassal, out (uint User, long Since) owner) =>
        _owners.TryGetValue(vassal, out owner) || (ZergName.LordOf(vassal) is { } lord && _owners.TryGetValue(lord, out owner));
}
