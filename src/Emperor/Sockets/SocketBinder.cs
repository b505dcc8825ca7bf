using System.Globalization;
using Emperor.Core;
using Emperor.Core.Sockets;
using Emperor.Core.Succession;
using Emperor.Core.Vassals;
using Emperor.Linux;
using Emperor.Succession;

namespace Emperor.Sockets;

/// <summary>A socket as it is asked for.</summary>
/// <param name="Address">Where it is, in its one spelling (<see cref="SocketAddress.ToString"/>).</param>
/// <param name="Mode">The permission bits of its file.</param>
/// <param name="Owner">Who its file shall belong to, USER[:GROUP]; null for the emperor's user.</param>
/// <param name="Backlog">How many connections may wait; the kernel bounds it by net.core.somaxconn.</param>
/// <param name="ReusePort">Whether others may bind the same port.</param>
internal sealed record SocketWish(string Address, int Mode, string? Owner, int Backlog, bool ReusePort = false)
{
    /// <summary>With whose rights it is bound, changed and removed (--emperor-tyrant); null is the emperor's.</summary>
    public VassalOwner? BoundAs { get; init; }
}

/// <summary>A socket that the emperor has bound for a vassal and listens on.</summary>
internal sealed class BoundSocket(string vassal, SocketWish wish, SafeFd fd, FileStatus? file)
{
    /// <summary>Whose it is.</summary>
    public string Vassal { get; } = vassal;

    /// <summary>As it is.</summary>
    public SocketWish Wish { get; set; } = wish;

    /// <summary>The socket.</summary>
    public SafeFd Fd { get; } = fd;

    /// <summary>The file that was made for it; null when it has none.</summary>
    public FileStatus? File { get; } = file;

    /// <summary>The name by which it passes on.</summary>
    public required string Heirloom { get; init; }

    /// <summary>What is known of it, for the next emperor.</summary>
    public BoundLegacy Legacy =>
        new(Wish.Address, Wish.Mode, Wish.Owner, Wish.Backlog, Wish.ReusePort)
        {
            BoundAs = Wish.BoundAs,
            Device = File?.Device,
            Inode = File?.Inode,
        };

    /// <summary>Whether its file is still the one that was made, or it needs none.</summary>
    public bool IsThere =>
        File is not { } file
        || (FileStatus.Get(Wish.Address, follow: false, out var now).Number == 0 && (now.Device, now.Inode) == (file.Device, file.Inode));
}

/// <summary>
/// Overview: binds the sockets of all vassals, and knows whose they are. A socket file that was left behind is replaced, one that somebody
/// listens on is not, and what is no socket is never removed. At the end a file is removed if it is still the one that was made here.
/// </summary>
/// <param name="heirlooms">The descriptors that pass on.</param>
internal sealed class SocketBinder(Heirlooms heirlooms)
{
    private static readonly TimeSpan SearchLimit = TimeSpan.FromMilliseconds(100);

    // Whoever is in the way is searched for in a twentieth of the time at most, so that many vassals that cannot have their sockets hold up no other.
    private const int SearchRest = 20;

    private readonly List<BoundSocket> _sockets = [];
    private long _searchDue;

    /// <summary>The vassal that a process belongs to; null when it is none's.</summary>
    public Func<int, string?> VassalOf { get; set; } = _ => null;

    /// <summary>Takes the rights of who owns a vassal's file.</summary>
    public Func<VassalOwner, IDisposable>? Act { get; set; }

    /// <summary>Binds a socket and listens on it.</summary>
    /// <param name="vassal">Whose it shall be.</param>
    /// <param name="wish">The socket.</param>
    /// <param name="failure">When null is returned: why, and what mends it.</param>
    public BoundSocket? Bind(string vassal, SocketWish wish, out string failure)
    {
        if (SocketAddress.Parse(wish.Address, "/", out failure) is not { } address)
            return null;
        var other = _sockets.Find(s => s.Wish.Address == wish.Address && s.IsThere && !(s.Wish.ReusePort && wish.ReusePort));
        if (other is not null)
        {
            failure =
                other.Vassal == vassal
                    ? $"the socket {wish.Address} is asked for twice; take one of the two away"
                    : $"the socket {wish.Address} is that of vassal {other.Vassal}; give one of the two another address";
            return null;
        }
        BoundSocket bound;
        using (ActFor(wish))
        {
            if (TryBind(vassal, wish, address, out failure) is not { } made)
                return null;
            bound = made;
        }
        if (failure.Length == 0)
            return bound;
        Close(bound);
        return null;
    }

    // What was bound before something failed is returned with the failure.
    private BoundSocket? TryBind(string vassal, SocketWish wish, SocketAddress address, out string failure)
    {
        var name = NameOf(address);
        failure = name.Path is not null ? MakeRoom(name) ?? "" : "";
        if (failure.Length > 0)
            return null;
        var fd = ListeningSocket.Bind(name, wish.ReusePort, out var error);
        if (fd is null)
        {
            failure = $"the socket {wish.Address} cannot be bound: {error}; {Cure(error, address, name)}";
            return null;
        }
        FileStatus? file = null;
        failure = name.Path is null ? "" : Grant(wish, null, out file) ?? "";
        if (failure.Length == 0 && ListeningSocket.Listen(fd, wish.Backlog) is { Number: not 0 } refused)
            failure = $"the socket {wish.Address} cannot be listened on: {refused}; {Cure(refused, address, name)}";
        var bound = new BoundSocket(vassal, wish, fd, file) { Heirloom = heirlooms.Keep("socket", fd.Number) };
        _sockets.Add(bound);
        return bound;
    }

