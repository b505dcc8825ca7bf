using Emperor.Linux;

namespace Emperor.Sockets;

/// <summary>Who a socket's file shall belong to, as chown-socket names it: USER[:GROUP], each by name or number.</summary>
internal static class SocketOwner
{
    /// <summary>Finds both; of what is not named, null is returned.</summary>
    /// <param name="owner">As it was written; null or empty when nobody is named.</param>
    /// <param name="uid">The user.</param>
    /// <param name="gid">The group.</param>
    /// <returns>Why not, with the cure; null when they are found.</returns>
    public static string? Find(string? owner, out uint? uid, out uint? gid)
    {
        (uid, gid) = (null, null);
        if (owner is null)
            return null;
        var words = owner.Split(':', 2);
        if (words is [{ Length: > 0 } user, ..])
        {
            uid = Accounts.NumberOf(user) ?? Accounts.UserByName(user, out _)?.Uid;
            if (uid is null)
                return $"chown-socket = {owner}: there is no user {user}; make it, or name another";
        }
        if (words is [_, { Length: > 0 } group])
        {
            gid = Accounts.NumberOf(group) ?? Accounts.GroupByName(group, out _);
            if (gid is null)
                return $"chown-socket = {owner}: there is no group {group}; make it, or name another";
        }
        return null;
    }
}
