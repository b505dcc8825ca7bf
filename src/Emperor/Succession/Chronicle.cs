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
/// <param name="empire">What is the emperor's own.</param>
/// <param name="names">All vassals of which something is left.</param>
/// <param name="of">What is a vassal's; null when nothing is left of it.</param>
/// <param name="log">Where it is told that it cannot be written.</param>
/// <param name="create">Makes an empty file in memory.</param>
internal sealed class Chronicle(
    Heirlooms heirlooms,
    Func<EmpireLegacy> empire,
    Func<IEnumerable<string>> names,
    Func<string, VassalLegacy?> of,
    EmperorLog log,
    Func<MemoryLog> create
) : IDisposable
{
    private const string Kind = "journal";
    private const long SmallestLimit = 1 << 20;
    private const int Growth = 4;
    private const long RetryAfter = 10_000;

    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
    private MemoryLog? _file;
    private string? _name;
    private long _limit;
    private long? _retryAt;
    private bool _isOwnChanged;

    /// <summary>Whether a descriptor is such a file, by its name.</summary>
    public static bool IsName(string name) => name.StartsWith($"{Heirlooms.Prefix}{Kind[0]}", StringComparison.Ordinal);

    /// <summary>Whether what is needed is written down; not while that fails.</summary>
    public bool IsWhole => _retryAt is null;

    /// <summary>When it is tried again, monotonic milliseconds; null when all is written down.</summary>
    public long? NextDue => _retryAt;

    /// <summary>Something has happened to a vassal.</summary>
    public void Note(string vassal) => _changed.Add(vassal);

    /// <summary>Something of the emperor's own is not what it was.</summary>
    public void NoteOwn() => _isOwnChanged = true;

    /// <summary>Writes down what has happened in this turn.</summary>
    /// <param name="now">Monotonic milliseconds.</param>
    public void Turn(long now)
    {
        // After a failure everything is written anew, when it is time to try again.
        if (_retryAt is { } due ? now < due : _changed.Count == 0 && !_isOwnChanged && _file is not null)
            return;
        try
        {
            if (_retryAt is not null || _file is null || _file.Length > _limit)
                Begin();
            else
                Append(_file, _changed);
            if (_retryAt is not null)
                log.Information("journal", "what is needed should the emperor be killed is written down again");
            _retryAt = null;
        }
        catch (Exception e)
        {
            // Something that cannot be written must not end the emperor, and with that what it is written for.
            Fail(e.Message, now);
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
        var next = create();
        try
        {
            Append(next, names());
        }
        catch
        {
            next.Dispose();
            throw;
        }
        var (former, name) = (_file, _name);
        (_file, _limit) = (next, Math.Max(SmallestLimit, Growth * next.Length));
        _name = heirlooms.Keep(Kind, next.Fd, isVital: true);
        heirlooms.Drop(name);
        former?.Dispose();
        // That of an emperor that was killed counted until now.
        _ = heirlooms.CloseRest();
    }

    private void Append(MemoryLog file, IEnumerable<string> vassals)
    {
        var entry = LegacyJournal.Of(empire(), vassals.Select(v => (v, of(v))), Program.Version);
        if (file.Append(LegacyJournal.Write(entry)) is { Number: not 0 } error)
            throw new LinuxException("the journal in memory", error);
    }

    private void Fail(string error, long now)
    {
        // An old word would be worse than none.
        heirlooms.Drop(_name);
        _name = null;
        if (_retryAt is null)
            log.Warning(
                "journal",
                $"what is needed should the emperor be killed cannot be written down: {error}; as long as that is so, its vassals are then "
                    + $"started anew; it is tried again every {RetryAfter / 1000} s"
            );
        _retryAt = now + RetryAfter;
    }
}
