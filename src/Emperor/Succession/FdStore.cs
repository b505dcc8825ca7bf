using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Succession;

/// <summary>
/// Overview: the service manager's store of descriptors (sd_notify(3), FDSTORE=1): it keeps a copy of each, and hands all of them to the emperor that it starts
/// when this one was killed. What is to be stored or removed waits until the end of the turn, and longer when the service manager is slow: nothing here
/// blocks, nothing is forgotten, and all comes in the order in which it was asked for. It is told not to look at the descriptors itself (FDPOLL=0),
/// because it would throw away just those whose other end has closed, which tell how a process ended. For any thread; <see cref="Turn"/> is for the main one.
/// </summary>
/// <param name="socket">Where to (NOTIFY_SOCKET).</param>
/// <param name="most">How many it takes (FileDescriptorStoreMax=).</param>
/// <param name="log">Where it is told that there are too many.</param>
internal sealed class FdStore(UnixDatagram socket, int most, EmperorLog log)
{
    // A turn hands over so many at most.
    private const int MostATurn = 256;
    private const long Pause = 20;

    // Places that are left for what is vital: the guard's descriptors and two journals, of which the new one comes before the old one goes.
    private const int VitalPlaces = 8;

    // All names and the colons between them, in LISTEN_FDNAMES: MAX_ARG_STRLEN less the variable's own name and some air.
    private const int MostNameBytes = 120 * 1024;
    private const int VitalNameBytes = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (int Fd, bool IsVital)> _toAdd = new(StringComparer.Ordinal);
    private readonly HashSet<string> _stored = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (int Fd, bool IsVital)> _refused = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private long? _due;
    private int _nameBytes;
    private bool _isFull;

    /// <summary>When it is tried again, monotonic milliseconds; null when nothing waits.</summary>
    public long? NextDue
    {
        get
        {
            lock (_lock)
                return _due;
        }
    }

    /// <summary>Those that are stored already, because a former emperor has done it.</summary>
    public void Know(IEnumerable<string> names)
    {
        lock (_lock)
        {
            foreach (var name in names)
                Note(name);
        }
    }

    /// <summary>Has one stored.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="fd">The descriptor.</param>
    /// <param name="isVital">Whether all others are useless without it.</param>
    public void Add(string name, int fd, bool isVital = false)
    {
        lock (_lock)
        {
            _toAdd[name] = (fd, isVital);
            Enqueue(name);
        }
    }

    /// <summary>Has one removed; one that was not stored yet never is.</summary>
    public void Remove(string name)
    {
        lock (_lock)
        {
            _refused.Remove(name);
            if (_toAdd.Remove(name) || !_stored.Remove(name))
                return;
            _nameBytes -= name.Length + 1;
            Enqueue(name);
            // Its place is another's, who found none.
            foreach (var (waiting, refused) in _refused.Take(1))
            {
                _refused.Remove(waiting);
                _toAdd[waiting] = refused;
                Enqueue(waiting);
            }
        }
    }

    /// <summary>Hands over what waits.</summary>
    public void Turn(long now)
    {
        lock (_lock)
        {
            if (_due is not { } due || due > now)
                return;
            for (var i = 0; i < MostATurn && _order.TryPeek(out var name); i++)
            {
                if (!TryDo(name))
                    break;
                _ = _order.Dequeue();
            }
            _due = _order.Count > 0 ? now + Pause : null;
        }
    }

    private void Enqueue(string name)
    {
        _order.Enqueue(name);
        _due ??= 0;
    }

    // False when it is to be tried again. A name is used once, so one that is neither to be added nor stored is to be removed.
    private bool TryDo(string name)
    {
        if (!_toAdd.TryGetValue(name, out var added))
            return _stored.Contains(name) || socket.Send($"FDSTOREREMOVE=1\nFDNAME={name}").Number == 0;
        var places = added.IsVital ? most : most - VitalPlaces;
        var bytes = added.IsVital ? MostNameBytes : MostNameBytes - VitalNameBytes;
        if (_stored.Count >= places || _nameBytes + name.Length + 1 > bytes)
            Refuse(name, added);
        else if (socket.Send($"FDSTORE=1\nFDNAME={name}\nFDPOLL=0", added.Fd).Number == 0)
            Note(name);
        else
            return false;
        _toAdd.Remove(name);
        return true;
    }

    private void Refuse(string name, (int Fd, bool IsVital) added)
    {
        _refused[name] = added;
        if (!_isFull)
            log.Warning(
                "fd-store",
                $"the service manager keeps {_stored.Count} descriptors (FileDescriptorStoreMax= says {most}), and there are more: should the emperor "
                    + "be killed, those vassals are started anew whose descriptors it has not"
            );
        _isFull = true;
    }

    private void Note(string name)
    {
        if (_stored.Add(name))
            _nameBytes += name.Length + 1;
    }
}
