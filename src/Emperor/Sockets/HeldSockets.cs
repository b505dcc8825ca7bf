using Emperor.Core.Programs;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using Emperor.Servers;
using Serilog.Events;

namespace Emperor.Sockets;

/// <summary>
/// Overview: the sockets of programs, any number a vassal. They belong to the emperor and outlive every process: a changed file keeps those
/// that stay the same, with all connections that wait in them. The emperor never accepts from them. The loop listens to them only while
/// their vassal waits to be started, and only for the first connection. A socket that the service manager has handed over at the same
/// address is used in the place of one of the emperor's own.
/// </summary>
internal sealed class HeldSockets(EventLoop loop, SocketBinder binder, InheritedSockets inherited, EmperorLog log) : IDisposable
{
    private readonly Dictionary<string, List<Held>> _byVassal = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Held> _awaited = [];
    private readonly List<string> _knocked = [];
    private long _lastId;

    /// <summary>A socket that is held for a vassal; null when it is not.</summary>
    /// <param name="vassal">The vassal.</param>
    /// <param name="address">Its address, in its one spelling.</param>
    public SafeFd? Of(string vassal, string address) => HeldBy(vassal).Find(h => h.Socket.Address == address)?.Fd;

    /// <summary>All sockets that are held for a vassal.</summary>
    public IReadOnlyList<(string Address, SafeFd Fd)> All(string vassal) => [.. HeldBy(vassal).Select(h => (h.Socket.Address, h.Fd))];

    /// <summary>The sockets of a vassal, as they pass on.</summary>
    public IReadOnlyList<HeldLegacy> LegacyOf(string vassal) =>
        [
            .. HeldBy(vassal)
                .Select(h => new HeldLegacy(h.Socket, h.Bound?.Heirloom ?? h.Inherited!.Heirloom, _awaited.ContainsKey(h.Id))
                {
                    Bound = h.Bound?.Legacy,
                }),
        ];

    /// <summary>Takes over the sockets of a vassal.</summary>
    /// <returns>Whether none of them is lost.</returns>
    public bool Inherit(string vassal, IReadOnlyList<HeldLegacy> sockets)
    {
        var isWhole = true;
        foreach (var legacy in sockets)
        {
            var (bound, claimed) = (default(BoundSocket), default(InheritedSocket));
            if (legacy.Bound is { } wish)
                bound = binder.Inherit(vassal, wish, legacy.Descriptor);
            else
                claimed = inherited.ClaimAt(legacy.Socket.Address, vassal, isOwned: legacy.Socket.BoundAs is not null);
            if ((bound?.Fd ?? claimed?.Fd) is not { } fd)
            {
                isWhole = false;
                continue;
            }
            var held = new Held(++_lastId, vassal, legacy.Socket, fd) { Bound = bound, Inherited = claimed };
            if (!_byVassal.TryGetValue(vassal, out var all))
                _byVassal[vassal] = all = [];
            all.Add(held);
            Await(held, legacy.IsAwaited);
        }
        return isWhole;
    }

    /// <summary>Has exactly these sockets (<see cref="Core.Vassals.Effect.Hold"/>).</summary>
    /// <returns>Why not, with the cure; null when they are there.</returns>
    public string? Hold(string vassal, IReadOnlyList<ProgramSocket> sockets, bool await, bool keep)
    {
        var added = new List<Held>();
        var replaced = new List<Held>();
        try
        {
            var failure = Add(vassal, sockets, added, replaced) ?? Change(vassal, sockets, replaced);
            if (failure is null)
            {
                Settle(vassal, sockets, added, replaced, keep);
                Await(vassal, sockets, await);
                return null;
            }
            added.ForEach(Close);
            return failure;
        }
        catch (LinuxException e)
        {
            foreach (var held in added.Where(h => !HeldBy(vassal).Contains(h)))
                Close(held);
            return $"its sockets cannot be listened to: {e.Message}";
        }
    }

    /// <summary>Closes all sockets of a vassal and removes their files.</summary>
    public void Unlisten(string vassal)
    {
        if (_byVassal.Remove(vassal, out var sockets))
            sockets.ForEach(Close);
        _knocked.Remove(vassal);
    }

    /// <summary>The loop has seen that a connection waits. Who waits at several sockets is told once.</summary>
    public void Knock(long id)
    {
        if (!_awaited.TryGetValue(id, out var held))
            return;
        foreach (var socket in HeldBy(held.Vassal))
            Await(socket, await: false);
        _knocked.Add(held.Vassal);
    }

