using Emperor.Core.Sockets;

namespace Emperor.Tests.Simulation;

/// <summary>
/// What people and deployments do to the folders, and what the kernel tells of it: most changes at once and about the one file or the whole
/// folder, some never, so that only the next scan finds them.
/// </summary>
internal sealed class FileChurn(Dice dice, Timeline time, Trace trace)
{
    private static readonly string[] AllNames = ["a.ini", "b.ini", "c.ini", "d.ini", "e.ini"];

    private readonly HashSet<(int Monitor, string? Name)> _hints = [];
    private readonly string[] _names = AllNames[..(int)dice.Between(1, AllNames.Length)];
    private readonly Dictionary<string, SimulatedFile> _former = new(StringComparer.Ordinal);
    private long _until;

    /// <summary>The folders as they are.</summary>
    public SimulatedFolders Folders { get; } = new(dice.Chance(30) ? 2 : 1);

    /// <summary>
    /// Names whose file was put back to exactly a state that it had before. Who has looked at it before and after cannot tell that from no
    /// change at all, though the file may have been read, by its vassal or by its judge, in between.
    /// </summary>
    public HashSet<string> PutBack { get; } = new(StringComparer.Ordinal);

    /// <summary>How many of a hundred files make vassals on demand.</summary>
    public int OnDemand { get; init; }

    /// <summary>Fills the folders and plans all changes until a moment.</summary>
    public void Begin(long until)
    {
        foreach (var name in _names)
        {
            if (dice.Chance(80))
                Put(0, name);
        }
        var gap = dice.Of<long>(20, 1_000, 10_000, 10_000);
        // A storm of changes is over sooner than a trickle, or it would be all that a history is about.
        _until = Math.Min(until, time.Now + (gap * 60));
        Plan(gap);
    }

    /// <summary>A whole scan of every folder is due.</summary>
    public void HintAll()
    {
        for (var i = 0; i < Folders.Count; i++)
            _hints.Add((i, null));
    }

    /// <summary>Where to look; null for a whole folder.</summary>
    public List<(int Monitor, string? Name)> TakeHints()
    {
        var hints = _hints.ToList();
        _hints.Clear();
        return hints;
    }

    private void Plan(long gap)
    {
        var next = dice.Duration(gap * 3) + (gap / 10);
        if (time.Now + next < _until)
            time.In(
                next,
                () =>
                {
                    Change();
                    Plan(gap);
                }
            );
    }

    private void Change()
    {
        var name = dice.Of(_names);
        var monitor = (int)dice.Between(0, Folders.Count - 1);
        switch (dice.Between(0, 9))
        {
            case 0 or 1:
                Remove(monitor, name);
                break;
            case 2:
                // As an editor does: gone for a moment, then another file.
                Remove(monitor, name);
                time.In(dice.Duration(5), () => Put(monitor, name));
                break;
            case 3:
                // In pieces.
                for (var i = dice.Between(2, 40); i > 0; i--)
                    time.In(i * dice.Between(1, 40), () => Put(monitor, name));
                break;
            case 4 when dice.Chance(30) && _former.TryGetValue(name, out var former):
                PutBack.Add(name);
                Put(monitor, name, former);
                break;
            default:
                Put(monitor, name);
                break;
        }
    }

    private void Put(int monitor, string name) =>
        Put(monitor, name, Folders.Fresh(!dice.Chance(20), time.Now + time.WallOffset - dice.Of<long>(0, 0, 0, 5_000, -5_000), Socket()));

    // Most keep theirs.
    private OnDemandSocket? Socket() =>
        !dice.Chance(OnDemand) ? null
        : dice.Chance(85) ? new OnDemandSocket("/run/usual")
        : new OnDemandSocket(dice.Of("/run/usual", "@other")) { Mode = (int)dice.Of<long>(0x1B6, 0x180) };

    private void Put(int monitor, string name, SimulatedFile file)
    {
        if (Folders.Of(monitor, name) is { } now)
            _former[name] = now;
        trace.Say($"folder {monitor}: {name} is {file}");
        Folders.Put(monitor, name, file);
        Hint(monitor, name);
    }

    private void Remove(int monitor, string name)
    {
        trace.Say($"folder {monitor}: {name} is removed");
        Folders.Remove(monitor, name);
        // What another monitor has shows again, as it was.
        if (Folders.Wanted(name) is not null)
            PutBack.Add(name);
        Hint(monitor, name);
    }

    private void Hint(int monitor, string name)
    {
        if (dice.Chance(10))
            return;
        var about = dice.Chance(50) ? name : null;
        time.In(dice.Between(0, 3), () => _hints.Add((monitor, about)));
    }
}