    /// <summary>Takes over a socket that a former emperor has bound; null when its descriptor is lost.</summary>
    public BoundSocket? Inherit(string vassal, BoundLegacy legacy, string heirloom)
    {
        if (heirlooms.Take(heirloom) is not { } fd)
            return null;
        var wish = new SocketWish(legacy.Address, legacy.Mode, legacy.Owner, legacy.Backlog, legacy.ReusePort) { BoundAs = legacy.BoundAs };
        FileStatus? file = legacy is { Device: { } device, Inode: { } inode } ? new FileStatus { Device = device, Inode = inode } : null;
        var bound = new BoundSocket(vassal, wish, fd, file) { Heirloom = heirloom };
        _sockets.Add(bound);
        return bound;
    }

    /// <summary>Gives a socket's file another mode and owner, and the socket another backlog.</summary>
    /// <returns>Why not; null when it has them.</returns>
    public string? Change(BoundSocket socket, SocketWish wish)
    {
        using var rights = ActFor(wish);
        var failure =
            socket.File is { } file && (wish.Mode, wish.Owner) != (socket.Wish.Mode, socket.Wish.Owner) ? Grant(wish, file, out _) : null;
        if (failure is not null)
            return failure;
        // The kernel takes a new backlog from a socket that listens already.
        if (wish.Backlog != socket.Wish.Backlog && ListeningSocket.Listen(socket.Fd, wish.Backlog) is { Number: not 0 } refused)
            return $"the socket {wish.Address} cannot be given a backlog of {wish.Backlog} (listen): {refused}";
        socket.Wish = wish;
        return null;
    }

    /// <summary>Closes a socket and removes its file.</summary>
    public void Close(BoundSocket socket)
    {
        _sockets.Remove(socket);
        using var rights = ActFor(socket.Wish);
        // The file first, so that nobody connects to what is about to be closed.
        if (socket.File is { } file)
            _ = ListeningSocket.Remove(socket.Wish.Address, file);
        heirlooms.Drop(socket.Heirloom);
        socket.Fd.Dispose();
    }

    private IDisposable? ActFor(SocketWish wish) => wish.BoundAs is { } owner ? Act?.Invoke(owner) : null;

    // What is in the way of a new socket file, or nothing any more.
    private string? MakeRoom(SocketName name)
    {
        switch (ListeningSocket.Probe(name, out var file, out var error))
        {
            case SocketFileState.NoSocket:
                return $"{name.Path} is there and is no socket; it is left alone: remove it, or choose another address";
            case SocketFileState.Live:
                return $"somebody listens on {name.Path} already; it is left alone: {Stop(name)}, or choose another address";
            case SocketFileState.Unknown:
                return $"{name.Path} is there, and it is not known whether somebody listens on it ({error}); it is left alone: remove it";
            case SocketFileState.Stale when !ListeningSocket.Remove(name.Path!, file):
                return $"the socket {name.Path} that somebody has left behind cannot be removed; give the emperor's user the right to write in its folder";
            default:
                return null;
        }
    }

    private static string? Grant(SocketWish wish, FileStatus? known, out FileStatus? file)
    {
        file = known;
        if (wish.BoundAs is not null)
            return GrantOwned(wish, out file);
        if (SocketOwner.Find(wish.Owner, out var user, out var group) is { } failure)
            return failure;
        var error = ListeningSocket.Grant(wish.Address, known, (uint)wish.Mode, user, group, out var now);
        if (error.Number != 0)
            return $"the socket {wish.Address} cannot be given the mode and owner that its file asks for (chmod-socket, chown-socket): {error}";
        file = now;
        return null;
    }

    // With its owner's rights, so that nothing but what is his can get another mode, whatever the path leads to by now.
    private static string? GrantOwned(SocketWish wish, out FileStatus? file)
    {
        file = null;
        if (wish.Owner is { } owner)
            return $"chown-socket = {owner}: under --emperor-tyrant its socket belongs to the owner of its file; take that out";
        if (Files.SetMode(wish.Address, (uint)wish.Mode) is { Number: not 0 } refused)
            return $"the socket {wish.Address} cannot be given the mode that its file asks for (chmod-socket): {refused}";
        if (FileStatus.Get(wish.Address, follow: false, out var now) is { Number: not 0 } error)
            return $"the socket {wish.Address} is not there any more: {error}";
        file = now;
        return null;
    }

    private static SocketName NameOf(SocketAddress address) =>
        address.Kind switch
        {
            SocketKind.Path => SocketName.OfPath(address.Name),
            SocketKind.Abstract => SocketName.OfAbstract(address.Name),
            _ => SocketName.OfInternet(address.Address!, address.Port),
        };

    private string Cure(Errno error, SocketAddress address, SocketName name) =>
        error == Errno.NoEntry ? $"make its folder {Path.GetDirectoryName(address.Name)}"
        : error == Errno.AddressInUse ? $"{Stop(name)}, or choose another address"
        : error == Errno.Access ? "give the emperor's user the right to it, or choose another address"
        : "choose an address that this machine has";

    private string Stop(SocketName name)
    {
        var now = Environment.TickCount64;
        if (now < _searchDue)
            return "stop who listens there";
        var found = SocketHolders.Find(name, SearchLimit);
        _searchDue = now + ((Environment.TickCount64 - now) * SearchRest);
        if (found is not { } holder)
            return "stop who listens there";
        if (holder.Pid == Self.Pid)
            return "it is the emperor's own";
        var process = string.Create(CultureInfo.InvariantCulture, $"{PlainText.OneLine(holder.Name)}, pid {holder.Pid}");
        return VassalOf(holder.Pid) is { } vassal ? $"it is vassal {vassal} ({process}): stop that" : $"stop who listens there ({process})";
    }
}
