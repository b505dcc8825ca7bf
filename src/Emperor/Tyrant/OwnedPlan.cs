using Emperor.Core.Programs;
using Emperor.Core.Vassals;
using Emperor.Core.Wsgi;

namespace Emperor.Tyrant;

/// <summary>What the section [emperor] may ask for where vassals run as the owners of their files.</summary>
internal static class OwnedPlan
{
    /// <summary>The plan with its owner.</summary>
    /// <param name="file">The vassal's name.</param>
    /// <param name="plan">What its file asks for.</param>
    /// <param name="owner">The file's owner.</param>
    /// <param name="initGroups">Whether it gets its user's groups (--emperor-tyrant-initgroups).</param>
    /// <param name="refusal">When null is returned: what it may not ask for, and the cure.</param>
    public static ProgramPlan? Of(string file, ProgramPlan plan, VassalOwner owner, bool initGroups, out string? refusal)
    {
        refusal = null;
        var who = OwnerEye.NameOf(owner.Uid);
        // As uwsgi, which has no right to change its user then, the built-in server ignores uid and gid.
        if (plan.Wsgi is null && (plan.User is not null || plan.Group is not null || plan.Groups is not null))
            refusal =
                $"{file}, section [emperor]: uid, gid and groups have no place under --emperor-tyrant, where it runs as the owner of its file ({who}); "
                + "take them out, or give the file to another user";
        else if (plan.Limits.ReadOnlyPaths.Count > 0)
            refusal =
                $"{file}, section [emperor]: read-only is done with root's rights, which a file of {who} has not under --emperor-tyrant; take it out";
        if (refusal is not null)
            return null;
        return plan with
        {
            Wsgi = plan.Wsgi is { } wsgi ? wsgi with { Duties = OfOwner(wsgi.Duties) } : null,
            Owner = owner,
            User = $"{owner.Uid}",
            Group = $"{owner.Gid}",
            Groups = initGroups ? null : [],
            Sockets = [.. plan.Sockets.Select(s => s with { BoundAs = owner, Owner = plan.Wsgi is null ? s.Owner : null })],
        };
    }

    /// <summary>What of the built-in server's duties is left out, because the emperor would do it with its own rights: the options' names.</summary>
    public static IReadOnlyList<string> LeftOut(ProgramPlan plan) =>
        plan.Wsgi?.Duties is not { } duties
            ? []
            :
            [
                .. duties.PidFiles.Count > 0 ? ["pidfile"] : Array.Empty<string>(),
                .. duties.Fifos.Count > 0 ? ["master-fifo"] : Array.Empty<string>(),
                .. duties.Stats.Count > 0 ? ["stats"] : Array.Empty<string>(),
                .. duties.Log is not null ? ["logto"] : Array.Empty<string>(),
                // One that comes of uid is not asked for by anybody.
                .. plan.Sockets.Any(s => s.Owner is { } of && of != plan.User && of != $"{plan.User}:{plan.Group}")
                    ? ["chown-socket"]
                    : Array.Empty<string>(),
            ];

    // Paths that the emperor would make, open and remove with its own rights: no file of another user's leads it there.
    private static WsgiDuties OfOwner(WsgiDuties duties) => duties with { PidFiles = [], Fifos = [], Stats = [], Log = null };
}
