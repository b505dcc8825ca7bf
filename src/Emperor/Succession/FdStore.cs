using Emperor.Linux;
using Emperor.Logging;

namespace Emperor.Succession;

/// <summary>
/// Overview: the service manager's store of descriptors (sd_notify(3), FDSTORE=1): it keeps a copy of each, and hands all of them to the emperor that it starts
/// when this one was killed. What is to be stored or removed waits until the end of the turn, and longer when the service manager is slow: nothing here
/// blocks, and nothing is forgotten. It is told not to look at the descriptors itself (FDPOLL=0), because it would throw away just those whose other end has
/// closed, which tell how a process ended. For any thread; <see cref="Turn"/> is for the main one.
/// </summary>
/// <param name="socket">Where to (NOTIFY_SOCKET).</param>
/// <param name="most">How many it takes (FileDescriptorStoreMax=).</param>
/// <param name="log">Where it is told that there are too many.</param>
internal sealed class FdStore(UnixDatagram socket, int most, EmperorLog log)
{
    // A turn hands over so many at most.
    private const int MostATurn = 256;
    private const long Pause = 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _toAdd = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();
    private readonly HashSet<string> _stored = new(StringComparer.Ordinal);
    private readonly Queue<string> _toRemove = new();
    private long? _due;
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
            _stored.UnionWith(names);
    }

    /// <summary>Has one stored.</summary>
    public void Add(string name, int fd)
    {
        lock (_lock)
        {
            _toAdd[name] = fd;
            _order.Enqueue(name);
            _due ??= 0;
        }
    }

    /// <summary>Has one removed; one that was not stored yet never is.</summary>
    public void Remove(string name)
    {
        lock (_lock)
        {
            if (_toAdd.Remove(name) || !_stored.Remove(name))
                return;
            _toRemove.Enqueue(name);
            _due ??= 0;
        }
    }

    /// <summary>Whether one is stored.</summary>
    public bool Has(string name)
    {
        lock (_lock)
            return _stored.Contains(name);
    }

    /// <summary>Hands over what waits.</summary>
    public void Turn(long now)
    {
        lock (_lock)
        {
            if (_due is not { } due || due > now)
                return;
            // Removals first: they make room.
            var left = MostATurn;
            while (left-- > 0 && _toRemove.TryPeek(out var name))
            {
                if (socket.Send($"FDSTOREREMOVE=1\nFDNAME={name}").Number != 0)
                    break;
                _ = _toRemove.Dequeue();
            }
            while (left-- > 0 && _toRemove.Count == 0 && _order.TryPeek(out var name))
            {
                if (_toAdd.TryGetValue(name, out var fd) && !TryStore(name, fd))
                    break;
                _ = _order.Dequeue();
                _toAdd.Remove(name);
            }
            _due = _toRemove.Count > 0 || _order.Count > 0 ? now + Pause : null;
        }
    }

    // False when it is to be tried again.
    private bool TryStore(string name, int fd)
    {
        if (_stored.Count >= most)
        {
            if (!_isFull)
                log.Warning(
                    "fd-store",
                    $"the service manager keeps {most} descriptors (FileDescriptorStoreMax=), and there are more: should the emperor be killed, "
                        + "those vassals are started anew whose descriptors it has not; raise the number (\"systemctl edit\")"
                );
            _isFull = true;
            return true;
        }
        if (socket.Send($"FDSTORE=1\nFDNAME={name}\nFDPOLL=0", fd).Number != 0)
            return false;
        _stored.Add(name);
        return true;
    }
}
