using System.Globalization;
using Emperor.Core.Sockets;
using Emperor.Linux;
using Emperor.Logging;
using Serilog.Events;

namespace Emperor.Sockets;

/// <summary>
/// Overview: the sockets of vassals on demand. The emperor binds each, keeps it from then on until its vassal is gone, hands it to every process of
/// the vassal, and never accepts from it: what connects while there is no process waits in the kernel's queue. The loop listens to a socket
/// only while its vassal waits, and only for the first connection; what waits during a backoff wakes nobody.
///
/// <para>A socket file that was left behind is replaced, one that somebody listens on is not, and what is no socket is never removed. At
/// the end a file is removed if it is still the one that was made here.</para>
/// </summary>
internal sealed class OnDemandSockets(EventLoop loop, InheritedSockets inherited, EmperorLog log) : IDisposable
{
    // Connections must have room to wait while a vassal starts; the kernel bounds this by net.core.somaxconn.
    private const int Backlog = 4096;

    private readonly Dictionary<string, Listener> _byVassal = new(StringComparer.Ordinal);
    private readonly Dictionary<long, Listener> _byId = [];
    private readonly List<Listener> _knocked = [];
    private long _lastId;

    /// <summary>What a vassal's process gets as its standard input; null when the vassal is not on demand.</summary>
    public SafeFd? Of(string vassal) => _byVassal.GetValueOrDefault(vassal)?.Fd;

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
            if (listener.Socket == socket || listener.File is not { } file)
                return null;
            if (Grant(socket, file, out _) is { } refusal)
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
        if (listener.File is not { } file || IsThere(socket.Address, file) || ListeningSocket.HasConnection(listener.Fd))
            return true;
        log.Vassal(
            LogEventLevel.Warning,
            "socket-lost",
            listener.Vassal,
            $"its socket's file {socket.Address} was removed or replaced, and is made again; take vacuum and socket out of the vassal's own file"
        );
        return false;
    }

    private static bool IsThere(string path, FileStatus file) =>
        FileStatus.Get(path, follow: false, out var now).Number == 0 && (now.Device, now.Inode) == (file.Device, file.Inode);

    private string? Claim(string vassal, string name, OnDemandSocket socket, out Listener? listener)
    {
        var claimed = inherited.Claim(name, vassal, out var failure);
        listener = claimed is null ? null : new Listener(++_lastId, vassal, socket, claimed.Fd);
        return claimed is null ? failure : null;
    }

    private string? Bind(string vassal, OnDemandSocket socket, out Listener? listener)
    {
        listener = null;
        if (SocketAddress.Parse(socket.Address, "/", out var failure) is not { } address)
            return failure;
        if (_byVassal.Values.FirstOrDefault(l => l.Socket.Address == socket.Address) is { } other)
            return $"the socket {socket.Address} is that of vassal {other.Vassal}; give one of the two another address";
        var name = NameOf(address);
        if (name.Path is not null && MakeRoom(name) is { } obstacle)
            return obstacle;
        var fd = ListeningSocket.Bind(name, out var error);
        if (fd is null)
            return $"the socket {socket.Address} cannot be bound: {error}; {Cure(error, address)}";
        FileStatus? file = null;
        failure = name.Path is null ? "" : Grant(socket, null, out file) ?? "";
        if (failure.Length == 0 && ListeningSocket.Listen(fd, Backlog) is { Number: not 0 } refused)
            failure = $"the socket {socket.Address} cannot be listened on: {refused}; {Cure(refused, address)}";
        if (failure.Length > 0)
        {
            fd.Dispose();
            if (file is { } made)
                _ = ListeningSocket.Remove(name.Path!, made);
            return failure;
        }
        listener = new Listener(++_lastId, vassal, socket, fd) { File = file };
        return null;
    }

    // What is in the way of a new socket file, or nothing any more.
    private static string? MakeRoom(SocketName name)
    {
        switch (ListeningSocket.Probe(name, out var file, out var error))
        {
            case SocketFileState.NoSocket:
                return $"{name.Path} is there and is no socket; it is left alone: remove it, or choose another address";
            case SocketFileState.Live when error.Number == 0 || error == Errno.Again || error == Errno.WrongProtocolType:
                return $"somebody listens on {name.Path} already; it is left alone: stop who does, or choose another address";
            case SocketFileState.Live:
                return $"{name.Path} is there, and it is not known whether somebody listens on it ({error}); it is left alone: remove it";
            case SocketFileState.Stale when !ListeningSocket.Remove(name.Path!, file):
                return $"the socket {name.Path} that somebody has left behind cannot be removed; give the emperor's user the right to write in its folder";
            default:
                return null;
        }
    }

    private static string? Grant(OnDemandSocket socket, FileStatus? known, out FileStatus? file)
    {
        file = known;
        uint? user = null;
        uint? group = null;
        if (socket.Owner is { } owner)
        {
            var colon = owner.IndexOf(':', StringComparison.Ordinal);
            var (userName, groupName) = colon < 0 ? (owner, null) : (owner[..colon], owner[(colon + 1)..]);
            user = Number(userName) ?? Accounts.UserByName(userName, out _)?.Uid;
            group = groupName is null ? null : Number(groupName) ?? Accounts.GroupByName(groupName, out _);
            if (user is null || (groupName is not null && group is null))
                return $"chown-socket = {owner}: there is no such {(user is null ? "user" : "group")}; make it, or name another";
        }
        var error = ListeningSocket.Grant(socket.Address, known, (uint)socket.Mode, user, group, out var now);
        if (error.Number != 0)
            return $"the socket {socket.Address} cannot be given the mode and owner that its file asks for (chmod-socket, chown-socket): {error}";
        file = now;
        return null;
    }

    private static uint? Number(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && id != uint.MaxValue ? id : null;

    private static SocketName NameOf(SocketAddress address) =>
        address.Kind switch
        {
            SocketKind.Path => SocketName.OfPath(address.Name),
            SocketKind.Abstract => SocketName.OfAbstract(address.Name),
            _ => SocketName.OfInternet(address.Address!, address.Port),
        };

    private static string Cure(Errno error, SocketAddress address) =>
        error == Errno.NoEntry ? $"make its folder {Path.GetDirectoryName(address.Name)}"
        : error == Errno.AddressInUse ? "stop who listens there, or choose another address"
        : error == Errno.Access ? "give the emperor's user the right to it, or choose another address"
        : "choose an address that this machine has";

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
        // The file first, so that nobody connects to what is about to be closed.
        if (listener.File is { } file)
            _ = ListeningSocket.Remove(listener.Socket.Address, file);
        listener.Fd.Dispose();
    }

    private sealed class Listener(long id, string vassal, OnDemandSocket socket, SafeFd fd)
    {
        internal long Id { get; } = id;
        internal string Vassal { get; } = vassal;
        internal OnDemandSocket Socket { get; set; } = socket;
        internal SafeFd Fd { get; } = fd;

        /// <summary>The file that was made for it; null when it has none, or the service manager made it.</summary>
        internal FileStatus? File { get; init; }

        internal bool IsAwaited { get; set; }
    }
}
