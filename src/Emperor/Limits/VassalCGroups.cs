using System.Globalization;
using System.Text;
using Emperor.Core.Programs;
using Emperor.Linux;

namespace Emperor.Limits;

/// <summary>
/// Overview: one cgroup (version 2) for each process of a vassal that shall have one, where the emperor may make them: in the group that systemd has
/// left to it (Delegate=yes), or that is all it can see, as root in a container. The kernel gives limits only to groups of a group that has no processes
/// itself, so the emperor moves into a leaf ("emperor") beside them. It does so when the first vassal wants a group, and not at all when none does.
///
/// <para>In a container there may be others in the same group, another emperor among them: then all is in a group of its own below it. Those of others
/// are never moved; while they are there, the kernel may refuse limits (not groups), and that is told.</para>
/// </summary>
/// <param name="self">The emperor's process.</param>
/// <param name="place">The group that the emperor is in, when that is not to be found out: its folder, and whether it is all that can be seen.</param>
internal sealed class VassalCGroups(int self, (string Folder, bool IsWhole)? place = null)
{
    private const string Leaf = "emperor";
    private const string TopPrefix = "emperor-";
    private const int LongestName = 100;
    private const int MostRounds = 5;

    private readonly List<string> _leftOver = [];
    private readonly HashSet<string> _controllers = new(StringComparer.Ordinal);
    private string? _own;
    private string? _top;
    private bool _isOpen;

    /// <summary>The folder of the group that all of this emperor's processes are in or below; null when no version 2 hierarchy can be seen.</summary>
    public string? Unit
    {
        get
        {
            var own = place?.Folder ?? CGroup.Own(out _);
            return own is not null && Path.GetFileName(own) == Leaf ? Path.GetDirectoryName(own) : own;
        }
    }

    /// <summary>Gives a group its limits again, where its processes outlive the emperor that has made it.</summary>
    public void Renew(string folder, LimitRules limits)
    {
        if (!Open())
            return;
        foreach (var file in CGroupFiles.Of(limits).Where(f => _controllers.Contains(f.Controller)))
            _ = CGroup.Write(folder, file.File, file.Value);
    }

    /// <summary>Why there are no cgroups; empty when there are.</summary>
    public string Obstacle { get; private set; } = "";

    /// <summary>Whether limits of a controller can be had.</summary>
    public bool Has(string controller) => Open() && _controllers.Contains(controller);