    /// <summary>The vassals at whose sockets somebody has knocked since this was called last.</summary>
    public IEnumerable<string> TakeKnocks()
    {
        if (_knocked.Count == 0)
            return [];
        var vassals = _knocked.ToArray();
        _knocked.Clear();
        return vassals;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var vassal in _byVassal.Keys.ToArray())
            Unlisten(vassal);
    }

    private List<Held> HeldBy(string vassal) => _byVassal.GetValueOrDefault(vassal) ?? [];

    // Binds what is missing, and what somebody has taken the file of.
    private string? Add(string vassal, IReadOnlyList<ProgramSocket> sockets, List<Held> added, List<Held> replaced)
    {
        foreach (var socket in sockets)
        {
            var former = HeldBy(vassal).Find(h => h.Socket.Address == socket.Address);
            if (former is not null && !IsLost(former))
                continue;
            var held = Make(vassal, socket, out var failure);
            if (held is null)
                return failure;
            added.Add(held);
            if (former is not null)
                replaced.Add(former);
        }
        return null;
    }

    private string? Change(string vassal, IReadOnlyList<ProgramSocket> sockets, List<Held> replaced)
    {
        foreach (var socket in sockets)
        {
            var held = HeldBy(vassal).Find(h => h.Socket.Address == socket.Address && !replaced.Contains(h));
            if (held is null || held.Socket == socket)
                continue;
            if (held.Bound is { } bound)
            {
                if (bound.Wish.ReusePort != socket.ReusePort)
                    WarnOfPort(vassal, socket);
                if (binder.Change(bound, WishOf(socket) with { ReusePort = bound.Wish.ReusePort }) is { } failure)
                    return failure;
            }
            held.Socket = socket;
        }
        return null;
    }

    private void Settle(string vassal, IReadOnlyList<ProgramSocket> sockets, List<Held> added, List<Held> replaced, bool keep)
    {
        var wanted = sockets.Select(s => s.Address).ToHashSet(StringComparer.Ordinal);
        var all = HeldBy(vassal);
        var gone = all.Where(h => replaced.Contains(h) || (!keep && !wanted.Contains(h.Socket.Address))).ToArray();
        var left = all.Except(gone).Concat(added).ToList();
        foreach (var held in gone)
            Close(held);
        if (left.Count == 0)
            _byVassal.Remove(vassal);
        else
            _byVassal[vassal] = left;
    }

    // A program may remove the file of a socket that it thinks to be its own. What waits in the socket is served before another one is made.
    private bool IsLost(Held held)
    {
        if (held.Bound is not { IsThere: false } || ListeningSocket.HasConnection(held.Fd))
            return false;
        log.Vassal(
            LogEventLevel.Warning,
            "socket-lost",
            held.Vassal,
            $"its socket's file {held.Socket.Address} was removed or replaced, and is made again; the emperor makes and removes it, so tell the program not to"
        );
        return true;
    }

    private void WarnOfPort(string vassal, ProgramSocket socket) =>
        log.Vassal(
            LogEventLevel.Warning,
            "socket",
            vassal,
            $"reuse-port = {(socket.ReusePort ? "true" : "false")} of {socket.Address} is taken up when its socket is made anew; stop and start it for that"
        );

    private Held? Make(string vassal, ProgramSocket socket, out string failure)
    {
        failure = "";
        if (inherited.ClaimAt(socket.Address, vassal, isOwned: socket.BoundAs is not null) is { } claimed)
            return new Held(++_lastId, vassal, socket, claimed.Fd) { Inherited = claimed };
        return binder.Bind(vassal, WishOf(socket), out failure) is { } bound
            ? new Held(++_lastId, vassal, socket, bound.Fd) { Bound = bound }
            : null;
    }

    private static SocketWish WishOf(ProgramSocket socket) =>
        new(socket.Address, socket.Mode, OwnerOf(socket), socket.Backlog, socket.ReusePort) { BoundAs = socket.BoundAs };

    // Under tyrant it is its owner's anyway. Else as in uWSGI, which binds as the user that it has become: with the mode 660, root alone could connect otherwise. Who is not known is told at the
    // start of the program.
    private static string? OwnerOf(ProgramSocket socket) =>
        socket.Owner
        ?? (socket.BoundAs is null && Self.IsRoot && socket.Address[0] == '/' ? ProgramIdentity.Numbers(socket.User, socket.Group) : null);

    private void Await(string vassal, IReadOnlyList<ProgramSocket> sockets, bool await)
    {
        foreach (var held in HeldBy(vassal))
            Await(held, await && sockets.Any(s => s.Address == held.Socket.Address));
        if (!await)
            _knocked.Remove(vassal);
    }

    private void Await(Held held, bool await)
    {
        if (_awaited.ContainsKey(held.Id) == await)
            return;
        if (await)
        {
            loop.Add(held.Fd.Number, Token.Make(TokenKind.Held, held.Id));
            _awaited.Add(held.Id, held);
            return;
        }
        loop.Remove(held.Fd.Number);
        _awaited.Remove(held.Id);
    }

    private void Close(Held held)
    {
        Await(held, await: false);
        // The service manager's socket is kept for the vassal's return.
        if (held.Inherited is { } socket)
            socket.User = null;
        else
            binder.Close(held.Bound!);
    }

    private sealed class Held(long id, string vassal, ProgramSocket socket, SafeFd fd)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal ProgramSocket Socket { get; set; } = socket;
        internal SafeFd Fd { get; } = fd;

        /// <summary>As it was bound; null when the service manager has made it.</summary>
        internal BoundSocket? Bound { get; init; }

        /// <summary>The service manager's; null when the emperor has bound it.</summary>
        internal InheritedSocket? Inherited { get; init; }
    }
}
