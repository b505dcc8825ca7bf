using System.Globalization;
using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Servers;

/// <summary>Who a program runs as, other than the emperor.</summary>
/// <param name="User">The user; null is the emperor's.</param>
/// <param name="Group">The group; null is the emperor's.</param>
/// <param name="Groups">Supplementary groups; null are the user's by the system's lists.</param>
internal sealed record ProgramIdentity(Account? User, uint? Group, IReadOnlyList<uint>? Groups)
{
    /// <summary>Whether the system's lists know the user.</summary>
    public bool IsKnown { get; init; } = true;

    /// <summary>Whether it is another user than root, to whom the emperor's rights must not be lent.</summary>
    public bool IsLesser => User is { Uid: not 0 };

    /// <summary>Finds out who a plan names.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="identity">Null when it is the emperor's own.</param>
    /// <param name="failure">What is wrong with it, and what mends it; null when nothing is.</param>
    public static bool TryFind(ProgramPlan plan, out ProgramIdentity? identity, out string failure)
    {
        identity = null;
        failure = "";
        if (plan.User is null && plan.Group is null && plan.Groups is null)
            return true;
        Account? user = null;
        var known = true;
        if (plan.User is { } name && (user = FindUser(name, out known, out failure)) is null)
            return false;
        uint? group = null;
        if (plan.Group is { } groupName && (group = FindGroup("gid", groupName, out failure)) is null)
            return false;
        List<uint>? groups = null;
        foreach (var each in plan.Groups ?? [])
        {
            if (FindGroup("groups", each, out failure) is not { } found)
                return false;
            (groups ??= []).Add(found);
        }
        identity = new ProgramIdentity(user, group ?? user?.Gid, plan.Groups is null ? null : groups ?? []) { IsKnown = known };
        if (Self.IsRoot)
            return true;
        if (identity.Groups is null && (user is null || user.Uid == Self.Uid) && (identity.Group is null || identity.Group == Self.Gid))
        {
            identity = null;
            return true;
        }
        failure =
            $"uid = {plan.User}, gid = {plan.Group}: the emperor runs as user {Self.Uid} and cannot make it another; "
            + "run the emperor as root, or take uid, gid and groups out of the file";
        return false;
    }

    private static Account? FindUser(string name, out bool known, out string failure)
    {
        Errno error = default;
        var number = Number(name);
        var user = number is { } uid ? Accounts.UserById(uid) : Accounts.UserByName(name, out error);
        known = user is not null;
        failure =
            error.Number != 0 ? $"uid = {name}: it cannot be told whether there is such a user: {error}"
            : user is null && number is null ? $"uid = {name}: there is no such user; make it, or name another"
            : "";
        return user ?? (number is { } id ? new Account(name, id, id) : null);
    }

    private static uint? FindGroup(string key, string name, out string failure)
    {
        Errno error = default;
        var group = Number(name) ?? Accounts.GroupByName(name, out error);
        failure =
            group is not null ? ""
            : error.Number != 0 ? $"{key} = {name}: it cannot be told whether there is such a group: {error}"
            : $"{key} = {name}: there is no such group; make it, or name another";
        return group;
    }

    private static uint? Number(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id != uint.MaxValue ? id : null;
}
