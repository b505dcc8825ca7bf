using Emperor.Core.Configuration;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Tyrant;

/// <summary>A vassal's file as a tyrant sees it.</summary>
/// <param name="Content">What is in it; null when it cannot be read.</param>
/// <param name="Error">Why it cannot be read.</param>
/// <param name="File">The file that was read; where links count for themselves, with the owner and group of the link.</param>
/// <param name="Refusal">Why no vassal may run as its owner, and what mends it; null when one may.</param>
internal sealed record OwnedFile(byte[]? Content, Errno Error, FileStatus File, string? Refusal)
{
    /// <summary>Its owner.</summary>
    public VassalOwner Owner { get; } = new(File.Uid, File.Gid);
}

/// <summary>
/// Overview: reads vassals' files under --emperor-tyrant, where the owner of a file is who its vassal runs as. A uwsgi vassal opens its file by the
/// path again, when it already runs as its owner. So the way to it must be in the hands of nobody but root, the emperor's user and that
/// owner: otherwise somebody could show the emperor a file of another user's, and then put his own in its place. Whoever is the owner is told by
/// the very file that was read, never by another look at its path.
///
/// <para>Ways that lead through links are refused when others may bend them behind the vassals folder. The vassals folder itself is the
/// operator's: when others may write to it, that is told in a warning. With the sticky bit each may have vassals of his own there. Where links count
/// for themselves, their owner answers for where they lead; but others, who may write to a link's folder, may move a link of his into it, or replace
/// what a relative one leads through: such links are refused.</para>
/// </summary>
internal sealed class OwnerEye(TyrantSettings settings, EmperorLog log)
{
    private const uint GroupWrites = 0x10;
    private const uint OthersWrite = 0x2;
    private const uint Sticky = 0x200;
    private const int MostWarnings = 1_000;

    private readonly HashSet<string> _warned = new(StringComparer.Ordinal);
    private readonly List<WayStep> _steps = [];

    /// <summary>Whether the owner of a link counts and not that of the file it leads to.</summary>
    public bool NoFollow => settings.NoFollow;

    /// <summary>Whether vassals get the supplementary groups of their users.</summary>
    public bool InitGroups => settings.InitGroups;

    /// <summary>A number for an owner, as file stamps have it.</summary>
    public static ulong NumberOf(FileStatus status) => (((ulong)status.Uid << 32) | status.Gid) + 1;

    /// <summary>A user and group as error messages name them.</summary>
    public static string NameOf(uint uid) => Accounts.UserById(uid)?.Name ?? $"{uid}";

    /// <summary>The supplementary groups of who runs as an owner.</summary>
    public IReadOnlyList<uint> GroupsOf(VassalOwner owner) => settings.InitGroups ? Accounts.GroupsOf(owner.Uid, owner.Gid) : [];

    /// <summary>Takes an owner's rights for what is looked at and opened.</summary>
    /// <exception cref="LinuxException">The emperor may not.</exception>
    public BorrowedRights Act(VassalOwner owner) => BorrowedRights.Take(owner.Uid, owner.Gid, GroupsOf(owner));

    /// <summary>Reads a vassal's file.</summary>
    public OwnedFile Read(string path)
    {
        var bytes = FileWay.Read(path, ReadLimits.FileBytes, _steps, out var file, out var links, out var error);
        if (bytes is null)
            return new OwnedFile(null, error, file, null);
        if (NoFollow && _steps.Find(s => s.Place == WayPlace.Entry) is { } link)
        {
            // His link, and what he may read himself, by whichever way.
            var owner = file with
            {
                Uid = link.Status.Uid,
                Gid = link.Status.Gid,
            };
            if ((RootRefusal(path, owner, "link") ?? Way(path, owner, 1, WayPlace.Before)) is { } refused)
                return new OwnedFile(bytes, default, owner, refused);
            return ReadAs(path, owner, link.Status);
        }
        return new OwnedFile(bytes, default, file, RootRefusal(path, file, "file") ?? Way(path, file, links, WayPlace.Beyond));
    }

    private OwnedFile ReadAs(string path, FileStatus owner, FileStatus link)
    {
        try
        {
            using var rights = Act(new VassalOwner(owner.Uid, owner.Gid));
            var bytes = FileWay.Read(path, ReadLimits.FileBytes, _steps, out var file, out _, out var error);
            var refused = bytes is null ? null : Bend(path, owner, file);
            var isSame =
                _steps.Find(s => s.Place == WayPlace.Entry)?.Status is { } now && (now.Device, now.Inode) == (link.Device, link.Inode);
            return new OwnedFile(
                isSame ? bytes : null,
                isSame ? error : Errno.Again,
                file with
                {
                    Uid = owner.Uid,
                    Gid = owner.Gid,
                },
                refused
            );
        }
        catch (LinuxException e)
        {
            return new OwnedFile(null, e.Error, owner, null);
        }
    }

    private static string? RootRefusal(string path, FileStatus file, string what)
    {
        if (file.Uid != 0 && file.Gid != 0)
            return null;
        var whose = file.Uid == 0 ? "root" : "the group root";
        var chown = what == "link" ? "chown -h" : "chown";
        return $"{path}: the {what} belongs to {whose}, and under --emperor-tyrant a vassal runs as the owner of its {what}, which must not be root; "
            + $"give it to the user that it shall run as: {chown} USER:GROUP {path}";
    }

