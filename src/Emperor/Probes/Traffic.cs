using System.Buffers.Binary;
using System.Net;
using Emperor.Linux;

namespace Emperor.Probes;

/// <summary>A listening socket that is watched for traffic.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Facts">What is known of it.</param>
/// <param name="Path">The path of its file; null when it has none.</param>
internal sealed record WatchedSocket(long Id, ListenerFacts Facts, string? Path);

/// <summary>What was seen at a socket.</summary>
/// <param name="Open">How many connections a process has accepted and not closed.</param>
/// <param name="HasTraces">Whether there are signs of one that has come and gone since the last look.</param>
internal readonly record struct Traffic(int Open, bool HasTraces);

/// <summary>
/// Looks at the connections of many listening sockets at once, by one question to the kernel for each kind. A connection that came and went between two looks leaves
/// traces: over TCP it waits out its time (TIME_WAIT) for a minute on the side that closed first, when that is on this machine; a unix socket's file
/// has a time of access. On the probing thread.
/// </summary>
internal sealed class TrafficLook
{
    // Beyond so many one more is nothing new to tell.
    private const int MostTraces = 10_000;

    private HashSet<(long Id, string Remote, int Port)> _traces = [];
    private readonly Dictionary<string, long> _accessed = new(StringComparer.Ordinal);

    /// <summary>Looks.</summary>
    /// <returns>What was seen at each; null when the kernel does not tell.</returns>
    public Dictionary<long, Traffic>? Look(SocketDiag? diag, IReadOnlyList<WatchedSocket> sockets)
    {
        if (diag is null)
            return null;
        var open = new Dictionary<long, int>();
        HashSet<(long Id, string Remote, int Port)> traces = [];
        if (!LookAtUnix(diag, sockets, open) || !LookAtTcp(diag, sockets, open, traces))
            return null;
        HashSet<long> traced = [.. traces.Where(t => !_traces.Contains(t)).Select(t => t.Id)];
        _traces = traces;
        foreach (var socket in sockets)
        {
            if (socket.Path is { } path && WasAccessed(path))
                traced.Add(socket.Id);
        }
        return sockets.ToDictionary(s => s.Id, s => new Traffic(open.GetValueOrDefault(s.Id), traced.Contains(s.Id)));
    }

    /// <summary>How many connections are open at these sockets together; null when the kernel does not tell.</summary>
    public static int? Open(SocketDiag? diag, IReadOnlyList<WatchedSocket> sockets)
    {
        var open = new Dictionary<long, int>();
        return diag is not null && LookAtUnix(diag, sockets, open) && LookAtTcp(diag, sockets, open, []) ? open.Values.Sum() : null;
    }

    /// <summary>Forgets what is not watched any more.</summary>
    public void Forget(string path) => _accessed.Remove(path);

    private static bool LookAtUnix(SocketDiag diag, IReadOnlyList<WatchedSocket> sockets, Dictionary<long, int> open)
    {
        var byInode = sockets.Where(s => !s.Facts.IsTcp).ToLookup(s => s.Facts.Inode);
        if (byInode.Count == 0)
            return true;
        var byPlace = new Dictionary<UnixPlace, int>();
        var places = new Dictionary<UnixPlace, List<long>>();
        var error = diag.UnixNamed(
            (inode, listens, place) =>
            {
                if (!listens)
                {
                    byPlace[place] = byPlace.GetValueOrDefault(place) + 1;
                    return;
                }
                foreach (var socket in byInode[inode])
                {
                    if (!places.TryGetValue(place, out var ids))
                        places.Add(place, ids = []);
                    ids.Add(socket.Id);
                }
            }
        );
        foreach (var (place, ids) in places)
        {
            foreach (var id in ids)
                open[id] = byPlace.GetValueOrDefault(place);
        }
        return error.Number == 0;
    }

    private static bool LookAtTcp(
        SocketDiag diag,
        IReadOnlyList<WatchedSocket> sockets,
        Dictionary<long, int> open,
        HashSet<(long, string, int)> traces
    )
    {
        var ok = true;
        foreach (var six in (bool[])[false, true])
        {
            var length = six ? 28 : 16;
            var byPort = sockets.Where(s => s.Facts.IsTcp && s.Facts.Name.Length == length).ToLookup(s => Port(s.Facts.Name));
            if (byPort.Count == 0)
                continue;
            var error = diag.Tcp(
                six,
                (inode, local, localPort, remote, remotePort) =>
                {
                    foreach (var socket in byPort[localPort])
                    {
                        if (inode != 0)
                            open[socket.Id] = open.GetValueOrDefault(socket.Id) + 1;
                        else
                            Trace(traces, socket.Id, remote, remotePort);
                    }
                    foreach (var socket in byPort[remotePort])
                    {
                        if (inode == 0)
                            Trace(traces, socket.Id, local, localPort);
                    }
                }
            );
            ok &= error.Number == 0;
        }
        return ok;
    }

    private static void Trace(HashSet<(long, string, int)> traces, long id, ReadOnlySpan<byte> address, int port)
    {
        if (traces.Count < MostTraces)
            traces.Add((id, new IPAddress(address).ToString(), port));
    }

    private bool WasAccessed(string path)
    {
        if (SocketFile.AccessTime(path) is not { } time)
            return false;
        var isKnown = _accessed.TryGetValue(path, out var former);
        if (isKnown && former == time)
            return false;
        _accessed[path] = time;
        SocketFile.Arm(path);
        return isKnown;
    }

    private static int Port(byte[] name) => BinaryPrimitives.ReadUInt16BigEndian(name.AsSpan(2));
}
