using Emperor.Core.Monitoring;
using Emperor.Core.Sockets;

namespace Emperor.Tests.Simulation;

/// <summary>A file of the simulated folders.</summary>
/// <param name="Stamp">What tells this state of it from others.</param>
/// <param name="IsGood">Whether a vassal could run with it.</param>
/// <param name="Socket">By which socket it is started on demand; null when it is started at once.</param>
internal readonly record struct SimulatedFile(FileStamp Stamp, bool IsGood, OnDemandSocket? Socket)
{
    public override string ToString() =>
        $"{(IsGood ? "good" : "bad")}{(Socket is null ? "" : $" at {Socket}")} inode {Stamp.Inode} of {Stamp.ModifiedNanoseconds / 1_000_000}";
}

/// <summary>
/// The folders of the monitors: names and stamps, without bytes. A name may be in more than one; the first monitor that has it counts.
/// </summary>
internal sealed class SimulatedFolders(int count)
{
    private readonly Dictionary<string, SimulatedFile>[] _folders =
    [
        .. Enumerable.Range(0, count).Select(_ => new Dictionary<string, SimulatedFile>(StringComparer.Ordinal)),
    ];

    private ulong _inode;

    public int Count => _folders.Length;

    /// <summary>The file of a monitor; null when it has none of that name.</summary>
    public SimulatedFile? Of(int monitor, string name) => _folders[monitor].TryGetValue(name, out var file) ? file : null;

    /// <summary>The file that counts, and whose it is.</summary>
    public (int Monitor, SimulatedFile File)? Wanted(string name)
    {
        for (var i = 0; i < _folders.Length; i++)
        {
            if (_folders[i].TryGetValue(name, out var file))
                return (i, file);
        }
        return null;
    }

    /// <summary>All names of all folders.</summary>
    public IEnumerable<string> Names => _folders.SelectMany(f => f.Keys).Distinct();

    /// <summary>All that a scan of one folder finds.</summary>
    public List<SeenFile> Scan(int monitor) => [.. _folders[monitor].Select(f => new SeenFile(f.Key, f.Value.Stamp))];

    /// <summary>A state that no file was in before.</summary>
    public SimulatedFile Fresh(bool isGood, long unix, OnDemandSocket? socket) =>
        new(new FileStamp(1, ++_inode, (long)_inode % 7, unix * 1_000_000, 0, 0), isGood, socket);

    public void Put(int monitor, string name, SimulatedFile file) => _folders[monitor][name] = file;

    public void Remove(int monitor, string name) => _folders[monitor].Remove(name);
}