    private string? Way(string path, FileStatus file, uint links, WayPlace last)
    {
        WayStep? folder = null;
        foreach (var step in _steps)
        {
            if (step.Place > last)
                break;
            if (step.Status.Kind == FileKind.Link)
            {
                if (step.Place != WayPlace.Before && !IsTrusted(step.Status.Uid, file.Uid))
                    return $"{path}: the link {step.Path} belongs to {NameOf(step.Status.Uid)}, who may lead it elsewhere, and the file to "
                        + $"{NameOf(file.Uid)}; give the link to {NameOf(file.Uid)} or to root: chown -h {NameOf(file.Uid)} {step.Path}";
                continue;
            }
            folder = step;
            if (!IsLoose(step, file.Uid))
                continue;
            if (step.Place == WayPlace.Beyond)
                return $"{path}: others than root and {NameOf(file.Uid)}, who owns the file, may put another file in its place, in the folder {step.Path} on "
                    + $"its way; let nobody else write there: chown {NameOf(file.Uid)} {step.Path}, chmod go-w {step.Path}";
            WarnOf(step.Path);
        }
        if ((file.Mode & OthersWrite) != 0)
            return $"{path}: everybody may write to it, and so run what he likes as {NameOf(file.Uid)}; take that right away: chmod o-w {path}";
        // One that another could write may have been moved here by him.
        if ((file.Mode & GroupWrites) != 0 && last == WayPlace.Beyond && folder is { } shared && IsForOthersToo(shared.Status, file.Uid))
            return $"{path}: its group may write to it, and others may put files into {shared.Path}, so that {NameOf(file.Uid)} may know nothing of this one; "
                + $"take that right away: chmod g-w {path}";
        // A second name may have been given to it by anybody who may make names in this folder.
        return links > 1 && folder is { } at && (IsLoose(at, file.Uid) || MayOthersWrite(at.Status))
            ? $"{path}: the file of {NameOf(file.Uid)} has {links} names (hard links), and others may make names in {at.Path}, so that "
                + $"{NameOf(file.Uid)} may know nothing of this one; put a copy of the file in its place"
            : null;
    }

    // Why a link that counts for itself may lead where others have it lead, and not who owns it; null when it does not.
    private string? Bend(string path, FileStatus owner, FileStatus file)
    {
        var folders = _steps.FindAll(s => s is { Place: WayPlace.Before, Status.Kind: FileKind.Directory });
        var loose = folders.Find(f => IsLoose(f, owner.Uid)) ?? (folders is [.., var last] && MayOthersWrite(last.Status) ? last : null);
        if (loose is null || _steps.Find(s => s.Place == WayPlace.Entry) is not { } link)
            return null;
        var who = NameOf(owner.Uid);
        if (link.Links > 1)
            return $"{path}: the link of {who} has {link.Links} names (hard links), and others may make names in {loose.Path}, so that {who} may know nothing of "
                + "this one; put a new link in its place";
        if (!link.IsRelative)
            return null;
        var bent = _steps.Find(s =>
            s.Place == WayPlace.Beyond && (s.Status.Kind == FileKind.Link ? !IsTrusted(s.Status.Uid, owner.Uid) : IsLoose(s, owner.Uid))
        );
        if (bent is null && IsTrusted(file.Uid, owner.Uid))
            return null;
        return $"{path}: the link of {who} begins where it stands, where others may write ({loose.Path}), and leads to what is not {who}'s "
            + $"({bent?.Path ?? $"a file of {NameOf(file.Uid)}"}); give it the whole path: ln -sfn /PATH {path}";
    }

    private void WarnOf(string folder)
    {
        if (_warned.Count < MostWarnings && _warned.Add(folder))
            log.Warning(
                "tyrant",
                $"others may write to the folder {folder}, and so replace vassals' files, which run as their owners; take that right away "
                    + $"(chown root {folder}; chmod go-w {folder}), or let each write what is his alone (chmod +t {folder})"
            );
    }

    private static bool IsTrusted(uint user, uint owner) => user == 0 || user == Self.Uid || user == owner;

    private static bool MayOthersWrite(FileStatus folder) => (folder.Mode & (GroupWrites | OthersWrite)) != 0;

    private static bool IsForOthersToo(FileStatus folder, uint owner) => folder.Uid != owner && MayOthersWrite(folder);

    // In a sticky one nobody but its owner takes away or renames what is another's. What its own owner lets others do there is his affair. Root's group is
    // trusted, but not who an access list of root's may name.
    private static bool IsLoose(WayStep step, uint owner)
    {
        var folder = step.Status;
        if (!IsTrusted(folder.Uid, owner))
            return true;
        if (folder.Uid == owner || (folder.Mode & Sticky) != 0)
            return false;
        return (folder.Mode & OthersWrite) != 0 || ((folder.Mode & GroupWrites) != 0 && (folder.Gid != 0 || step.HasAccessList));
    }
}
