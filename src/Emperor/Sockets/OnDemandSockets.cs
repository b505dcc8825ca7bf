using Emperor.Core.Sockets;
using Emperor.Core.Succession;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Sockets;

/// <summary>
/// Overview: the sockets of vassals on demand. The emperor binds each, keeps it from then on until its vassal is gone, hands it to every process of
/// the vassal, and never accepts from it: what connects while there is no process waits in the kernel's queue. The loop listens to a socket
/// only while its vassal waits, and only for the first connection; what waits during a backoff wakes nobody.
/// </summary>
internal sealed class OnDemandSockets(EventLoop loop, SocketBinder binder, InheritedSockets inherited, EmperorLog log) : IDisposable
{
    // Connections must have room to wait while a vassal starts; the kernel bounds this by net.core.somaxconn.
    private const int Backlog = 4096;

    private readonly Dictionary<string, Listener> _byVassal = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Listener> _byId = [];
    private readonly List<Listener> _knocked = [];
    private long _lastId;

    /// <summary>What a vassal's process gets as its standard input; null when the vassal is not on demand.</summary>
    public SafeFd? Of(string vassal) => _byVassal.GetValueOrDefault(vassal)?.Fd;

    /// <summary>The socket of a vassal, as it passes on; null when it has none.</summary>
    public ListenerLegacy? LegacyOf(string vassal) =>
        _byVassal.GetValueOrDefault(vassal) is { } listener
            ? new ListenerLegacy(listener.Socket, listener.Bound?.Heirloom ?? listener.Claimed!.Heirloom, listener.IsAwaited)
            {
                Bound = listener.Bound?.Legacy,
            }
            : null;

    /// <summary>Takes over the socket of a vassal.</summary>
    /// <returns>Whether it is not lost; true also when there was none.</returns>
    public bool Inherit(string vassal, ListenerLegacy? legacy)
    {
        if (legacy is null)
            return true;
        Listener? listener = null;
        if (legacy.Bound is not { } wish)
            _ = Claim(vassal, legacy.Socket.Inherited ?? "", legacy.Socket, out listener);
        else if (binder.Inherit(vassal, wish, legacy.Descriptor) is { } bound)
            listener = new Listener(++_lastId, vassal, legacy.Socket, bound.Fd) { Bound = bound };
        if (listener is null)
            return false;
        _byVassal.Add(vassal, listener);
        _byId.Add(listener.Id, listener);
        _ = Await(listener, legacy.IsAwaited);
        return true;
    }

    /// <summary>Has a socket as it is asked for.</summary>
    /// <returns>Why not, with the cure; null when it is there.</returns>
    public string? Listen(string vassal, OnDemandSocket socket, bool await)
    {
        try
        {
            return Have(vassal, socket, out var listener) ?? Await(listener!, await);
        }
        catch (LinuxException e)
        {
            return $"the socket {socket} cannot be listened to: {e.Message}";
        }
    }

    /// <summary>Closes a vassal's socket and removes its file.</summary>
    public void Unlisten(string vassal)
    {
        if (_byVassal.TryGetValue(vassal, out var listener))
            Close(listener);
    }

    /// <summary>The loop has seen that a connection waits.</summary>
    public void Knock(long id)
    {
        if (!_byId.TryGetValue(id, out var listener) || !listener.IsAwaited)
            return;
        _ = Await(listener, await: false);
        _knocked.Add(listener);
    }

    /// <summary>The vassals at whose sockets somebody has knocked since this was called last.</summary>
    public IEnumerable<string> TakeKnocks()
    {
        if (_knocked.Count == 0)
            return [];
        var vassals = _knocked.ConvertAll(l => l.Vassal);
        _knocked.Clear();
        return vassals;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var listener in _byVassal.Values.ToArray())
            Close(listener);
    }

    private string? Have(string vassal, OnDemandSocket socket, out Listener? listener)
    {
        if (_byVassal.TryGetValue(vassal, out listener) && !IsStillIt(listener, socket))
        {
            Close(listener);
            listener = null;
        }
        if (listener is not null)
        {
            if (listener.Socket == socket || listener.Bound is not { } bound)
                return null;
            if (binder.Change(bound, WishOf(socket)) is { } refusal)
                return refusal;
            listener.Socket = socket;
            return null;
        }
        var failure = socket.Inherited is { } name ? Claim(vassal, name, socket, out listener) : Bind(vassal, socket, out listener);
        if (listener is null)
            return failure;
        _byVassal.Add(vassal, listener);
        _byId.Add(listener.Id, listener);
        return null;
    }

    // uwsgi removes the file when it ends with vacuum, and binds it anew when the vassal's file names it in "socket". What waits in the socket is
    // served before another one is made.
    private bool IsStillIt(Listener listener, OnDemandSocket socket)
    {
        if (listener.Socket.Address != socket.Address || listener.Socket.Inherited != socket.Inherited)
            return false;
        if (listener.Bound is not { IsThere: false } || ListeningSocket.HasConnection(listener.Fd))
            return true;
        log.Vassal(
            LogEventLevel.Warning,
            "socket-lost",
            listener.Vassal,
            $"its socket's file {socket.Address} was removed or replaced, and is made again; take vacuum and socket out of the vassal's own file"
        );
        return false;
    }

    private string? Claim(string vassal, string name, OnDemandSocket socket, out Listener? listener)
    {
        var claimed = inherited.Claim(name, vassal, out var failure);
        listener = claimed is null ? null : new Listener(++_lastId, vassal, socket, claimed.Fd) { Claimed = claimed };
        return claimed is null ? failure : null;
    }

    private string? Bind(string vassal, OnDemandSocket socket, out Listener? listener)
    {
        var bound = binder.Bind(vassal, WishOf(socket), out var failure);
        listener = bound is null ? null : new Listener(++_lastId, vassal, socket, bound.Fd) { Bound = bound };
        return bound is null ? failure : null;
    }

    private static SocketWish WishOf(OnDemandSocket socket) =>
        new(socket.Address, socket.Mode, socket.Owner, Backlog) { BoundAs = socket.BoundAs };

    private string? Await(Listener listener, bool await)
    {
        if (listener.IsAwaited == await)
            return null;
        if (await)
            loop.Add(listener.Fd.Number, Token.Make(TokenKind.Listener, listener.Id));
        else
            loop.Remove(listener.Fd.Number);
        listener.IsAwaited = await;
        return null;
    }

    private void Close(Listener listener)
    {
        _ = Await(listener, await: false);
        _byVassal.Remove(listener.Vassal);
        _byId.Remove(listener.Id);
        _knocked.Remove(listener);
        // The service manager's socket is kept for the vassal's return.
        if (listener.Socket.Inherited is not null)
        {
            inherited.Release(listener.Vassal);
            return;
        }
        binder.Close(listener.Bound!);
    }

    private sealed class Listener(long id, string vassal, OnDemandSocket socket, SafeFd fd)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal OnDemandSocket Socket { get; set; } = socket;
        internal SafeFd Fd { get; } = fd;

        /// <summary>As it was bound; null when the service manager has made it.</summary>
        internal BoundSocket? Bound { get; init; }

        /// <summary>The service manager's; null when the emperor has bound it.</summary>
        internal InheritedSocket? Claimed { get; init; }

        internal bool IsAwaited { get; set; }
    }
}
