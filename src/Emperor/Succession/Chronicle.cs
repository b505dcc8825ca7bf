using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Succession;

/// <summary>
/// Overview: what an emperor writes down all the time for the case that it is killed: at the end of each turn of the loop the state of every vassal that
/// something has happened to, and its own, in a file in memory that the service manager keeps (<see cref="FdStore"/>). When old entries are more than
/// what counts, a new file takes the place of the old one. On the main thread.
/// </summary>
/// <param name="heirlooms">The file is one of them.</param>
/// <param name="testament">What is written.</param>
/// <param name="log">Where it is told that it cannot be written.</param>
internal sealed class Chronicle(Heirlooms heirlooms, Testament testament, EmperorLog log) : IDisposable
{
    private const string Kind = "journal";
    private const long SmallestLimit = 1 << 20;
    private const int Growth = 4;

    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
    private MemoryLog? _file;
    private string? _name;
    private long _limit;
    private bool _hasFailed;
    private bool _isOwnChanged;

    /// <summary>Whether a descriptor is such a file, by its name.</summary>
    public static bool IsName(string name) => name.StartsWith($"{Heirlooms.Prefix}{Kind[0]}", StringComparison.Ordinal);

    /// <summary>Something has happened to a vassal.</summary>
    public void Note(string vassal) => _changed.Add(vassal);

    /// <summary>Something of the emperor's own is not what it was.</summary>
    public void NoteOwn() => _isOwnChanged = true;

    /// <summary>Writes down what has happened in this turn.</summary>
    public void Turn()
    {
        if (_hasFailed || (_changed.Count == 0 && !_isOwnChanged && _file is not null))
            return;
        try
        {
            if (_file is null || _file.Length > _limit)
                Begin();
            else
                Append(_changed);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Something that cannot be written as a document must not end the emperor, and with that what it is written for.
            Fail(e.Message);
        }
        _changed.Clear();
        _isOwnChanged = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        heirlooms.Drop(_name);
        _file?.Dispose();
    }

    // The former one is given up when the new one is whole.
    private void Begin()
    {
        var (former, name) = (_file, _name);
        try
        {
            _file = MemoryLog.Create("emperor-journal");
        }
        catch (LinuxException e)
        {
            Fail($"{e.Error}");
            return;
        }
        Append(testament.Names);
        _limit = Math.Max(SmallestLimit, Growth * _file.Length);
        _name = heirlooms.Keep(Kind, _file.Fd, isVital: true);
        heirlooms.Drop(name);
        former?.Dispose();
        // That of an emperor that was killed counted until now.
        _ = heirlooms.CloseRest();
    }

    private void Append(IEnumerable<string> vassals)
    {
        var entry = LegacyJournal.Of(testament.Empire, vassals.Select(v => (v, testament.Of(v))), Program.Version);
        if (_file!.Append(LegacyJournal.Write(entry)) is { Number: not 0 } error)
            Fail($"{error}");
    }

    private void Fail(string error)
    {
        _hasFailed = true;
        // An old word would be worse than none.
        heirlooms.Drop(_name);
        log.Warning(
            "journal",
            $"what is needed should the emperor be killed cannot be written down any more: {error}; its vassals are then started anew"
        );
    }
}