    /// <summary>Makes a group.</summary>
    /// <param name="vassal">The vassal, for the group's name.</param>
    /// <param name="serial">The process's number in the life of this emperor.</param>
    /// <param name="limits">Its limits.</param>
    /// <param name="problems">The limits that it has not got, each with the reason.</param>
    /// <returns>Null when there are no cgroups, or this one cannot be made.</returns>
    public VassalCGroup? Make(string vassal, long serial, LimitRules limits, List<string> problems)
    {
        if (!Open())
            return null;
        var folder = $"{_top}/{NameOf(vassal, serial)}";
        // What an emperor before this one may have left there.
        _ = CGroup.Remove(folder);
        if (CGroup.Make(folder) is { Number: not 0 } error)
        {
            problems.Add($"its cgroup {folder} cannot be made: {error}");
            return null;
        }
        var enforced = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in CGroupFiles.Of(limits))
        {
            if (!_controllers.Contains(file.Controller))
                problems.Add(
                    $"{file.Key} is not enforced: the controller \"{file.Controller}\" cannot be used in {_top} ({WhyNot(file.Controller)})"
                );
            else if (CGroup.Write(folder, file.File, file.Value) is { Number: not 0 } refused)
                problems.Add($"{file.Key} is not enforced: {folder}/{file.File} does not take \"{file.Value}\": {refused}");
            else
                enforced.Add(file.Controller);
        }
        return new VassalCGroup(folder, limits) { Controllers = enforced };
    }

    /// <summary>Removes a group whose processes have ended, or are about to.</summary>
    public void Remove(VassalCGroup group)
    {
        if (CGroup.Remove(group.Folder) is { Number: not 0 } error && error != Errno.NoEntry)
            _leftOver.Add(group.Folder);
    }

    /// <summary>Removes groups whose last processes have ended meanwhile.</summary>
    public void RemoveEmpty() => _leftOver.RemoveAll(f => CGroup.Remove(f) is { Number: 0 } or { Number: 2 });

    /// <summary>The emperor leaves: what it has made in a container is removed as far as it is empty. systemd sees to its own.</summary>
    /// <param name="helper">A process of the emperor's that is still there; null for none.</param>
    public void Leave(int? helper)
    {
        if (_top is null)
            return;
        RemoveEmpty();
        if (_top == _own)
            return;
        foreach (var pid in helper is { } other ? new[] { self, other } : [self])
            _ = CGroup.Write(_own!, "cgroup.procs", Text(pid));
        _ = CGroup.Remove($"{_top}/{Leaf}");
        _ = CGroup.Remove(_top);
    }

    /// <summary>A group's name: what is in it is plain, it is bounded, and no other has it.</summary>
    public static string NameOf(string vassal, long serial)
    {
        var name = new StringBuilder(VassalCGroup.Prefix);
        foreach (var c in vassal.AsSpan(0, Math.Min(vassal.Length, LongestName)))
            name.Append(char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '_');
        return name.Append('.').Append(Text(serial)).ToString();
    }

    private bool Open()
    {
        if (!_isOpen)
        {
            _isOpen = true;
            Obstacle = TryOpen() ?? "";
        }
        return Obstacle.Length == 0;
    }

    // Why there can be none.
    private string? TryOpen()
    {
        var isWhole = place?.IsWhole ?? false;
        if ((place?.Folder ?? CGroup.Own(out isWhole)) is not { } own)
            return "no cgroup hierarchy of version 2 is mounted";
        // An emperor before this one, in the same process, has moved into the leaf.
        if (Path.GetFileName(own) == Leaf && Path.GetDirectoryName(own) is { } above && IsOwnTop(above, out var isOwnTop))
            (own, isWhole) = isOwnTop ? (Path.GetDirectoryName(above)!, true) : (above, false);
        if (place is null && !(isWhole && Self.IsRoot) && !CGroup.IsDelegated(own))
            return $"the cgroup {own} is not the emperor's to divide; start it as a service with Delegate=yes";
        var top = isWhole ? $"{own}/{TopPrefix}{Text(self)}" : own;
        RemoveLeftOvers(own, isWhole);
        if (CGroup.Make(top) is { Number: not 0 } noTop)
            return $"the cgroup {top} cannot be made: {noTop}";
        if (CGroup.Make($"{top}/{Leaf}") is { Number: not 0 } noLeaf)
            return $"the cgroup {top}/{Leaf} cannot be made: {noLeaf}";
        if (Move(own, $"{top}/{Leaf}", isWhole) is { Number: not 0 } noMove)
            return $"the emperor cannot move into the cgroup {top}/{Leaf}: {noMove}";
        if (isWhole)
            Enable(own);
        Enable(top);
        _controllers.UnionWith(CGroup.Read(top, "cgroup.subtree_control").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        (_own, _top) = (own, top);
        return null;
    }

    // Whether a folder is what such an emperor has divided: one that systemd has left to it, or one of its own in a container.
    private bool IsOwnTop(string folder, out bool isOwnTop)
    {
        isOwnTop = Path.GetFileName(folder) == $"{TopPrefix}{Text(self)}";
        return isOwnTop || CGroup.IsDelegated(folder);
    }

    // Each by itself: one that is refused does not keep the others from being enabled.
    private static void Enable(string folder)
    {
        foreach (var controller in CGroupFiles.Controllers)
            _ = CGroup.Write(folder, "cgroup.subtree_control", $"+{controller}");
    }

    private string WhyNot(string controller)
    {
        var available = CGroup.Read(_top!, "cgroup.controllers").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (available.Contains(controller))
            return "the kernel refuses to enable it";
        return CGroup.Read(_own!, "cgroup.controllers").Split([' ', '\n']).Contains(controller)
            ? $"other processes are in {_own} itself"
            : "it is not available there";
    }

    // All of a unit are the emperor's; in a container only itself and its children are.
    private Errno Move(string own, string leaf, bool isWhole)
    {
        var error = CGroup.Write(leaf, "cgroup.procs", Text(self));
        if (error.Number != 0)
            return error;
        var children = new List<int>();
        for (var round = 0; round < MostRounds; round++)
        {
            if (isWhole)
                _ = ProcFs.Children(children);
            var here = CGroup.Processes(own);
            var moved = false;
            foreach (var pid in here.Where(p => !isWhole || children.Contains(p)))
                moved |= CGroup.Write(leaf, "cgroup.procs", Text(pid)).Number == 0;
            if (!moved)
                break;
        }
        return default;
    }

    private static void RemoveLeftOvers(string own, bool isWhole)
    {
        using var folder = Files.OpenDirectory(own, out _);
        var names = new List<string>();
        if (folder is null || Files.List(folder, names).Number != 0)
            return;
        foreach (var name in names)
        {
            if (!isWhole && name.StartsWith(VassalCGroup.Prefix, StringComparison.Ordinal))
                _ = CGroup.Remove($"{own}/{name}");
            else if (isWhole && IsOfTheDead(name))
                RemoveTop($"{own}/{name}");
        }
    }

    private static bool IsOfTheDead(string name) =>
        name.StartsWith(TopPrefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(TopPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
        && ProcFs.Stat(pid) is null;

    private static void RemoveTop(string top)
    {
        using var folder = Files.OpenDirectory(top, out _);
        var names = new List<string>();
        if (folder is null || Files.List(folder, names).Number != 0)
            return;
        foreach (var name in names.Where(n => n == Leaf || n.StartsWith(VassalCGroup.Prefix, StringComparison.Ordinal)))
            _ = CGroup.Remove($"{top}/{name}");
        _ = CGroup.Remove(top);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
